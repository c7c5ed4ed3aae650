#include "local/directory_store.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/text.h"
#include "base/digest.h"
#include "base/log.h"
#include "local/files.h"

namespace poolwright::local {

namespace fs = std::filesystem;
using api::Json;
using api::Object;
using api::ObjectKey;

namespace {

constexpr std::size_t kObjectsMax = 100'000;

/// `target` as it is after an apply of `wanted`, where `before` was applied last: members that only `before` has go,
/// those of `wanted` come, all others stay. Lists are one value.
void apply_onto(Json& target, const Json& before, const Json& wanted) {
  if (before.is_object()) {
    for (const auto& [name, value] : before.items()) {
      if (!wanted.contains(name)) target.erase(name);
    }
  }
  for (const auto& [name, value] : wanted.items()) {
    Json& place = target[name];
    if (value.is_object() && place.is_object()) {
      const auto earlier = before.find(name);
      apply_onto(place, earlier == before.end() ? Json::object() : *earlier, value);
    } else {
      place = value;
    }
  }
}

/// Pods follow from processes and Secrets of people from their files; only what the reconciler made, and the resources
/// with their status and generation, must be found again.
bool is_kept(const Json& object) {
  const std::string kind = object.value("kind", "");
  return kind != "Pod" && (kind != "Secret" || api::annotation(object, kSourceAnnotation).empty());
}

Status check(const ObjectKey& key) {
  const bool is_named = !key.kind.empty() && api::has_form(key.name, api::Form::kObjectName) && key.name.size() <= 253;
  const bool is_plain = std::all_of(key.kind.begin(), key.kind.end(),
                                    [](unsigned char c) { return (c | 0x20U) >= 'a' && (c | 0x20U) <= 'z'; });
  if (is_named && is_plain && key.namespace_name == kNamespace) return ok();
  return make_error(ErrorKind::kInvalid, to_string(key) + ": metadata.name " + words_of(api::Form::kObjectName));
}

Error absent(const ObjectKey& key) { return make_error(ErrorKind::kNotFound, to_string(key) + " does not exist"); }

std::int64_t generation_of(const Json& object) { return object.at("metadata").value("generation", std::int64_t{0}); }

}  // namespace

Result<std::unique_ptr<DirectoryStore>> DirectoryStore::open(fs::path folder, Random& random) {
  PW_RETURN_IF_ERROR(make_folder(folder, {.mode = 0700}));
  std::unique_ptr<DirectoryStore> store(new DirectoryStore(std::move(folder), random));
  PW_RETURN_IF_ERROR(store->load());
  return store;
}

Status DirectoryStore::load() {
  const MutexLock lock(mutex_);
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(folder_, error)) {
    if (file.path().extension() != ".json" || entries_.size() >= kObjectsMax) continue;
    const auto text = read_file(file.path());
    Json kept = text ? Json::parse(*text, nullptr, false) : Json();
    const bool is_whole = kept.is_object() && kept.contains("object") && kept.contains("applied");
    const ObjectKey key = is_whole ? api::key_of(kept["object"]) : ObjectKey{};
    if (!is_whole || !check(key) || file_of(key) != file.path()) {
      log_warning("kept_object_not_read", {{"file", file.path().string()}});
      continue;
    }
    std::int64_t version = 0;
    const std::string digits = api::metadata_string(kept["object"], "resourceVersion");
    std::from_chars(digits.data(), digits.data() + digits.size(), version);
    version_ = std::max(version_, version);
    entries_[key] = {.object = std::make_shared<const Json>(std::move(kept["object"])),
                     .applied = std::move(kept["applied"])};
  }
  if (error) return file_error(folder_, "it cannot be read", error.value());
  return drop_orphans();
}

