#include "kube/config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/digest.h"

namespace poolwright::kube {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "poolwright-config-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
  }
  void TearDown() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = folder_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    return path;
  }

  /// A kubeconfig with one context whose cluster and user have these members (YAML, one per line).
  static std::string kubeconfig(const std::string& cluster, const std::string& user) {
    return "apiVersion: v1\nkind: Config\ncurrent-context: lab\n"
           "contexts:\n- name: lab\n  context: {cluster: c, user: u, namespace: shop}\n"
           "clusters:\n- name: c\n  cluster: {" +
           cluster +
           "}\n"
           "users:\n- name: u\n  user: {" +
           user + "}\n";
  }
  static std::string good_cluster() {
    return "server: 'https://10.0.0.1:6443', certificate-authority-data: " + base64_encode("CA");
  }

  Result<ClusterConfig> load(const std::string& text, const std::string& context = "") const {
    return load_kubeconfig(write("config", text), context);
  }

  std::string folder_;
};

TEST_F(ConfigTest, AClientCertificateInTheFile) {
  const auto config = load(kubeconfig(good_cluster(), "client-certificate-data: " + base64_encode("CERT") +
                                                          ", client-key-data: " + base64_encode("KEY")));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://10.0.0.1:6443");
  EXPECT_EQ(config->ca.text.reveal(), "CA");
  EXPECT_EQ(config->client_certificate.text.reveal(), "CERT");
  EXPECT_EQ(config->client_key.text.reveal(), "KEY");
  EXPECT_EQ(config->namespace_name, "shop");
  EXPECT_NE(config->origin.find("context lab"), std::string::npos);
}

TEST_F(ConfigTest, FilesAreFoundFromTheFolderOfTheKubeconfig) {
  const auto config =
      load(kubeconfig("server: 'https://h', certificate-authority: pki/ca.crt", "tokenFile: ../token, token: ignored"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca.file, folder_ + "/pki/ca.crt");
  EXPECT_EQ(config->token.file, (std::filesystem::path(folder_) / "../token").lexically_normal().string());
  EXPECT_TRUE(config->token.text.empty());
}

TEST_F(ConfigTest, DataWinsOverAFileAndMayBeWrapped) {
  const auto config = load(kubeconfig(
      "server: 'https://h', certificate-authority: ca.crt, certificate-authority-data: \"Q0E\\n=\"", "token: t"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ca.text.reveal(), "CA");
  EXPECT_TRUE(config->ca.file.empty());
  EXPECT_EQ(config->token.text.reveal(), "t");
}

TEST_F(ConfigTest, WhatIsNotSupportedIsRefusedWithAWordOnWhatToDo) {
  struct Case {
    std::string cluster;
    std::string user;
    std::string words;
  };
  const Case cases[] = {
      {good_cluster(), "exec: {command: aws}", "exec plugins are not run"},
      {good_cluster(), "auth-provider: {name: gcp}", "tokenFile"},
      {good_cluster(), "username: a, password: b", "client certificate"},
      {good_cluster(), "token: t, as: admin", "impersonation"},
      {good_cluster(), "client-certificate-data: QQ==", "belong together"},
      {good_cluster(), "client-key-data: '***', client-certificate-data: QQ==", "client-key-data is not base64"},
      {good_cluster() + ", insecure-skip-tls-verify: true", "token: t", "certificate-authority-data"},
      {good_cluster() + ", proxy-url: 'http://p'", "token: t", "forward a local port"},
      {"server: 'https://h'", "token: t", "has no certificate authority"},
      {"server: 'http://10.0.0.1:80'", "", "without TLS"},
      {"server: 'http://127.0.0.1:80'", "token: t", "not sent without TLS"},
      {"server: 'https://[fd00::1]:6443', certificate-authority-data: QQ==", "token: t", "host name"},
  };
  for (const Case& refused : cases) {
    const auto config = load(kubeconfig(refused.cluster, refused.user));
    ASSERT_FALSE(config) << refused.words;
    EXPECT_EQ(config.error().kind, ErrorKind::kInvalid) << refused.words;
    EXPECT_NE(config.error().message.find(refused.words), std::string::npos) << config.error().message;
  }
}

TEST_F(ConfigTest, BrokenFilesAreToldApart) {
  EXPECT_EQ(load_kubeconfig(folder_ + "/none", "").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(load("{ not yaml: [").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(load("- a list").error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(load("").error().kind, ErrorKind::kInvalid);
  const auto no_context = load(kubeconfig(good_cluster(), "token: t"), "other");
  ASSERT_FALSE(no_context);
  EXPECT_NE(no_context.error().message.find("no context named 'other'"), std::string::npos);
}

TEST_F(ConfigTest, OfSeveralFilesTheFirstMentionWins) {
  const std::string first = write("first", "current-context: lab\nusers:\n- name: u\n  user: {token: first}\n");
  const std::string second = write("second", kubeconfig(good_cluster(), "token: second"));
  const auto config = load_kubeconfig(first + ":" + second, "");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->token.text.reveal(), "first");
}

TEST_F(ConfigTest, InAPodTheServiceAccountIsUsed) {
  write("sa/token", "t\n");
  write("sa/ca.crt", "CA");
  write("sa/namespace", "operators");
  ConfigSearch search{.service_host = "10.96.0.1", .service_port = "443", .service_account_folder = folder_ + "/sa"};
  const auto config = find_cluster(search);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->server, "https://10.96.0.1:443");
  EXPECT_EQ(config->token.file, folder_ + "/sa/token");
  EXPECT_EQ(config->namespace_name, "operators");
  search.service_host = "fd00::1";
  EXPECT_EQ(find_cluster(search).value().server, "https://kubernetes.default.svc:443") << "IPv6 goes by name";
}

TEST_F(ConfigTest, WhereToLookHasAnOrder) {
  const std::string file = write("home/.kube/config", kubeconfig(good_cluster(), "token: home"));
  const std::string other = write("other", kubeconfig(good_cluster(), "token: other"));
  const std::string third = write("third", kubeconfig(good_cluster(), "token: third"));
  ConfigSearch search{.path = other, .kubeconfig = third, .home = folder_ + "/home"};
  EXPECT_EQ(find_cluster(search).value().token.text.reveal(), "other");
  search.path.clear();
  EXPECT_EQ(find_cluster(search).value().token.text.reveal(), "third");
  search.kubeconfig.clear();
  EXPECT_EQ(find_cluster(search).value().token.text.reveal(), "home");
  search.home = folder_ + "/nobody";
  const auto none = find_cluster(search);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kNotFound);
  EXPECT_NE(none.error().message.find("KUBECONFIG"), std::string::npos);
}

TEST_F(ConfigTest, AnErrorNeverQuotesTheFile) {
  const auto config = load("users:\n- name: u\n  user: {token: hunter2\n");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message.find("hunter2"), std::string::npos) << config.error().message;
}

}  // namespace
}  // namespace poolwright::kube
