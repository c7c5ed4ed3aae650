#include "api/field_error.h"

#include <algorithm>

namespace poolwright::api {

namespace {

bool is_plain_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), plain);
}

}  // namespace

std::string to_string(const FieldError& error) {
  return error.path.empty() ? error.message : error.path + ": " + error.message;
}

std::string join(const std::vector<FieldError>& errors, std::size_t limit_bytes) {
  std::string text;
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const std::string next = (i == 0 ? "" : "; ") + to_string(errors[i]);
    if (i > 0 && text.size() + next.size() > limit_bytes) {
      return text + "; ... (" + std::to_string(errors.size() - i) + " more)";
    }
    text += next;
  }
  return text;
}

std::string member_path(const std::string& parent, std::string_view name) {
  if (!is_plain_name(name)) return parent + "[" + std::string(name) + "]";
  return parent.empty() ? std::string(name) : parent + "." + std::string(name);
}

std::string item_path(const std::string& parent, std::size_t index) {
  return parent + "[" + std::to_string(index) + "]";
}

std::string parent_path(const std::string& path) {
  if (path.empty()) return {};
  if (path.back() == ']') return path.substr(0, path.rfind('['));
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? std::string() : path.substr(0, dot);
}

bool is_inside(const std::string& path, const std::string& ancestor) {
  if (!path.starts_with(ancestor)) return false;
  return path.size() == ancestor.size() || ancestor.empty() || path[ancestor.size()] == '.' ||
         path[ancestor.size()] == '[';
}

}  // namespace poolwright::api
