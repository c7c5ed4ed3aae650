// The console connection of one pod: connect, poll, run commands one at a time, come back after failures. Private to
// the fleet.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "pgbouncer/fleet.h"
#include "postgres/connect_queue.h"
#include "postgres/pq_connection.h"
#include "postgres/timer.h"

namespace poolwright::pgbouncer {

/// What all links of a fleet share; outlives them.
struct LinkContext {
  postgres::IoThread& thread;
  const Clock& clock;
  Random& random;
  postgres::ConnectQueue& queue;
  const FleetOptions& options;
};

/// A reply that is owed: it is given exactly once, kCancelled if everybody who could give another one has gone.
class OwedReply {
 public:
  explicit OwedReply(Console::Reply reply) : reply_(std::move(reply)) {}
  ~OwedReply();
  OwedReply(const OwedReply&) = delete;
  OwedReply& operator=(const OwedReply&) = delete;

  void give(Result<postgres::Table> answer);

 private:
  Console::Reply reply_;
};

struct WaitingCommand {
  std::string text;
  Deadline deadline;
  std::shared_ptr<OwedReply> reply;
};

/// Thread rule: I/O thread only.
class PodLink {
 public:
  using Publish = std::function<void(std::shared_ptr<const PodObservation>)>;

  PodLink(LinkContext context, std::string pod, PodTarget target, Publish publish);
  /// Closes; commands that wait fail with kCancelled.
  ~PodLink();
  PodLink(const PodLink&) = delete;
  PodLink& operator=(const PodLink&) = delete;

  void set_target(PodTarget target);
  void run(WaitingCommand command);

 private:
  enum class PollStep { kNone, kPools, kStats, kDatabases, kState, kLists, kConfig };

  void request_turn();
  void connect();
  void connected();
  void refused(Error error);
  void begin_poll();
  void pump();
  void send(const WaitingCommand& command);
  void ask(ShowTopic topic);
  void read_answer(const Result<postgres::Table>& answer);
  Status read_rows(const postgres::Table& table);
  PollStep step_after_state() const { return polls_to_seldom_ > 0 ? PollStep::kNone : PollStep::kLists; }
  void read_settings(const std::vector<ConfigRow>& settings);
  void end_poll();
  void fail_poll(Error error);
  void disconnected(const Error& error);
  void rest();
  void drop_connection();
  void fail_commands(const Error& error);
  void publish();

  LinkContext context_;
  const std::string pod_;
  PodTarget target_;
  const Publish publish_;
  postgres::PqConnection connection_;
  postgres::Timer timer_;
  bool has_turn_ = false;           // admitted by the queue and not finished
  std::size_t login_ = 0;           // of target_.logins, used next
  std::size_t refused_logins_ = 0;  // in a row
  PollStep step_ = PollStep::kNone;
  MonotonicTime due_{};
  MonotonicTime poll_began_at_{};
  std::deque<WaitingCommand> commands_;  // at most kWaitingCommandsMax
  PodObservation last_;                  // as published
  PodObservation draft_;                 // of the poll that runs
  PodObservation::Seldom seldom_draft_;
  int polls_to_seldom_ = 0;  // 0: this poll asks for it too
};

}  // namespace poolwright::pgbouncer
