#include "kube/event_aggregator.h"

#include <algorithm>

#include "base/digest.h"
#include "kube/resource.h"

namespace poolwright::kube {

namespace {

using api::Json;

/// Cut at a character, not inside of one.
std::string shorten(const std::string& text, std::size_t length_max) {
  if (text.size() <= length_max) return text;
  std::size_t end = length_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

std::string key_of_object(const Json& object) {
  const api::ObjectKey key = api::key_of(object);
  return key.api_version + "/" + key.kind + "/" + key.namespace_name + "/" + key.name + "/" +
         api::metadata_string(object, "uid");
}

}  // namespace

std::optional<Json> EventAggregator::note(const api::EventNote& note) {
  const std::string name = api::metadata_string(note.regarding, "name");
  if (!is_object_name(name) || note.reason.empty()) {
    ++dropped_;
    return std::nullopt;
  }
  forget_old();
  const MonotonicTime now = clock_.now();
  const std::string object_key = key_of_object(note.regarding);
  const std::string key = object_key + "\n" + note.reason + "\n" + note.message + (note.warning ? "\nW" : "\nN");
  if (const auto known = by_key_.find(key); known != by_key_.end()) {
    Series& series = *known->second;
    series_.splice(series_.begin(), series_, known->second);
    ++series.count;
    series.seen_at = now;
    if (now - series.told_at < kRepeatPeriod) return std::nullopt;
    return tell(series);
  }
  if (!admit(object_key)) {
    ++dropped_;
    return std::nullopt;
  }
  series_.push_front(
      {.key = key, .event = make_event(note, key), .object_key = object_key, .seen_at = now, .told_at = now});
  by_key_[key] = series_.begin();
  return series_.front().event;
}

std::vector<Json> EventAggregator::take_due() {
  std::vector<Json> due;
  const MonotonicTime now = clock_.now();
  for (Series& series : series_) {
    if (series.count > series.count_told && now - series.told_at >= kRepeatPeriod) due.push_back(tell(series));
  }
  forget_old();
  return due;
}

Json EventAggregator::tell(Series& series) {
  series.count_told = series.count;
  series.told_at = clock_.now();
  series.event["series"] = {{"count", series.count}, {"lastObservedTime", format_rfc3339_micro(clock_.wall_now())}};
  return series.event;
}

bool EventAggregator::admit(const std::string& object_key) {
  const MonotonicTime now = clock_.now();
  if (buckets_.size() >= kObjectsMax && !buckets_.contains(object_key)) {
    // A full bucket says no more than none.
    std::erase_if(buckets_,
                  [&](const auto& entry) { return now - entry.second.filled_at > kRefillPerObject * kBurstPerObject; });
    if (buckets_.size() >= kObjectsMax) return false;
  }
  Bucket& bucket = buckets_.try_emplace(object_key, Bucket{.tokens = kBurstPerObject, .filled_at = now}).first->second;
  const auto refills = (now - bucket.filled_at) / kRefillPerObject;
  if (refills > 0) {
    bucket.tokens = static_cast<int>(std::min<std::int64_t>(kBurstPerObject, bucket.tokens + refills));
    bucket.filled_at += refills * kRefillPerObject;
  }
  if (bucket.tokens == 0) return false;
  --bucket.tokens;
  return true;
}

Json EventAggregator::make_event(const api::EventNote& note, const std::string& series_key) {
  const Json& object = note.regarding;
  const api::ObjectKey about = api::key_of(object);
  const std::string time = format_rfc3339_micro(clock_.wall_now());
  const std::string name =
      shorten(about.name, 200) + "." + sha256_hex(series_key + "\n" + instance_ + time).substr(0, 16);
  Json regarding = {{"apiVersion", about.api_version}, {"kind", about.kind}, {"name", about.name}};
  if (!about.namespace_name.empty()) regarding["namespace"] = about.namespace_name;
  const std::string uid = api::metadata_string(object, "uid");
  if (!uid.empty()) regarding["uid"] = uid;
  return {
      {"apiVersion", "events.k8s.io/v1"},
      {"kind", "Event"},
      {"metadata", {{"name", name}, {"namespace", about.namespace_name.empty() ? "default" : about.namespace_name}}},
      {"eventTime", time},
      {"type", note.warning ? "Warning" : "Normal"},
      {"reason", shorten(note.reason, 128)},
      {"action", "Reconcile"},
      {"note", shorten(note.message, kMessageLengthMax)},
      {"regarding", regarding},
      {"reportingController", "poolwright.dev/operator"},
      {"reportingInstance", shorten(instance_, 128)}};
}

void EventAggregator::forget_old() {
  const MonotonicTime now = clock_.now();
  while (!series_.empty() && (series_.size() >= kSeriesMax || (now - series_.back().seen_at > kSeriesAge &&
                                                               series_.back().count == series_.back().count_told))) {
    by_key_.erase(series_.back().key);
    series_.pop_back();
  }
}

}  // namespace poolwright::kube
