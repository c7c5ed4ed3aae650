// The CRD in crds/ says the same as the C++ types: same fields, defaults, bounds, enumerations, and the same rules.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/bounds.h"
#include "api/enum_words.h"
#include "api/fields.h"
#include "api/rules.h"
#include "api/status.h"
#include "unit/api/pools.h"

namespace poolwright::api {
namespace {

const Json& crd() {
  static const Json kCrd = yaml_file("crds/poolwright.dev_connectionpools.yaml");
  return kCrd;
}

const Json& version() { return crd()["spec"]["versions"][0]; }
const Json& schema() { return version()["schema"]["openAPIV3Schema"]; }

Json member(const Json& object, const char* name) { return object.is_object() ? object.value(name, Json()) : Json(); }

std::set<std::string> messages_of(const Json& node) {
  std::set<std::string> messages;
  for (const Json& rule : member(node, "x-kubernetes-validations")) messages.insert(rule["message"].get<std::string>());
  return messages;
}

/// A default of an object may only repeat the defaults of its members.
void expect_consistent(const Json& value, const Json& node, const std::string& path) {
  if (!value.is_object() || !node.contains("properties")) {
    EXPECT_EQ(value, member(node, "default")) << path;
    return;
  }
  for (const auto& [key, inner] : value.items()) {
    const Json property = member(node["properties"], key.c_str());
    const Json stated = member(property, "default");
    if (inner.is_object() && property.contains("properties")) {
      expect_consistent(inner, property, path + "." + key);
    } else {
      EXPECT_EQ(inner, stated) << path << "." << key;
    }
  }
}

/// Visits the C++ fields of a struct beside the schema of the same object.
class SchemaComparison {
 public:
  SchemaComparison(const Json& node, std::string path) : node_(node), path_(std::move(path)) {}

  void integer(const char* name, std::int32_t value, Range range) { compare_integer(name, value, range); }
  void integer(const char* name, const std::optional<std::int32_t>& /*absent*/, Range range) {
    compare_integer(name, Json(), range);
  }
  void flag(const char* name, bool value) {
    const Json& node = property(name, "boolean");
    EXPECT_EQ(node.value("default", Json()), Json(value)) << path_ << "." << name;
  }
  template <typename Enum>
  void choice(const char* name, Enum value) {
    const Json& node = property(name, "string");
    Json words = Json::array();
    for (const auto& [candidate, word] : kWords<Enum>) words.push_back(word);
    EXPECT_EQ(member(node, "enum"), words) << path_ << "." << name;
    EXPECT_EQ(member(node, "default"), Json(word_of(value))) << path_ << "." << name;
  }
  void text(const char* name, const std::string& value, const Text& text) {
    compare_text(name, value.empty() ? Json() : Json(value), text);
  }
  void text(const char* name, const std::optional<std::string>& /*absent*/, const Text& text) {
    compare_text(name, Json(), text);
  }
  template <typename Struct>
  void object(const char* name, const Struct& value, Presence presence) {
    if (presence == Presence::kRequired) required_.insert(name);
    const Json& node = property(name, "object");
    EXPECT_EQ(node.contains("default"), presence == Presence::kOptional) << path_ << "." << name;
    descend(node, path_ + "." + name, value);
  }
  template <typename Struct>
  void object(const char* name, const std::optional<Struct>& /*absent*/, Presence /*presence*/) {
    const Json& node = property(name, "object");
    EXPECT_FALSE(node.contains("default")) << path_ << "." << name;
    descend(node, path_ + "." + name, Struct{});
  }
  template <typename Struct>
  void list(const char* name, const std::vector<Struct>& /*items*/, ListBounds bounds) {
    const Json& node = compare_list(name, bounds);
    EXPECT_EQ(member(node, "x-kubernetes-list-map-keys"), Json::array({"name"})) << path_ << "." << name;
    descend(member(node, "items"), path_ + "." + name + "[]", Struct{});
  }
  void texts(const char* name, const std::vector<std::string>& /*items*/, ListBounds bounds, const Text& text) {
    compare_text_node(member(compare_list(name, bounds), "items"), path_ + "." + name + "[]", text);
  }
  void map(const char* name, const std::map<std::string, std::string>& value, MapKind kind) {
    const Json& node = property(name, "object");
    const std::string path = path_ + "." + name;
    const MapBounds bounds = bounds_of(kind);
    EXPECT_EQ(member(node, "maxProperties"), Json(bounds.entries_max)) << path;
    EXPECT_EQ(member(node, "default"), value.empty() ? Json() : Json(value)) << path;
    const Json values = member(node, "additionalProperties");
    EXPECT_EQ(member(values, "maxLength"), Json(bounds.value_length_max)) << path;
    EXPECT_EQ(values.value("x-kubernetes-int-or-string", false), bounds.integers_allowed) << path;
    EXPECT_TRUE(messages_of(values).contains(words_of(bounds.value))) << path;
    const bool keys_listed = kind == MapKind::kQuantities;
    EXPECT_TRUE(messages_of(node).contains(keys_listed ? rule::kResourceName : words_of(bounds.key))) << path;
  }
  void free_form(const char* name, const std::string& /*json*/, FreeForm form) {
    const bool list = form == FreeForm::kTolerations;
    const Json& node = property(name, list ? "array" : "object");
    if (list) {
      EXPECT_EQ(member(node, "maxItems"), Json(kTolerationsMax));
    }
  }

