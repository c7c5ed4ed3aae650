// The certificate that the server shows: read from files, or made for this run and signed by itself.
// Thread rule: plain values; functions may block on the disk.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace poolwright::serve {

struct Certificate {
  std::string chain_pem;
  SecretString key_pem;
  friend bool operator==(const Certificate&, const Certificate&) = default;
};

struct CertificateFiles {
  std::string chain_path;  // tls.crt
  std::string key_path;    // tls.key
};

inline constexpr std::size_t kCertificateBytesMax = 256 * 1024;

/// kNotFound, or kInvalid for a file above kCertificateBytesMax. The contents are not checked.
Result<Certificate> read_certificate(const CertificateFiles& files);

/// P-256, valid from an hour ago for a year, for the DNS names and addresses given and localhost.
Result<Certificate> make_self_signed_certificate(const std::vector<std::string>& names, WallTime now);

}  // namespace poolwright::serve
