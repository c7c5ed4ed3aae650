#include "kube/cache.h"

#include <algorithm>

namespace poolwright::kube {

namespace {

bool is_version(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::pair<std::string, std::string> name_of(const api::Json& object) {
  return {api::metadata_string(object, "namespace"), api::metadata_string(object, "name")};
}

bool is_same_version(const api::Json& a, const api::Json& b) {
  return api::metadata_string(a, "resourceVersion") == api::metadata_string(b, "resourceVersion") &&
         api::metadata_string(a, "uid") == api::metadata_string(b, "uid");
}

bool covers(const Selection& selection, const api::ObjectKey& key) {
  return selection.namespace_name.empty() || selection.namespace_name == key.namespace_name;
}

}  // namespace

bool is_older_version(std::string_view a, std::string_view b) {
  if (!is_version(a) || !is_version(b)) return true;
  if (a.size() != b.size()) return a.size() < b.size();
  return a < b;
}

api::Object Cache::get(const api::ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const auto kind = kinds_.find(key.kind);
  if (kind == kinds_.end()) return nullptr;
  const auto found = kind->second.entries.find({key.namespace_name, key.name});
  return found == kind->second.entries.end() ? nullptr : found->second.object;
}

std::vector<api::Object> Cache::list(const std::string& kind, const std::string& namespace_name) const {
  std::vector<api::Object> objects;
  const MutexLock lock(mutex_);
  const auto found = kinds_.find(kind);
  if (found == kinds_.end()) return objects;
  const auto& entries = found->second.entries;
  for (auto entry = entries.lower_bound({namespace_name, ""}); entry != entries.end(); ++entry) {
    if (!namespace_name.empty() && entry->first.first != namespace_name) break;
    objects.push_back(entry->second.object);
  }
  return objects;
}

std::string Cache::seen_version(const api::ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const auto kind = kinds_.find(key.kind);
  if (kind == kinds_.end()) return {};
  std::string oldest;
  for (const auto& [selection, version] : kind->second.versions) {
    if (!covers(selection, key)) continue;
    if (oldest.empty() || is_older_version(version, oldest)) oldest = version;
  }
  return oldest;
}

std::string Cache::removed_version(const api::ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const auto kind = kinds_.find(key.kind);
  if (kind == kinds_.end()) return {};
  const auto found = kind->second.removed.find({key.namespace_name, key.name});
  return found == kind->second.removed.end() ? std::string() : found->second;
}

void Cache::note_removal(Kind& kind, const Name& name, const std::string& version) {
  if (kind.removed.size() >= kRemovedMax) kind.removed.clear();
  kind.removed[name] = version;
}

std::size_t Cache::size() const {
  const MutexLock lock(mutex_);
  std::size_t count = 0;
  for (const auto& [name, kind] : kinds_) count += kind.entries.size();
  return count;
}

std::vector<ObjectChange> Cache::replace(const Selection& selection, std::vector<api::Object> objects,
                                         const std::string& version) {
  std::map<Name, api::Object> fresh;
  for (api::Object& object : objects) fresh[name_of(*object)] = std::move(object);

  std::vector<ObjectChange> changes;
  const MutexLock lock(mutex_);
  Kind& kind = kinds_[selection.kind];
  kind.versions[selection] = version;
  for (auto entry = kind.entries.begin(); entry != kind.entries.end();) {
    if (entry->second.selection == selection && !fresh.contains(entry->first)) {
      changes.push_back({.before = entry->second.object, .after = nullptr});
      note_removal(kind, entry->first, version);
      entry = kind.entries.erase(entry);
    } else {
      ++entry;
    }
  }
  for (auto& [name, object] : fresh) {
    Entry& entry = kind.entries[name];
    if (entry.object == nullptr || !is_same_version(*entry.object, *object)) {
      changes.push_back({.before = entry.object, .after = object});
    }
    entry = {.object = std::move(object), .selection = selection};
  }
  return changes;
}

ObjectChange Cache::update(const Selection& selection, api::Object object) {
  const MutexLock lock(mutex_);
  Kind& kind = kinds_[selection.kind];
  kind.versions[selection] = api::metadata_string(*object, "resourceVersion");
  Entry& entry = kind.entries[name_of(*object)];
  ObjectChange change{.before = entry.object, .after = object};
  entry = {.object = std::move(object), .selection = selection};
  return change;
}

ObjectChange Cache::remove(const Selection& selection, const api::Json& object) {
  const MutexLock lock(mutex_);
  Kind& kind = kinds_[selection.kind];
  kind.versions[selection] = api::metadata_string(object, "resourceVersion");
  note_removal(kind, name_of(object), api::metadata_string(object, "resourceVersion"));
  const auto found = kind.entries.find(name_of(object));
  if (found == kind.entries.end()) return {.before = std::make_shared<const api::Json>(object), .after = nullptr};
  ObjectChange change{.before = found->second.object, .after = nullptr};
  kind.entries.erase(found);
  return change;
}

void Cache::advance(const Selection& selection, const std::string& version) {
  const MutexLock lock(mutex_);
  kinds_[selection.kind].versions[selection] = version;
}

std::vector<ObjectChange> Cache::forget(const Selection& selection) {
  std::vector<ObjectChange> changes;
  const MutexLock lock(mutex_);
  const auto found = kinds_.find(selection.kind);
  if (found == kinds_.end()) return changes;
  Kind& kind = found->second;
  for (auto entry = kind.entries.begin(); entry != kind.entries.end();) {
    if (entry->second.selection == selection) {
      changes.push_back({.before = entry->second.object, .after = nullptr});
      entry = kind.entries.erase(entry);
    } else {
      ++entry;
    }
  }
  kind.versions.erase(selection);
  if (kind.entries.empty() && kind.versions.empty()) kinds_.erase(found);
  return changes;
}

}  // namespace poolwright::kube
