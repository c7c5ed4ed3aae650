// Which path answers what. docs/api/openapi.yaml describes the same answers; a test compares the two.
// Thread rule: Routes belongs to one thread (it remembers bodies of the newest snapshot).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "serve/request.h"
#include "serve/snapshot.h"

namespace poolwright::serve {

/// Probes and the page's own files hold nothing of a cluster and are read without a token.
enum class Access { kPublic, kAuthorized };

class Routes {
 public:
  /// A thread that has not moved on for longer than this is stuck: nothing that it does may take that long.
  static constexpr Duration kStuckAfter{120'000};

  /// Source and clock outlive the routes.
  Routes(const Source& source, const Clock& clock) : source_(source), clock_(clock), started_at_(clock.now()) {}

  /// nullopt: there is no such path.
  std::optional<Access> access(std::string_view path) const;
  /// Methods other than GET and HEAD are refused before. The caller has checked who may read.
  Answer answer(const Target& target);

 private:
  static constexpr std::size_t kBodiesMax = 64;

  const Source& source_;
  const Clock& clock_;
  const MonotonicTime started_at_;
  std::shared_ptr<const Snapshot> rendered_;  // that bodies_ were made of
  std::map<std::string, Answer> bodies_;      // by path and parameters
};

}  // namespace poolwright::serve
