#include "postgres/pq_connection.h"

#include <utility>
// Boost.Asio 1.74 needs <utility> before it.
#include <libpq-fe.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <optional>
#include <vector>

#include "base/check.h"
#include "postgres/bounded_feed.h"
#include "postgres/pq_error.h"
#include "postgres/pq_parameters.h"
#include "postgres/received_bytes.h"
#include "postgres/timer.h"

namespace poolwright::postgres {

namespace {

using Descriptor = boost::asio::posix::stream_descriptor;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMessageBytesMax = 300;
constexpr std::size_t kLoginBytesMax = 256U << 10U;  // received before the first query
constexpr int kResultsMax = 8;                       // answers to one command

struct PqFinish {
  void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct PqClear {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PqConn = std::unique_ptr<PGconn, PqFinish>;
using PqResult = std::unique_ptr<PGresult, PqClear>;

/// The first line of what libpq says; the others are hints for people at a terminal.
std::string first_line(const char* text) {
  const std::string_view all = text == nullptr ? "" : text;
  return printable(all.substr(0, all.find('\n')), kMessageBytesMax);
}

void ignore_notice(void* /*unused*/, const PGresult* /*notice*/) {}

PqConn start_connect(const PqParameters& parameters) {
  std::vector<const char*> keywords = parameters.keywords;
  std::vector<const char*> values;
  values.reserve(parameters.values.size() + 1);
  for (const std::string& value : parameters.values) values.push_back(value.c_str());
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  // The last argument (expand_dbname = 0): a database that is called "host=..." stays a database.
  PqConn connection(PQconnectStartParams(keywords.data(), values.data(), 0));
  if (connection) PQsetNoticeReceiver(connection.get(), ignore_notice, nullptr);  // else they go to stderr
  return connection;
}

Table to_table(const PGresult* result) {
  Table table;
  const int columns = PQnfields(result);
  const int rows = PQntuples(result);
  table.columns.reserve(static_cast<std::size_t>(columns));
  for (int column = 0; column < columns; ++column) table.columns.emplace_back(PQfname(result, column));
  table.rows.reserve(static_cast<std::size_t>(rows));
  for (int row = 0; row < rows; ++row) {
    auto& values = table.rows.emplace_back();
    values.reserve(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      values.emplace_back(PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column)));
    }
  }
  return table;
}

}  // namespace

struct PqConnection::State : std::enable_shared_from_this<State> {
  State(IoThread& io, ConnectionLimits bounds) : thread(io), limits(bounds), descriptor(io.context()), deadline(io) {}

  void connect(const Target& target, ConnectDone done);
  void query(const std::string& command, Duration limit, QueryDone done);
  void close();

  void wait(Descriptor::wait_type direction, void (State::*next)());
  void wait_connect(Descriptor::wait_type direction);
  void step_connect();
  void connected();
  void arm_read();
  void readable();
  void parse_unasked();
  void flush();
  void collect();
  void start_feed();
  void end_feed();
  void absorb(const PGresult* result);
  void finish_query();
  void start_deadline(Duration limit);
  void fail(ErrorKind kind, const std::string& cause);
  void fail_later(ErrorKind kind, std::string cause);
  void fail_with_error_of_connection();
  bool is_flooded() const;
  bool is_broken() const { return !connection || PQstatus(connection.get()) == CONNECTION_BAD; }

