#include "reconcile/pod_programmer.h"

#include <algorithm>

namespace poolwright::reconcile {

bool ProgramReport::complete() const {
  return std::all_of(pods.begin(), pods.end(), [](const PodProgram& pod) { return pod.problem.empty(); });
}

bool ProgramReport::settled() const {
  return waiting.empty() && std::all_of(pods.begin(), pods.end(), [](const PodProgram& pod) { return pod.is_settled; });
}

std::string ProgramReport::summary() const {
  const auto live = std::count_if(pods.begin(), pods.end(), [](const PodProgram& pod) { return pod.problem.empty(); });
  std::string text = std::to_string(live) + " of " + std::to_string(pods.size()) +
                     (pods.size() == 1 ? " pod runs" : " pods run") + " the current configuration";
  for (const PodProgram& pod : pods) {
    if (!pod.problem.empty()) text += "; " + pod.pod + ": " + pod.problem;
  }
  for (const std::string& pod : waiting) text += "; " + pod + " waits until the others have freed its connections";
  return text;
}

}  // namespace poolwright::reconcile
