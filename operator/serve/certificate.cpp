#include "serve/certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fstream>
#include <memory>
#include <set>
#include <sstream>

namespace poolwright::serve {
namespace {

constexpr long kSecondsPerHour = 3600;
constexpr long kValidSeconds = 365 * 24 * kSecondsPerHour;
constexpr int kSerialBits = 127;

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using X509Pointer = std::unique_ptr<X509, Freer<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freer<X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, Freer<BN_free>>;
using Bytes = std::unique_ptr<BIO, Freer<BIO_free_all>>;

Error failed(const char* what) {
  return make_error(ErrorKind::kInternal, std::string("make a certificate: ") + what + " failed");
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return make_error(ErrorKind::kNotFound, "read " + path + ": it is not there or not readable");
  std::string text(kCertificateBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kCertificateBytesMax) {
    return make_error(ErrorKind::kInvalid,
                      "read " + path + ": it must have at most " + std::to_string(kCertificateBytesMax) + " bytes");
  }
  return text;
}

bool is_address(const std::string& name) {
  ASN1_OCTET_STRING* octets = a2i_IPADDRESS(name.c_str());
  ASN1_OCTET_STRING_free(octets);
  return octets != nullptr;
}

/// Letters, digits, '-', '.', '_', '*' and ':' only: the list is a text in which ',' separates.
bool is_plain_name(const std::string& name) {
  return !name.empty() &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._*:") ==
             std::string::npos;
}

Result<std::string> alternative_names(const std::vector<std::string>& names) {
  std::string list = "DNS:localhost,IP:127.0.0.1,IP:::1";
  const std::set<std::string> wanted(names.begin(), names.end());
  for (const std::string& name : wanted) {
    if (!is_plain_name(name)) {
      return make_error(ErrorKind::kInvalid, "make a certificate: '" + name + "' must be a DNS name or an IP address");
    }
    if (name != "localhost") list += (is_address(name) ? ",IP:" : ",DNS:") + name;
  }
  return list;
}

Status add_extension(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context{};
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) return failed("an extension");
  return ok();
}

Status set_random_serial(X509* certificate) {
  const Number serial(BN_new());
  if (!serial || BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) != 1 ||
      BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) == nullptr) {
    return failed("the serial number");
  }
  return ok();
}

Result<std::string> pem_of(const char* what, int written, const Bytes& bytes) {
  if (written != 1) return failed(what);
  char* begin = nullptr;
  const long size = BIO_get_mem_data(bytes.get(), &begin);
  return std::string(begin, static_cast<std::size_t>(size));
}

}  // namespace

Result<Certificate> read_certificate(const CertificateFiles& files) {
  PW_ASSIGN_OR_RETURN(std::string chain, read_file(files.chain_path));
  PW_ASSIGN_OR_RETURN(std::string key, read_file(files.key_path));
  return Certificate{.chain_pem = std::move(chain), .key_pem = SecretString(std::move(key))};
}

Result<Certificate> make_self_signed_certificate(const std::vector<std::string>& names, WallTime now) {
  const Key key(EVP_EC_gen("P-256"));
  const X509Pointer certificate(X509_new());
  if (!key || !certificate) return failed("a key");
  X509* x509 = certificate.get();
  const auto begin = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(now - std::chrono::hours(1)));
  std::time_t from = begin;
  PW_RETURN_IF_ERROR(set_random_serial(x509));
  const auto* common_name = reinterpret_cast<const unsigned char*>("poolwright");
  const bool is_filled =
      X509_set_version(x509, X509_VERSION_3) == 1 && X509_time_adj(X509_getm_notBefore(x509), 0, &from) != nullptr &&
      X509_time_adj(X509_getm_notAfter(x509), kSecondsPerHour + kValidSeconds, &from) != nullptr &&
      X509_set_pubkey(x509, key.get()) == 1 &&
      X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
      X509_set_issuer_name(x509, X509_get_subject_name(x509)) == 1;
  if (!is_filled) return failed("a field");
  PW_ASSIGN_OR_RETURN(const std::string alternatives, alternative_names(names));
  PW_RETURN_IF_ERROR(add_extension(x509, NID_basic_constraints, "critical,CA:FALSE"));
  PW_RETURN_IF_ERROR(add_extension(x509, NID_key_usage, "critical,digitalSignature"));
  PW_RETURN_IF_ERROR(add_extension(x509, NID_ext_key_usage, "serverAuth"));
  PW_RETURN_IF_ERROR(add_extension(x509, NID_subject_alt_name, alternatives));
  if (X509_sign(x509, key.get(), EVP_sha256()) == 0) return failed("the signature");

  const Bytes chain(BIO_new(BIO_s_mem()));
  PW_ASSIGN_OR_RETURN(std::string chain_pem, pem_of("writing it", PEM_write_bio_X509(chain.get(), x509), chain));
  const Bytes secret(BIO_new(BIO_s_secmem()));
  const int written = PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  PW_ASSIGN_OR_RETURN(std::string key_pem, pem_of("writing the key", written, secret));
  return Certificate{.chain_pem = std::move(chain_pem), .key_pem = SecretString(std::move(key_pem))};
}

}  // namespace poolwright::serve
