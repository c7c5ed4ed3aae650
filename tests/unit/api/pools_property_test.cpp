// Random pools: what is written can be read back, and no JSON, however broken, gives anything but a pool or errors.
#include <gtest/gtest.h>

#include <random>

#include "api/enum_words.h"
#include "api/fields.h"
#include "unit/api/pools.h"

namespace poolwright::api {
namespace {

/// Fills every field with a random value inside its bounds.
class RandomFiller {
 public:
  explicit RandomFiller(std::mt19937& random) : random_(random) {}

  void integer(const char* /*name*/, std::int32_t& value, Range range) {
    value = std::uniform_int_distribution<std::int32_t>(range.min, range.max)(random_);
  }
  void integer(const char* name, std::optional<std::int32_t>& value, Range range) {
    if (coin()) integer(name, value.emplace(), range);
  }
  void flag(const char* /*name*/, bool& value) { value = coin(); }
  template <typename Enum>
  void choice(const char* /*name*/, Enum& value) {
    value = kWords<Enum>[random_() % kWords<Enum>.size()].first;
  }
  void text(const char* /*name*/, std::string& value, const Text& text) { value = text_of(text.form); }
  void text(const char* name, std::optional<std::string>& value, const Text& text_spec) {
    if (coin()) text(name, value.emplace(), text_spec);
  }
  template <typename Struct>
  void object(const char* /*name*/, Struct& value, Presence /*presence*/) {
    visit_fields(*this, value);
  }
  template <typename Struct>
  void object(const char* name, std::optional<Struct>& value, Presence presence) {
    if (coin()) object(name, value.emplace(), presence);
  }
  template <typename Struct>
  void list(const char* /*name*/, std::vector<Struct>& items, ListBounds bounds) {
    items.resize(bounds.min + random_() % 4);
    for (Struct& item : items) visit_fields(*this, item);
  }
  void texts(const char* /*name*/, std::vector<std::string>& items, ListBounds bounds, const Text& text) {
    items.resize(bounds.min + random_() % 4);
    for (std::string& item : items) item = text_of(text.form);
  }
  void map(const char* /*name*/, std::map<std::string, std::string>& entries, MapKind kind) {
    entries.clear();
    for (std::size_t i = random_() % 4; i > 0; --i)
      entries[text_of(bounds_of(kind).key)] = text_of(bounds_of(kind).value);
  }
  void free_form(const char* /*name*/, std::string& json, FreeForm form) {
    const bool list = form == FreeForm::kTolerations;
    if (coin()) json = list ? R"([{"key":"a","operator":"Exists"}])" : R"({"nodeAffinity":{"a":[1,{"b":null}]}})";
  }

 private:
  bool coin() { return random_() % 2 == 0; }
  std::string number(unsigned below) { return std::to_string(random_() % below); }

  std::string text_of(Form form) {
    switch (form) {
      case Form::kAnyText:
        return "x; ' \" % ü " + number(1000);
      case Form::kAnyLines:
        return "a\n\tb" + number(1000);
      case Form::kHost:
        return coin() ? "db" + number(1000) + ".example" : "2001:db8::" + number(1000);
      case Form::kDatabaseName:
        return "Db_" + number(1000) + "-x";
      case Form::kImage:
        return "registry:5000/a/b:" + number(1000);
      case Form::kPgbouncerVersion:
        return "1." + std::to_string(18 + random_() % 9);
      case Form::kCidr:
        return "10.0." + number(256) + ".0/" + number(33);
      case Form::kLabelKey:
        return (coin() ? "example.com/a" : "a") + number(1000);
      case Form::kQuantity:
        return number(1000) + (coin() ? "Mi" : "m");
      case Form::kObjectName:
      case Form::kLabelValue:
      case Form::kParameterName:
        return "a" + number(1000);
    }
    return {};
  }

  std::mt19937& random_;
};

TEST(PoolsProperty, WhatIsWrittenIsReadBack) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    std::mt19937 random(seed);
    ConnectionPool pool;
    pool.name = "random";
    RandomFiller filler(random);
    visit_fields(filler, pool.spec);
    const Json json = pool_json(pool);
    const Parsed parsed = parse_pool(json);
    ASSERT_TRUE(parsed.pool.has_value()) << "seed " << seed << all(parsed.errors);
    EXPECT_EQ(parsed.pool->spec, pool.spec) << "seed " << seed;
    EXPECT_EQ(pool_json(*parsed.pool), json) << "seed " << seed;
  }
}

TEST(PoolsProperty, JsonAsYamlIsTheSame) {
  for (unsigned seed = 1; seed <= 100; ++seed) {
    std::mt19937 random(seed);
    ConnectionPool pool;
    pool.name = "random";
    RandomFiller filler(random);
    visit_fields(filler, pool.spec);
    const Json json = pool_json(pool);
    const auto documents = read_yaml(json.dump(static_cast<int>(seed % 3)));
    ASSERT_TRUE(documents.has_value()) << "seed " << seed << ": " << documents.error().message;
    EXPECT_EQ(documents->at(0).json, json) << "seed " << seed;
  }
}

std::vector<Json*> nodes_of(Json& value) {
  std::vector<Json*> nodes{&value};
  for (auto& inner : value) {
    if (!value.is_structured()) break;
    for (Json* node : nodes_of(inner)) nodes.push_back(node);
  }
  return nodes;
}

Json odd_value(std::mt19937& random) {
  static const std::vector<Json> kOdd = {nullptr,
                                         true,
                                         0,
                                         -1,
                                         1,
                                         2147483648,
                                         9223372036854775807,
                                         18446744073709551615U,
                                         0.5,
                                         1e300,
                                         "",
                                         "a",
                                         "A/..",
                                         "a\nb",
                                         "\xFF",
                                         "\u2028",
                                         std::string(5000, 'x'),
                                         Json::array(),
                                         Json::object(),
                                         Json::array({1, "a"}),
                                         Json{{"name", "a"}},
                                         Json{{"", ""}}};
  return kOdd[random() % kOdd.size()];
}

TEST(PoolsProperty, BrokenJsonGivesAPoolOrErrors) {
  const Json full = yaml_file("config/samples/full.yaml");
  for (unsigned seed = 1; seed <= 2000; ++seed) {
    std::mt19937 random(seed);
    Json pool = full;
    for (auto changes = 1 + random() % 3; changes > 0; --changes) {
      const std::vector<Json*> nodes = nodes_of(pool);
      Json& node = *nodes[random() % nodes.size()];
      if (node.is_object() && random() % 2 == 0) {
        node["key" + std::to_string(random() % 3)] = odd_value(random);
      } else {
        node = odd_value(random);
      }
    }
    const Parsed parsed = check_pool(pool, {});
    ASSERT_NE(parsed.pool.has_value(), !parsed.errors.empty()) << "seed " << seed;
    for (const FieldError& error : parsed.errors) {
      EXPECT_TRUE(is_utf8(to_string(error)) && !has_control_character(error.message, false)) << "seed " << seed;
    }
    if (parsed.pool) {
      EXPECT_TRUE(validate(*parsed.pool).empty()) << "seed " << seed;
      EXPECT_EQ(parse_pool(pool_json(*parsed.pool)).pool->spec, parsed.pool->spec) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace poolwright::api
