#include <gtest/gtest.h>

#include <cstdlib>

#include "render/object_drain.h"

namespace poolwright::render {
namespace {

TEST(DrainScript, BeforeTheSocketSurvivesItInterruptsAndWaits) {
  for (int minor = 18; minor < 25; ++minor) {
    EXPECT_EQ(drain_script({1, minor, 0}, 90), "sleep 5; kill -INT 1; while kill -0 1 2>/dev/null; do sleep 1; done");
  }
}

TEST(DrainScript, AfterwardsClientsLeaveByThemselvesAndTheConsoleEndsTheRest) {
  EXPECT_EQ(
      drain_script({1, 26, 0}, 90),
      "sleep 5; if command -v psql >/dev/null 2>&1; then { sleep 75; psql -X -q -h /tmp -p 6432 -U pgbouncer -d "
      "pgbouncer -c 'SHUTDOWN WAIT_FOR_SERVERS'; } </dev/null >/dev/null 2>&1 & else kill -INT 1; while kill -0 1 "
      "2>/dev/null; do sleep 1; done; fi");
}

TEST(DrainScript, TheWaitNeverPassesTheGracePeriod) {
  for (int grace = 15; grace < 200; ++grace) {
    const std::string expected = "{ sleep " + std::to_string(grace - 15) + "; psql";
    EXPECT_NE(drain_script({1, 25, 0}, grace).find(expected), std::string::npos) << grace;
  }
  EXPECT_NE(drain_script({1, 25, 0}, 1).find("{ sleep 0; psql"), std::string::npos);
}

TEST(DrainScript, AShellReadsIt) {
  for (int minor = 18; minor <= 26; ++minor) {
    const std::string script = drain_script({1, minor, 0}, 90);
    EXPECT_EQ(script.find('"'), std::string::npos);
    const std::string command = "sh -n -c \"" + script + "\"";
    EXPECT_EQ(std::system(command.c_str()), 0) << script;  // NOLINT(concurrency-mt-unsafe): one thread
  }
}

}  // namespace
}  // namespace poolwright::render