  IoThread& thread;
  const ConnectionLimits limits;
  PqConn connection;
  std::unique_ptr<BoundedFeed> feed;  // while an answer comes in more than one piece
  Descriptor descriptor;
  Timer deadline;
  std::string name;
  std::uint64_t generation = 0;  // of the socket; a handler of an earlier one does nothing
  std::uint64_t received_before = 0;
  std::size_t received_max = kLoginBytesMax;
  bool is_connected = false;
  std::uint64_t queries = 0;
  int results = 0;
  std::optional<Result<Table>> answer;
  ConnectDone connect_done;
  QueryDone query_done;
  Lost lost;
};

void PqConnection::State::connect(const Target& target, ConnectDone done) {
  close();
  name = endpoint_of(target);
  connect_done = std::move(done);
  const auto parameters = pq_parameters(target);
  if (!parameters) return fail_later(parameters.error().kind, parameters.error().message);
  connection = start_connect(*parameters);
  if (is_broken()) {
    return fail_later(ErrorKind::kUnavailable, connection ? first_line(PQerrorMessage(connection.get())) : "no memory");
  }
  received_before = 0;
  received_max = kLoginBytesMax;
  start_deadline(limits.connect);
  wait_connect(Descriptor::wait_write);
}

/// Waits for the socket once, then goes on with `next`.
void PqConnection::State::wait(Descriptor::wait_type direction, void (State::*next)()) {
  descriptor.async_wait(direction, [weak = weak_from_this(), expected = generation, next](const ErrorCode& problem) {
    const auto self = weak.lock();
    if (!self || self->generation != expected || problem == boost::asio::error::operation_aborted) return;
    (self.get()->*next)();
  });
}

/// The descriptor is given back before each step and taken again after it: libpq may have replaced the socket by
/// another one, even under the same number, of which epoll would know nothing.
void PqConnection::State::wait_connect(Descriptor::wait_type direction) {
  ErrorCode problem;
  descriptor.assign(PQsocket(connection.get()), problem);
  if (problem) return fail_later(ErrorKind::kUnavailable, "no socket: " + problem.message());
  receive_little_ahead(PQsocket(connection.get()));
  wait(direction, &State::step_connect);
}

void PqConnection::State::step_connect() {
  if (is_flooded()) return fail(ErrorKind::kProtocol, "more bytes than a login has");
  descriptor.release();
  switch (PQconnectPoll(connection.get())) {
    case PGRES_POLLING_READING:
      return wait_connect(Descriptor::wait_read);
    case PGRES_POLLING_WRITING:
      return wait_connect(Descriptor::wait_write);
    case PGRES_POLLING_OK:
      return connected();
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
      break;
  }
  const char* text = PQerrorMessage(connection.get());
  fail(connect_error_kind(text), first_line(text));
}

void PqConnection::State::connected() {
  ErrorCode problem;
  descriptor.assign(PQsocket(connection.get()), problem);
  if (problem || PQsetnonblocking(connection.get(), 1) != 0) {
    return fail(ErrorKind::kUnavailable, "no non-blocking socket: " + problem.message());
  }
  deadline.cancel();
  is_connected = true;
  arm_read();
  const ConnectDone done = std::exchange(connect_done, nullptr);
  done(ok());
}

void PqConnection::State::query(const std::string& command, Duration limit, QueryDone done) {
  PW_CHECK(is_connected && !query_done);
  query_done = std::move(done);
  ++queries;
  results = 0;
  answer.reset();
  received_before = received_bytes(PQsocket(connection.get()));
  received_max = limits.reply_bytes_max;
  start_deadline(limit);
  if (PQsendQuery(connection.get(), command.c_str()) != 1) {
    return fail_later(ErrorKind::kUnavailable, first_line(PQerrorMessage(connection.get())));
  }
  flush();
}

void PqConnection::State::flush() {
  const int rest = PQflush(connection.get());
  if (rest < 0) return fail_later(ErrorKind::kUnavailable, first_line(PQerrorMessage(connection.get())));
  if (rest > 0) wait(Descriptor::wait_write, &State::flush);
}

void PqConnection::State::arm_read() { wait(Descriptor::wait_read, &State::readable); }

void PqConnection::State::readable() {
  const std::uint64_t before = generation;
  const std::uint64_t asked = queries;
  if (feed) feed->pump();
  do {
    if (PQconsumeInput(connection.get()) != 1) return fail_with_error_of_connection();
    if (is_flooded()) {
      return fail(ErrorKind::kProtocol, "the answer is larger than " + std::to_string(received_max) + " bytes");
    }
    if (query_done) {
      collect();
    } else {
      parse_unasked();
    }
    if (generation != before) return;
  } while (feed && feed->has_rest());
  // The rest may be a giant row.
  if (query_done && queries == asked && !feed) start_feed();
  if (generation == before) arm_read();
}

/// Notices, parameters and nonsense that come while nothing was asked are parsed and dropped.
void PqConnection::State::parse_unasked() {
  PQisBusy(connection.get());
  while (PGnotify* notification = PQnotifies(connection.get())) PQfreemem(notification);
  if (is_broken()) fail_with_error_of_connection();
}

void PqConnection::State::start_feed() {
  if (PQflush(connection.get()) != 0) return;  // the command is not out yet: nothing that large can come
  descriptor.release();
  feed = BoundedFeed::begin(PQsocket(connection.get()));
  ErrorCode problem;
  descriptor.assign(feed ? feed->source() : PQsocket(connection.get()), problem);
  if (!feed || problem) fail(ErrorKind::kUnavailable, "no file descriptors left");
}

void PqConnection::State::end_feed() {
  if (!feed) return;
  descriptor.release();
  feed->give_back();
  feed.reset();
  ErrorCode problem;
  descriptor.assign(PQsocket(connection.get()), problem);
  if (problem) close();
}

void PqConnection::State::collect() {
  const std::uint64_t before = generation;
  while (PQisBusy(connection.get()) == 0) {
    const PqResult result(PQgetResult(connection.get()));
    if (!result) return finish_query();
    absorb(result.get());
    if (generation != before) return;
  }
}

/// The first table or error of a command is its answer.
void PqConnection::State::absorb(const PGresult* result) {
  if (++results > kResultsMax) return fail(ErrorKind::kProtocol, "more answers than one");
  switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
      if (static_cast<std::size_t>(PQntuples(result)) > limits.rows_max) {
        return fail(ErrorKind::kProtocol, "the answer has more than " + std::to_string(limits.rows_max) + " rows");
      }
      if (!answer) answer = to_table(result);
      return;
    case PGRES_COMMAND_OK:
      return;
    case PGRES_FATAL_ERROR:
    case PGRES_NONFATAL_ERROR:
    case PGRES_BAD_RESPONSE: {
      const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
      const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
      const char* text = primary != nullptr ? primary : PQresultErrorMessage(result);
      const ErrorKind kind = query_error_kind(sqlstate == nullptr ? "" : sqlstate, text);
      if (!answer || answer->has_value()) answer = make_error(kind, "query " + name + ": " + first_line(text));
      return;
    }
    default:
      return fail(ErrorKind::kProtocol, "an answer of another kind than was asked for");
  }
}

