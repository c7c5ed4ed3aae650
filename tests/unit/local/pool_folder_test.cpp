#include "local/pool_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "local/directory_store.h"
#include "local/port_book.h"
#include "local/program.h"
#include "unit/local/temporary_folder.h"

namespace poolwright::local {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kPool = R"(apiVersion: poolwright.dev/v1alpha1
kind: ConnectionPool
metadata: {name: orders, namespace: shop, uid: not-yours}
spec:
  postgres: {host: 127.0.0.1}
  databases:
  - name: orders
    credentialsSecretRef: {name: orders-app}
)";

class PoolFolderTest : public ::testing::Test {
 protected:
  FolderContent read() {
    return read_folder(folder_.path(), [](api::Json&) { return std::string(); }).value();
  }
  static std::string value(const FolderContent& content, const std::string& secret, const std::string& key) {
    for (const api::Json& object : content.objects) {
      if (object.at("kind") == "Secret" && api::metadata_string(object, "name") == secret) {
        return base64_decode(object.at("data").at(key).get<std::string>()).value();
      }
    }
    return "absent";
  }
  void close_to_others(const std::string& name) const { chmod((folder_.path() / name).c_str(), 0600); }

  TemporaryFolder folder_;
};

TEST_F(PoolFolderTest, PoolsGetTheNamespaceOfTheDirectoryAndNoIdentity) {
  folder_.write("orders.yaml", kPool);
  const FolderContent content = read();
  ASSERT_THAT(content.problems, IsEmpty());
  ASSERT_EQ(content.objects.size(), 1U);
  EXPECT_EQ(api::key_of(content.objects[0]).namespace_name, kNamespace);
  EXPECT_EQ(api::metadata_string(content.objects[0], "uid"), "");
  EXPECT_EQ(api::annotation(content.objects[0], kSourceAnnotation), "orders.yaml");
}

TEST_F(PoolFolderTest, SecretsComeFromDocumentsAndFolders) {
  folder_.write("secret.yaml",
                "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {username: u, password: 'p: 1'}\n"
                "---\napiVersion: v1\nkind: Secret\nmetadata: {name: b}\ndata: {password: cA==}\n");
  folder_.write("c/password", "with newline\n");
  folder_.write("c/username", "plain\r\n");
  folder_.write("c/.hidden", "x");
  for (const char* name : {"secret.yaml", "c/password", "c/username"}) close_to_others(name);
  const FolderContent content = read();
  EXPECT_THAT(content.problems, IsEmpty());
  EXPECT_THAT(content.warnings, IsEmpty());
  EXPECT_EQ(value(content, "a", "password"), "p: 1");
  EXPECT_EQ(value(content, "b", "password"), "p");
  EXPECT_EQ(value(content, "c", "password"), "with newline");
  EXPECT_EQ(value(content, "c", "username"), "plain");
}

TEST_F(PoolFolderTest, ASecretThatEverybodyCanReadIsWarnedAbout) {
  folder_.write("c/password", "p");
  chmod((folder_.path() / "c/password").c_str(), 0644);
  EXPECT_THAT(read().warnings, ElementsAre(HasSubstr("c/password: holds a Secret and everybody")));
}

TEST_F(PoolFolderTest, MistakesAreToldWithTheirLine) {
  folder_.write("bad.yaml", std::string(kPool) + "  pgbouncer: {poolMode: Sometimes}\n");
  folder_.write("broken.yaml", "a: [\n");
  folder_.write("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  password: 12\n");
  const FolderContent content = read();
  EXPECT_THAT(content.problems, Contains(HasSubstr("bad.yaml:9: spec.pgbouncer.poolMode: must be")));
  EXPECT_THAT(content.problems, Contains(HasSubstr("broken.yaml: line")));
  EXPECT_THAT(content.problems, Contains(HasSubstr("secret.yaml:5: stringData.password: must be text")));
  EXPECT_THAT(content.unreadable, ElementsAre("broken.yaml", "secret.yaml"));
  EXPECT_EQ(content.objects.size(), 1U) << "the status of the bad pool says what is wrong";
}

TEST_F(PoolFolderTest, TheFirstOfTwoWithOneNameIsUsed) {
  folder_.write("a.yaml", kPool);
  folder_.write("b.yaml", kPool);
  const FolderContent content = read();
  ASSERT_EQ(content.objects.size(), 1U);
  EXPECT_EQ(api::annotation(content.objects[0], kSourceAnnotation), "a.yaml");
  EXPECT_THAT(content.problems, ElementsAre("b.yaml:1: ConnectionPool orders is in a.yaml already, which is used"));
}

TEST_F(PoolFolderTest, ADirectoryThatIsGoneIsNoEmptyOne) {
  const auto nothing = read_folder(folder_.path() / "gone", [](api::Json&) { return std::string(); });
  ASSERT_FALSE(nothing);
}

api::Json pool(const std::string& name, const std::string& port = "") {
  api::Json made = {{"metadata", {{"name", name}}}};
  if (!port.empty()) made["metadata"]["annotations"] = {{kPortAnnotation, port}};
  return made;
}

TEST(PortBookTest, APoolKeepsItsPort) {
  const TemporaryFolder folder;
  {
    PortBook book(folder.path() / "ports.json", 6432);
    ASSERT_THAT(book.settle({pool("a"), pool("b")}).value(), IsEmpty());
    EXPECT_EQ(book.port_of("a"), 6432);
    EXPECT_EQ(book.port_of("b"), 6433);
    ASSERT_THAT(book.settle({pool("b"), pool("c")}).value(), IsEmpty());
    EXPECT_EQ(book.port_of("a"), 0);
    EXPECT_EQ(book.port_of("b"), 6433);
    EXPECT_EQ(book.port_of("c"), 6432);
  }
  PortBook again(folder.path() / "ports.json", 6432);
  EXPECT_EQ(again.port_of("b"), 6433);
}

TEST(PortBookTest, APortThatIsAskedForWins) {
  const TemporaryFolder folder;
  PortBook book(folder.path() / "ports.json", 6432);
  ASSERT_TRUE(book.settle({pool("a")}));
  EXPECT_THAT(book.settle({pool("a"), pool("b", "6432"), pool("c", "6432"), pool("d", "80")}).value(),
              ElementsAre(HasSubstr("ConnectionPool c: annotation poolwright.dev/local-port asks for port 6432"),
                          HasSubstr("ConnectionPool d: annotation poolwright.dev/local-port must be a port")));
  EXPECT_EQ(book.port_of("b"), 6432);
  EXPECT_EQ(book.port_of("a"), 6433);
  EXPECT_EQ(book.port_of("c"), 6434);
}

TEST(ChooseProgramTest, TheSameMinorElseTheNewestThatIsNotNewerElseTheOldest) {
  const std::vector<Program> programs{{.path = "18", .version = {1, 18, 0}},
                                      {.path = "24.0", .version = {1, 24, 0}},
                                      {.path = "24.1", .version = {1, 24, 1}}};
  EXPECT_EQ(choose_program(programs, {1, 24, 0}).path, "24.1");
  EXPECT_EQ(choose_program(programs, {1, 26, 0}).path, "24.1");
  EXPECT_EQ(choose_program(programs, {1, 20, 0}).path, "18");
  EXPECT_EQ(choose_program({{.path = "24", .version = {1, 24, 0}}}, {1, 18, 0}).path, "24");
}

}  // namespace
}  // namespace poolwright::local
