// Result<T>: either a value or an Error. Member names are those of std::expected, so that a later standard type
// is a one-line change. Results cannot be ignored; the value of a failed result must not be read (PW_CHECK).
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/error.h"

namespace poolwright {

/// The only success of an operation that gives nothing back.
struct Unit {
  friend bool operator==(const Unit&, const Unit&) = default;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  // Implicit on purpose: `return value;` and `return Error{...};` are how results are made.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  const T& value() const& {
    PW_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T& value() & {
    PW_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    PW_CHECK(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  const T& operator*() const& { return value(); }
  T& operator*() & { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  const T* operator->() const { return &value(); }
  T* operator->() { return &value(); }

  const Error& error() const& {
    PW_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    PW_CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

  T value_or(T otherwise) const& { return has_value() ? value() : std::move(otherwise); }

 private:
  std::variant<T, Error> state_;
};

/// Success or failure of an operation that gives nothing back: `return ok();`.
using Status = Result<Unit>;
inline Status ok() { return Unit{}; }

inline Error make_error(ErrorKind kind, std::string message,
                        std::source_location where = std::source_location::current()) {
  return Error{.kind = kind, .message = std::move(message), .retry_after = std::nullopt, .where = where};
}

}  // namespace poolwright

#define PW_CONCAT_INNER(a, b) a##b
#define PW_CONCAT(a, b) PW_CONCAT_INNER(a, b)

/// Leaves the function with the error of `expression`, if it has one.
#define PW_RETURN_IF_ERROR(expression)                               \
  do {                                                               \
    auto pw_status = (expression);                                   \
    if (!pw_status.has_value()) return std::move(pw_status).error(); \
  } while (false)

#define PW_ASSIGN_OR_RETURN_INNER(temporary, target, expression)   \
  auto temporary = (expression);                                   \
  if (!temporary.has_value()) return std::move(temporary).error(); \
  target = std::move(temporary).value()

/// `PW_ASSIGN_OR_RETURN(auto x, f());`: x is f's value, or the function is left with f's error.
#define PW_ASSIGN_OR_RETURN(target, expression) \
  PW_ASSIGN_OR_RETURN_INNER(PW_CONCAT(pw_result_, __LINE__), target, expression)
