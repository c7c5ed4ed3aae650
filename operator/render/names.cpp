#include "render/names.h"

#include <algorithm>

#include "base/digest.h"

namespace poolwright::render {

namespace {

constexpr std::string_view kPoolSuffix = "-pool";
constexpr std::string_view kUserlistSuffix = "-pool-userlist";
constexpr std::string_view kConsoleSuffix = "-pool-console";
constexpr std::string_view kUrlSuffix = "-url";
/// Two dashes and 16 hex digits end every shortened name; a plain name never ends like that.
constexpr std::string_view kHashMark = "--";
constexpr std::size_t kHashDigits = 16;
/// Longest name of a resource that is used as it is: the longest suffix still fits behind it.
constexpr std::size_t kPlainLengthMax = kNameLengthMax - kUserlistSuffix.size();
constexpr std::size_t kShortenedPoolMax = kPlainLengthMax - kHashMark.size() - kHashDigits;
constexpr std::size_t kShortenedPartMax = 19;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

bool is_dns1035_label(std::string_view text) {
  if (text.empty() || text.size() > kNameLengthMax || !is_lower(text.front()) || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

bool looks_shortened(std::string_view text) {
  if (text.size() < kHashMark.size() + kHashDigits) return false;
  const std::string_view digits = text.substr(text.size() - kHashDigits);
  const std::string_view mark = text.substr(text.size() - kHashDigits - kHashMark.size(), kHashMark.size());
  return mark == kHashMark && std::all_of(digits.begin(), digits.end(), is_hex);
}

/// The readable part of a shortened name: a DNS-1035 label of at most `length` characters.
std::string readable_part(std::string_view text, std::size_t length) {
  std::string part;
  for (const char c : text.substr(0, length)) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if (is_lower(c) || is_digit(c)) {
      part += c;
    } else {
      part += is_upper ? static_cast<char>(c - 'A' + 'a') : '-';
    }
  }
  if (part.empty() || !is_lower(part.front())) part.insert(0, 1, 'p');
  part.resize(std::min(part.size(), length));
  while (part.back() == '-') part.pop_back();
  return part;
}

std::string hash_digits(std::string_view text) { return sha256_hex(text).substr(0, kHashDigits); }

/// What every name of a pool starts with: its own name, or a shortened one.
std::string base_name(std::string_view pool_name) {
  if (pool_name.size() <= kPlainLengthMax && is_dns1035_label(pool_name) && !looks_shortened(pool_name)) {
    return std::string(pool_name);
  }
  return readable_part(pool_name, kShortenedPoolMax).append(kHashMark).append(hash_digits(pool_name));
}

std::string with_suffix(std::string_view pool_name, std::string_view suffix) {
  return base_name(pool_name).append(suffix);
}

}  // namespace

std::string pool_object_name(std::string_view pool_name) { return with_suffix(pool_name, kPoolSuffix); }
std::string userlist_secret_name(std::string_view pool_name) { return with_suffix(pool_name, kUserlistSuffix); }
std::string console_secret_name(std::string_view pool_name) { return with_suffix(pool_name, kConsoleSuffix); }

std::string derived_url_secret_name(std::string_view pool_name, std::string_view database_name) {
  const std::string base = base_name(pool_name);
  const bool has_plain_letters =
      std::all_of(database_name.begin(), database_name.end(), [](char c) { return is_lower(c) || is_digit(c); });
  const std::size_t plain_length = base.size() + 1 + database_name.size() + kUrlSuffix.size();
  // Without a dash in the second part the name can be read in one way only: it splits at the last dash before "-url".
  // ("a" with database "b-c" and "a-b" with database "c" would otherwise share a Secret.)
  if (has_plain_letters && !database_name.empty() && plain_length <= kNameLengthMax) {
    return (base + "-").append(database_name).append(kUrlSuffix);
  }
  // "/" is in neither name, so the pair is hashed unambiguously.
  const std::string pair = std::string(pool_name).append("/").append(database_name);
  return (readable_part(pool_name, kShortenedPartMax) + "-" + readable_part(database_name, kShortenedPartMax))
      .append(kHashMark)
      .append(hash_digits(pair))
      .append(kUrlSuffix);
}

std::string url_secret_name(const api::ConnectionPool& pool, const api::Database& database) {
  if (database.application.secret_name) return *database.application.secret_name;
  return derived_url_secret_name(pool.name, database.name);
}

std::string pool_label(std::string_view pool_name) { return base_name(pool_name); }

std::map<std::string, std::string> selector_labels(std::string_view pool_name) {
  return {{"app.kubernetes.io/name", "pgbouncer"}, {kPoolLabel, pool_label(pool_name)}};
}

std::map<std::string, std::string> object_labels(std::string_view pool_name) {
  std::map<std::string, std::string> labels = selector_labels(pool_name);
  labels["app.kubernetes.io/instance"] = pool_label(pool_name);
  labels["app.kubernetes.io/managed-by"] = "poolwright";
  return labels;
}

std::string selector_text(std::string_view pool_name) {
  std::string text;
  for (const auto& [name, value] : selector_labels(pool_name)) {
    if (!text.empty()) text += ",";
    text.append(name).append("=").append(value);
  }
  return text;
}

std::string service_host(std::string_view pool_name, std::string_view namespace_name) {
  return pool_object_name(pool_name).append(".").append(namespace_name).append(".svc");
}

}  // namespace poolwright::render
