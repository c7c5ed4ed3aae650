// What went wrong, as a value. The kind says what the caller may do next, not what happened: one table
// (base/retry.h) turns it into a decision about retries, and nothing else decides about them.
// Thread rule: plain values, no shared state.
#pragma once

#include <chrono>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>

namespace poolwright {

enum class ErrorKind {
  kNotFound,          // the object is not there
  kAlreadyExists,     // a create found it there
  kConflict,          // somebody else wrote in between (stale resourceVersion, server-side-apply conflict)
  kGone,              // the resourceVersion or continue token is too old: list again from scratch
  kThrottled,         // asked to slow down; retry_after tells for how long
  kUnavailable,       // transport failure or 5xx: the outcome is unknown
  kDeadlineExceeded,  // our own deadline passed: the outcome is unknown
  kUnauthorized,      // credentials were refused: reload them once
  kForbidden,         // credentials are good, the right is missing
  kInvalid,           // the input is wrong and stays wrong until somebody changes it
  kProtocol,          // the other side broke its protocol
  kCancelled,         // we were asked to stop
  kInternal,          // a bug of ours that was caught at a barrier
};

std::string_view to_string(ErrorKind kind);

/// A failure: what the caller may do (kind) and a sentence for a person: operation + object + cause.
/// Never holds a secret value.
struct Error {
  ErrorKind kind = ErrorKind::kInternal;
  std::string message;
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
  std::source_location where = std::source_location::current();
};

/// "<message> [<kind>]", for logs.
std::string describe(const Error& error);

/// The same error with "<context>: " put before its message; the kind stays.
Error with_context(Error error, std::string_view context);

}  // namespace poolwright
