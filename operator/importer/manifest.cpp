#include "importer/manifest.h"

#include <algorithm>
#include <set>

#include "api/parse.h"
#include "api/text.h"

namespace poolwright::importer {

namespace {

using api::Json;

/// Members of `object` that differ from those of `defaults`.
Json without_defaults(const Json& object, const Json& defaults) {
  Json result = Json::object();
  for (const auto& member : object.items()) {
    const auto found = defaults.find(member.key());
    const bool has_default = found != defaults.end();
    if (has_default && member.value().is_object() && found->is_object()) {
      Json inner = without_defaults(member.value(), *found);
      if (!inner.empty()) result[member.key()] = std::move(inner);
    } else if (!has_default || member.value() != *found) {
      result[member.key()] = member.value();
    }
  }
  return result;
}

std::string note_lines(const Import& import, bool dropped) {
  std::string text;
  for (const Note& note : import.notes) {
    if (note.dropped != dropped) continue;
    text += "  " + (note.place.line > 0 ? to_string(note.place) + ": " : std::string()) + to_string(note.subject) +
            ": " + note.why + "\n";
  }
  return text;
}

/// What may hold more than a setting is not printed.
std::string shown_value(const Subject& subject, const std::string& value) {
  if (value.empty()) return "(not set)";
  const bool is_free = subject.key == "connect_query" || subject.key == "auth_ldap_options" || value.size() > 80;
  return is_free ? "(set)" : value;
}

/// Those of [pgbouncer] are the same for all pools and are told once.
std::vector<std::string> difference_lines(const Comparison& comparison) {
  std::vector<std::string> lines;
  for (const Difference& difference : comparison.differences) {
    std::string line = "  " + to_string(difference.subject) + ": " +
                       shown_value(difference.subject, difference.before) + " -> " +
                       shown_value(difference.subject, difference.after) + "\n    " +
                       (difference.why.empty() ? "unexpected; please report it" : difference.why) + "\n";
    if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(std::move(line));
  }
  std::stable_partition(lines.begin(), lines.end(),
                        [](const std::string& line) { return !line.starts_with("  [pgb"); });
  return lines;
}

}  // namespace

std::vector<Json> pool_objects(const Import& import) {
  api::ConnectionPool plain;
  plain.spec.databases.emplace_back();
  const Json defaults = api::pool_json(plain).at("spec");
  std::vector<Json> objects;
  for (const ImportedPool& imported : import.pools) {
    const Json full = api::pool_json(imported.pool).at("spec");
    Json spec = without_defaults(full, defaults);
    spec["databases"] = Json::array();
    for (const Json& database : full.at("databases")) {
      Json entry = without_defaults(database, defaults.at("databases").at(0));
      // The sizes are what the import is about; they stand there even where they are the defaults.
      entry["poolSize"] = database.at("poolSize");
      entry["reservePoolSize"] = database.at("reservePoolSize");
      spec["databases"].push_back(std::move(entry));
    }
    Json metadata = {{"name", imported.pool.name}};
    if (!imported.pool.namespace_name.empty()) metadata["namespace"] = imported.pool.namespace_name;
    objects.push_back(
        {{"apiVersion", api::kApiVersion}, {"kind", api::kKind}, {"metadata", metadata}, {"spec", std::move(spec)}});
  }
  return objects;
}

std::vector<Json> secret_objects(const Import& import, const std::string& namespace_name, bool with_values) {
  std::vector<Json> objects;
  for (const SecretSkeleton& secret : import.secrets) {
    Json values = Json::object();
    for (const SecretKey& key : secret.keys) {
      const bool is_shown = with_values || key.key == "username";
      values[key.key] = is_shown && !key.value.empty() ? key.value.reveal() : std::string(kPlaceholder);
    }
    Json metadata = {{"name", secret.name}};
    if (!namespace_name.empty()) metadata["namespace"] = namespace_name;
    objects.push_back({{"apiVersion", "v1"},
                       {"kind", "Secret"},
                       {"metadata", metadata},
                       {"type", secret.type},
                       {"stringData", std::move(values)}});
  }
  return objects;
}

std::string report_text(const Import& import, const Comparison& comparison) {
  std::size_t databases = 0;
  for (const ImportedPool& imported : import.pools) databases += imported.pool.spec.databases.size();
  std::string text = api::counted(databases, "database") + " in " +
                     api::counted(import.pools.size(), "ConnectionPool") + ", " +
                     api::counted(import.secrets.size(), "Secret") + "\n";
  if (const std::string lines = note_lines(import, false); !lines.empty()) text += "\ncarried with a change:\n" + lines;
  if (const std::string lines = note_lines(import, true); !lines.empty()) text += "\nnot carried:\n" + lines;
  text += "\nrendered back for one pod: " + api::counted(comparison.equal, "setting") + " equal, " +
          std::to_string(comparison.differences.size()) + " different\n";
  for (const std::string& line : difference_lines(comparison)) text += line;
  return text;
}

}  // namespace poolwright::importer
