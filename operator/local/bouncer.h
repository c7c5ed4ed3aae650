// One pool's PgBouncer on this machine: started, watched, started again with back-off when it ends, drained when it is
// to run another program or template, or not at all. Steps are taken by the node, one at a time. Thread rule: the
// node's thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "api/object.h"
#include "base/clock.h"
#include "local/program.h"

namespace poolwright::local {

/// What is to run.
struct BouncerWish {
  Program program;
  std::string restart_hash;  // of the template: another one needs another process
  std::string address;       // where it listens: numeric, or "*"
  std::uint16_t port = 0;
  friend bool operator==(const BouncerWish& a, const BouncerWish& b) {
    return a.program.path == b.program.path && a.program.version == b.program.version &&
           a.restart_hash == b.restart_hash && a.address == b.address && a.port == b.port;
  }
};

struct BouncerPlace {
  std::string pool;
  std::filesystem::path folder;  // it runs there
  std::filesystem::path record;  // file by which a later run of ours finds it
  std::optional<RunAs> run_as;
  bool log_to_stderr = false;  // else to pgbouncer.log in the folder
};

enum class BouncerState { kStopped, kStarting, kServing, kDraining };

class Bouncer {
 public:
  static constexpr Duration kBackoffFirst{500};
  static constexpr Duration kBackoffMost{30'000};
  /// Who ran for so long is not failing at start: the next back-off is the first again.
  static constexpr Duration kSettled{60'000};
  /// How long open transactions may take to finish before a process is killed.
  static constexpr Duration kDrainLimit{8'000};
  static constexpr std::size_t kLogBytesMax = 16 * 1024 * 1024;

  Bouncer(BouncerPlace place, const Clock& clock) : place_(std::move(place)), clock_(clock) {}

  /// Takes over what an earlier run started, if it still runs.
  void adopt();
  /// Whether start() may be called: nothing runs, and the back-off is over.
  bool may_start() const;
  void start(const BouncerWish& wish);
  /// Looks at the process: has it ended, does it listen?
  void look();
  /// Asks it to end when its transactions have; kills it when that took too long. Nothing to do where none runs.
  void drain();
  void kill_now();

  BouncerState state() const { return state_; }
  bool runs(const BouncerWish& wish) const { return process_.has_value() && running_ == wish; }
  const BouncerWish& running() const { return running_; }
  pid_t pid() const { return process_ ? process_->pid() : 0; }
  int descriptor() const { return process_ ? process_->descriptor() : -1; }
  /// Of this process and no other: what the reconciler knows it by.
  const std::string& uid() const { return uid_; }
  /// Unknown of what an earlier release started.
  std::optional<WallTime> started_at() const { return started_at_; }
  /// Why it does not run, or "".
  const std::string& problem() const { return problem_; }

 private:
  void record() const;
  void ended(const std::string& how);
  void bound_log() const;
  std::filesystem::path log_file() const { return place_.folder / "pgbouncer.log"; }

  const BouncerPlace place_;
  const Clock& clock_;
  std::optional<Process> process_;
  BouncerWish running_;
  std::string uid_;
  std::optional<WallTime> started_at_;
  BouncerState state_ = BouncerState::kStopped;
  MonotonicTime since_{};     // of the state
  MonotonicTime start_at_{};  // not before
  Duration backoff_{0};
  std::string problem_;
  bool is_asked_to_end_ = false;
};

/// Where its console is reached: the address itself, or this machine's own where it listens on all.
std::string console_address(const std::string& listen_address);
/// Whether something accepts connections there; at most a moment.
bool is_listening(const std::string& address, std::uint16_t port);

}  // namespace poolwright::local
