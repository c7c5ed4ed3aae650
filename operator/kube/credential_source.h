// The credentials that requests carry now. Files are read again after a minute, and at once where the API server
// refused what they held: tokens expire and certificates are rotated while the process runs. Thread rule: any thread.
// The clock outlives the source.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/secret.h"
#include "kube/config.h"

namespace poolwright::kube {

struct Credentials {
  std::string ca_pem;
  std::string client_certificate_pem;
  SecretString client_key_pem;
  SecretString token;

  /// Connections made with one can be used with the other: a token is sent with each request.
  bool has_same_tls(const Credentials& other) const {
    return ca_pem == other.ca_pem && client_certificate_pem == other.client_certificate_pem &&
           client_key_pem == other.client_key_pem;
  }
};

/// Reads all of them now. Unauthorized where a file is missing, empty or larger than 1 MiB.
Result<Credentials> read_credentials(const ClusterConfig& config);

class CredentialSource {
 public:
  CredentialSource(ClusterConfig config, const Clock& clock, Duration age_max)
      : config_(std::move(config)), clock_(clock), age_max_(age_max) {}

  /// Where reading again fails, the last good ones are given until reading works again; an error only before the first
  /// success.
  Result<std::shared_ptr<const Credentials>> current();
  /// The next current() reads.
  void expire();

 private:
  const ClusterConfig config_;
  const Clock& clock_;
  const Duration age_max_;
  Mutex mutex_;
  std::shared_ptr<const Credentials> last_ PW_GUARDED_BY(mutex_);
  MonotonicTime read_at_ PW_GUARDED_BY(mutex_){};
  bool is_expired_ PW_GUARDED_BY(mutex_) = true;
};

}  // namespace poolwright::kube
