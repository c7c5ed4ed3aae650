#include "api/free_form.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "api/bounds.h"
#include "api/object.h"
#include "api/text.h"

namespace poolwright::api {

namespace {

constexpr std::size_t kValueLengthMax = 63;
constexpr std::size_t kKeyLengthMax = 316;  // prefix 253, '/', name 63 minus one

void add(std::vector<FieldError>& errors, const std::string& path, std::string message) {
  errors.push_back({.path = path, .message = std::move(message)});
}

/// Depth, and control characters in every text. Stops going down at the limit.
void check_values(const Json& value, const std::string& path, std::size_t depth, std::vector<FieldError>& errors) {
  if (value.is_string()) {
    if (has_control_character(value.get_ref<const std::string&>(), false)) {
      add(errors, path, words_of(Form::kAnyText));
    }
    return;
  }
  if (!value.is_structured()) return;
  if (depth >= kFreeFormDepthMax) {
    return add(errors, path, "must not be nested deeper than " + std::to_string(kFreeFormDepthMax) + " levels");
  }
  std::size_t index = 0;
  for (const auto& [key, inner] : value.items()) {
    const bool is_item = value.is_array();
    if (!is_item && has_control_character(key, false)) add(errors, path, words_of(Form::kAnyText));
    check_values(inner, is_item ? item_path(path, index) : member_path(path, key), depth + 1, errors);
    ++index;
  }
}

template <std::size_t kCount>
void check_keys(const Json& object, const std::string& path, const std::array<std::string_view, kCount>& known,
                std::vector<FieldError>& errors) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string list;
    for (const std::string_view name : known) list += (list.empty() ? "" : ", ") + std::string(name);
    add(errors, member_path(path, key), "must not be here: known fields are " + list);
  }
}

/// A member that may be absent; "" and null count as absent.
struct Choice {
  const char* name;
  std::vector<std::string_view> words;
};

void check_choice(const Json& object, const std::string& path, const Choice& choice, std::vector<FieldError>& errors) {
  const Json value = object.value(choice.name, Json());
  if (value.is_null()) return;
  std::string list;
  for (const std::string_view word : choice.words) {
    if (value == word) return;
    list += (list.empty() ? "" : ", ") + std::string(word);
  }
  add(errors, member_path(path, choice.name), "must be one of " + list + ", got " + found(value));
}

void check_short_text(const Json& object, const std::string& path, const char* name, std::size_t length_max,
                      std::vector<FieldError>& errors) {
  const Json value = object.value(name, Json());
  if (value.is_null()) return;
  if (value.is_string() && length_of(value.get_ref<const std::string&>()) <= length_max) return;
  add(errors, member_path(path, name), "must be text of at most " + std::to_string(length_max) + " characters");
}

void check_toleration(const Json& toleration, const std::string& path, std::vector<FieldError>& errors) {
  if (!toleration.is_object()) return add(errors, path, "must be an object, got " + found(toleration));
  static constexpr std::array<std::string_view, 5> kKnown{"key", "operator", "value", "effect", "tolerationSeconds"};
  check_keys(toleration, path, kKnown, errors);
  check_short_text(toleration, path, "key", kKeyLengthMax, errors);
  check_short_text(toleration, path, "value", kValueLengthMax, errors);
  check_choice(toleration, path, {.name = "operator", .words = {"Exists", "Equal"}}, errors);
  check_choice(toleration, path, {.name = "effect", .words = {"NoSchedule", "PreferNoSchedule", "NoExecute"}}, errors);
  const Json seconds = toleration.value("tolerationSeconds", Json());
  constexpr std::int64_t kSecondsMax = 604'800;
  const bool good = seconds.is_null() || (seconds.is_number_integer() && seconds.get<std::int64_t>() >= 0 &&
                                          seconds.get<std::int64_t>() <= kSecondsMax);
  if (!good) {
    add(errors, member_path(path, "tolerationSeconds"),
        words_of(Range{0, static_cast<std::int32_t>(kSecondsMax)}) + ", got " + found(seconds));
  }
}

void check_tolerations(const Json& list, const std::string& path, std::vector<FieldError>& errors) {
  if (!list.is_array()) return add(errors, path, "must be a list, got " + found(list));
  if (list.size() > kTolerationsMax) {
    return add(errors, path,
               "must have at most " + std::to_string(kTolerationsMax) + " items, got " + std::to_string(list.size()));
  }
  for (std::size_t i = 0; i < list.size(); ++i) check_toleration(list[i], item_path(path, i), errors);
}

void check_affinity(const Json& affinity, const std::string& path, std::vector<FieldError>& errors) {
  if (!affinity.is_object()) return add(errors, path, "must be an object, got " + found(affinity));
  static constexpr std::array<std::string_view, 3> kKnown{"nodeAffinity", "podAffinity", "podAntiAffinity"};
  check_keys(affinity, path, kKnown, errors);
  for (const auto& [key, value] : affinity.items()) {
    const bool known = std::find(kKnown.begin(), kKnown.end(), key) != kKnown.end();
    if (known && !value.is_object() && !value.is_null()) {
      add(errors, member_path(path, key), "must be an object, got " + found(value));
    }
  }
}

}  // namespace

void check_free_form(const std::string& json_text, FreeForm form, const std::string& path,
                     std::vector<FieldError>& errors) {
  if (json_text.size() > kFreeFormBytesMax) {
    return add(errors, path,
               "must have at most " + std::to_string(kFreeFormBytesMax) + " bytes as JSON, got " +
                   std::to_string(json_text.size()));
  }
  constexpr bool kThrow = false;
  const Json value = Json::parse(json_text, nullptr, kThrow);
  if (value.is_discarded()) return add(errors, path, "must be JSON");
  check_values(value, path, 0, errors);
  if (form == FreeForm::kTolerations) return check_tolerations(value, path, errors);
  check_affinity(value, path, errors);
}

}  // namespace poolwright::api
