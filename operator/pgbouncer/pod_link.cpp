#include "pgbouncer/pod_link.h"

#include <charconv>
#include <utility>

#include "pgbouncer/verify.h"

namespace poolwright::pgbouncer {

using postgres::Table;

OwedReply::~OwedReply() { give(make_error(ErrorKind::kCancelled, "console command: the console is gone")); }

void OwedReply::give(Result<Table> answer) {
  if (const auto reply = std::exchange(reply_, nullptr)) reply(std::move(answer));
}

PodLink::PodLink(LinkContext context, std::string pod, PodTarget target, Publish publish)
    : context_(context),
      pod_(std::move(pod)),
      target_(std::move(target)),
      publish_(std::move(publish)),
      connection_(context.thread, context.options.connection),
      timer_(context.thread) {
  connection_.on_lost([this](const Error& error) { disconnected(error); });
  request_turn();
}

PodLink::~PodLink() {
  drop_connection();
  fail_commands(make_error(ErrorKind::kCancelled, "console of " + pod_ + ": the pod was removed"));
}

void PodLink::set_target(PodTarget target) {
  if (target == target_) return;
  const bool is_elsewhere =
      target.address != target_.address || target.port != target_.port || !(target.tls == target_.tls);
  target_ = std::move(target);
  login_ = 0;
  refused_logins_ = 0;
  if (!is_elsewhere && connection_.is_open()) return;
  drop_connection();
  last_.failures = 0;
  if (last_.is_connected) {
    last_.is_connected = false;
    publish();
  }
  fail_commands(make_error(ErrorKind::kUnavailable, "console of " + pod_ + ": reconnecting to another address"));
  request_turn();
}

void PodLink::request_turn() {
  context_.queue.request(pod_, [this] {
    has_turn_ = true;
    connect();
  });
}

void PodLink::connect() {
  postgres::Target target{.addresses = {target_.address},
                          .host_name = "",
                          .port = target_.port,
                          .database = "pgbouncer",
                          .login = {},
                          .tls = target_.tls};
  if (!target_.logins.empty()) target.login = target_.logins[login_ % target_.logins.size()];
  connection_.connect(target, [this](Status status) {
    has_turn_ = false;
    context_.queue.finished();
    if (!status) return refused(std::move(status).error());
    connected();
  });
}

void PodLink::connected() {
  refused_logins_ = 0;
  last_.is_connected = true;
  last_.version = connection_.server_version();
  ++last_.connects;
  publish();
  if (context_.options.on_change) context_.options.on_change(pod_);
  due_ = context_.clock.now();
  polls_to_seldom_ = 0;
  begin_poll();
}

void PodLink::refused(Error error) {
  if (error.kind == ErrorKind::kUnauthorized) {
    ++login_;
    // During a rotation the next login may be the one that this PgBouncer knows: no rest before it was tried.
    if (++refused_logins_ < target_.logins.size()) return request_turn();
    refused_logins_ = 0;
  }
  ++last_.failures;
  last_.error = with_context(std::move(error), "console of " + pod_);
  publish();
  rest();
}

void PodLink::rest() {
  const Duration delay = backoff_delay(context_.options.connects.rest, last_.failures, context_.random);
  timer_.start(delay, [this] { request_turn(); });
}

void PodLink::begin_poll() {
  step_ = PollStep::kPools;
  draft_ = PodObservation{};
  draft_.seldom = last_.seldom;
  poll_began_at_ = context_.clock.now();
  pump();
}

/// Sends what is next, if nothing is in flight. Commands go first: each step of a poll can wait a moment.
void PodLink::pump() {
  while (connection_.is_open() && !connection_.is_busy() && !commands_.empty()) {
    const WaitingCommand command = std::move(commands_.front());
    commands_.pop_front();
    if (!command.deadline.passed()) return send(command);
    command.reply->give(make_error(ErrorKind::kDeadlineExceeded,
                                   command.text + " on " + pod_ + ": not sent, others took all the time"));
  }
  if (!connection_.is_open() || connection_.is_busy()) return;
  switch (step_) {
    case PollStep::kNone:
      return;
    case PollStep::kPools:
      return ask(ShowTopic::kPools);
    case PollStep::kStats:
      return ask(ShowTopic::kStats);
    case PollStep::kDatabases:
      return ask(ShowTopic::kDatabases);
    case PollStep::kState:
      return ask(ShowTopic::kState);
    case PollStep::kLists:
      return ask(ShowTopic::kLists);
    case PollStep::kConfig:
      return ask(ShowTopic::kConfig);
  }
}

void PodLink::run(WaitingCommand command) {
  if (!connection_.is_open()) {
    const std::string cause = last_.error ? last_.error->message : "not connected yet";
    return command.reply->give(make_error(ErrorKind::kUnavailable, command.text + " on " + pod_ + ": " + cause));
  }
  if (commands_.size() >= kWaitingCommandsMax) {
    return command.reply->give(make_error(
        ErrorKind::kThrottled,
        command.text + " on " + pod_ + ": " + std::to_string(kWaitingCommandsMax) + " commands wait already"));
  }
  commands_.push_back(std::move(command));
  pump();
}

void PodLink::send(const WaitingCommand& command) {
  if (command.text == Command::reload().text()) polls_to_seldom_ = 0;
  connection_.query(command.text, command.deadline.left(), [this, reply = command.reply](Result<Table> answer) {
    if (!connection_.is_open()) {
      disconnected(answer ? make_error(ErrorKind::kUnavailable, "the connection was lost") : answer.error());
    }
    reply->give(std::move(answer));
    pump();
  });
}

void PodLink::ask(ShowTopic topic) {
  connection_.query(Command::show(topic).text(), context_.options.query_limit,
                    [this](const Result<Table>& answer) { read_answer(answer); });
}

void PodLink::read_answer(const Result<Table>& answer) {
  if (!connection_.is_open()) {
    return disconnected(answer ? make_error(ErrorKind::kUnavailable, "the connection was lost") : answer.error());
  }
  Status status = answer ? read_rows(*answer) : Status(answer.error());
  if (!status) return fail_poll(std::move(status).error());
  if (step_ == PollStep::kNone) return end_poll();
  pump();
}

Status PodLink::read_rows(const Table& table) {
  switch (step_) {
    case PollStep::kNone:
      break;
    case PollStep::kPools: {
      PW_ASSIGN_OR_RETURN(draft_.pools, parse_pools(table));
      step_ = PollStep::kStats;
      break;
    }
    case PollStep::kStats: {
      PW_ASSIGN_OR_RETURN(draft_.stats, parse_stats(table));
      draft_.observed_at = context_.clock.now();
      step_ = PollStep::kDatabases;
      break;
    }
    case PollStep::kDatabases: {
      PW_ASSIGN_OR_RETURN(draft_.databases, parse_databases(table));
      draft_.round_trip = std::chrono::duration_cast<std::chrono::microseconds>(context_.clock.now() - poll_began_at_);
      step_ = last_.version >= kFirstVersionWithState ? PollStep::kState : step_after_state();
      break;
    }
    case PollStep::kState: {
      PW_ASSIGN_OR_RETURN(const bool are_paused, parse_paused(table));
      for (DatabaseRow& row : draft_.databases) row.is_paused = row.is_paused || are_paused;
      step_ = step_after_state();
      break;
    }
    case PollStep::kLists: {
      PW_ASSIGN_OR_RETURN(seldom_draft_.lists, parse_lists(table));
      step_ = PollStep::kConfig;
      break;
    }
    case PollStep::kConfig: {
      PW_ASSIGN_OR_RETURN(const auto settings, parse_config(table));
      read_settings(settings);
      polls_to_seldom_ = kSeldomPolls;
      step_ = PollStep::kNone;
      break;
    }
  }
  return ok();
}

void PodLink::read_settings(const std::vector<ConfigRow>& settings) {
  const auto whole = [](const std::string& text) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  };
  for (const ConfigRow& row : settings) {
    if (row.key == kMarkerKey) seldom_draft_.marker = row.value;
    if (row.key == "max_client_conn") seldom_draft_.max_client_conn = whole(row.value);
    if (row.key == "max_user_connections") seldom_draft_.max_user_connections = whole(row.value);
  }
  draft_.seldom = std::make_shared<const PodObservation::Seldom>(std::exchange(seldom_draft_, {}));
}

