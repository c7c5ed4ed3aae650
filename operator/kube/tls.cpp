#include "kube/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "kube/server_url.h"

namespace poolwright::kube {

namespace {

struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

Bio reader(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

/// A key with a pass phrase is refused instead of asking on the terminal.
int no_pass_phrase(char* /*buffer*/, int /*size*/, int /*for_writing*/, void* /*context*/) { return -1; }

}  // namespace

void TlsSetup::Release::operator()(X509_STORE* store) const { X509_STORE_free(store); }
void TlsSetup::Release::operator()(X509* certificate) const { X509_free(certificate); }
void TlsSetup::Release::operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
void TlsSetup::Release::operator()(stack_st_X509* chain) const { sk_X509_pop_free(chain, X509_free); }

Result<std::shared_ptr<const TlsSetup>> TlsSetup::make(const Credentials& credentials, const std::string& server_name) {
  std::shared_ptr<TlsSetup> setup(new TlsSetup());
  setup->server_name_ = server_name;
  PW_RETURN_IF_ERROR(setup->add_authorities(credentials.ca_pem));
  if (!credentials.client_certificate_pem.empty()) PW_RETURN_IF_ERROR(setup->add_client_certificate(credentials));
  return std::shared_ptr<const TlsSetup>(std::move(setup));
}

Status TlsSetup::add_authorities(const std::string& pem) {
  trusted_.reset(X509_STORE_new());
  const Bio bio = reader(pem);
  int count = 0;
  while (true) {
    const std::unique_ptr<X509, Release> authority(PEM_read_bio_X509(bio.get(), nullptr, no_pass_phrase, nullptr));
    if (authority == nullptr) break;
    X509_STORE_add_cert(trusted_.get(), authority.get());
    ++count;
  }
  ERR_clear_error();  // the end of the text is reported as one
  if (count == 0) return make_error(ErrorKind::kInvalid, "certificate authority: there is no certificate in it");
  return ok();
}

Status TlsSetup::add_client_certificate(const Credentials& credentials) {
  const Bio certificates = reader(credentials.client_certificate_pem);
  certificate_.reset(PEM_read_bio_X509(certificates.get(), nullptr, no_pass_phrase, nullptr));
  if (certificate_ == nullptr) {
    ERR_clear_error();
    return make_error(ErrorKind::kInvalid, "client certificate: there is no certificate in it");
  }
  chain_.reset(sk_X509_new_null());
  while (X509* next = PEM_read_bio_X509(certificates.get(), nullptr, no_pass_phrase, nullptr)) {
    sk_X509_push(chain_.get(), next);
  }
  const Bio key = reader(credentials.client_key_pem.reveal());
  key_.reset(PEM_read_bio_PrivateKey(key.get(), nullptr, no_pass_phrase, nullptr));
  const bool fits = key_ != nullptr && X509_check_private_key(certificate_.get(), key_.get()) == 1;
  ERR_clear_error();
  if (key_ == nullptr) {
    return make_error(ErrorKind::kInvalid, "client key: there is no private key without pass phrase in it");
  }
  if (!fits) return make_error(ErrorKind::kInvalid, "client key: it does not belong to the client certificate");
  return ok();
}

bool TlsSetup::apply_to(SSL_CTX* context) const {
  SSL_CTX_set1_cert_store(context, trusted_.get());  // replaces the roots of the system
  bool is_set = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
  X509_VERIFY_PARAM* param = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (is_ipv4_address(server_name_)) {
    is_set = X509_VERIFY_PARAM_set1_ip_asc(param, server_name_.c_str()) == 1 && is_set;
  } else {
    is_set = X509_VERIFY_PARAM_set1_host(param, server_name_.data(), server_name_.size()) == 1 && is_set;
  }
  if (certificate_ != nullptr) {
    is_set = SSL_CTX_use_certificate(context, certificate_.get()) == 1 && is_set;
    is_set = SSL_CTX_set1_chain(context, chain_.get()) == 1 && is_set;
    is_set = SSL_CTX_use_PrivateKey(context, key_.get()) == 1 && is_set;
  }
  ERR_clear_error();
  if (!is_set) SSL_CTX_set_cert_store(context, X509_STORE_new());
  return is_set;
}

}  // namespace poolwright::kube
