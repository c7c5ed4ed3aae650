// How the fake API server changes objects.
#include <array>
#include <cstdio>
#include <utility>

#include "base/digest.h"
#include "fakes/fake_api_server.h"

namespace poolwright::fakes {

using api::Json;

namespace {

constexpr const char* kNow = "2026-01-01T00:00:00Z";

bool has_status(const kube::Resource& resource) {
  for (const char* kind : {"ConnectionPool", "Deployment", "StatefulSet", "ReplicaSet", "Pod", "Service", "Namespace",
                           "PodDisruptionBudget", "Node", "CustomResourceDefinition"}) {
    if (resource.kind == kind) return true;
  }
  return false;
}

/// What of an object a writer owns: everything but identity, version and, through the main path, the status.
Json owned_part(Json object, bool is_status, bool resource_has_status) {
  if (is_status) {
    Json part = Json::object();
    if (object.contains("status")) part["status"] = object["status"];
    return part;
  }
  object.erase("apiVersion");
  object.erase("kind");
  if (resource_has_status) object.erase("status");
  if (object.contains("metadata")) {
    for (const char* field : {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
                              "managedFields", "deletionTimestamp"}) {
      object["metadata"].erase(field);
    }
    if (object["metadata"].empty()) object.erase("metadata");
  }
  return object;
}

Json spec_part(const Json& object) {
  Json part = object;
  part.erase("metadata");
  part.erase("status");
  return part;
}

void encode_string_data(const kube::Resource& resource, Json& object) {
  if (resource.kind != "Secret" || !object.contains("stringData")) return;
  for (const auto& member : object["stringData"].items()) {
    object["data"][member.key()] = base64_encode(member.value().get<std::string>());
  }
  object.erase("stringData");
}

enum class Operation { kApply, kUpdate };

/// One manager is two writers: what it sets by a patch is not taken away by its next apply.
std::string writer_of(const FakeTarget& target, Operation operation) {
  return target.parameter("fieldManager") + (target.is_status ? "/status" : "") +
         (operation == Operation::kApply ? "/apply" : "/update");
}

bool is_other_version(const Json& wanted, const Json& stored) {
  const std::string version = api::metadata_string(wanted, "resourceVersion");
  return !version.empty() && version != api::metadata_string(stored, "resourceVersion");
}

kube::Response not_found(const FakeTarget& target) {
  return refusal(404, "NotFound", target.describe() + " not found");
}

kube::Response modified(const FakeTarget& target) {
  return refusal(409, "Conflict",
                 "Operation cannot be fulfilled on " + target.describe() +
                     ": the object has been modified; please apply your changes to the latest version and try again");
}

}  // namespace

kube::Response FakeApiServer::get(const Target& target) const {
  const auto found = entries_.find(place_of(target));
  if (found == entries_.end()) return not_found(target);
  return answer(200, shown(target.selection(target.parameter("metadata_only") == "true"), found->second.object));
}

Json FakeApiServer::stamp_new(const Target& target, Json object) {
  encode_string_data(*target.resource, object);
  if (has_status(*target.resource)) {
    object.erase("status");
    object["metadata"]["generation"] = 1;
  }
  std::array<char, 48> uid{};
  std::snprintf(uid.data(), uid.size(), "00000000-0000-4000-8000-%012llx",
                static_cast<unsigned long long>(next_uid_++));
  Json& metadata = object["metadata"];
  metadata["name"] = target.name;
  if (!target.namespace_name.empty()) metadata["namespace"] = target.namespace_name;
  metadata["uid"] = uid.data();
  metadata["creationTimestamp"] = kNow;
  metadata["resourceVersion"] = std::to_string(++version_);
  return object;
}

kube::Response FakeApiServer::create(const Target& target, const Json& object, const std::string& writer) {
  Target named = target;
  if (named.name.empty()) named.name = api::metadata_string(object, "name");
  if (named.name.empty()) return refusal(422, "Invalid", "metadata.name: Required value: name is required");
  const Place place = place_of(named);
  if (entries_.contains(place)) return refusal(409, "AlreadyExists", named.describe() + " already exists");
  Entry entry{.object = stamp_new(named, object), .owners = {}};
  const bool resource_has_status = has_status(*target.resource);
  entry.owners.overwrite(writer, Json::object(), owned_part(entry.object, false, resource_has_status));
  ++writes_.creates;
  const Json stored = entry.object;
  entries_[place] = std::move(entry);
  record("ADDED", place, Json(), stored);
  return answer(201, stored);
}

kube::Response FakeApiServer::replace(const Target& target, Json object) {
  const auto found = entries_.find(place_of(target));
  if (found == entries_.end()) return not_found(target);
  Entry& entry = found->second;
  if (is_other_version(object, entry.object)) return modified(target);
  const bool is_custom = target.resource->kind == "ConnectionPool";
  if (is_custom && api::metadata_string(object, "resourceVersion").empty()) {
    return refusal(422, "Invalid", "metadata.resourceVersion: Invalid value: 0: must be specified for an update");
  }
  encode_string_data(*target.resource, object);
  const bool resource_has_status = has_status(*target.resource);
  Json after = target.is_status ? entry.object : object;
  if (resource_has_status) {
    const Json& source = target.is_status ? object : entry.object;
    after.erase("status");
    if (source.contains("status")) after["status"] = source["status"];
  }
  for (const char* field : {"uid", "creationTimestamp", "generation", "deletionTimestamp", "resourceVersion"}) {
    if (entry.object["metadata"].contains(field)) after["metadata"][field] = entry.object["metadata"][field];
  }
  entry.owners.overwrite(writer_of(target, Operation::kUpdate),
                         owned_part(entry.object, target.is_status, resource_has_status),
                         owned_part(after, target.is_status, resource_has_status));
  return store_update(found->first, entry, std::move(after));
}

kube::Response FakeApiServer::patch(const Target& target, const kube::Request& request, const Json& body) {
  if (request.content_type.starts_with("application/apply-patch")) return apply(target, body);
  if (request.content_type != "application/merge-patch+json") {
    return refusal(415, "UnsupportedMediaType", "the body of the request was in an unknown format");
  }
  const auto found = entries_.find(place_of(target));
  if (found == entries_.end()) return not_found(target);
  if (is_other_version(body, found->second.object)) return modified(target);
  Json merged = found->second.object;
  merged.merge_patch(body);
  merged["metadata"]["resourceVersion"] = found->second.object["metadata"]["resourceVersion"];
  return replace(target, std::move(merged));
}

kube::Response FakeApiServer::apply(const Target& target, Json applied) {
  if (applied.contains("metadata") && applied["metadata"].contains("managedFields")) {
    return refusal(400, "BadRequest", "metadata.managedFields must be nil");
  }
  const auto found = entries_.find(place_of(target));
  if (found == entries_.end()) {
    if (target.is_status) return not_found(target);
    const kube::Response created = create(target, applied, "");
    const bool resource_has_status = has_status(*target.resource);
    Entry& entry = entries_.at(place_of(target));
    entry.owners = {};
    entry.owners.overwrite(writer_of(target, Operation::kApply), Json::object(),
                           owned_part(entry.object, false, resource_has_status));
    return created;
  }
  Entry& entry = found->second;
  const std::string uid = api::metadata_string(applied, "uid");
  const bool is_other_object = !uid.empty() && uid != api::metadata_string(entry.object, "uid");
  if (is_other_object || is_other_version(applied, entry.object)) return modified(target);

  encode_string_data(*target.resource, applied);
  const Json part = owned_part(applied, target.is_status, has_status(*target.resource));
  const auto conflicts = entry.owners.conflicts(writer_of(target, Operation::kApply), entry.object, part);
  if (!conflicts.empty() && target.parameter("force") != "true") {
    return refusal(409, "Conflict",
                   "Apply failed with " + std::to_string(conflicts.size()) + " conflict: " + conflicts[0]);
  }
  Json after = entry.owners.apply(writer_of(target, Operation::kApply), entry.object, part);
  return store_update(found->first, entry, std::move(after));
}

kube::Response FakeApiServer::store_update(const Place& place, Entry& entry, Json after) {
  if (after == entry.object) return answer(200, after);
  const Json before = entry.object;
  if (before["metadata"].contains("generation") && spec_part(before) != spec_part(after)) {
    after["metadata"]["generation"] = before["metadata"]["generation"].get<int>() + 1;
  }
  after["metadata"]["resourceVersion"] = std::to_string(++version_);
  ++writes_.updates;
  const bool is_held = after["metadata"].contains("finalizers") && !after["metadata"]["finalizers"].empty();
  if (after["metadata"].contains("deletionTimestamp") && !is_held) {
    const Place gone = place;
    entries_.erase(gone);
    ++writes_.deletes;
    record("DELETED", gone, before, after);
    return answer(200, after);
  }
  entry.object = after;
  record("MODIFIED", place, before, after);
  return answer(200, after);
}

kube::Response FakeApiServer::remove(const Target& target, const Json& options) {
  const auto found = entries_.find(place_of(target));
  if (found == entries_.end()) return not_found(target);
  Entry& entry = found->second;
  const Json::json_pointer uid_path("/preconditions/uid");
  if (options.contains(uid_path) && options.at(uid_path) != entry.object["metadata"]["uid"]) {
    return refusal(409, "Conflict", "Precondition failed: UID in precondition: " + options.at(uid_path).dump());
  }
  if (entry.object["metadata"].contains("finalizers")) {
    Json marked = entry.object;
    marked["metadata"]["deletionTimestamp"] = kNow;
    return store_update(found->first, entry, std::move(marked));
  }
  const Place place = found->first;
  const Json before = entry.object;
  Json last = before;
  last["metadata"]["resourceVersion"] = std::to_string(++version_);
  entries_.erase(found);
  ++writes_.deletes;
  record("DELETED", place, before, last);
  return answer(200, {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}});
}

}  // namespace poolwright::fakes
