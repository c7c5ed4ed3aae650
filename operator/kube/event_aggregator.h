// Notes -> Events to apply. Repeats of a note become one Event with a count, and no object gets more than a trickle.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/object_store.h"
#include "base/clock.h"

namespace poolwright::kube {

class EventAggregator {
 public:
  static constexpr std::size_t kSeriesMax = 1024;  // the oldest is forgotten; its next repeat is a new Event
  static constexpr Duration kSeriesAge = std::chrono::minutes{6};
  static constexpr Duration kRepeatPeriod = std::chrono::seconds{30};  // repeats are told at most this often
  static constexpr std::size_t kObjectsMax = 4096;  // with notes lately; those of more objects are dropped
  static constexpr int kBurstPerObject = 25;
  static constexpr Duration kRefillPerObject = std::chrono::seconds{20};
  static constexpr std::size_t kMessageLengthMax = 1024;

  EventAggregator(const Clock& clock, std::string instance) : clock_(clock), instance_(std::move(instance)) {}

  /// The Event to apply now; nullopt where the note only counts, is one too many for its object, or names no object.
  std::optional<api::Json> note(const api::EventNote& note);
  /// Counts that were held back and are due now.
  std::vector<api::Json> take_due();
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Series {
    std::string key;
    api::Json event;
    std::string object_key;
    int count = 1;
    int count_told = 1;
    MonotonicTime seen_at;
    MonotonicTime told_at;
  };
  struct Bucket {
    int tokens = kBurstPerObject;
    MonotonicTime filled_at;
  };

  bool admit(const std::string& object_key);
  api::Json make_event(const api::EventNote& note, const std::string& series_key);
  api::Json tell(Series& series);
  void forget_old();

  const Clock& clock_;
  const std::string instance_;
  std::list<Series> series_;  // most recently seen first
  std::map<std::string, std::list<Series>::iterator> by_key_;
  std::map<std::string, Bucket> buckets_;
  std::uint64_t dropped_ = 0;
};

}  // namespace poolwright::kube