void PqConnection::State::finish_query() {
  Result<Table> result = std::move(answer).value_or(Table{});
  if (results == 0) result = make_error(ErrorKind::kProtocol, "query " + name + ": no answer");
  answer.reset();
  const QueryDone done = std::exchange(query_done, nullptr);
  deadline.cancel();
  // Bytes behind the end of the answer belong to none: what comes next could not be told apart.
  if (is_broken() || (feed && feed->has_rest())) {
    close();
  } else {
    end_feed();
  }
  done(std::move(result));
}

void PqConnection::State::start_deadline(Duration limit) {
  deadline.start(limit, [weak = weak_from_this(), limit] {
    if (const auto self = weak.lock()) {
      self->fail(ErrorKind::kDeadlineExceeded, "no answer within " + std::to_string(limit.count()) + " ms");
    }
  });
}

void PqConnection::State::fail_with_error_of_connection() {
  const char* text = connection ? PQerrorMessage(connection.get()) : "";
  fail(query_error_kind("", text), first_line(text));
}

/// For failures found within a call of the owner, who must not be called back from there.
void PqConnection::State::fail_later(ErrorKind kind, std::string cause) {
  thread.post([weak = weak_from_this(), expected = generation, kind, cause = std::move(cause)] {
    const auto self = weak.lock();
    if (self && self->generation == expected) self->fail(kind, cause);
  });
}

void PqConnection::State::fail(ErrorKind kind, const std::string& cause) {
  const auto connecting = std::exchange(connect_done, nullptr);
  const auto querying = std::exchange(query_done, nullptr);
  close();
  const char* what = connecting ? "connect to " : querying ? "query " : "watch ";
  Error error = make_error(kind, what + name + ": " + cause);
  if (connecting) return connecting(std::move(error));
  if (querying) return querying(std::move(error));
  if (const Lost told = lost) told(std::move(error));
}

bool PqConnection::State::is_flooded() const {
  return received_bytes(feed ? feed->source() : PQsocket(connection.get())) - received_before > received_max;
}

void PqConnection::State::close() {
  ++generation;
  deadline.cancel();
  connect_done = nullptr;
  query_done = nullptr;
  answer.reset();
  is_connected = false;
  // Before PQfinish: otherwise asio would close a descriptor that is not its own, or that is somebody else's by then.
  if (descriptor.is_open()) descriptor.release();
  feed.reset();
  connection.reset();
}

PqConnection::PqConnection(IoThread& thread, ConnectionLimits limits)
    : state_(std::make_shared<State>(thread, limits)) {}

PqConnection::~PqConnection() {
  state_->lost = nullptr;
  state_->close();
}

void PqConnection::connect(const Target& target, ConnectDone done) { state_->connect(target, std::move(done)); }

void PqConnection::query(const std::string& command, Duration limit, QueryDone done) {
  state_->query(command, limit, std::move(done));
}

void PqConnection::on_lost(Lost lost) { state_->lost = std::move(lost); }

void PqConnection::close() { state_->close(); }

bool PqConnection::is_open() const { return state_->is_connected; }

bool PqConnection::is_busy() const { return static_cast<bool>(state_->query_done); }

int PqConnection::server_version() const {
  return state_->is_connected ? PQserverVersion(state_->connection.get()) : 0;
}

}  // namespace poolwright::postgres
