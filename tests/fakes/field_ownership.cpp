#include "fakes/field_ownership.h"

#include <algorithm>
#include <array>
#include <optional>

namespace poolwright::fakes {

namespace {

using api::Json;

/// The member by which the elements of a list are told apart; nullopt where the list is one field.
std::optional<std::string> list_key(const Json& list) {
  if (!list.is_array() || list.empty()) return std::nullopt;
  for (const char* key : {"name", "type", "key", "port"}) {
    const bool all_have_it = std::all_of(list.begin(), list.end(), [&](const Json& element) {
      return element.is_object() && element.contains(key) && element.at(key).is_primitive();
    });
    if (all_have_it) return key;
  }
  return std::nullopt;
}

std::string element_step(const std::string& key, const Json& element) {
  const Json& value = element.at(key);
  return "{" + key + "=" + (value.is_string() ? value.get<std::string>() : value.dump()) + "}";
}

void collect_leaves(const Json& value, const std::string& path, std::set<std::string>& leaves) {
  const auto key = list_key(value);
  if (value.is_object() && !value.empty()) {
    for (const auto& member : value.items()) collect_leaves(member.value(), path + "/" + member.key(), leaves);
  } else if (key) {
    for (const Json& element : value) collect_leaves(element, path + "/" + element_step(*key, element), leaves);
  } else if (!path.empty()) {
    leaves.insert(path);
  }
}

Json* find_element(Json& list, const std::string& step) {
  const auto key = list_key(list);
  if (!key) return nullptr;
  for (Json& element : list) {
    if (element_step(*key, element) == step) return &element;
  }
  return nullptr;
}

std::vector<std::string> steps_of(const std::string& path) {
  std::vector<std::string> steps;
  std::string step;
  int braces = 0;
  for (const char c : path.substr(1)) {
    if (c == '{') ++braces;
    if (c == '}') --braces;
    if (c == '/' && braces == 0) {
      steps.push_back(std::exchange(step, {}));
    } else {
      step += c;
    }
  }
  steps.push_back(step);
  return steps;
}

const Json* find_leaf(const Json& root, const std::string& path) {
  Json* at = const_cast<Json*>(&root);  // NOLINT(cppcoreguidelines-pro-type-const-cast): find_element does not write
  for (const std::string& step : steps_of(path)) {
    if (at->is_array()) {
      at = find_element(*at, step);
      if (at == nullptr) return nullptr;
    } else if (at->is_object() && at->contains(step)) {
      at = &at->at(step);
    } else {
      return nullptr;
    }
  }
  return at;
}

/// Removes the leaf, and what is empty afterwards. Gives whether `at` is empty now.
bool remove_leaf(Json& at, const std::vector<std::string>& steps, std::size_t depth) {
  if (depth == steps.size()) return true;
  if (at.is_array()) {
    Json* element = find_element(at, steps[depth]);
    if (element != nullptr && remove_leaf(*element, steps, depth + 1)) {
      at.erase(at.begin() + (element - &at[0]));
    }
  } else if (at.is_object() && at.contains(steps[depth])) {
    if (remove_leaf(at.at(steps[depth]), steps, depth + 1)) at.erase(steps[depth]);
  }
  return at.empty();
}

void merge(Json& stored, const Json& applied) {
  const auto key = list_key(applied);
  if (applied.is_object() && stored.is_object()) {
    for (const auto& member : applied.items()) merge(stored[member.key()], member.value());
  } else if (key && list_key(stored) == key) {
    for (const Json& element : applied) {
      Json* known = find_element(stored, element_step(*key, element));
      if (known != nullptr) {
        merge(*known, element);
      } else {
        stored.push_back(element);
      }
    }
  } else {
    stored = applied;
  }
}

}  // namespace

std::set<std::string> leaf_paths(const Json& value) {
  std::set<std::string> leaves;
  if (value.is_object()) collect_leaves(value, "", leaves);
  return leaves;
}

std::vector<std::string> FieldOwnership::conflicts(const Writer& writer, const Json& stored,
                                                   const Json& applied) const {
  std::vector<std::string> found;
  for (const std::string& path : leaf_paths(applied)) {
    const bool has_other_owner = std::any_of(owned_.begin(), owned_.end(), [&](const auto& entry) {
      return entry.first != writer && entry.second.contains(path);
    });
    const Json* now = find_leaf(stored, path);
    if (has_other_owner && now != nullptr && *now != *find_leaf(applied, path)) found.push_back(path);
  }
  return found;
}

Json FieldOwnership::apply(const Writer& writer, const Json& stored, const Json& applied) {
  const std::set<std::string> named = leaf_paths(applied);
  Json result = stored;
  for (const std::string& path : owned_[writer]) {
    const bool has_other_owner = std::any_of(owned_.begin(), owned_.end(), [&](const auto& entry) {
      return entry.first != writer && entry.second.contains(path);
    });
    if (!named.contains(path) && !has_other_owner) remove_leaf(result, steps_of(path), 0);
  }
  merge(result, applied);
  for (auto& [other, paths] : owned_) {
    if (other == writer) continue;
    std::erase_if(paths, [&](const std::string& path) {
      const Json* before = find_leaf(stored, path);
      return named.contains(path) && (before == nullptr || *before != *find_leaf(result, path));
    });
  }
  owned_[writer] = named;
  return result;
}

void FieldOwnership::overwrite(const Writer& writer, const Json& before, const Json& after) {
  std::set<std::string> changed;
  for (const std::string& path : leaf_paths(after)) {
    const Json* old = find_leaf(before, path);
    if (old == nullptr || *old != *find_leaf(after, path)) changed.insert(path);
  }
  for (auto& [other, paths] : owned_) {
    if (other == writer) continue;
    std::erase_if(paths,
                  [&](const std::string& path) { return changed.contains(path) || find_leaf(after, path) == nullptr; });
  }
  owned_[writer].insert(changed.begin(), changed.end());
}

}  // namespace poolwright::fakes
