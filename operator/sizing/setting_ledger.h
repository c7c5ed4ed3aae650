// Remembers which settings were sent to the pods of one pool and which each pod has confirmed, so that the budget
// counts a setting until it can no longer come true. Settings reach a pod in order: a pod that confirmed one never goes
// back to an older one. Owned by whoever sends settings; starts anew with the operator (the observed sizes count by
// themselves). Thread rule: one owner. Memory: kSettingsMax settings; the two oldest are merged beyond that.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>

namespace poolwright::sizing {

class SettingLedger {
 public:
  static constexpr std::size_t kSettingsMax = 256;

  /// A setting was written; `serial` grows with every setting.
  void issue(std::int64_t serial, int size);

  /// The pod runs the setting `serial` (or a newer one). Unknown serials only count for what they are older than.
  void confirm(const std::string& pod, std::int64_t serial);

  /// Keeps only these pods, and of the settings only those that one of them may still load.
  void retain(std::span<const std::string> pods);

  /// Largest size that the pod runs or may still load; a pod that confirmed nothing may load any setting kept.
  int ceiling(const std::string& pod) const;

 private:
  struct Setting {
    std::int64_t serial = 0;
    int size = 0;
  };

  std::deque<Setting> settings_;  // oldest first
  std::map<std::string, std::int64_t> confirmed_;
};

}  // namespace poolwright::sizing