/// What was left of an owner that was removed while the program was killed.
Status DirectoryStore::drop_orphans() {
  std::set<std::string> uids;
  for (const auto& [key, entry] : entries_) uids.insert(api::metadata_string(*entry.object, "uid"));
  std::vector<ObjectKey> orphans;
  for (const auto& [key, entry] : entries_) {
    const std::string owner = api::controller_uid(*entry.object);
    if (!owner.empty() && !uids.contains(owner)) orphans.push_back(key);
  }
  std::vector<Change> changes;
  for (const ObjectKey& key : orphans) PW_RETURN_IF_ERROR(erase(key, changes));
  return ok();
}

bool DirectoryStore::holds_uid(const std::string& uid) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const auto& entry) { return api::metadata_string(*entry.second.object, "uid") == uid; });
}

Object DirectoryStore::cached(const ObjectKey& key) const {
  const MutexLock lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : found->second.object;
}

std::vector<Object> DirectoryStore::cached_list(const std::string& kind, const std::string& namespace_name) const {
  std::vector<Object> objects;
  const MutexLock lock(mutex_);
  for (const auto& [key, entry] : entries_) {
    if (key.kind == kind && (namespace_name.empty() || key.namespace_name == namespace_name)) {
      objects.push_back(entry.object);
    }
  }
  return objects;
}

Result<Json> DirectoryStore::get(const ObjectKey& key, const CallLimits& /*limits*/) {
  if (const Object object = cached(key)) return *object;
  return absent(key);
}

Result<Json> DirectoryStore::apply(const Json& object, const CallLimits& /*limits*/) {
  const ObjectKey key = api::key_of(object);
  PW_RETURN_IF_ERROR(check(key));
  Change change;
  Result<Json> stored = Json();
  {
    const MutexLock lock(mutex_);
    // A reconciliation that was under way when the owner went must not bring back what went with it.
    if (const std::string owner = api::controller_uid(object); !owner.empty() && !holds_uid(owner)) {
      return make_error(ErrorKind::kConflict, to_string(key) + ": the object that it belongs to is gone");
    }
    const auto found = entries_.find(key);
    Json merged = found == entries_.end() ? Json::object() : *found->second.object;
    apply_onto(merged, found == entries_.end() ? Json::object() : found->second.applied, object);
    stored = store(key, std::move(merged), &object, change);
  }
  if (change.second) tell({change});
  return stored;
}

Status DirectoryStore::declare(const Json& object) {
  const ObjectKey key = api::key_of(object);
  PW_RETURN_IF_ERROR(check(key));
  Change change;
  Result<Json> stored = Json();
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(key);
    Json next = object;
    next.erase("status");
    if (found != entries_.end() && found->second.object->contains("status")) {
      next["status"] = found->second.object->at("status");
    }
    stored = store(key, std::move(next), nullptr, change);
  }
  if (change.second) tell({change});
  if (!stored) return stored.error();
  return ok();
}

Result<Json> DirectoryStore::apply_status(const ObjectKey& key, const Json& status, const CallLimits& /*limits*/) {
  Change change;
  Result<Json> stored = Json();
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return absent(key);
    Json next = *found->second.object;
    next["status"] = status;
    stored = store(key, std::move(next), nullptr, change);
  }
  if (change.second) tell({change});
  return stored;
}

Status DirectoryStore::merge_patch(const ObjectKey& key, const Json& patch, const CallLimits& /*limits*/) {
  Change change;
  Result<Json> stored = Json();
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return absent(key);
    Json next = *found->second.object;
    next.merge_patch(patch);
    if (api::key_of(next) != key) return make_error(ErrorKind::kInvalid, to_string(key) + ": its name cannot change");
    stored = store(key, std::move(next), nullptr, change);
  }
  if (change.second) tell({change});
  if (!stored) return stored.error();
  return ok();
}

