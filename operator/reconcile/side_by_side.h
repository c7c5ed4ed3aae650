// The same work for several pods at once, so that one that does not answer costs the others nothing.
// Thread rule: blocks until all of it is done.
#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>
#include <vector>

namespace poolwright::reconcile {

/// Pods that are worked on at the same time; the others follow.
inline constexpr std::size_t kPodsAtOnce = 16;

/// Calls work(0) ... work(count - 1), each on a thread of its own.
template <typename Work>
void side_by_side(std::size_t count, const Work& work) {
  for (std::size_t first = 0; first < count; first += kPodsAtOnce) {
    std::vector<std::jthread> threads;
    for (std::size_t i = first; i < std::min(count, first + kPodsAtOnce); ++i) {
      threads.emplace_back([&work, i] { work(i); });
    }
  }
}

}  // namespace poolwright::reconcile
