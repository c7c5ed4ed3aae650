// The PgBouncers of this machine: which programs there are, in which version, and a running one as a process that can
// be signalled, waited for, and found again by a later run of ours. Thread rule: one thread at a time per object.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"
#include "base/deadline.h"
#include "base/result.h"
#include "render/version.h"

namespace poolwright::local {

struct Program {
  std::filesystem::path path;
  render::PgbouncerVersion version;
};

/// Asks the program itself. Invalid with what it said, where it is no PgBouncer that we can configure.
Result<Program> identify(const std::filesystem::path& path);

/// `named` (files), or the `pgbouncer` of the search path (`path_variable`) and of /usr/sbin; oldest version first.
Result<std::vector<Program>> find_programs(const std::vector<std::string>& named, const std::string& path_variable);

/// The program for a version that a resource asks for: the same minor version, else the newest that is not newer, else
/// the oldest. `programs` is not empty and sorted.
const Program& choose_program(const std::vector<Program>& programs, const render::PgbouncerVersion& wanted);

/// Whom a PgBouncer runs as, where we are root: it refuses to be.
struct RunAs {
  std::string name;
  uid_t user = 0;
  gid_t group = 0;
};

/// Absent where we are not root. `wanted` is a user's name, or "" for the first of pgbouncer, postgres and nobody that
/// this machine has. Invalid where there is none, or it is root.
Result<std::optional<RunAs>> find_run_as(const std::string& wanted);

struct StartOptions {
  std::filesystem::path program;
  std::vector<std::string> arguments;
  std::filesystem::path folder;    // where it runs
  std::filesystem::path log_file;  // of its output, appended; empty: ours
  std::optional<RunAs> run_as;
};

/// One process, ours or found again. Move-only; ends nothing by itself.
class Process {
 public:
  /// In a session of its own, so that Ctrl-C on a terminal is ours to hand on; without our environment and files.
  static Result<Process> start(const StartOptions& options);
  /// The process that an earlier run started, if it is still that one. NotFound.
  static Result<Process> adopt(const api::Json& identity);

  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  pid_t pid() const { return pid_; }
  /// What adopt() knows it by: the pid and when it began.
  api::Json identity() const;
  /// Absent while it runs; then how it ended: "exit code 1", "signal 9", "ended".
  std::optional<std::string> ended();
  void signal(int number) const;
  /// Readable when the process ends.
  int descriptor() const { return descriptor_; }

 private:
  Process(pid_t pid, int descriptor, std::string began)
      : pid_(pid), descriptor_(descriptor), began_(std::move(began)) {}

  pid_t pid_ = -1;
  int descriptor_ = -1;  // a pidfd: names this process and no later one of the same number
  std::string began_;
  std::optional<std::string> ended_;
};

}  // namespace poolwright::local
