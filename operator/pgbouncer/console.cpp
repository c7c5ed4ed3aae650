#include "pgbouncer/console.h"

#include <algorithm>
#include <memory>

#include "postgres/pending.h"

namespace poolwright::pgbouncer {

using postgres::Pending;
using postgres::Table;

namespace {

constexpr std::size_t kNameBytesMax = 63;

// Independent of the locale: what counts is what PgBouncer's grammar takes.
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_character(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; }

std::string topic_text(ShowTopic topic) {
  switch (topic) {
    case ShowTopic::kPools:
      return "SHOW POOLS";
    case ShowTopic::kStats:
      return "SHOW STATS";
    case ShowTopic::kDatabases:
      return "SHOW DATABASES";
    case ShowTopic::kServers:
      return "SHOW SERVERS";
    case ShowTopic::kState:
      return "SHOW STATE";
    case ShowTopic::kConfig:
      return "SHOW CONFIG";
    case ShowTopic::kUsers:
      return "SHOW USERS";
    case ShowTopic::kVersion:
      return "SHOW VERSION";
    case ShowTopic::kLists:
      return "SHOW LISTS";
  }
  return "SHOW VERSION";
}

template <typename Parse>
auto show(Console& console, ShowTopic topic, const CallLimits& limits, Parse parse) -> decltype(parse(Table{})) {
  PW_ASSIGN_OR_RETURN(const Table table, run_and_wait(console, Command::show(topic), limits));
  return parse(table);
}

}  // namespace

Result<std::string> quote_database(std::string_view name) {
  const bool is_good = !name.empty() && name.size() <= kNameBytesMax && is_letter(name.front()) &&
                       std::all_of(name.begin(), name.end(), is_name_character) && name != "pgbouncer";
  if (!is_good) {
    return make_error(ErrorKind::kInvalid, "name database '" + postgres::printable(name, kNameBytesMax) +
                                               "' on the console: must be 1 to 63 letters, digits, '_' or '-', start "
                                               "with a letter or '_', and not be 'pgbouncer'");
  }
  return "\"" + std::string(name) + "\"";
}

Command Command::show(ShowTopic topic) { return Command(topic_text(topic)); }

Command Command::reload() { return Command("RELOAD"); }

Command Command::shutdown_wait_for_servers() { return Command("SHUTDOWN WAIT_FOR_SERVERS"); }

Command Command::pause_all() { return Command("PAUSE"); }

Command Command::resume_all() { return Command("RESUME"); }

Result<Command> Command::pause(std::string_view database) {
  PW_ASSIGN_OR_RETURN(const std::string quoted, quote_database(database));
  return Command("PAUSE " + quoted);
}

Result<Command> Command::resume(std::string_view database) {
  PW_ASSIGN_OR_RETURN(const std::string quoted, quote_database(database));
  return Command("RESUME " + quoted);
}

Result<Command> Command::reconnect(std::string_view database) {
  PW_ASSIGN_OR_RETURN(const std::string quoted, quote_database(database));
  return Command("RECONNECT " + quoted);
}

Result<Table> run_and_wait(Console& console, const Command& command, const CallLimits& limits) {
  if (limits.stop.stop_requested()) return make_error(ErrorKind::kCancelled, command.text() + ": asked to stop");
  const auto pending = std::make_shared<Pending<Table>>();
  console.run(command, limits.deadline, [pending](Result<Table> answer) { pending->set(std::move(answer)); });
  return pending->wait(limits, command.text());
}

Status tell(Console& console, const Command& command, const CallLimits& limits) {
  PW_RETURN_IF_ERROR(run_and_wait(console, command, limits));
  return ok();
}

Result<std::vector<PoolRow>> show_pools(Console& console, const CallLimits& limits) {
  return show(console, ShowTopic::kPools, limits, parse_pools);
}

Result<std::vector<StatsRow>> show_stats(Console& console, const CallLimits& limits) {
  return show(console, ShowTopic::kStats, limits, parse_stats);
}

Result<std::vector<DatabaseRow>> show_databases(Console& console, const CallLimits& limits) {
  return show(console, ShowTopic::kDatabases, limits, parse_databases);
}

Result<std::vector<ServerRow>> show_servers(Console& console, const CallLimits& limits) {
  return show(console, ShowTopic::kServers, limits, parse_servers);
}

Result<bool> show_paused(Console& console, const CallLimits& limits) {
  return show(console, ShowTopic::kState, limits, parse_paused);
}

Result<std::vector<ConfigRow>> show_config(Console& console, const CallLimits& limits) {
  return show(console, ShowTopic::kConfig, limits, parse_config);
}

Result<std::vector<std::string>> show_users(Console& console, const CallLimits& limits) {
  return show(console, ShowTopic::kUsers, limits, parse_users);
}

Result<std::string> show_version(Console& console, const CallLimits& limits) {
  return show(console, ShowTopic::kVersion, limits, parse_version);
}

Result<std::map<std::string, std::int64_t>> show_lists(Console& console, const CallLimits& limits) {
  return show(console, ShowTopic::kLists, limits, parse_lists);
}

}  // namespace poolwright::pgbouncer
