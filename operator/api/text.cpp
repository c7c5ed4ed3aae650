#include "api/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "api/host.h"
#include "api/quantity.h"
#include "api/rules.h"

namespace poolwright::api {

namespace {

constexpr std::size_t kShownLengthMax = 64;
constexpr std::size_t kNameLengthMax = 63;
constexpr std::size_t kSubdomainLengthMax = 253;
constexpr std::size_t kTagLengthMax = 128;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_alnum(char c) { return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_lower_alnum(char c) { return is_lower(c) || is_digit(c); }

template <typename Allowed>
bool all(std::string_view text, Allowed allowed) {
  return std::all_of(text.begin(), text.end(), allowed);
}

/// Whether `accepts` holds for every part between separators; an empty text has one empty part.
template <typename Accepts>
bool all_parts(std::string_view text, char separator, Accepts accepts) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!accepts(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool is_subdomain(std::string_view text) {
  if (text.size() > kSubdomainLengthMax) return false;
  return all_parts(text, '.', [](std::string_view part) {
    return !part.empty() && is_lower_alnum(part.front()) && is_lower_alnum(part.back()) &&
           all(part, [](char c) { return is_lower_alnum(c) || c == '-'; });
  });
}

bool is_database_name(std::string_view text) {
  if (text.empty() || text.size() > kNameLengthMax || is_digit(text.front()) || text.front() == '-') return false;
  return all(text, [](char c) { return is_alnum(c) || c == '_' || c == '-'; });
}

bool is_label_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameLengthMax && is_alnum(text.front()) && is_alnum(text.back()) &&
         all(text, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_label_key(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return is_label_name(text);
  return is_subdomain(text.substr(0, slash)) && is_label_name(text.substr(slash + 1));
}

bool is_parameter_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameLengthMax && is_lower(text.front()) &&
         all(text, [](char c) { return is_lower_alnum(c) || c == '_'; });
}

/// Lower-case letters and digits with '.', '_' and '-' between them.
bool is_image_path_part(std::string_view part) {
  return !part.empty() && is_lower_alnum(part.front()) && is_lower_alnum(part.back()) &&
         all(part, [](char c) { return is_lower_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_registry(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view host = text.substr(0, colon);
  if (host.empty() || !is_alnum(host.front()) || !is_alnum(host.back())) return false;
  if (!all(host, [](char c) { return is_alnum(c) || c == '.' || c == '-'; })) return false;
  if (colon == std::string_view::npos) return true;
  const std::string_view port = text.substr(colon + 1);
  return !port.empty() && port.size() <= 5 && all(port, is_digit);
}

bool is_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kTagLengthMax && (is_alnum(tag.front()) || tag.front() == '_') &&
         tag != "latest" && all(tag, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_digest(std::string_view digest) {
  constexpr std::string_view kAlgorithm = "sha256:";
  constexpr std::size_t kHexDigits = 64;
  if (!digest.starts_with(kAlgorithm)) return false;
  digest.remove_prefix(kAlgorithm.size());
  return digest.size() == kHexDigits && all(digest, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

/// [registry[:port]/]path[:tag][@digest] with at least one of tag and digest.
bool is_image(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos && !is_digest(text.substr(at + 1))) return false;
  std::string_view name = text.substr(0, at);
  const std::size_t colon = name.rfind(':');
  const std::size_t last_slash = name.rfind('/');
  const bool tagged = colon != std::string_view::npos && (last_slash == std::string_view::npos || colon > last_slash);
  if (tagged && !is_tag(name.substr(colon + 1))) return false;
  if (!tagged && at == std::string_view::npos) return false;
  if (tagged) name = name.substr(0, colon);
  const std::size_t slash = name.find('/');
  const bool registry_first = slash != std::string_view::npos && !is_image_path_part(name.substr(0, slash));
  if (registry_first && !is_registry(name.substr(0, slash))) return false;
  return all_parts(registry_first ? name.substr(slash + 1) : name, '/', is_image_path_part);
}

bool is_version(std::string_view text) {
  constexpr std::array<std::string_view, 9> kVersions{"1.18", "1.19", "1.20", "1.21", "1.22",
                                                      "1.23", "1.24", "1.25", "1.26"};
  return std::find(kVersions.begin(), kVersions.end(), text) != kVersions.end();
}

struct Character {
  std::uint32_t code = 0;
  std::size_t size = 0;  // bytes; 0: not a character of UTF-8
};

/// The first character of a text that is not empty.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {.code = lead, .size = 1};
  const std::size_t size = lead >= 0xF0 && lead <= 0xF4  ? 4
                           : lead >= 0xE0 && lead < 0xF0 ? 3
                           : lead >= 0xC2 && lead < 0xE0 ? 2
                                                         : 0;
  if (size == 0 || text.size() < size) return {};
  std::uint32_t code = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  const std::uint32_t smallest = size == 2 ? 0x80U : size == 3 ? 0x800U : 0x10000U;
  const bool surrogate = code >= 0xD800U && code <= 0xDFFFU;
  return code < smallest || code > 0x10FFFFU || surrogate ? Character{} : Character{.code = code, .size = size};
}

bool is_control(std::uint32_t code, bool lines_allowed) {
  if (lines_allowed && (code == '\n' || code == '\t')) return false;
  return code < 0x20U || (code >= 0x7FU && code <= 0x9FU) || code == 0x2028U || code == 0x2029U;
}

}  // namespace

bool has_form(std::string_view text, Form form) {
  switch (form) {
    case Form::kAnyText:
      return !has_control_character(text, false);
    case Form::kAnyLines:
      return !has_control_character(text, true);
    case Form::kHost:
      return kind_of_host(text) != HostKind::kMalformed;
    case Form::kObjectName:
      return is_subdomain(text);
    case Form::kDatabaseName:
      return is_database_name(text);
    case Form::kImage:
      return is_image(text);
    case Form::kPgbouncerVersion:
      return is_version(text);
    case Form::kCidr:
      return is_cidr(text);
    case Form::kLabelKey:
      return is_label_key(text);
    case Form::kLabelValue:
      return text.empty() || is_label_name(text);
    case Form::kParameterName:
      return is_parameter_name(text);
    case Form::kQuantity:
      return canonical_quantity(text).has_value();
  }
  return false;
}

const char* words_of(Form form) {
  switch (form) {
    case Form::kAnyText:
      return rule::kNoControl;
    case Form::kAnyLines:
      return rule::kNoControlButLines;
    case Form::kHost:
      return rule::kHost;
    case Form::kObjectName:
      return rule::kObjectName;
    case Form::kDatabaseName:
      return rule::kDatabaseName;
    case Form::kImage:
      return rule::kImage;
    case Form::kPgbouncerVersion:
      return "must be a version of PgBouncer from \"1.18\" to \"1.26\", in quotes";
    case Form::kCidr:
      return rule::kCidr;
    case Form::kLabelKey:
      return rule::kLabelKey;
    case Form::kLabelValue:
      return rule::kLabelValue;
    case Form::kParameterName:
      return rule::kParameterName;
    case Form::kQuantity:
      return rule::kQuantity;
  }
  return "";
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.size == 0) return false;
    text.remove_prefix(character.size);
  }
  return true;
}

std::size_t character_size(std::string_view text) { return first_character(text).size; }

std::size_t length_of(std::string_view text) {
  std::size_t length = 0;
  for (; !text.empty(); ++length) text.remove_prefix(std::max<std::size_t>(1, first_character(text).size));
  return length;
}

bool has_control_character(std::string_view text, bool lines_allowed) {
  while (!text.empty()) {
    const Character character = first_character(text);
    if (character.size != 0 && is_control(character.code, lines_allowed)) return true;
    text.remove_prefix(std::max<std::size_t>(1, character.size));
  }
  return false;
}

std::string shown(std::string_view text) {
  if (text.find('@') != std::string_view::npos || text.find("://") != std::string_view::npos) return "(not shown)";
  const bool cut = text.size() > kShownLengthMax;
  const std::string kept(text.substr(0, kShownLengthMax));
  constexpr bool kAsciiOnly = true;
  return nlohmann::json(kept).dump(-1, ' ', kAsciiOnly, nlohmann::json::error_handler_t::replace) + (cut ? "..." : "");
}

}  // namespace poolwright::api
