#include "importer/compare.h"

#include <algorithm>
#include <set>

#include "importer/settings.h"
#include "render/ini.h"
#include "render/options.h"
#include "render/pgbouncer_ini.h"

namespace poolwright::importer {

namespace {

using Settings = std::map<std::string, std::string>;

/// Numbers and words are the same in other writing.
bool is_same(std::string_view key, const std::string& before, const std::string& after) {
  if (before == after || lower(before) == lower(after)) return true;
  const bool is_number = key == "port" || key.ends_with("_size") || key.ends_with("_connections");
  if (is_number && whole_number(before) && whole_number(before) == whole_number(after)) return true;
  const render::Option* option = render::find_option(render::Section::kPgbouncer, key);
  if (option == nullptr) return false;
  std::string trimmed = before;
  if (option->type == render::OptionType::kSql && trimmed.ends_with(';')) trimmed.pop_back();
  const auto left = render::canonical_value(*option, trimmed);
  const auto right = render::canonical_value(*option, after);
  return left && right && *left == *right;
}

class Comparer {
 public:
  Comparer(const Installation& installation, const Import& import, const render::PgbouncerVersion& version)
      : installation_(installation), import_(import), version_(version) {}

  Status add(const ImportedPool& imported) {
    pool_ = &imported.pool;
    std::map<std::string, std::string> usernames;
    std::map<std::string, render::Shares> shares;
    for (std::size_t i = 0; i < imported.candidates.size(); ++i) {
      const api::Database& database = pool_->spec.databases[i];
      usernames[database.name] = imported.candidates[i].username;
      shares[database.name] = render::shares_of(database, api::initial_size(database.pool_size), 1);
    }
    PW_ASSIGN_OR_RETURN(
        const render::Ini ini,
        render::pgbouncer_ini({.spec = pool_->spec, .version = version_, .usernames = usernames, .shares = shares}));
    // Through the text and back: what PgBouncer itself would read.
    PW_ASSIGN_OR_RETURN(const std::string text, render::to_text(ini));
    PW_ASSIGN_OR_RETURN(const render::Ini read, render::parse_ini(text));
    for (std::size_t i = 0; i < read.databases.size(); ++i) compare_entry(read.databases[i], imported.candidates[i]);
    compare_settings(read.pgbouncer);
    return ok();
  }

  Comparison result;

 private:
  /// What the line meant before, by the keys that are rendered.
  Settings before(const Candidate& candidate) const {
    const auto entry = std::find_if(installation_.databases.begin(), installation_.databases.end(),
                                    [&](const Entry& one) { return one.name == candidate.original_name; });
    Settings settings = entry->settings;
    const auto otherwise = [&](const char* key, const std::string& value) { settings.try_emplace(key, value); };
    otherwise("host", "(Unix socket)");
    otherwise("port", "5432");
    otherwise("dbname", candidate.original_name);
    otherwise("user", "(the client's)");
    otherwise("pool_size", effective(installation_, "default_pool_size", version_));
    otherwise("min_pool_size", effective(installation_, "min_pool_size", version_));
    if (const auto old = settings.find("reserve_pool"); old != settings.end()) {
      otherwise("reserve_pool_size", old->second);
      settings.erase("reserve_pool");
    }
    otherwise("reserve_pool_size", effective(installation_, "reserve_pool_size", version_));
    otherwise("max_db_connections", effective(installation_, "max_db_connections", version_));
    otherwise("pool_mode", effective(installation_, "pool_mode", version_));
    if (const Entry* user = installation_.find_user(candidate.username)) {
      for (const char* key : {"pool_size", "reserve_pool_size", "pool_mode"}) {
        if (const auto own = user->settings.find(key); own != user->settings.end()) settings[key] = own->second;
      }
    }
    return settings;
  }

