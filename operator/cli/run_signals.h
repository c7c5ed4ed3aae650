// Signals that end `poolwright run`. Thread rule: main thread, block_end_signals before any other thread starts.
#pragma once

#include <csignal>

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

}  // namespace poolwright::cli
