#include "redis/probe.h"

#include <hiredis/hiredis.h>

#include <memory>
#include <utility>
#include <vector>

#include "redis/connection.h"

namespace poolwright::redis {
namespace {

constexpr std::size_t kReadBytes = 4096;

struct ReaderFree {
  void operator()(redisReader* reader) const { redisReaderFree(reader); }
};
struct ReplyFree {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, ReplyFree>;

/// A command as Redis reads it: its words, each with its length.
std::string encoded(const std::vector<std::string>& words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  char* bytes = nullptr;
  const int size = redisFormatCommandArgv(&bytes, static_cast<int>(words.size()), texts.data(), sizes.data());
  std::string command = size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
  redisFreeCommand(bytes);
  return command;
}

std::string text_of(const redisReply& reply) {
  return reply.str == nullptr ? std::string() : std::string(reply.str, reply.len);
}

/// Asks one question after the other.
class Conversation {
 public:
  Conversation(std::unique_ptr<Connection> connection, const CallLimits& limits)
      : connection_(std::move(connection)), limits_(limits), reader_(redisReaderCreate()) {}

  /// The reply's text. kForbidden: Redis refuses the question; kProtocol: what came is no answer of a Redis.
  Result<std::string> ask(const std::vector<std::string>& words) {
    PW_RETURN_IF_ERROR(connection_->write(encoded(words), limits_));
    PW_ASSIGN_OR_RETURN(const Reply reply, next_reply());
    if (reply->type == REDIS_REPLY_ERROR) {
      return make_error(ErrorKind::kForbidden, words.front() + ": " + text_of(*reply));
    }
    return text_of(*reply);
  }

 private:
  Result<Reply> next_reply() {
    std::size_t received = 0;
    for (;;) {
      void* reply = nullptr;
      if (redisReaderGetReply(reader_.get(), &reply) != REDIS_OK) {
        return make_error(ErrorKind::kProtocol, "this is no Redis: " + std::string(reader_->errstr));
      }
      if (reply != nullptr) return Reply(static_cast<redisReply*>(reply));
      if (received > kReplyBytesMax) return make_error(ErrorKind::kProtocol, "its answer is too long");
      PW_ASSIGN_OR_RETURN(const std::string bytes, connection_->read(kReadBytes, limits_));
      received += bytes.size();
      redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
    }
  }

  std::unique_ptr<Connection> connection_;
  const CallLimits& limits_;
  std::unique_ptr<redisReader, ReaderFree> reader_;
};

Status introduce(Conversation& conversation, const RedisUrl& url) {
  if (!url.password.empty()) {
    std::vector<std::string> words = {"AUTH"};
    if (!url.user.empty()) words.push_back(url.user);
    words.push_back(url.password.reveal());
    PW_RETURN_IF_ERROR(conversation.ask(words));
  }
  if (url.database != 0) PW_RETURN_IF_ERROR(conversation.ask({"SELECT", std::to_string(url.database)}));
  return ok();
}

/// "redis_version:7.0.15\r\n" among other lines.
std::string version_in(const std::string& info) {
  constexpr std::string_view kField = "redis_version:";
  const std::size_t begin = info.find(kField);
  if (begin == std::string::npos) return "";
  const std::size_t value = begin + kField.size();
  return info.substr(value, info.find_first_of("\r\n", value) - value);
}

Status hold_conversation(std::unique_ptr<Connection> connection, const ProbeTarget& target, const Clock& clock,
                         const CallLimits& limits, ProbeOutcome& outcome) {
  if (target.url.is_tls) {
    PW_ASSIGN_OR_RETURN(
        connection, secure(std::move(connection), {.server_name = target.url.host, .ca_pem = target.ca_pem}, limits));
  }
  Conversation conversation(std::move(connection), limits);
  PW_RETURN_IF_ERROR(introduce(conversation, target.url));
  const MonotonicTime asked = clock.now();
  PW_ASSIGN_OR_RETURN(const std::string pong, conversation.ask({"PING"}));
  if (pong != "PONG") return make_error(ErrorKind::kProtocol, "PING was not answered with PONG");
  outcome.is_connected = true;
  outcome.response_ms = std::chrono::duration<double, std::milli>(clock.now() - asked).count();
  // A user without the right to INFO is fine.
  const Result<std::string> info = conversation.ask({"INFO", "server"});
  if (info.has_value()) outcome.version = version_in(*info);
  return ok();
}

}  // namespace

ProbeOutcome probe(const ProbeTarget& target, const Clock& clock, const CallLimits& limits) {
  ProbeOutcome outcome;
  auto connection = Connection::open(target.url.host, target.url.port, limits);
  outcome.is_available = connection.has_value();
  const Status done = connection.has_value() ? hold_conversation(*std::move(connection), target, clock, limits, outcome)
                                             : Status(connection.error());
  if (!done.has_value()) outcome.problem = "Redis " + address(target.url) + ": " + done.error().message;
  return outcome;
}

}  // namespace poolwright::redis
