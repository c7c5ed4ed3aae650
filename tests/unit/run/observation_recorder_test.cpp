#include "run/observation_recorder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "sizing/observation_log.h"
#include "unit/local/temporary_folder.h"
#include "unit/run/sizing_world.h"

namespace poolwright::run {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  const auto files = recorded_files(folder);
  for (const fs::path& file : *files) names.push_back(file.filename().string());
  return names;
}

std::vector<std::string> lines_in(const fs::path& folder) {
  std::vector<std::string> lines;
  const auto files = recorded_files(folder);
  for (const fs::path& file : *files) {
    std::ifstream stream(file);
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
  }
  return lines;
}

TEST(RecordFiles, AFileThatIsFullIsFollowedByTheNextAndTheOldestGo) {
  const local::TemporaryFolder home;
  const fs::path folder = home.path() / "record";
  RecordFiles files({.folder = folder, .file_bytes_max = 10, .files_max = 2});
  for (const char* line : {"one", "two", "three", "a long line", "last"}) ASSERT_TRUE(files.append(line));
  EXPECT_EQ(names_in(folder), (std::vector<std::string>{"observations-00000003.jsonl", "observations-00000004.jsonl"}));
  EXPECT_EQ(lines_in(folder), (std::vector<std::string>{"a long line", "last"}));
  struct stat found {};
  ASSERT_EQ(stat((folder / "observations-00000004.jsonl").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777U, 0600U);
}

TEST(RecordFiles, AnotherRunBeginsAFileOfItsOwn) {
  const local::TemporaryFolder home;
  home.write("observations-00000041.jsonl", "before\n");
  home.write("notes.txt", "not ours");
  ASSERT_TRUE(RecordFiles({.folder = home.path()}).append("after"));
  EXPECT_EQ(names_in(home.path()),
            (std::vector<std::string>{"observations-00000041.jsonl", "observations-00000042.jsonl"}));
  EXPECT_TRUE(fs::exists(home.path() / "notes.txt"));
}

TEST(RecordFiles, AFolderThatComesLaterOrIsEmptiedIsUsed) {
  const local::TemporaryFolder home;
  home.write("blocked", "a file");
  RecordFiles files({.folder = home.path() / "blocked"});
  EXPECT_FALSE(files.append("lost"));
  fs::remove(home.path() / "blocked");
  EXPECT_TRUE(files.append("kept"));
  fs::remove_all(home.path() / "blocked");
  EXPECT_TRUE(files.append("anew"));
  EXPECT_EQ(lines_in(home.path() / "blocked"), std::vector<std::string>{"anew"});
}

TEST(RecordFiles, ALineThatDoesNotFitTheDiskLeavesNothing) {
  const local::TemporaryFolder home;
  struct rlimit before {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 100;
  signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  RecordFiles files({.folder = home.path()});
  const bool is_first_kept = files.append(std::string(60, 'a')).has_value();
  const bool is_second_kept = files.append(std::string(60, 'b')).has_value();
  const bool is_third_kept = files.append(std::string(20, 'c')).has_value();
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_TRUE(is_first_kept);
  EXPECT_FALSE(is_second_kept);
  EXPECT_TRUE(is_third_kept);
  EXPECT_EQ(lines_in(home.path()), (std::vector<std::string>{std::string(60, 'a'), std::string(20, 'c')}));
}

/// What is recorded is what was decided on: a replay comes to the same sizes, also over two runs in one folder.
TEST(ObservationRecorder, AReplayDecidesAsTheBrainDid) {
  const local::TemporaryFolder home;
  std::vector<int> decided;
  for (int life = 0; life < 2; ++life) {
    SizingBrain brain{{}};
    ObservationRecorder recorder({.folder = home.path(), .file_bytes_max = 4096, .files_max = 1000});
    recorder.start();
    for (int second = 0; second < 60; ++second) {
      SizingWorld world{.now = MonotonicTime{std::chrono::hours{1} + std::chrono::seconds{second}}};
      world.pools = {pool("orders", "db", 1)};
      world.pools[0].facts.sizes["app"] = decided.empty() ? 5 : decided.back();
      add_pod(world.pools[0], "o1", world.now, decided.empty() ? 5 : decided.back(), second < 30 ? second / 2 : 2);
      const SizingOutcome outcome = brain.decide(world);
      decided.push_back(static_cast<int>(outcome.snapshot->databases.at(0).size));
      recorder.take(outcome.snapshot);
    }
    recorder.stop();
  }
  sizing::Replay replay;
  std::vector<int> replayed;
  for (const std::string& line : lines_in(home.path())) {
    const auto moment = replay.feed(line);
    ASSERT_TRUE(moment.has_value()) << moment.error().message;
    replayed.push_back(moment->at(0).decision.size);
  }
  EXPECT_GT(names_in(home.path()).size(), 4U);
  EXPECT_EQ(replayed, decided);
}

}  // namespace
}  // namespace poolwright::run
