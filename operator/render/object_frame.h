// What all objects of a pool have in common. Inside the room only. Thread rule: pure functions.
#pragma once

#include <map>
#include <string>

#include "api/connection_pool.h"
#include "api/object.h"
#include "base/secret.h"

namespace poolwright::render {

struct ObjectFrame {
  std::string api_version;
  std::string kind;
  std::string name;
};

/// apiVersion, kind and metadata with namespace, labels and the pool as controlling owner. Without a UID (rendered for
/// a person, not for a cluster) there is no owner reference.
api::Json framed_object(const api::ConnectionPool& pool, const ObjectFrame& frame);

/// A Secret of the type with these values as `data`.
api::Json framed_secret(const api::ConnectionPool& pool, const std::string& name, const std::string& type,
                        const std::map<std::string, SecretString>& values);

}  // namespace poolwright::render
