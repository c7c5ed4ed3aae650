#include "local/bouncer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/log.h"
#include "base/rfc3339.h"
#include "local/files.h"

namespace poolwright::local {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kToldBytes = 300;

/// The last line of the log that says why.
std::string last_words(const fs::path& log) {
  std::string text = tail_of(log, 4096);
  while (text.ends_with('\n')) text.pop_back();
  std::string found;
  for (std::size_t end = text.size(); end > 0 && found.empty();) {
    const std::size_t begin = text.rfind('\n', end - 1);
    const std::string line = text.substr(begin == std::string::npos ? 0 : begin + 1, end - begin - 1);
    if (line.find("FATAL") != std::string::npos || line.find("ERROR") != std::string::npos) found = line;
    end = begin == std::string::npos ? 0 : begin;
  }
  if (found.empty()) found = text.substr(text.rfind('\n') + 1);
  return found.substr(0, kToldBytes);
}

}  // namespace

std::string console_address(const std::string& listen_address) {
  if (listen_address == "*" || listen_address == "0.0.0.0") return "127.0.0.1";
  return listen_address == "::" ? "::1" : listen_address;
}

bool is_listening(const std::string& address, std::uint16_t port) {
  sockaddr_storage where{};
  socklen_t size = 0;
  in6_addr six{};
  in_addr four{};
  if (inet_pton(AF_INET, address.c_str(), &four) == 1) {
    sockaddr_in place{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = four};
    std::memcpy(&where, &place, size = sizeof place);
  } else if (inet_pton(AF_INET6, address.c_str(), &six) == 1) {
    sockaddr_in6 place{.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_flowinfo = 0, .sin6_addr = six};
    std::memcpy(&where, &place, size = sizeof place);
  } else {
    return false;
  }
  const int descriptor = socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  sockaddr generic{};
  static_assert(sizeof generic <= sizeof where);
  bool listens = connect(descriptor, static_cast<sockaddr*>(static_cast<void*>(&where)), size) == 0;
  if (!listens && errno == EINPROGRESS) {
    constexpr int kMomentMilliseconds = 200;
    pollfd source{.fd = descriptor, .events = POLLOUT, .revents = 0};
    int problem = 0;
    socklen_t problem_size = sizeof problem;
    listens = poll(&source, 1, kMomentMilliseconds) > 0 &&
              getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &problem_size) == 0 && problem == 0;
  }
  close(descriptor);
  return listens;
}

void Bouncer::adopt() {
  const auto text = read_file(place_.record);
  const api::Json record = text ? api::Json::parse(*text, nullptr, false) : api::Json();
  if (!record.is_object() || !record.contains("process")) return;
  auto process = Process::adopt(record.at("process"));
  if (!process) return;
  process_ = *std::move(process);
  running_ = {
      .program = {.path = record.value("program", ""),
                  .version = render::parse_version(record.value("version", "")).value_or(render::PgbouncerVersion{})},
      .restart_hash = record.value("restart_hash", ""),
      .address = record.value("address", ""),
      .port = record.value("port", std::uint16_t{0})};
  uid_ = record.value("uid", "");
  started_at_ = parse_rfc3339(record.value("started_at", ""));
  state_ = BouncerState::kStarting;
  since_ = clock_.now();
  log_info("pgbouncer_adopted", {{"pool", place_.pool}, {"pid", std::int64_t{pid()}}});
}

bool Bouncer::may_start() const { return !process_ && clock_.now() >= start_at_; }

void Bouncer::start(const BouncerWish& wish) {
  since_ = clock_.now();
  if (is_listening(console_address(wish.address), wish.port)) {
    ended("port " + std::to_string(wish.port) +
          " is taken by another program; stop that, or give the pool another port with the annotation "
          "poolwright.dev/local-port");
    return;
  }
  auto process = Process::start({.program = wish.program.path,
                                 .arguments = {"pool.ini"},
                                 .folder = place_.folder,
                                 .log_file = place_.log_to_stderr ? fs::path() : log_file(),
                                 .run_as = place_.run_as});
  if (!process) {
    ended(process.error().message);
    return;
  }
  process_ = *std::move(process);
  running_ = wish;
  is_asked_to_end_ = false;
  started_at_ = clock_.wall_now();
  uid_ = place_.pool + "-" + std::to_string(pid()) + "-" + process_->identity().value("began", "");
  state_ = BouncerState::kStarting;
  record();
  log_info("pgbouncer_started", {{"pool", place_.pool},
                                 {"pid", std::int64_t{pid()}},
                                 {"program", wish.program.path.string()},
                                 {"version", render::to_string(wish.program.version)},
                                 {"listen", wish.address + ":" + std::to_string(wish.port)}});
}

