// A string that must not be seen: it has no stream operator, no conversion and no formatter, so that it cannot
// reach a log, an error or a status by accident. Whoever needs the value writes reveal(), which is easy to find.
#pragma once

#include <string>
#include <utility>

namespace poolwright {

class SecretString {
 public:
  SecretString() = default;
  explicit SecretString(std::string value) : value_(std::move(value)) {}

  const std::string& reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

  friend bool operator==(const SecretString&, const SecretString&) = default;

 private:
  std::string value_;
};

}  // namespace poolwright
