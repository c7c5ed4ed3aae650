#include "cli/yaml_text.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace poolwright::cli {

namespace {

using api::Json;

int rank(const std::string& member) {
  static const std::vector<std::string> kFirst = {"apiVersion", "kind", "metadata", "name", "namespace"};
  return static_cast<int>(std::find(kFirst.begin(), kFirst.end(), member) - kFirst.begin());
}

/// What a YAML 1.1 reader would take for something else than this text is quoted by going through JSON's quoting.
void emit_text(YAML::Emitter& out, const std::string& text) {
  // A literal block ends with exactly one line feed, and its first line tells the indentation.
  const bool is_block = text.ends_with('\n') && !text.ends_with("\n\n") && text.size() > 1 &&
                        text.find('\r') == std::string::npos &&
                        std::string_view(" \t\n").find(text.front()) == std::string_view::npos;
  if (is_block) {
    out << YAML::Literal << text;
    return;
  }
  const bool plain = !text.empty() && text.size() < 120 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '/' || c == '_';
  }) && std::isalpha(static_cast<unsigned char>(text[0])) != 0;
  static const std::vector<std::string> kWords = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool word = std::find(kWords.begin(), kWords.end(), lower) != kWords.end();
  if (plain && !word) {
    out << text;
  } else {
    out << YAML::DoubleQuoted << text;
  }
}

void emit(YAML::Emitter& out, const Json& value);

void emit_object(YAML::Emitter& out, const Json& value) {
  if (value.empty()) {
    out << YAML::Flow << YAML::BeginMap << YAML::EndMap << YAML::Block;
    return;
  }
  std::vector<std::string> members;
  for (const auto& member : value.items()) members.push_back(member.key());
  std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return rank(a) < rank(b); });
  out << YAML::BeginMap;
  for (const std::string& member : members) {
    out << YAML::Key;
    emit_text(out, member);
    out << YAML::Value;
    emit(out, value.at(member));
  }
  out << YAML::EndMap;
}

void emit_list(YAML::Emitter& out, const Json& value) {
  if (value.empty()) {
    out << YAML::Flow << YAML::BeginSeq << YAML::EndSeq << YAML::Block;
    return;
  }
  out << YAML::BeginSeq;
  for (const Json& item : value) emit(out, item);
  out << YAML::EndSeq;
}

void emit(YAML::Emitter& out, const Json& value) {
  if (value.is_object()) {
    emit_object(out, value);
  } else if (value.is_array()) {
    emit_list(out, value);
  } else if (value.is_string()) {
    emit_text(out, value.get_ref<const std::string&>());
  } else if (value.is_null()) {
    out << YAML::Null;
  } else {
    out << value.dump();  // numbers and booleans are written alike in JSON and YAML
  }
}

}  // namespace

std::string yaml_text(const Json& object) {
  YAML::Emitter out;
  emit(out, object);
  return std::string(out.c_str()) + "\n";
}

}  // namespace poolwright::cli
