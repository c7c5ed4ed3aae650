#include "serve/certificate.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "serve/tls_context.h"

namespace poolwright::serve {
namespace {

WallTime at(std::int64_t unix_s) { return WallTime{std::chrono::seconds{unix_s}}; }

struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

std::unique_ptr<X509, X509Free> parse(const Certificate& certificate) {
  BIO* bytes = BIO_new_mem_buf(certificate.chain_pem.data(), static_cast<int>(certificate.chain_pem.size()));
  std::unique_ptr<X509, X509Free> parsed(PEM_read_bio_X509(bytes, nullptr, nullptr, nullptr));
  BIO_free(bytes);
  return parsed;
}

TEST(SelfSigned, IsForTheNamesAndAYear) {
  const auto made = make_self_signed_certificate({"poolwright.example", "10.0.0.7"}, at(1700000000));
  ASSERT_TRUE(made.has_value());
  const auto parsed = parse(*made);
  ASSERT_TRUE(parsed);
  for (const char* name : {"localhost", "poolwright.example"}) {
    EXPECT_EQ(X509_check_host(parsed.get(), name, 0, 0, nullptr), 1) << name;
  }
  for (const char* address : {"127.0.0.1", "::1", "10.0.0.7"}) {
    EXPECT_EQ(X509_check_ip_asc(parsed.get(), address, 0), 1) << address;
  }
  EXPECT_EQ(X509_check_host(parsed.get(), "other.example", 0, 0, nullptr), 0);
  std::time_t soon = 1700000000;
  std::time_t late = soon + std::time_t{366} * 86400;
  EXPECT_LT(X509_cmp_time(X509_get0_notBefore(parsed.get()), &soon), 0);
  EXPECT_GT(X509_cmp_time(X509_get0_notAfter(parsed.get()), &soon), 0);
  EXPECT_LT(X509_cmp_time(X509_get0_notAfter(parsed.get()), &late), 0);
  EXPECT_TRUE(make_tls_context(*made).has_value());
}

TEST(SelfSigned, IsNewEachTime) {
  const auto first = make_self_signed_certificate({}, at(1700000000));
  const auto second = make_self_signed_certificate({}, at(1700000000));
  EXPECT_FALSE(*first == *second);
}

TEST(SelfSigned, NamesThatAreNoneAreRefused) {
  for (const char* name : {"", "a,DNS:b", "a b", "a\nb", "dirName:x/y"}) {
    EXPECT_FALSE(make_self_signed_certificate({name}, at(1700000000)).has_value()) << name;
  }
}

TEST(TlsContext, RefusesWhatDoesNotBelongTogether) {
  const auto first = make_self_signed_certificate({}, at(1700000000));
  const auto second = make_self_signed_certificate({}, at(1700000000));
  const Certificate cases[] = {{.chain_pem = first->chain_pem, .key_pem = second->key_pem},
                               {.chain_pem = "", .key_pem = first->key_pem},
                               {.chain_pem = first->chain_pem, .key_pem = SecretString("torn")},
                               {.chain_pem = first->chain_pem.substr(0, 100), .key_pem = first->key_pem}};
  for (const Certificate& one : cases) {
    const auto context = make_tls_context(one);
    ASSERT_FALSE(context.has_value());
    EXPECT_EQ(context.error().kind, ErrorKind::kInvalid);
  }
}

TEST(CertificateFiles, AreReadOrTheReasonIsTold) {
  const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "poolwright_certificate_test";
  std::filesystem::create_directories(folder);
  const CertificateFiles files{.chain_path = folder / "tls.crt", .key_path = folder / "tls.key"};
  std::filesystem::remove(files.chain_path);
  EXPECT_EQ(read_certificate(files).error().kind, ErrorKind::kNotFound);
  std::ofstream(files.chain_path) << "chain";
  std::ofstream(files.key_path) << "key";
  ASSERT_TRUE(read_certificate(files).has_value());
  EXPECT_EQ(read_certificate(files)->chain_pem, "chain");
  std::ofstream(files.key_path) << std::string(kCertificateBytesMax + 1, 'x');
  EXPECT_EQ(read_certificate(files).error().kind, ErrorKind::kInvalid);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace poolwright::serve
