#include "kube/watcher.h"

#include <algorithm>
#include <iterator>

#include "base/retry.h"
#include "kube/listing.h"
#include "kube/status_error.h"

namespace poolwright::kube {

namespace {

/// A watch that ends by itself after less than this, without an event, is a failure: else it would be a hot loop.
constexpr Duration kWatchTooShort = std::chrono::seconds{1};
constexpr std::size_t kRefusalBytesMax = std::size_t{64} * 1024;
constexpr std::size_t kObjectsMax = 1'000'000;

bool is_success(int status) { return status >= 200 && status < 300; }

}  // namespace

std::optional<Request> Watcher::next(MonotonicTime now) {
  if (state_ == State::kListing || state_ == State::kWatching || now < not_before_) return std::nullopt;
  return state_ == State::kEmpty ? ask_for_list(now) : ask_for_watch(now);
}

std::optional<Request> Watcher::ask_for_list(MonotonicTime now) {
  auto request = list_request(selection_, continue_token_);
  if (!request) {
    back_off(request.error(), now);
    return std::nullopt;
  }
  if (continue_token_.empty()) outputs_.push_back({.type = WatchOutput::Type::kRelistBegun});
  request->line_bytes_max = kResponseBytesMax;  // a page is one line
  begin_stream(State::kListing, kPageMax, now);
  return std::move(*request);
}

std::optional<Request> Watcher::ask_for_watch(MonotonicTime now) {
  // Random, so that watches which began together do not end together for ever.
  const int spread = kWatchSecondsMax - kWatchSecondsMin;
  const int seconds = kWatchSecondsMin + static_cast<int>(random_.next_fraction() * spread);
  auto request = watch_request(selection_, version_, seconds);
  if (!request) {
    back_off(request.error(), now);
    return std::nullopt;
  }
  begin_stream(State::kWatching, std::chrono::seconds{seconds} + kWatchGrace, now);
  return std::move(*request);
}

void Watcher::begin_stream(State state, Duration time_max, MonotonicTime now) {
  state_ = state;
  status_ = 0;
  retry_after_.reset();
  body_.clear();
  stream_error_.reset();
  had_event_ = false;
  opened_at_ = now;
  heard_at_ = now;
  ends_at_ = now + time_max;
}

void Watcher::on_status(int status, std::optional<Duration> retry_after, MonotonicTime now) {
  status_ = status;
  retry_after_ = retry_after;
  heard_at_ = now;
}

bool Watcher::on_line(std::string_view line, MonotonicTime now) {
  heard_at_ = now;
  if (stream_error_) return false;
  return state_ == State::kWatching && is_success(status_) ? take_event(line) : collect(line);
}

bool Watcher::collect(std::string_view line) {
  const std::size_t limit = is_success(status_) ? kResponseBytesMax : kRefusalBytesMax;
  if (body_.size() + line.size() + 1 > limit) {
    if (is_success(status_)) {
      stream_error_ = make_error(ErrorKind::kProtocol, "list " + to_string(selection_) + ": a page is too large");
    }
    return false;
  }
  body_.append(line);
  body_.push_back('\n');
  return true;
}

bool Watcher::take_event(std::string_view line) {
  auto event = read_event(selection_, line);
  if (!event) {
    stream_error_ = std::move(event).error();
    return false;
  }
  had_event_ = true;
  barren_watches_ = 0;
  version_ = event->version;
  switch (event->type) {
    case WatchEventType::kChanged:
      outputs_.push_back({.type = WatchOutput::Type::kChanged, .object = event->object, .version = version_});
      break;
    case WatchEventType::kDeleted:
      outputs_.push_back({.type = WatchOutput::Type::kDeleted, .object = event->object, .version = version_});
      break;
    case WatchEventType::kBookmark:
      outputs_.push_back({.type = WatchOutput::Type::kAdvanced, .version = version_});
      break;
  }
  return true;
}

void Watcher::on_end(const Status& status, MonotonicTime now) {
  const Status outcome = stream_error_ ? Status(*stream_error_) : status;
  if (state_ == State::kListing) end_list(outcome, now);
  if (state_ == State::kWatching) end_watch(outcome, now);
  body_ = {};
}

Error Watcher::refusal(std::string_view verb) const {
  const Resource* resource = find_resource(selection_.api_version, selection_.kind);
  return error_of({.status = status_, .body = body_, .retry_after = retry_after_},
                  std::string(verb) + " " + to_string(selection_), resource != nullptr && resource->is_secret);
}

void Watcher::end_list(const Status& status, MonotonicTime now) {
  if (!is_success(status_) && status_ != 0) {
    Error error = refusal("list");
    // A token that the server does not take any more is refused by 410 or by 400.
    const bool is_bad_token = !continue_token_.empty() && error.kind == ErrorKind::kInvalid;
    if (is_bad_token) error.kind = ErrorKind::kGone;
    start_over();
    back_off(error, now);
    return;
  }
  auto page = status ? read_page(selection_, body_) : Result<Page>(status.error());
  if (page && listed_.size() + page->objects.size() > kObjectsMax) {
    page = make_error(ErrorKind::kProtocol, "list " + to_string(selection_) + ": more objects than anybody can hold");
  }
  if (!page) {
    start_over();
    back_off(page.error(), now);
    return;
  }
  std::move(page->objects.begin(), page->objects.end(), std::back_inserter(listed_));
  continue_token_ = page->continue_token;
  if (!continue_token_.empty()) {
    state_ = State::kEmpty;
    return;
  }
  version_ = page->version;
  outputs_.push_back(
      {.type = WatchOutput::Type::kRelistDone, .objects = std::exchange(listed_, {}), .version = version_});
  is_synced_ = true;
  barren_watches_ = 0;
  state_ = State::kListed;
}

void Watcher::end_watch(const Status& status, MonotonicTime now) {
  state_ = State::kListed;
  if (status_ != 0 && !is_success(status_)) {
    const Error error = refusal("watch");
    resume(error);
    back_off(error, now);
    return;
  }
  if (!status) {
    resume(status.error());
    back_off(status.error(), now);
    return;
  }
  if (!had_event_ && now - opened_at_ < kWatchTooShort) {
    const Error error = make_error(ErrorKind::kUnavailable, "watch " + to_string(selection_) + ": ended at once");
    resume(error);
    back_off(error, now);
  }
}

void Watcher::start_over() {
  state_ = State::kEmpty;
  listed_ = {};
  continue_token_.clear();
  version_.clear();
}

/// Where to go on after a watch that failed.
void Watcher::resume(const Error& error) {
  if (!had_event_) ++barren_watches_;
  const bool is_lost = error.kind == ErrorKind::kGone || error.kind == ErrorKind::kProtocol;
  const bool was_refused = status_ != 0;  // without an answer it is the network that fails, not the version
  if (is_lost || (was_refused && barren_watches_ >= kBarrenWatchesMax)) {
    start_over();
    barren_watches_ = 0;
  }
}

void Watcher::back_off(const Error& error, MonotonicTime now) {
  failure_ = error;
  if (now - failed_at_ > kBackoffReset) failures_ = 0;
  failed_at_ = now;
  failures_ = std::min(failures_ + 1, 100);
  Duration delay = backoff_delay({.first = kBackoffFirst, .cap = kBackoffCap}, failures_, random_);
  if (error.kind == ErrorKind::kGone && failures_ == 1) {
    delay = Duration{static_cast<Duration::rep>(static_cast<double>(kRelistJitter.count()) * random_.next_fraction())};
  }
  if (error.retry_after) delay = std::max(delay, std::min(*error.retry_after, Duration{std::chrono::minutes{1}}));
  not_before_ = now + delay;
}

bool Watcher::is_overdue(MonotonicTime now) const {
  const bool is_open = state_ == State::kListing || state_ == State::kWatching;
  return is_open && now >= std::min<MonotonicTime>(heard_at_ + kIdleMax, ends_at_);
}

MonotonicTime Watcher::wake_at() const {
  const bool is_open = state_ == State::kListing || state_ == State::kWatching;
  return is_open ? std::min<MonotonicTime>(heard_at_ + kIdleMax, ends_at_) : not_before_;
}

}  // namespace poolwright::kube
