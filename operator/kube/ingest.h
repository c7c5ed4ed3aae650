// The one thread that runs all watches and writes the cache. Watches come and go while it runs.
// Thread rule: add, remove, is_synced, await_synced and counts may be called from any thread; turn() only by one thread
// at a time: the own one after start(), or the caller's in a simulation. All parameters of the constructor outlive the
// ingest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/deadline.h"
#include "base/mutex.h"
#include "base/pulse.h"
#include "base/random.h"
#include "kube/cache.h"
#include "kube/liveness.h"
#include "kube/resource.h"
#include "kube/stream_inbox.h"
#include "kube/transport.h"
#include "kube/watcher.h"

namespace poolwright::kube {

/// Called on the ingest thread after the cache was written. Only records and enqueues: at most a few microseconds.
using ChangeTrigger = std::function<void(const Selection& selection, const ObjectChange& change)>;

struct IngestParts {
  Transport& transport;
  Cache& cache;
  const Clock& clock;
  Random& random;
  ChangeTrigger on_change;
};

struct IngestCounts {
  std::uint64_t lists = 0;     // list pages asked for
  std::uint64_t watches = 0;   // watch requests opened
  std::uint64_t events = 0;    // objects that watches brought
  std::uint64_t failures = 0;  // lists and watches that ended with an error
  std::size_t selections = 0;  // watched now
  std::size_t unsynced = 0;    // of these, not listed yet
};

/// Selections of one kind must not overlap: an object belongs to the watch that brought it last.
class Ingest {
 public:
  /// More selections than this are refused and logged; their objects are not cached.
  static constexpr std::size_t kSelectionsMax = 4096;
  /// Lists that run at the same time; the others wait for their turn.
  static constexpr std::size_t kListsInFlightMax = 8;

  explicit Ingest(IngestParts parts);
  ~Ingest();
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  /// Watches a selection from now on; nothing happens where it is watched already.
  void add(const Selection& selection);
  /// Ends the watch; its objects leave the cache.
  void remove(const Selection& selection);

  /// Everything that was added has been listed at least once.
  bool is_synced() const;
  bool is_synced(const Selection& selection) const;
  /// True once is_synced(); false where the limits ended the wait.
  bool await_synced(const CallLimits& limits) const;

  IngestCounts counts() const;
  /// When the thread moved on last.
  MonotonicTime moved_at() const { return pulse_.at(); }

  void start();
  /// Ends the thread and all watches. The cache keeps its objects.
  void stop();

  /// One round: takes what arrived, runs what is due. Gives the time until something is due, at most kTurnMax.
  Duration turn();
  static constexpr Duration kTurnMax = std::chrono::seconds{5};

 private:
  /// An open stream and what it brought. The stream goes first: after it nobody adds to the inbox for long.
  struct Channel {
    std::shared_ptr<StreamInbox> inbox;
    std::unique_ptr<Stream> stream;

    bool is_open() const { return stream != nullptr; }
    void close() {
      stream.reset();
      inbox.reset();
    }
  };
  struct Watch {
    Watch(const Selection& selection, Random& random) : machine(selection, random) {}
    Watcher machine;
    Channel channel;
    bool is_listing = false;
  };
  class Wakeup;

  void run(const std::stop_token& stop);
  void take_orders();
  void advance(Watch& watch);
  void take_arrivals(Watch& watch);
  void end_stream(Watch& watch, const Status& status);
  void open_stream(Watch& watch);
  Channel open_channel(const Request& request, std::size_t bytes_max);
  void carry_out(Watch& watch);
  void carry_out(const Selection& selection, WatchOutput output);
  void report_failure(const Error& error);
  void publish(const Selection& selection, const std::vector<ObjectChange>& changes);
  void probe_liveness();
  void mark_synced(const Selection& selection);

  IngestParts parts_;
  const std::shared_ptr<Wakeup> wakeup_;
  Pulse pulse_;

  // Only touched by the thread that turns.
  std::map<Selection, std::unique_ptr<Watch>> watches_;
  std::size_t lists_in_flight_ = 0;
  LivenessProbe probe_;
  Channel probe_channel_;

  mutable Mutex mutex_;
  mutable ConditionVariable synced_changed_;
  std::set<Selection> wanted_ PW_GUARDED_BY(mutex_);
  std::set<Selection> synced_ PW_GUARDED_BY(mutex_);
  IngestCounts counts_ PW_GUARDED_BY(mutex_);

  std::jthread thread_;
};

}  // namespace poolwright::kube
