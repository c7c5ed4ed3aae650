// TLS as strict as a cluster needs it: only the cluster's own authority is trusted, and the name or address must stand
// among the certificate's alternative names; a common name does not count. Thread rule: a TlsSetup is constant after
// construction and may be used from any thread.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "kube/credential_source.h"

struct stack_st_X509;

namespace poolwright::kube {

class TlsSetup {
 public:
  /// `server_name`: a DNS name or an IPv4 address. Invalid where the PEM texts cannot be parsed or do not fit together.
  static Result<std::shared_ptr<const TlsSetup>> make(const Credentials& credentials, const std::string& server_name);

  /// Configures a connection's context. False where OpenSSL refused; the context then trusts nobody.
  bool apply_to(SSL_CTX* context) const;

 private:
  struct Release {
    void operator()(X509_STORE* store) const;
    void operator()(X509* certificate) const;
    void operator()(EVP_PKEY* key) const;
    void operator()(stack_st_X509* chain) const;
  };

  TlsSetup() = default;
  Status add_authorities(const std::string& pem);
  Status add_client_certificate(const Credentials& credentials);

  std::string server_name_;
  std::unique_ptr<X509_STORE, Release> trusted_;
  std::unique_ptr<X509, Release> certificate_;
  std::unique_ptr<stack_st_X509, Release> chain_;
  std::unique_ptr<EVP_PKEY, Release> key_;
};

}  // namespace poolwright::kube