void PodLink::end_poll() {
  const MonotonicTime now = context_.clock.now();
  --polls_to_seldom_;
  draft_.is_connected = true;
  draft_.version = last_.version;
  draft_.connects = last_.connects;
  last_ = std::exchange(draft_, PodObservation{});
  publish();
  due_ = postgres::next_due(due_, now, context_.options.poll_interval);
  timer_.start(std::chrono::ceil<Duration>(due_ - now), [this] { begin_poll(); });
  pump();
}

/// The console answered, but not what a poll needs. It stays open: it may be the only one that can still repair this
/// PgBouncer.
void PodLink::fail_poll(Error error) {
  step_ = PollStep::kNone;
  ++last_.failures;
  last_.error = with_context(std::move(error), "poll " + pod_);
  publish();
  const MonotonicTime now = context_.clock.now();
  due_ = postgres::next_due(due_, now, context_.options.poll_interval);
  timer_.start(std::chrono::ceil<Duration>(due_ - now), [this] { begin_poll(); });
  pump();
}

void PodLink::disconnected(const Error& error) {
  drop_connection();
  ++last_.failures;
  last_.is_connected = false;
  last_.error = with_context(error, "console of " + pod_);
  publish();
  if (context_.options.on_change) context_.options.on_change(pod_);
  rest();
  fail_commands(make_error(ErrorKind::kUnavailable, "console of " + pod_ + ": " + error.message));
}

void PodLink::drop_connection() {
  context_.queue.withdraw(pod_);
  if (std::exchange(has_turn_, false)) context_.queue.finished();
  timer_.cancel();
  connection_.close();
  step_ = PollStep::kNone;
}

void PodLink::fail_commands(const Error& error) {
  for (const WaitingCommand& command : std::exchange(commands_, {})) command.reply->give(error);
}

void PodLink::publish() { publish_(std::make_shared<const PodObservation>(last_)); }

}  // namespace poolwright::pgbouncer
