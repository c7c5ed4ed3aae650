// How `poolwright run` runs until a signal ends it. Thread rule: main thread, block_end_signals before any other thread
// starts.
#pragma once

#include <csignal>
#include <iostream>
#include <memory>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "cli/cli.h"

namespace poolwright::cli {

inline sigset_t end_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

/// Every later thread inherits that, so that only await_end_signal sees them.
inline void block_end_signals() {
  const sigset_t signals = end_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

/// Waits for one and gives its number.
inline int await_end_signal() {
  const sigset_t signals = end_signals();
  int signal = 0;
  sigwait(&signals, &signal);
  return signal;
}

/// Starts what was made, waits for a signal to end, and stops it. An error goes to stderr, after the command's name.
template <typename Process>
int run_to_end(const std::string& command, Result<std::unique_ptr<Process>> process) {
  const Status started = process ? (*process)->start() : Status(process.error());
  if (!started) {
    std::cerr << command << ": " << started.error().message << "\n";
    return kExitFailed;
  }
  const int signal = await_end_signal();
  log_info("signal_received", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  (*process)->stop();
  return kExitOk;
}

}  // namespace poolwright::cli