  /// Call after all fields were visited.
  void expect_nothing_more() {
    std::set<std::string> in_schema;
    const Json properties = member(node_, "properties");
    for (const auto& [name, node] : properties.items()) in_schema.insert(name);
    EXPECT_EQ(in_schema, seen_) << path_;
    std::set<std::string> required;
    for (const Json& name : member(node_, "required")) required.insert(name.get<std::string>());
    EXPECT_EQ(required, required_) << path_;
    if (node_.contains("default")) expect_consistent(node_["default"], node_, path_);
  }

 private:
  const Json& property(const char* name, const char* type) {
    seen_.insert(name);
    static const Json kNone = Json::object();
    const auto properties = node_.find("properties");
    if (properties == node_.end() || !properties->contains(name)) {
      ADD_FAILURE() << "the CRD has no " << path_ << "." << name;
      return kNone;
    }
    const Json& node = (*properties)[name];
    EXPECT_EQ(member(node, "type"), Json(type)) << path_ << "." << name;
    return node;
  }

  void compare_integer(const char* name, const Json& value, Range range) {
    const Json& node = property(name, "integer");
    EXPECT_EQ(member(node, "minimum"), Json(range.min)) << path_ << "." << name;
    EXPECT_EQ(member(node, "maximum"), Json(range.max)) << path_ << "." << name;
    EXPECT_EQ(member(node, "default"), value) << path_ << "." << name;
  }

  void compare_text(const char* name, const Json& value, const Text& text) {
    if (text.presence == Presence::kRequired) required_.insert(name);
    const Json& node = property(name, "string");
    EXPECT_EQ(member(node, "default"), value) << path_ << "." << name;
    compare_text_node(node, path_ + "." + name, text);
  }

  static void compare_text_node(const Json& node, const std::string& path, const Text& text) {
    if (text.form == Form::kPgbouncerVersion) {
      EXPECT_EQ(member(node, "enum").size(), 9U) << path;
      for (const Json& word : member(node, "enum")) EXPECT_TRUE(has_form(word.get<std::string>(), text.form)) << word;
      return;
    }
    EXPECT_EQ(member(node, "maxLength"), Json(text.max_length)) << path;
    EXPECT_EQ(node.value("minLength", 0U), text.min_length) << path;
    EXPECT_TRUE(messages_of(node).contains(words_of(text.form))) << path << " has no rule for its form";
  }

