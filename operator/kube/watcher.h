// List and watch of one selection, as a state machine without I/O, threads or waiting. Its owner opens the streams that
// it asks for, tells it what arrives, and carries its outputs to the cache.
//
//     empty --list, page by page--> listed --watch--> watching --end of the stream--> listed
//       ^------------- too old, not understood, no progress ----------------'
//
// A watch is resumed from the last version that was seen, so a cut costs no list. What a list gives is held back until
// its last page: readers see the old state or the new one. Thread rule: one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/object_store.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "kube/resource.h"
#include "kube/transport.h"

namespace poolwright::kube {

struct WatchOutput {
  enum class Type {
    kRelistBegun,  // what the cache holds may be out of date from here on
    kRelistDone,   // the selection is exactly `objects`
    kChanged,      // `object` is new or different
    kDeleted,      // `object`, in its last state, is gone
    kAdvanced,     // nothing changed up to `version`
  };

  Type type;
  std::vector<api::Object> objects = {};
  api::Object object = {};
  std::string version = {};
};

class Watcher {
 public:
  /// No line and no bookmark for this long: the connection is taken for dead.
  static constexpr Duration kIdleMax = std::chrono::seconds{90};
  static constexpr Duration kPageMax = std::chrono::seconds{60};
  static constexpr int kWatchSecondsMin = 240;
  static constexpr int kWatchSecondsMax = 480;
  static constexpr Duration kWatchGrace = std::chrono::seconds{30};
  static constexpr Duration kBackoffFirst{1600};  // with jitter: 0.8 to 1.6 s, then doubled, up to 30 s
  static constexpr Duration kBackoffCap = std::chrono::seconds{30};
  static constexpr Duration kBackoffReset = std::chrono::minutes{2};
  static constexpr Duration kRelistJitter = std::chrono::seconds{1};
  /// Watches in a row that failed without a single event: the version itself may be at fault, so list again.
  static constexpr int kBarrenWatchesMax = 3;

  /// The randomness outlives the watcher.
  Watcher(Selection selection, Random& random) : selection_(std::move(selection)), random_(random) {}

  /// The stream to open now; nullopt while one is open or it is too early.
  std::optional<Request> next(MonotonicTime now);
  bool wants_list() const { return state_ == State::kEmpty; }

  // What the open stream brings. After on_end() no other may follow until the next stream.
  void on_status(int status, std::optional<Duration> retry_after, MonotonicTime now);
  /// False: the stream is of no use any more; close it and call on_end().
  bool on_line(std::string_view line, MonotonicTime now);
  void on_end(const Status& status, MonotonicTime now);
  /// The open stream said nothing for too long, or runs for longer than it may: close it and call on_end().
  bool is_overdue(MonotonicTime now) const;

  /// What happened since the last call, in order.
  std::vector<WatchOutput> take_outputs() { return std::exchange(outputs_, {}); }
  /// Why the last stream failed, once: for the log, and to renew credentials after Unauthorized.
  std::optional<Error> take_failure() { return std::exchange(failure_, std::nullopt); }
  /// When next() or is_overdue() will have something to say.
  MonotonicTime wake_at() const;
  bool is_synced() const { return is_synced_; }
  const Selection& selection() const { return selection_; }

 private:
  enum class State { kEmpty, kListing, kListed, kWatching };

  std::optional<Request> ask_for_list(MonotonicTime now);
  std::optional<Request> ask_for_watch(MonotonicTime now);
  void begin_stream(State state, Duration time_max, MonotonicTime now);
  bool collect(std::string_view line);
  bool take_event(std::string_view line);
  void end_list(const Status& status, MonotonicTime now);
  void end_watch(const Status& status, MonotonicTime now);
  Error refusal(std::string_view verb) const;
  void start_over();
  void resume(const Error& error);
  void back_off(const Error& error, MonotonicTime now);

  const Selection selection_;
  Random& random_;

  State state_ = State::kEmpty;
  bool is_synced_ = false;
  std::vector<WatchOutput> outputs_;
  std::optional<Error> failure_;

  std::vector<api::Object> listed_;  // pages so far
  std::string continue_token_;
  std::string version_;  // where a watch begins

  // Of the open stream.
  int status_ = 0;
  std::optional<Duration> retry_after_;
  std::string body_;  // a page, or the words of a refusal
  std::optional<Error> stream_error_;
  bool had_event_ = false;
  MonotonicTime opened_at_{};
  MonotonicTime ends_at_{};
  MonotonicTime heard_at_{};

  MonotonicTime not_before_{};
  MonotonicTime failed_at_{};
  int failures_ = 0;
  int barren_watches_ = 0;
};

}  // namespace poolwright::kube
