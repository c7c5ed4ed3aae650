#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "render/object_gate.h"

namespace poolwright::render {
namespace {

namespace fs = std::filesystem;

/// The script on files of a folder of its own; ends after a second where it still waits.
class Gate : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_ / "config"); }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }

  /// Exit code; 124 where it waits.
  int run(std::string script) const {
    const std::string mounted = "/admission/config-hash";
    script.replace(script.find(mounted), mounted.size(), "hash");
    write("gate.sh", script);
    const std::string command = "cd " + folder_.string() + " && timeout 1 /bin/sh gate.sh";
    return WEXITSTATUS(std::system(command.c_str()));  // NOLINT(concurrency-mt-unsafe): one thread
  }

 private:
  fs::path folder_ = fs::temp_directory_path() / ("poolwright-gate-" + std::to_string(::getpid()));
};

constexpr int kWaits = 124;
const std::string kIni = "[pgbouncer]\npool_mode = transaction\nsyslog_ident = poolwright-0123456789abcdef\n";
const std::string kHash = "0123456789abcdef" + std::string(48, '0');

TEST_F(Gate, OpensForTheConfigurationThatThePodWasLetInWith) {
  write("config/pgbouncer.ini", kIni);
  write("hash", kHash);
  EXPECT_EQ(run(gate_script(90)), 0);
}

TEST_F(Gate, WaitsWhileNobodySpokeWhileItMustAndForItsFiles) {
  write("config/pgbouncer.ini", kIni);
  for (const std::string& hash : {std::string(), std::string(kGateClosed), std::string(64, 'f')}) {
    write("hash", hash);
    EXPECT_EQ(run(gate_script(90)), kWaits) << hash;
  }
  write("config/pgbouncer.ini", "[pgbouncer]\n");
  write("hash", kHash);
  EXPECT_EQ(run(gate_script(90)), kWaits) << "a file without a marker";
}

TEST_F(Gate, OpensByItselfOnlyWhereNobodySpeaks) {
  write("config/pgbouncer.ini", kIni);
  constexpr int kNoPatience = -kGatePatienceSeconds;
  write("hash", "");
  EXPECT_EQ(run(gate_script(kNoPatience)), 0) << "the countdown is over";
  std::string script = gate_script(90);
  const std::string limit = std::to_string((90 + kGatePatienceSeconds) * 5);
  ASSERT_NE(script.find("-lt " + limit), std::string::npos) << script;
  script.replace(script.find("-lt " + limit), 4 + limit.size(), "-lt 2");
  EXPECT_EQ(run(script), 0) << "after two looks";
  write("hash", kGateClosed);
  EXPECT_EQ(run(script), kWaits) << "the operator has spoken: no countdown any more";
}

}  // namespace
}  // namespace poolwright::render
