#include "render/object_drain.h"

#include <algorithm>

#include "render/credentials.h"
#include "render/pgbouncer_ini.h"
#include "render/render.h"

namespace poolwright::render {

namespace {

constexpr int kSocketDuringShutdownMinor = 25;
constexpr const char* kInterruptAndWait = "kill -INT 1; while kill -0 1 2>/dev/null; do sleep 1; done";

std::string shutdown_command() {
  return std::string("psql -X -q -h ") + kSocketDirectory + " -p " + std::to_string(kPoolerPort) + " -U " +
         kConsoleDatabase + " -d " + kConsoleDatabase + " -c 'SHUTDOWN WAIT_FOR_SERVERS'";
}

}  // namespace

std::string drain_script(const PgbouncerVersion& version, std::int32_t grace_period_seconds) {
  const std::string listen_on = "sleep " + std::to_string(kEndpointRemovalSeconds) + "; ";
  if (version.minor < kSocketDuringShutdownMinor) return listen_on + kInterruptAndWait;
  const std::int32_t for_clients =
      std::max(0, grace_period_seconds - kEndpointRemovalSeconds - kLastTransactionsSeconds);
  // Without the redirections the kubelet would wait for the process that is left behind.
  return listen_on + "if command -v psql >/dev/null 2>&1; then { sleep " + std::to_string(for_clients) + "; " +
         shutdown_command() + "; } </dev/null >/dev/null 2>&1 & else " + kInterruptAndWait + "; fi";
}

}  // namespace poolwright::render
