#include "reconcile/compare.h"

#include <algorithm>

namespace poolwright::reconcile {

namespace {

using api::Json;

bool is_zero(const Json& value) {
  return value.is_null() || ((value.is_structured() || value.is_string()) && value.empty()) || value == Json("") ||
         value == Json(false) || value == Json(0);
}

bool object_covers(const Json& stored, const Json& wanted) {
  return std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& member) {
    const auto found = stored.find(member.key());
    return found == stored.end() ? is_zero(member.value()) : covers(*found, member.value());
  });
}

bool list_covers(const Json& stored, const Json& wanted) {
  const bool of_objects = std::any_of(wanted.begin(), wanted.end(), [](const Json& item) { return item.is_object(); });
  if (!of_objects) return stored == wanted;
  return std::all_of(wanted.begin(), wanted.end(), [&](const Json& item) {
    return std::any_of(stored.begin(), stored.end(), [&](const Json& candidate) { return covers(candidate, item); });
  });
}

}  // namespace

bool covers(const Json& stored, const Json& wanted) {
  if (wanted.is_object() && stored.is_object()) return object_covers(stored, wanted);
  if (wanted.is_array() && stored.is_array()) return list_covers(stored, wanted);
  return stored == wanted || (is_zero(wanted) && is_zero(stored));
}

bool needs_apply(const Json* stored, const Json& wanted) {
  if (stored == nullptr) return true;
  if (api::annotation(*stored, kAppliedHash) != api::annotation(wanted, kAppliedHash)) return true;
  return !covers(*stored, wanted);
}

}  // namespace poolwright::reconcile
