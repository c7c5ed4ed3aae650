#include "postgres/server_link.h"

#include <algorithm>
#include <utility>

namespace poolwright::postgres {

namespace {

// The observer only looks, and a server in trouble must not be kept busy by it. Parts of it may be refused (a pooler
// in between); then the polls say so.
constexpr const char* kSetup =
    "SET statement_timeout = 2000; SET lock_timeout = 1000; SET default_transaction_read_only = on";

}  // namespace

ServerLink::ServerLink(LinkContext context, std::string key, ServerAddress address, Publish publish)
    : context_(context),
      key_(std::move(key)),
      address_(std::move(address)),
      publish_(std::move(publish)),
      connection_(context.thread, context.options.connection),
      resolver_(context.thread),
      timer_(context.thread) {
  connection_.on_lost([this](Error error) { fail(std::move(error)); });
  resolve();
}

ServerLink::~ServerLink() { drop(); }

void ServerLink::drop() {
  give_up_endings(make_error(ErrorKind::kCancelled, "observe " + address_.host + ": no longer"));
  context_.queue.withdraw(key_);
  if (std::exchange(has_turn_, false)) context_.queue.finished();
  timer_.cancel();
  resolver_.cancel();
  connection_.close();
}

void ServerLink::resolve() {
  resolver_.resolve(address_.host, context_.options.resolve_limit, [this](Result<std::vector<std::string>> addresses) {
    if (!addresses) return fail(addresses.error());
    context_.queue.request(key_, [this, found = *std::move(addresses)] {
      has_turn_ = true;
      connect(found);
    });
  });
}

void ServerLink::connect(std::vector<std::string> addresses) {
  const Target target{.addresses = std::move(addresses),
                      .host_name = address_.host,
                      .port = address_.port,
                      .database = address_.database,
                      .login = address_.login,
                      .tls = address_.tls};
  connection_.connect(target, [this](const Status& status) {
    has_turn_ = false;
    context_.queue.finished();
    if (!status) return fail(status.error());
    due_ = context_.clock.now();
    connection_.query(kSetup, context_.options.query_limit, [this](const Result<Table>& answer) {
      if (!answer && !connection_.is_open()) return fail(answer.error());
      begin_poll();
    });
  });
}

void ServerLink::ask(const char* query, std::function<Status(const Table&)> read, void (ServerLink::*next)()) {
  asked_at_ = context_.clock.now();
  connection_.query(query, context_.options.query_limit, [this, read = std::move(read), next](Result<Table> answer) {
    Status status = answer ? read(*answer) : Status(answer.error());
    if (!status) return fail(std::move(status).error());
    (this->*next)();
  });
}

void ServerLink::begin_poll() {
  draft_ = ServerObservation{};
  draft_.facts.system_identifier = last_.facts.system_identifier;
  draft_.is_connected = true;
  const auto read = [this](const Table& table) -> Status {
    const std::string identifier = draft_.facts.system_identifier;
    PW_ASSIGN_OR_RETURN(draft_.facts, parse_facts(table));
    draft_.facts.system_identifier = identifier;
    return ok();
  };
  ask(kFactsQuery, read, &ServerLink::ask_system_identifier);
}

/// Allowed to few roles on some servers: a refusal leaves it empty and is no failure.
void ServerLink::ask_system_identifier() {
  connection_.query(kSystemIdentifierQuery, context_.options.query_limit, [this](Result<Table> answer) {
    if (!connection_.is_open()) return fail(answer ? make_error(ErrorKind::kUnavailable, "lost") : answer.error());
    draft_.facts.system_identifier.clear();
    if (answer && !answer->rows.empty()) {
      draft_.facts.system_identifier = RowReader(*answer, 0).text("system_identifier");
    }
    ask_sessions();
  });
}

void ServerLink::ask_sessions() {
  const auto read = [this](const Table& table) -> Status {
    PW_ASSIGN_OR_RETURN(draft_.sessions, parse_sessions(table));
    draft_.sessions_are_complete = draft_.sessions.size() <= static_cast<std::size_t>(kSessionGroupsMax);
    if (!draft_.sessions_are_complete) draft_.sessions.resize(static_cast<std::size_t>(kSessionGroupsMax));
    return ok();
  };
  ask(kSessionsQuery, read, &ServerLink::ask_idle_in_transaction);
}

void ServerLink::ask_idle_in_transaction() {
  const auto read = [this](const Table& table) -> Status {
    PW_ASSIGN_OR_RETURN(draft_.idle_in_transaction, parse_idle_in_transaction(table));
    return ok();
  };
  ask(kIdleInTransactionQuery, read, &ServerLink::ask_response_time);
}

void ServerLink::ask_response_time() {
  const auto read = [this](const Table& /*one*/) -> Status {
    const MonotonicTime now = context_.clock.now();
    draft_.response_time = std::chrono::duration_cast<std::chrono::microseconds>(now - asked_at_);
    draft_.observed_at = now;
    return ok();
  };
  ask("SELECT 1", read, &ServerLink::end_poll);
}

void ServerLink::end_poll() {
  last_ = std::move(draft_);
  publish_(std::make_shared<const ServerObservation>(last_));
  end_next();
}

void ServerLink::end_sessions(std::vector<SessionMark> sessions, ServerObserver::Ended done) {
  if (!connection_.is_open()) {
    return done(make_error(ErrorKind::kUnavailable, "end sessions of " + address_.host + ": not connected"));
  }
  if (endings_.size() >= kEndingsMax) {
    return done(make_error(ErrorKind::kThrottled, "end sessions of " + address_.host + ": too many wait"));
  }
  std::reverse(sessions.begin(), sessions.end());
  endings_.push_back({.left = std::move(sessions), .ended = {}, .done = std::move(done)});
}

/// One statement a session: what was done before a refusal stays done and is known.
void ServerLink::end_next() {
  const auto finish = [this](Result<std::vector<std::int64_t>> result) {
    const ServerObserver::Ended done = std::move(endings_.front().done);
    endings_.pop_front();
    done(std::move(result));
  };
  while (!endings_.empty() && endings_.front().left.empty()) finish(std::move(endings_.front().ended));
  if (endings_.empty()) return rest();
  const SessionMark session = endings_.front().left.back();
  endings_.front().left.pop_back();
  const auto query = end_session_query(session.pid, session.mark);
  if (!query) {
    finish(query.error());
    return end_next();
  }
  connection_.query(*query, context_.options.query_limit, [this, finish, pid = session.pid](Result<Table> answer) {
    if (!connection_.is_open()) return fail(answer ? make_error(ErrorKind::kUnavailable, "lost") : answer.error());
    if (!answer) {
      finish(with_context(answer.error(), "end session " + std::to_string(pid)));
    } else if (!answer->rows.empty() && RowReader(*answer, 0).flag("ended")) {
      endings_.front().ended.push_back(pid);
    }
    end_next();
  });
}

void ServerLink::give_up_endings(const Error& error) {
  std::deque<Ending> endings;
  endings.swap(endings_);
  for (const Ending& ending : endings) ending.done(error);
}

void ServerLink::rest() {
  const MonotonicTime now = context_.clock.now();
  due_ = next_due(due_, now, context_.options.interval);
  timer_.start(std::chrono::ceil<Duration>(due_ - now), [this] { begin_poll(); });
}

void ServerLink::fail(Error error) {
  ++last_.failures;
  last_.is_connected = connection_.is_open();
  last_.error = with_context(std::move(error), "observe " + address_.host);
  publish_(std::make_shared<const ServerObservation>(last_));
  give_up_endings(*last_.error);
  // Even an open connection starts anew: what made one poll fail (a lost right, a pooler's reset) may be its state.
  connection_.close();
  const Duration rest = backoff_delay(context_.options.connects.rest, last_.failures, context_.random);
  timer_.start(rest, [this] { resolve(); });
}

}  // namespace poolwright::postgres
