#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "fakes/manual_clock.h"
#include "kube/credential_source.h"
#include "kube/tls.h"

namespace poolwright::kube {
namespace {

class CredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "poolwright-credentials-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    config_.token.file = folder_ + "/token";
    config_.ca.text = SecretString("CA");
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void write_token(const std::string& text) const { std::ofstream(config_.token.file) << text; }
  static std::string token_of(CredentialSource& source) {
    const auto current = source.current();
    return current ? (*current)->token.reveal() : current.error().message;
  }

  std::string folder_;
  ClusterConfig config_;
  ManualClock clock_;
};

TEST_F(CredentialsTest, AFileIsReadAgainAfterAMinute) {
  write_token("one\n");
  CredentialSource source(config_, clock_, std::chrono::seconds{60});
  EXPECT_EQ(token_of(source), "one");
  write_token("two");
  clock_.advance(std::chrono::seconds{59});
  EXPECT_EQ(token_of(source), "one");
  clock_.advance(std::chrono::seconds{1});
  EXPECT_EQ(token_of(source), "two");
}

TEST_F(CredentialsTest, AndAtOnceAfterARefusal) {
  write_token("one");
  CredentialSource source(config_, clock_, std::chrono::seconds{60});
  EXPECT_EQ(token_of(source), "one");
  write_token("two");
  source.expire();
  EXPECT_EQ(token_of(source), "two");
}

TEST_F(CredentialsTest, TheLastGoodOneIsKeptWhileTheFileIsAway) {
  write_token("one");
  CredentialSource source(config_, clock_, std::chrono::seconds{60});
  EXPECT_EQ(token_of(source), "one");
  std::filesystem::remove(config_.token.file);
  clock_.advance(std::chrono::minutes{2});
  EXPECT_EQ(token_of(source), "one");
  write_token("two");
  clock_.advance(std::chrono::minutes{2});
  EXPECT_EQ(token_of(source), "two");
}

TEST_F(CredentialsTest, WithoutAnyThereIsAnError) {
  CredentialSource source(config_, clock_, std::chrono::seconds{60});
  const auto current = source.current();
  ASSERT_FALSE(current);
  EXPECT_EQ(current.error().kind, ErrorKind::kUnauthorized);
  EXPECT_NE(current.error().message.find(config_.token.file), std::string::npos);
  write_token("one");
  EXPECT_EQ(token_of(source), "one") << "a source that never had any tries every time";
}

TEST_F(CredentialsTest, ATokenOfTwoLinesIsRefused) {
  write_token("one\r\nX-Injected: header");
  CredentialSource source(config_, clock_, std::chrono::seconds{60});
  const auto current = source.current();
  ASSERT_FALSE(current);
  EXPECT_EQ(current.error().message.find("Injected"), std::string::npos) << "the value is not repeated";
}

TEST_F(CredentialsTest, AHugeFileIsRefused) {
  write_token(std::string(2 * 1024 * 1024, 'x'));
  CredentialSource source(config_, clock_, std::chrono::seconds{60});
  EXPECT_FALSE(source.current());
}

TEST(TlsSetup, RefusesWhatIsNoCertificate) {
  for (const char* ca : {"", "nonsense", "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n"}) {
    const auto setup = TlsSetup::make({.ca_pem = ca, .client_certificate_pem = {}, .client_key_pem = {}, .token = {}},
                                      "api.example.org");
    ASSERT_FALSE(setup) << ca;
    EXPECT_EQ(setup.error().kind, ErrorKind::kInvalid);
  }
}

}  // namespace
}  // namespace poolwright::kube
