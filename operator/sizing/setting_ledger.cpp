#include "sizing/setting_ledger.h"

#include <algorithm>
#include <set>

namespace poolwright::sizing {

void SettingLedger::issue(std::int64_t serial, int size) {
  settings_.push_back({.serial = serial, .size = size});
  if (settings_.size() <= kSettingsMax) return;
  const int largest = std::max(settings_[0].size, settings_[1].size);
  settings_.pop_front();
  settings_.front().size = largest;
}

void SettingLedger::confirm(const std::string& pod, std::int64_t serial) {
  std::int64_t& newest = confirmed_.try_emplace(pod, serial).first->second;
  newest = std::max(newest, serial);
}

void SettingLedger::retain(std::span<const std::string> pods) {
  const std::set<std::string> kept(pods.begin(), pods.end());
  std::erase_if(confirmed_, [&](const auto& entry) { return !kept.contains(entry.first); });
  // A pod that confirmed nothing may still load the oldest setting.
  if (kept.empty() || confirmed_.size() < kept.size()) return;
  std::int64_t oldest = confirmed_.begin()->second;
  for (const auto& [pod, serial] : confirmed_) oldest = std::min(oldest, serial);
  while (settings_.size() > 1 && settings_[1].serial <= oldest) settings_.pop_front();
}

int SettingLedger::ceiling(const std::string& pod) const {
  const auto found = confirmed_.find(pod);
  int largest = 0;
  for (std::size_t i = 0; i < settings_.size(); ++i) {
    // A setting is out of reach once the pod has confirmed its successor.
    const bool has_successor = i + 1 < settings_.size();
    const bool is_past = found != confirmed_.end() && has_successor && settings_[i + 1].serial <= found->second;
    if (!is_past) largest = std::max(largest, settings_[i].size);
  }
  return largest;
}

}  // namespace poolwright::sizing