  void compare_entry(const render::IniEntry& rendered, const Candidate& candidate) {
    const Settings old = before(candidate);
    for (const render::Setting& setting : rendered.settings) {
      const std::string key = setting.key == "reserve_pool" ? "reserve_pool_size" : setting.key;
      const Subject subject{.section = "databases", .name = candidate.original_name, .key = key};
      take(subject, old.at(key), setting.value, why_of(subject, candidate));
    }
    // The password is in the Secret, and values of other keys were not carried: their notes say why.
    for (const auto& [key, value] : old) {
      if (key == "password" || render::find_setting(rendered.settings, key) != nullptr) continue;
      const Subject subject{.section = "databases", .name = candidate.original_name, .key = key};
      take(subject, value, "", why_of(subject, candidate));
    }
  }

  std::string why_of(const Subject& subject, const Candidate& candidate) const {
    if (std::string why = noted(subject); !why.empty()) return why;
    if (subject.key == "dbname") return noted({subject.section, subject.name, ""});
    if (subject.key == "reserve_pool_size") {  // its other name
      if (std::string why = noted({subject.section, subject.name, "reserve_pool"}); !why.empty()) return why;
    }
    const Entry* user = installation_.find_user(candidate.username);
    const bool limits_user = user != nullptr && user->settings.contains("max_user_connections");
    const std::string shared = subject.key == "pool_size" ? "default_pool_size" : subject.key;
    if (std::string why = noted({.section = "pgbouncer", .name = {}, .key = shared}); !why.empty()) return why;
    if (subject.key != "max_db_connections") return "";
    if (limits_user) return "[users] bounds " + candidate.username;
    return old_is_unbounded(candidate) ? "had no bound; one user never opens more than size and reserve"
                                       : "must be from 1 to 10000";
  }

  bool old_is_unbounded(const Candidate& candidate) const {
    const std::string old = before(candidate).at("max_db_connections");
    return whole_number(old).value_or(0) <= 0;
  }

  std::string noted(const Subject& subject) const {
    const auto found = std::find_if(import_.notes.begin(), import_.notes.end(),
                                    [&](const Note& note) { return note.subject == subject; });
    return found == import_.notes.end() ? std::string() : found->why;
  }

  void compare_settings(const std::vector<render::Setting>& rendered) {
    std::set<std::string> names;
    for (const render::Setting& setting : rendered) names.insert(setting.key);
    for (const auto& [name, value] : installation_.pgbouncer) names.insert(name);
    for (const std::string& name : names) {
      // The lines of the databases have these, each with its own number.
      if (name == "default_pool_size" || name == "min_pool_size" || name == "reserve_pool_size") continue;
      if (name == "max_db_connections" || name == "max_user_connections" || name == "pool_mode") continue;
      const std::string* after = render::find_setting(rendered, name);
      const std::string old = effective(installation_, name, version_);
      take({.section = "pgbouncer", .name = {}, .key = name}, old,
           after == nullptr ? std::string(render::default_value(name, version_)) : *after, why_of_setting(name));
    }
  }

  std::string why_of_setting(const std::string& name) const {
    if (std::string why = noted({.section = "pgbouncer", .name = {}, .key = name}); !why.empty()) return why;
    if (name == "max_client_conn") return "some more, so that consoles never take the place of a client";
    if (name == "ignore_startup_parameters") return "what drivers send, always";
    const render::Option* option = render::find_option(render::Section::kPgbouncer, name);
    if (option == nullptr) return "";
    if (!option->owner.empty()) return std::string(option->owner);
    if (installation_.pgbouncer.contains(name)) return "";
    return "the file is silent, and Poolwright has its own default; set spec.pgbouncer.parameters." + name +
           " for another";
  }

  void take(const Subject& subject, const std::string& old, const std::string& now, std::string why) {
    if (is_same(subject.key, old, now)) {
      ++result.equal;
      return;
    }
    result.differences.push_back(
        {.pool = pool_->name, .subject = subject, .before = old, .after = now, .why = std::move(why)});
  }

  const Installation& installation_;
  const Import& import_;
  const render::PgbouncerVersion& version_;
  const api::ConnectionPool* pool_ = nullptr;
};

}  // namespace

Result<Comparison> compare(const Installation& installation, const Import& import,
                           const render::PgbouncerVersion& version) {
  Comparer comparer(installation, import, version);
  for (const ImportedPool& imported : import.pools) PW_RETURN_IF_ERROR(comparer.add(imported));
  return std::move(comparer.result);
}

}  // namespace poolwright::importer
