// Whole outputs, compared byte by byte with tests/data/render/. A changed file shows a reviewer what users will get;
// above all the pod template, because a change to it restarts every PgBouncer in the world. `render_golden_test
// --regenerate` writes the files anew.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "sample_pool.h"

namespace poolwright::render::testing {
namespace {

bool regenerate = false;

void check_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string("tests/data/render/") + name;
  if (regenerate) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream file(path, std::ios::binary);
  const std::string expected((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(text, expected) << path << " (render_golden_test --regenerate writes it anew)";
}

Rendered rendered(const api::ConnectionPool& pool) {
  auto result = render(sample_inputs(pool));
  EXPECT_TRUE(result) << result.error().message;
  return result ? *std::move(result) : Rendered{};
}

/// Secrets masked, so that the files can be read.
std::string objects_text(const Rendered& result) {
  api::Json objects = api::Json::array();
  for (const api::Json& object : result.objects) objects.push_back(masked(object));
  return objects.dump(2) + "\n";
}

TEST(Golden, SmallestPool) {
  const Rendered result = rendered(smallest_pool());
  check_golden("smallest.objects.json", objects_text(result));
  check_golden("smallest.pgbouncer.ini", result.ini);
  check_golden("smallest.pg_hba.conf", result.hba);
  check_golden("smallest.userlist.txt", result.userlist.reveal());
}

TEST(Golden, FullPool) {
  const Rendered result = rendered(full_pool());
  check_golden("full.objects.json", objects_text(result));
  check_golden("full.pgbouncer.ini", result.ini);
  check_golden("full.pg_hba.conf", result.hba);
}

TEST(Golden, SmallestPoolOfEachVersion) {
  for (const char* version : {"1.18", "1.19", "1.20", "1.21", "1.22", "1.23", "1.24", "1.25"}) {
    api::ConnectionPool pool = smallest_pool();
    pool.spec.pgbouncer.version = version;
    check_golden("smallest-" + std::string(version) + ".pgbouncer.ini", rendered(pool).ini);
  }
}

}  // namespace
}  // namespace poolwright::render::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--regenerate") poolwright::render::testing::regenerate = true;
  }
  return RUN_ALL_TESTS();
}