void Bouncer::look() {
  if (!process_) return;
  if (const auto how = process_->ended()) {
    ended(*how);
    return;
  }
  if (state_ == BouncerState::kServing && clock_.now() - since_ > kSettled) backoff_ = Duration{0};
  bound_log();
  // Twice: a port that another program holds accepts, too, while ours is about to give up.
  constexpr Duration kGivesUpWithin{100};
  if (state_ != BouncerState::kStarting || clock_.now() - since_ < kGivesUpWithin) return;
  if (!is_listening(console_address(running_.address), running_.port)) return;
  state_ = BouncerState::kServing;
  since_ = clock_.now();
  problem_.clear();
}

/// INT, whatever the version: it lets open transactions finish. TERM cuts every client in 1.18, and later versions then
/// wait for the last client to leave, which a pool of connections never does.
void Bouncer::drain() {
  if (!process_) return;
  if (state_ != BouncerState::kDraining) {
    state_ = BouncerState::kDraining;
    since_ = clock_.now();
    process_->signal(SIGINT);
    is_asked_to_end_ = true;
    return;
  }
  if (clock_.now() - since_ > kDrainLimit) kill_now();
}

void Bouncer::kill_now() {
  if (!process_) return;
  is_asked_to_end_ = true;
  process_->signal(SIGKILL);
}

void Bouncer::ended(const std::string& how) {
  const bool was_running = process_.has_value();
  process_.reset();
  std::error_code ignored;
  fs::remove(place_.record, ignored);
  state_ = BouncerState::kStopped;
  if (is_asked_to_end_) {
    is_asked_to_end_ = false;
    log_info("pgbouncer_stopped", {{"pool", place_.pool}, {"how", how}});
    return;
  }
  backoff_ = std::clamp(backoff_ * 2, kBackoffFirst, kBackoffMost);
  start_at_ = clock_.now() + backoff_;
  const std::string words = was_running && !place_.log_to_stderr ? last_words(log_file()) : std::string();
  problem_ = was_running ? "PgBouncer ended (" + how + ")" + (words.empty() ? "" : "; it said: " + words)
                         : "PgBouncer was not started: " + how;
  log_warning(was_running ? "pgbouncer_ended" : "pgbouncer_not_started",
              {{"pool", place_.pool}, {"problem", problem_}, {"again_in_ms", std::int64_t{backoff_.count()}}});
}

void Bouncer::record() const {
  const api::Json record = {{"process", process_->identity()},
                            {"program", running_.program.path.string()},
                            {"version", render::to_string(running_.program.version)},
                            {"restart_hash", running_.restart_hash},
                            {"address", running_.address},
                            {"port", running_.port},
                            {"uid", uid_},
                            {"started_at", started_at_ ? format_rfc3339(*started_at_) : ""}};
  const Status written = write_file(place_.record, record.dump(1), {.mode = 0600});
  if (!written) log_warning("pgbouncer_not_recorded", {{"error", describe(written.error())}});
}

/// PgBouncer appends, so a file that is cut goes on from its beginning; the end of what was there is kept beside it.
void Bouncer::bound_log() const {
  struct stat found {};
  if (place_.log_to_stderr || stat(log_file().c_str(), &found) != 0) return;
  if (static_cast<std::size_t>(found.st_size) <= kLogBytesMax) return;
  const fs::path older = log_file().string() + ".1";
  const Status kept = write_file(older, tail_of(log_file(), kLogBytesMax / 2), {.mode = 0600});
  if (kept) truncate(log_file().c_str(), 0) == 0 ? void() : log_warning("log_not_cut", {{"pool", place_.pool}});
}

}  // namespace poolwright::local
