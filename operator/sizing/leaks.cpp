#include "sizing/leaks.h"

#include <algorithm>
#include <cmath>

namespace poolwright::sizing {
namespace {

bool is_idle_in_transaction(const Session& session) {
  return session.state == "idle in transaction" || session.state == "idle in transaction (aborted)";
}

std::string seconds(double value) { return std::to_string(std::llround(value)) + " s"; }

}  // namespace

LeakReport find_leaks(std::span<const Session> sessions, const LeakPolicy& policy) {
  std::vector<Session> leaked;
  for (const Session& session : sessions) {
    if (is_idle_in_transaction(session) && session.state_age_s > policy.age_s) leaked.push_back(session);
  }
  std::sort(leaked.begin(), leaked.end(), [](const Session& a, const Session& b) {
    return a.state_age_s != b.state_age_s ? a.state_age_s > b.state_age_s : a.pid < b.pid;
  });
  LeakReport report;
  report.count = static_cast<int>(leaked.size());
  if (leaked.empty()) return report;
  report.oldest_s = leaked.front().state_age_s;
  for (const Session& session : leaked) {
    if (report.oldest.size() == LeakReport::kListedMax) break;
    report.oldest.push_back(session);
    if (policy.terminate_after_s > 0.0 && session.state_age_s > policy.terminate_after_s) {
      report.overdue.push_back(session);
    }
  }
  return report;
}

std::string describe(const LeakReport& report, const LeakPolicy& policy) {
  if (report.count == 0) return "";
  std::string text = std::to_string(report.count) + (report.count == 1 ? " transaction" : " transactions") +
                     " idle for more than " + seconds(policy.age_s) + ", oldest " + seconds(report.oldest_s) + ": ";
  for (std::size_t i = 0; i < report.oldest.size(); ++i) {
    const Session& session = report.oldest[i];
    if (i > 0) text += ", ";
    text += "pid " + std::to_string(session.pid);
    if (!session.application_name.empty()) text += " (" + session.application_name + ")";
  }
  if (report.count > static_cast<int>(report.oldest.size())) text += ", ...";
  return text;
}

}  // namespace poolwright::sizing
