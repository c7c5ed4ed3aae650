// The words of the enumerations in JSON. Thread rule: constants and pure functions.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "api/connection_pool.h"

namespace poolwright::api {

template <typename Enum, std::size_t kCount>
using WordTable = std::array<std::pair<Enum, std::string_view>, kCount>;

/// Values and words of an enumeration, in the order of the CRD.
template <typename Enum>
inline constexpr auto kWords = nullptr;

template <>
inline constexpr auto kWords<TlsMode> = WordTable<TlsMode, 5>{{{TlsMode::kDisable, "Disable"},
                                                               {TlsMode::kPrefer, "Prefer"},
                                                               {TlsMode::kRequire, "Require"},
                                                               {TlsMode::kVerifyCa, "VerifyCA"},
                                                               {TlsMode::kVerifyFull, "VerifyFull"}}};
template <>
inline constexpr auto kWords<PoolMode> = WordTable<PoolMode, 3>{
    {{PoolMode::kTransaction, "Transaction"}, {PoolMode::kSession, "Session"}, {PoolMode::kStatement, "Statement"}}};
template <>
inline constexpr auto kWords<SizingMode> = WordTable<SizingMode, 3>{
    {{SizingMode::kAuto, "Auto"}, {SizingMode::kRecommend, "Recommend"}, {SizingMode::kFixed, "Fixed"}}};
template <>
inline constexpr auto kWords<ServiceType> = WordTable<ServiceType, 3>{{{ServiceType::kClusterIp, "ClusterIP"},
                                                                       {ServiceType::kNodePort, "NodePort"},
                                                                       {ServiceType::kLoadBalancer, "LoadBalancer"}}};
template <>
inline constexpr auto kWords<PgbouncerFlag> = WordTable<PgbouncerFlag, 3>{
    {{PgbouncerFlag::kAlways, "Always"}, {PgbouncerFlag::kAuto, "Auto"}, {PgbouncerFlag::kNever, "Never"}}};
template <>
inline constexpr auto kWords<WorkloadKind> = WordTable<WorkloadKind, 2>{
    {{WorkloadKind::kDeployment, "Deployment"}, {WorkloadKind::kStatefulSet, "StatefulSet"}}};

/// "VerifyCA" for TlsMode::kVerifyCa; "" for a value that is none of the enumeration.
template <typename Enum>
constexpr std::string_view word_of(Enum value) {
  for (const auto& [candidate, word] : kWords<Enum>) {
    if (candidate == value) return word;
  }
  return {};
}

}  // namespace poolwright::api
