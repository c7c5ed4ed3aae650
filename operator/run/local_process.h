// The operator without a cluster: the same reconciler on a directory of files, with the PgBouncers as processes of this
// machine. Thread rule: start, stop and the accessors from one thread (main).
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "local/node.h"
#include "run/record_files.h"
#include "run/web.h"

namespace poolwright::run {

struct LocalSettings {
  std::filesystem::path folder;  // with the resources
  local::NodeSettings node;
  int workers = 2;
  RecordSettings record;
  WebSettings web;      // without a token file one is made in the output folder
  std::string version;  // of the program, for metrics
};

struct LocalParts {
  const Clock& clock;
  Random& random;
};

class LocalProcess {
 public:
  static constexpr Duration kDrainLimit{3'000};
  /// A pool whose file is gone goes after this time: editors take files away for a moment.
  static constexpr Duration kGoneFor{1'000};

  /// Conflict where another program works on the same output folder; Unavailable where it cannot be made.
  static Result<std::unique_ptr<LocalProcess>> make(LocalSettings settings, const LocalParts& parts);
  ~LocalProcess();
  LocalProcess(const LocalProcess&) = delete;
  LocalProcess& operator=(const LocalProcess&) = delete;

  /// Reads the directory, starts all threads and returns. Unavailable where the web server's port is taken.
  Status start();
  /// What is in flight finishes, the PgBouncers drain and end, all threads end.
  void stop();

 private:
  struct Machine;
  explicit LocalProcess(std::unique_ptr<Machine> machine);

  std::unique_ptr<Machine> machine_;
};

}  // namespace poolwright::run
