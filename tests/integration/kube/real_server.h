// The real kube-apiserver that the integration tests of this folder share.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "kube/config.h"
#include "kube/cpprest_transport.h"
#include "lab/lab.h"

namespace poolwright::tests {

/// Started at its first use, stopped at the end of the program.
inline Lab& shared_lab() {
  static Lab lab({"--parts", "kube"});
  return lab;
}

inline const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

inline Result<kube::ClusterConfig> lab_cluster() { return kube::load_kubeconfig(shared_lab().env("KUBECONFIG"), ""); }

inline std::unique_ptr<kube::CpprestTransport> connect(const kube::ClusterConfig& cluster,
                                                       const kube::CpprestOptions& options = {}) {
  auto transport = kube::CpprestTransport::make(cluster, system_clock(), options);
  EXPECT_TRUE(transport) << transport.error().message;
  return transport ? std::move(*transport) : nullptr;
}

}  // namespace poolwright::tests
