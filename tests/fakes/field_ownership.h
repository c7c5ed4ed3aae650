// Which writer owns which field of an object: the part of server-side apply that decides what an apply takes away.
// Lists of objects are keyed by "name", "type", "key" or "port" where all elements have it, otherwise they are one
// field, as are lists of plain values. That is what the kinds that Poolwright writes come to; the real schema is not
// consulted. Thread rule: plain value.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/object.h"

namespace poolwright::fakes {

/// The leaves of a value, as paths: "spec/replicas", "spec/containers/{name=pgbouncer}/image".
std::set<std::string> leaf_paths(const api::Json& value);

class FieldOwnership {
 public:
  using Writer = std::string;  // manager and subresource

  /// Fields that somebody else owns with another value: what an unforced apply would conflict with.
  std::vector<std::string> conflicts(const Writer& writer, const api::Json& stored, const api::Json& applied) const;

  /// The object after `writer` applied `applied`: merged in, without what this writer alone owned and no longer names.
  api::Json apply(const Writer& writer, const api::Json& stored, const api::Json& applied);

  /// `writer` wrote the whole object (PUT or a patch): it owns what differs now.
  void overwrite(const Writer& writer, const api::Json& before, const api::Json& after);

 private:
  std::map<Writer, std::set<std::string>> owned_;
};

}  // namespace poolwright::fakes