/// Identity and version are the store's own; what is equal to what is there changes nothing.
Result<Json> DirectoryStore::store(const ObjectKey& key, Json object, const Json* applied, Change& change) {
  const auto found = entries_.find(key);
  const Object before = found == entries_.end() ? nullptr : found->second.object;
  if (!before && entries_.size() >= kObjectsMax) {
    return make_error(ErrorKind::kInvalid, "more than " + std::to_string(kObjectsMax) + " objects");
  }
  Json& metadata = object["metadata"];
  const bool same_spec = before && before->value("spec", Json()) == object.value("spec", Json());
  metadata["uid"] = before ? api::metadata_string(*before, "uid") : new_uid();
  metadata["generation"] = before ? generation_of(*before) + (same_spec ? 0 : 1) : 1;
  if (before) metadata["resourceVersion"] = api::metadata_string(*before, "resourceVersion");
  if (before && object == *before && (applied == nullptr || *applied == found->second.applied)) return object;

  if (!before || object != *before) metadata["resourceVersion"] = std::to_string(++version_);
  Entry entry{.object = std::make_shared<const Json>(object),
              .applied = applied != nullptr ? *applied : (before ? found->second.applied : Json::object())};
  if (is_kept(object)) {
    const Json kept = {{"object", object}, {"applied", entry.applied}};
    PW_RETURN_IF_ERROR(write_file(file_of(key), kept.dump(1), {.mode = 0600}));
  }
  change = {before, entry.object};
  entries_[key] = std::move(entry);
  return object;
}

Status DirectoryStore::remove(const ObjectKey& key, const std::string& uid, const CallLimits& /*limits*/) {
  std::vector<Change> changes;
  Status removed = ok();
  {
    const MutexLock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return ok();
    if (api::metadata_string(*found->second.object, "uid") != uid) {
      return make_error(ErrorKind::kConflict, to_string(key) + " is another object now");
    }
    removed = erase(key, changes);
  }
  tell(changes);
  return removed;
}

Status DirectoryStore::withdraw(const ObjectKey& key) {
  std::vector<Change> changes;
  Status removed = ok();
  {
    const MutexLock lock(mutex_);
    if (entries_.contains(key)) removed = erase(key, changes);
  }
  tell(changes);
  return removed;
}

/// The object first: were the program killed in between, its belongings would be found without an owner and go at the
/// next start; the other way round the owner would make them again.
Status DirectoryStore::erase(const ObjectKey& key, std::vector<Change>& changes) {
  std::vector<ObjectKey> doomed{key};
  const std::string uid = api::metadata_string(*entries_.at(key).object, "uid");
  for (const auto& [other, entry] : entries_) {
    if (other != key && api::controller_uid(*entry.object) == uid) doomed.push_back(other);
  }
  for (const ObjectKey& one : doomed) {
    std::error_code error;
    fs::remove(file_of(one), error);
    if (error) return file_error(file_of(one), "it cannot be removed", error.value());
    changes.emplace_back(entries_.at(one).object, nullptr);
    entries_.erase(one);
  }
  return ok();
}

void DirectoryStore::note(const api::EventNote& event) {
  const std::string object = to_string(api::key_of(event.regarding));
  log_event(event.warning ? LogLevel::kWarning : LogLevel::kInfo, "event",
            {{"object", object}, {"reason", event.reason}, {"message", event.message}});
}

std::string DirectoryStore::new_uid() {
  const std::string digits = sha256_hex(std::to_string(random_.next()) + "-" + std::to_string(random_.next()));
  return digits.substr(0, 8) + "-" + digits.substr(8, 4) + "-4" + digits.substr(13, 3) + "-8" + digits.substr(17, 3) +
         "-" + digits.substr(20, 12);
}

fs::path DirectoryStore::file_of(const ObjectKey& key) const { return folder_ / (key.kind + "." + key.name + ".json"); }

void DirectoryStore::tell(const std::vector<Change>& changes) const {
  if (!on_change_) return;
  for (const auto& [before, after] : changes) on_change_(before, after);
}

}  // namespace poolwright::local