  const Json& compare_list(const char* name, ListBounds bounds) {
    if (bounds.min > 0) required_.insert(name);
    const Json& node = property(name, "array");
    EXPECT_EQ(node.value("minItems", 0U), bounds.min) << path_ << "." << name;
    EXPECT_EQ(member(node, "maxItems"), Json(bounds.max)) << path_ << "." << name;
    return node;
  }

  template <typename Struct>
  static void descend(const Json& node, const std::string& path, const Struct& value) {
    SchemaComparison inner(node, path);
    visit_fields(inner, value);
    inner.expect_nothing_more();
  }

  const Json& node_;
  std::string path_;
  std::set<std::string> seen_;
  std::set<std::string> required_;
};

TEST(Crd, SpecIsThatOfTheTypes) {
  const ConnectionPoolSpec defaults;
  SchemaComparison comparison(schema()["properties"]["spec"], "spec");
  visit_fields(comparison, defaults);
  comparison.expect_nothing_more();
}

void collect_messages(const Json& node, std::set<std::string>& messages) {
  messages.merge(messages_of(node));
  for (const auto& [key, inner] : node.items()) {
    if (inner.is_structured()) collect_messages(inner, messages);
  }
}

TEST(Crd, EveryRuleIsOneOfOurs) {
  std::set<std::string> in_crd;
  collect_messages(schema(), in_crd);
  EXPECT_EQ(in_crd, std::set<std::string>(rule::kInCrd.begin(), rule::kInCrd.end()));
}

/// Every string, number, list and map has an end.
void expect_bounded(const Json& node, const std::string& path) {
  const Json type = member(node, "type");
  const bool any_text = type == "string" || node.value("x-kubernetes-int-or-string", false);
  if (any_text) {
    EXPECT_TRUE(node.contains("maxLength") || node.contains("enum")) << path;
  }
  if (type == "integer") {
    EXPECT_TRUE(node.contains("minimum") && node.contains("maximum")) << path;
  }
  EXPECT_NE(type, "number") << path << ": no floating point in an API";
  if (type == "array") {
    EXPECT_TRUE(node.contains("maxItems") && node.contains("x-kubernetes-list-type")) << path;
    expect_bounded(node["items"], path + "[]");
  }
  if (node.contains("additionalProperties")) {
    EXPECT_TRUE(node.contains("maxProperties")) << path;
    expect_bounded(node["additionalProperties"], path + "{}");
  }
  const Json properties = member(node, "properties");
  for (const auto& [name, inner] : properties.items()) expect_bounded(inner, path + "." + name);
}

TEST(Crd, EverythingIsBounded) {
  expect_bounded(schema()["properties"]["spec"], "spec");
  expect_bounded(schema()["properties"]["status"], "status");
}

TEST(Crd, NamesAreThoseOfTheHeader) {
  EXPECT_EQ(crd()["metadata"]["name"], std::string(kPlural) + "." + kGroup);
  EXPECT_EQ(crd()["spec"]["group"], kGroup);
  EXPECT_EQ(crd()["spec"]["names"]["kind"], kKind);
  EXPECT_EQ(crd()["spec"]["names"]["plural"], kPlural);
  EXPECT_EQ(crd()["spec"]["names"]["shortNames"], Json::array({"cpool"}));
  EXPECT_EQ(crd()["spec"]["names"]["categories"], Json::array({"poolwright"}));
  EXPECT_EQ(version()["name"], kVersion);
}

TEST(Crd, AtMostEightColumnsAreShownByDefault) {
  int shown_by_default = 0;
  for (const Json& column : version()["additionalPrinterColumns"]) {
    if (column.value("priority", 0) == 0) ++shown_by_default;
  }
  EXPECT_LE(shown_by_default, 8);
  EXPECT_GE(shown_by_default, 5);
}

/// The values that status_json writes are fields of the schema.
void expect_known(const Json& value, const Json& node, const std::string& path) {
  if (value.is_array()) {
    for (const Json& item : value) expect_known(item, member(node, "items"), path + "[]");
    return;
  }
  if (!value.is_object()) {
    const Json type = member(node, "type");
    EXPECT_TRUE((value.is_string() && type == "string") || (value.is_boolean() && type == "boolean") ||
                (value.is_number_integer() && type == "integer"))
        << path << " is " << type << " in the CRD";
    return;
  }
  for (const auto& [name, inner] : value.items()) {
    const Json property = member(member(node, "properties"), name.c_str());
    EXPECT_FALSE(property.is_null()) << "the CRD has no " << path << "." << name;
    expect_known(inner, property, path + "." + name);
  }
}

ConnectionPoolStatus full_status() {
  ConnectionPoolStatus status;
  status.observed_generation = 3;
  status.conditions = {{.type = condition::kReady,
                        .status = ConditionStatus::kTrue,
                        .reason = "AllPodsRun",
                        .message = "2 of 2 pods run the configuration",
                        .observed_generation = 3,
                        .last_transition_time = "2026-01-01T00:00:00Z"}};
  status.summary = "2/2 pods, 25 connections";
  status.last_handled_request = "2026-01-01T00:00:00Z";
  status.config_hash = std::string(64, 'a');
  status.replicas = 2;
  status.ready_replicas = 2;
  status.selector = "a=b";
  status.service_name = "orders-pool";
  status.endpoint = "orders-pool.shop.svc:6432";
  status.binding_name = "orders-orders-url";
  status.size = 25;
  status.size_max = 50;
  status.databases = {{.name = "orders",
                       .secret_name = "orders-orders-url",
                       .size = 25,
                       .recommended_size = 20,
                       .size_reason = "demand of 14 at 70 %",
                       .connection_limit = 5,
                       .utilization_percent = 56,
                       .waiting_clients = 0,
                       .budget_share = 30}};
  status.pods = {{.name = "orders-pool-1", .pgbouncer_version = "1.26.1", .config_hash = "abc", .ready = true}};
  return status;
}

TEST(Crd, StatusHasEveryFieldThatWeWrite) {
  const Json status = status_json(full_status());
  const Json& node = schema()["properties"]["status"];
  expect_known(status, node, "status");
  for (const auto& [name, property] : node["properties"].items()) {
    EXPECT_TRUE(status.contains(name)) << "nobody writes status." << name;
  }
}

TEST(Crd, StatusBeginsUnknown) {
  const std::vector<Condition> conditions = conditions_of(schema()["properties"]["status"]["default"]);
  std::set<std::string> types;
  for (const Condition& condition : conditions) {
    types.insert(condition.type);
    EXPECT_EQ(condition.status, ConditionStatus::kUnknown);
    EXPECT_EQ(condition.reason, "Pending");
  }
  EXPECT_EQ(types, (std::set<std::string>{condition::kAccepted, condition::kResolvedRefs, condition::kProgrammed,
                                          condition::kReady}));
}

TEST(Crd, EveryColumnAndSubresourcePathIsAField) {
  const auto exists = [](std::string path) {
    path = path.substr(1, path.find('[') == std::string::npos ? path.size() : path.find('[') - 1);
    const Json* node = &schema();
    std::istringstream parts(path);
    for (std::string part; std::getline(parts, part, '.');) {
      if (!node->contains("properties") || !(*node)["properties"].contains(part)) return false;
      node = &(*node)["properties"][part];
    }
    return true;
  };
  for (const Json& column : version()["additionalPrinterColumns"]) {
    const auto path = column["jsonPath"].get<std::string>();
    EXPECT_TRUE(path == ".metadata.creationTimestamp" || exists(path)) << path;
  }
  for (const auto& [name, path] : version()["subresources"]["scale"].items()) {
    EXPECT_TRUE(exists(path.get<std::string>())) << path;
  }
}

}  // namespace
}  // namespace poolwright::api
