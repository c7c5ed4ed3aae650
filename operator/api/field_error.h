// What is wrong with a resource: one value per problem, with the path of the field as a person writes it. All problems
// of a resource are found at once. Thread rule: plain values, pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace poolwright::api {

/// A message tells what is allowed and, where it is no secret, what was found: "must be an integer from 1 to 10000,
/// got 0".
struct FieldError {
  std::string path;     // "spec.databases[1].poolSize.max"; "" for the document itself
  std::string message;  // one line
  int line = 0;         // in the file, from 1; 0 where there is no file
  friend bool operator==(const FieldError&, const FieldError&) = default;
};

/// "spec.databases[1].poolSize.max: must be ...".
std::string to_string(const FieldError& error);

/// All of them in one line, separated by "; ", for a condition's message. At most `limit_bytes`, then "... (n more)".
std::string join(const std::vector<FieldError>& errors, std::size_t limit_bytes = 900);

/// Path of a member: ".name", or "[name]" where the name has other characters than letters, digits, '_' and '-'.
std::string member_path(const std::string& parent, std::string_view name);
/// Path of a list item, counted from 0.
std::string item_path(const std::string& parent, std::size_t index);
/// Path of what holds the field; "" at the top.
std::string parent_path(const std::string& path);
/// Whether `path` is `ancestor` or lies inside it.
bool is_inside(const std::string& path, const std::string& ancestor);

}  // namespace poolwright::api
