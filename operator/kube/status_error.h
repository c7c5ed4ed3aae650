// What an answer that is no success means for the caller: HTTP status and metav1.Status -> Error.
// Thread rule: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/transport.h"

namespace poolwright::kube {

/// An answer with a status other than 2xx.
struct Refusal {
  int status = 0;
  std::string_view body;  // usually a metav1.Status
  std::optional<Duration> retry_after;
};

/// `operation` begins the message: "apply Deployment shop/orders-pool". With `is_secret` the API server's own words are
/// left out, since they can quote a value.
Error error_of(const Refusal& refusal, const std::string& operation, bool is_secret);

}  // namespace poolwright::kube
