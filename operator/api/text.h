// The forms that texts of a ConnectionPool have, and how a text is shown in a message. Each form has one sentence,
// which is also the message of the CRD's rule for it (rules.h). Thread rule: pure functions.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace poolwright::api {

enum class Form {
  kAnyText,       // no control characters
  kAnyLines,      // no control characters but line feed and tab
  kHost,          // see host.h
  kObjectName,    // DNS-1123 subdomain
  kDatabaseName,  // what needs quoting nowhere: not in an ini, a URL, a HBA file
  kImage,
  kPgbouncerVersion,
  kCidr,
  kLabelKey,  // also of annotations
  kLabelValue,
  kParameterName,
  kQuantity,
};

/// Whether the text has the form. Lengths of whole fields are the caller's.
bool has_form(std::string_view text, Form form);

/// "must be ...": what the form asks for.
const char* words_of(Form form);

/// "1 pod", "2 pods".
std::string counted(std::integral auto count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

bool is_utf8(std::string_view text);

/// Bytes of the first character of a text that is not empty; 0 where it begins with none of UTF-8.
std::size_t character_size(std::string_view text);

/// Number of Unicode characters; a byte that is no part of one counts as one.
std::size_t length_of(std::string_view text);

/// A C0 or C1 control character, DEL, or one of the line separators U+2028 and U+2029.
bool has_control_character(std::string_view text, bool lines_allowed);

/// The text in quotes for a message: control and non-ASCII characters escaped, at most 64 characters of it. What may
/// hold a password (a URL, "user:password@host") is not shown: "(not shown)".
std::string shown(std::string_view text);

}  // namespace poolwright::api
