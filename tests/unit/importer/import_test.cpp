// Every installation of tests/data/import against what became of it (NAME.golden: objects and report), and what holds
// for all of them. `importer_test --regenerate` writes the golden files anew.
#include "importer/import.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "api/parse.h"
#include "importer/compare.h"
#include "importer/manifest.h"
#include "render/userlist.h"

namespace poolwright::importer {

bool regenerate = false;

namespace {

namespace fs = std::filesystem;

const std::string kFolder = "tests/data/import/";

Result<std::string> read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return make_error(ErrorKind::kNotFound, path + ": cannot be opened");
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".ini") result.push_back(entry.path().stem());
  }
  std::sort(result.begin(), result.end());
  return result;
}

struct Imported {
  Installation installation;
  std::vector<render::Credentials> users;
  Import import;
  Comparison comparison;
};

Imported import_file(const std::string& name, const ImportOptions& options = {}) {
  Imported result;
  const auto lines = read_lines(kFolder + name + ".ini", read_file);
  EXPECT_TRUE(lines.has_value()) << (lines ? "" : lines.error().message);
  const auto installation = read_installation(*lines);
  EXPECT_TRUE(installation.has_value()) << (installation ? "" : installation.error().message);
  result.installation = *installation;
  if (const auto text = read_file(kFolder + name + ".userlist.txt")) {
    result.users = *render::parse_userlist(SecretString(*text));
  }
  result.import = import_installation(result.installation, result.users, options);
  const auto comparison = compare(result.installation, result.import, options.databases.version);
  EXPECT_TRUE(comparison.has_value()) << (comparison ? "" : comparison.error().message);
  if (comparison) result.comparison = *comparison;
  return result;
}

std::string printed(const Imported& imported) {
  std::string text;
  for (const api::Json& object : pool_objects(imported.import)) text += object.dump(1) + "\n";
  for (const api::Json& object : secret_objects(imported.import, "", false)) text += object.dump() + "\n";
  return text + "\n" + report_text(imported.import, imported.comparison);
}

class EveryInstallation : public testing::TestWithParam<std::string> {};

TEST_P(EveryInstallation, BecomesWhatTheGoldenFileSays) {
  const std::string text = printed(import_file(GetParam()));
  const std::string path = kFolder + GetParam() + ".golden";
  if (regenerate) std::ofstream(path) << text;
  EXPECT_EQ(text, read_file(path).value_or("(no file)"));
}

TEST_P(EveryInstallation, GivesResourcesThatTheOperatorAccepts) {
  for (const api::Json& object : pool_objects(import_file(GetParam()).import)) {
    const api::Parsed parsed = api::check_pool(object, {});
    for (const api::FieldError& error : parsed.errors) ADD_FAILURE() << to_string(error);
  }
}

TEST_P(EveryInstallation, RendersBackWithAReasonForEveryDifference) {
  for (const Difference& difference : import_file(GetParam()).comparison.differences) {
    EXPECT_FALSE(difference.why.empty()) << to_string(difference.subject) << ": " << difference.before << " -> "
                                         << difference.after;
  }
}

TEST_P(EveryInstallation, PrintsNoPassword) {
  const Imported imported = import_file(GetParam());
  std::vector<std::string> passwords;
  for (const render::Credentials& user : imported.users) passwords.push_back(user.password.reveal());
  for (const Entry& entry : imported.installation.databases) {
    if (entry.settings.contains("password")) passwords.push_back(entry.settings.at("password"));
  }
  const std::string text = printed(imported);
  for (const std::string& password : passwords) EXPECT_EQ(text.find(password), std::string::npos) << password;
  EXPECT_EQ(text.find("do-not-show"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Files, EveryInstallation, testing::ValuesIn(names()),
                         [](const auto& file) { return file.param; });

TEST(Import, ALocalServerNeedsAName) {
  EXPECT_EQ(import_file("local_socket").import.pools.size(), 1U);
  ImportOptions options;
  options.databases.local_host = "pg.infra.svc";
  const Import import = import_file("local_socket", options).import;
  ASSERT_EQ(import.pools.size(), 2U);
  EXPECT_EQ(import.pools.at(0).pool.spec.postgres.host, "pg.infra.svc");
  EXPECT_EQ(import.pools.at(0).pool.spec.databases.size(), 3U);
}

TEST(Import, TheUserOfADatabaseCanBeChosen) {
  ImportOptions options;
  options.databases.users["common"] = "carol";
  options.name = "Team Pool";
  options.namespace_name = "shop";
  const Import import = import_file("many_users", options).import;
  ASSERT_EQ(import.pools.size(), 1U);
  EXPECT_EQ(import.pools.at(0).pool.name, "team-pool");
  EXPECT_EQ(import.pools.at(0).candidates.at(0).username, "carol");
  EXPECT_EQ(import.pools.at(0).candidates.at(0).password.reveal(), "carol-pw");
  EXPECT_EQ(secret_objects(import, "shop", true).at(0).at("stringData").at("password"), "carol-pw");
}

TEST(Import, MoreThan64DatabasesAreSeveralPools) {
  std::string ini = "[databases]\n";
  for (int i = 0; i < 70; ++i) ini += "db" + std::to_string(i) + " = host=h user=u" + std::to_string(i) + "\n";
  ini += "[pgbouncer]\n";
  const auto lines = read_lines("x", [&](const std::string&) -> Result<std::string> { return ini; });
  const auto installation = read_installation(*lines);
  const Import import = import_installation(*installation, {}, {});
  ASSERT_EQ(import.pools.size(), 2U);
  EXPECT_EQ(import.pools.at(0).pool.spec.databases.size(), 64U);
  EXPECT_EQ(import.pools.at(1).pool.spec.databases.size(), 6U);
  EXPECT_NE(import.pools.at(0).pool.name, import.pools.at(1).pool.name);
}

TEST(Import, AnotherVersionHasOtherDefaultsAndOptions) {
  ImportOptions options;
  options.databases.version = {1, 18, 0};
  const Imported imported = import_file("old_version", options);
  const api::Pgbouncer& pgbouncer = imported.import.pools.at(0).pool.spec.pgbouncer;
  EXPECT_EQ(pgbouncer.version, "1.18");
  EXPECT_TRUE(pgbouncer.parameters.contains("suspend_timeout"));
  EXPECT_EQ(imported.import.pools.at(0).pool.spec.postgres.tls.mode, api::TlsMode::kDisable);
}

}  // namespace
}  // namespace poolwright::importer

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--regenerate") poolwright::importer::regenerate = true;
  }
  return RUN_ALL_TESTS();
}
