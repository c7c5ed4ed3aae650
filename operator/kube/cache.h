// What the watches have seen, for everybody to read. Objects are immutable and shared: a reader keeps what it got,
// whatever is written afterwards. Thread rule: one writer, the ingest thread (replace, update, remove); readers on any
// thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/object.h"
#include "api/object_store.h"
#include "base/mutex.h"
#include "kube/resource.h"

namespace poolwright::kube {

/// True where version `a` is older than `b`, or one of them is no version. They are decimal numbers that only grow.
bool is_older_version(std::string_view a, std::string_view b);

/// What changed; null before = new, null after = gone.
struct ObjectChange {
  api::Object before;
  api::Object after;

  const api::Json& object() const { return after ? *after : *before; }
};

class Cache {
 public:
  /// Null where it is absent.
  api::Object get(const api::ObjectKey& key) const;
  /// By namespace and name; namespace_name "" = all.
  std::vector<api::Object> list(const std::string& kind, const std::string& namespace_name) const;
  /// Up to which version of the collection the cache is known to be complete; "" before the first list.
  std::string seen_version(const api::ObjectKey& key) const;
  /// The version at which the object was last removed from the cache; "" where that is not known (any more).
  std::string removed_version(const api::ObjectKey& key) const;
  std::size_t size() const;

  /// The objects of a selection become exactly these, at once. Gives what changed by it.
  std::vector<ObjectChange> replace(const Selection& selection, std::vector<api::Object> objects,
                                    const std::string& version);
  /// One object is new or different.
  ObjectChange update(const Selection& selection, api::Object object);
  ObjectChange remove(const Selection& selection, const api::Json& object);
  /// Nothing changed up to this version.
  void advance(const Selection& selection, const std::string& version);
  /// The selection is no longer watched: its objects go away.
  std::vector<ObjectChange> forget(const Selection& selection);

 private:
  using Name = std::pair<std::string, std::string>;  // namespace, name
  struct Entry {
    api::Object object;
    Selection selection;  // the watch that it came by
  };
  struct Kind {
    std::map<Name, Entry> entries;
    std::map<Selection, std::string> versions;
    std::map<Name, std::string> removed;
  };
  /// Removals that are remembered per kind; when there are more, all of them are forgotten.
  static constexpr std::size_t kRemovedMax = 8192;

  static void note_removal(Kind& kind, const Name& name, const std::string& version);

  mutable Mutex mutex_;
  std::map<std::string, Kind, std::less<>> kinds_ PW_GUARDED_BY(mutex_);
};

}  // namespace poolwright::kube
