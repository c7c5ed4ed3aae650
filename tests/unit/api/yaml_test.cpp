#include "api/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/api/pools.h"

namespace poolwright::api {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Json value_of(const std::string& yaml) {
  const auto documents = read_yaml(yaml);
  if (!documents) return "error: " + documents.error().message;
  return documents->empty() ? Json("no document") : documents->front().json;
}

struct Scalar {
  const char* text;
  const char* json;
};

// Observed: what kubectl 1.36 made of each.
TEST(YamlScalars, AreWhatKubectlReads) {
  const Scalar cases[] = {
      {"y", "true"},
      {"n", "false"},
      {"Y", "true"},
      {"yes", "true"},
      {"Yes", "true"},
      {"on", "true"},
      {"off", "false"},
      {"true", "true"},
      {"TRUE", "true"},
      {"tRUE", "\"tRUE\""},
      {"~", "null"},
      {"null", "null"},
      {"Null", "null"},
      {"", "null"},
      {"10", "10"},
      {"\"10\"", "\"10\""},
      {"'yes'", "\"yes\""},
      {"010", "8"},
      {"0o10", "8"},
      {"0x1F", "31"},
      {"0X1F", "31"},
      {"0b11", "3"},
      {"-0x10", "-16"},
      {"-0b11", "-3"},
      {"1_000", "1000"},
      {"1__0", "10"},
      {"1_0.5", "10.5"},
      {"_1", "\"_1\""},
      {"1e3", "1000"},
      {"1.5", "1.5"},
      {"5432.0", "5432"},
      {".5", "0.5"},
      {"+.5", "0.5"},
      {"5.", "5"},
      {"+5", "5"},
      {"-0", "0"},
      {"1.5e2", "150"},
      {"2001-01-01", "\"2001-01-01\""},
      {"12:30", "\"12:30\""},
      {"1:2", "\"1:2\""},
      {"!!str 5", "\"5\""},
      {"!!int \"5\"", "5"},
      {"9223372036854775807", "9223372036854775807"},
      {"1e400", "\"1e400\""},
      {"0777", "511"},
      {"08", "8"},
      {"=", "\"=\""},
      {"<<", "\"<<\""},
      {"!!float 3", "3"},
      {"!!bool yes", "true"},
      {"!foo x", "\"x\""},
      {".", "\".\""},
      {"+", "\"+\""},
      {"1e", "\"1e\""},
      {"100m", "\"100m\""},
      {"0x", "\"0x\""},
      {"1.2.3", "\"1.2.3\""},
  };
  for (const Scalar& scalar : cases) {
    EXPECT_EQ(value_of("v: " + std::string(scalar.text))["v"], Json::parse(scalar.json)) << scalar.text;
  }
  for (const char* not_finite : {".inf", "-.inf", "+.Inf", ".nan", ".NaN"}) {
    EXPECT_THAT(value_of("v: " + std::string(not_finite)).get<std::string>(), HasSubstr("JSON has no such number"));
  }
}

TEST(YamlScalars, QuotesAndEscapes) {
  EXPECT_EQ(value_of(R"(["a\N\_\L\Pb\x85ü", 'it''s', "say \"x\"", "", ''])"),
            (Json{"a\u0085\u00a0\u2028\u2029b\u0085ü", "it's", "say \"x\"", "", ""}));
  EXPECT_EQ(value_of("a: |\n  x'y\n  \"z\nb: don't\n"), (Json{{"a", "x'y\n\"z\n"}, {"b", "don't"}}));
}

TEST(Yaml, KeysAreText) {
  EXPECT_EQ(value_of("{1: a, yes: b, 'no': c, x.y/z: d}"),
            Json::parse(R"({"1": "a", "true": "b", "no": "c", "x.y/z": "d"})"));
}

TEST(Yaml, Documents) {
  const auto documents = read_yaml("---\na: 1\n---\n# nothing\n---\nb: 2\n...\n---\n- c\n");
  ASSERT_TRUE(documents.has_value()) << documents.error().message;
  ASSERT_EQ(documents->size(), 3U);
  EXPECT_EQ((*documents)[0].json, (Json{{"a", 1}}));
  EXPECT_EQ((*documents)[1].json, (Json{{"b", 2}}));
  EXPECT_EQ((*documents)[2].json, Json::array({"c"}));
  EXPECT_TRUE(read_yaml("")->empty());
  EXPECT_TRUE(read_yaml("# only a comment\n")->empty());
}

TEST(Yaml, LinesOfFields) {
  const auto documents = read_yaml(
      "# comment\n"
      "spec:\n"
      "  postgres:\n"
      "    host: a\n"
      "  databases:\n"
      "  - name: one\n"
      "    poolSize: {min: 1,\n"
      "      max: 2}\n"
      "  - name: two\n"
      "  labels:\n"
      "    a.b/c: x\n");
  ASSERT_TRUE(documents.has_value());
  const YamlDocument& document = documents->front();
  EXPECT_EQ(document.line_of("spec"), 2);
  EXPECT_EQ(document.line_of("spec.postgres.host"), 4);
  EXPECT_EQ(document.line_of("spec.databases[0]"), 6);
  EXPECT_EQ(document.line_of("spec.databases[0].poolSize.min"), 7);
  EXPECT_EQ(document.line_of("spec.databases[0].poolSize.max"), 8);
  EXPECT_EQ(document.line_of("spec.databases[1].name"), 9);
  EXPECT_EQ(document.line_of("spec.labels[a.b/c]"), 11);
  EXPECT_EQ(document.line_of("spec.databases[1].credentialsSecretRef.name"), 9) << "the nearest that is there";
  EXPECT_EQ(document.line_of("spec.sizing.mode"), 2);
  EXPECT_EQ(document.line_of(""), 2);
}

TEST(Yaml, AnchorsAndMergeKeys) {
  EXPECT_EQ(value_of("a: &x {p: 1, q: 2}\nb: *x\nc: {<<: *x, q: 3}\nd: {q: 4, <<: [*x, {r: 5}]}\n"),
            Json::parse(R"({"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 2}, "c": {"p": 1, "q": 3},
                            "d": {"p": 1, "q": 4, "r": 5}})"));
  EXPECT_EQ(value_of("a: &x text\n*x : 1\n"), Json::parse(R"({"a": "text", "text": 1})"));
}

struct BadYaml {
  std::string text;
  const char* error;
};

TEST(Yaml, WhatIsRefused) {
  const BadYaml cases[] = {
      {"a: 1\nb: 2\na: 3\n", "line 3: key \"a\" must not be there twice"},
      {"a: *nowhere\n", "line 1: bad YAML: "},
      {"a: &x [*x]\n", "line 1: an alias must not stand inside its own anchor"},
      {"a: [1, 2\nb: 3\n", "line 2: bad YAML: "},
      {"a: 1\nb: 'open\nc: 2\n", "line 2: bad YAML: the quote is not closed"},
      {"a: 'it''s\n", "line 1: bad YAML: the quote is not closed"},
      {"a: \"open\\\"\n", "line 1: bad YAML: the quote is not closed"},
      {"- a\nb: 1\n", "line 2: bad YAML: a further document must begin with ---"},
      {"a: b: c\n", "line 1: bad YAML: "},
      {"a: \"\\q\"\n", "line 1: bad YAML: "},
      {"\ta: 1\n", "line 1: bad YAML: "},
      {"a: 1\n{b: 2}\n", "line 2: bad YAML: "},
      {"{[1]: 2}", "line 1: must have keys that are text"},
      {"{? {a: 1} : 2}", "line 1: must have keys that are text"},
      {"~: 1", "line 1: must have keys that are text"},
      {"a: !!binary aGk=", "line 1: the tag !!binary is not supported"},
      {"a: !!int x", "line 1: the value must be of the type that its tag !!int says"},
      {"a: {<<: 5}", "line 1: must merge maps only"},
      {"a: \xFF\n", "line 1: must be UTF-8"},
      {std::string("a\0: 1", 5) + "\xC0", "line 1: must be UTF-8"},
      {std::string(100, '[') + std::string(100, ']'), "line 1: must not be nested deeper than 64 levels"},
      {std::string(200'000, '['), "line 1: "},
      {std::string(kYamlBytesMax + 1, '#'), "line 1: must have at most 1048576 bytes, got 1048577"},
  };
  for (const BadYaml& bad : cases) {
    const auto documents = read_yaml(bad.text);
    ASSERT_FALSE(documents.has_value()) << bad.error;
    EXPECT_EQ(documents.error().kind, ErrorKind::kInvalid);
    EXPECT_THAT(documents.error().message, HasSubstr(bad.error));
    EXPECT_THAT(documents.error().message, StartsWith("line "));
  }
}

TEST(Yaml, AliasesHaveAnEnd) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 10; ++j) laughs += ", " + before;
    laughs += "]\n";
  }
  EXPECT_THAT(value_of(laughs).get<std::string>(), HasSubstr("must not expand by aliases"));

  std::string long_texts = "a: &a " + std::string(500'000, 'x') + "\nb: [*a";
  for (int i = 0; i < 1000; ++i) long_texts += ", *a";
  EXPECT_THAT(value_of(long_texts + "]\n").get<std::string>(), HasSubstr("must not expand by aliases"));
}

TEST(Yaml, ValuesAndDocumentsHaveAnEnd) {
  std::string many = "[0";
  for (int i = 0; i < 100'001; ++i) many += ",0";
  EXPECT_THAT(value_of(many + "]").get<std::string>(), HasSubstr("must have at most 100000 values"));
  std::string documents;
  for (int i = 0; i < 1001; ++i) documents += "---\na\n";
  EXPECT_THAT(value_of(documents).get<std::string>(), HasSubstr("must have at most 1000 documents"));
}

TEST(PoolFiles, EachPoolIsCheckedWithItsLines) {
  const PoolFile file = read_pools(
      "apiVersion: v1\n"
      "kind: Secret\n"
      "metadata: {name: a}\n"
      "---\n"
      "apiVersion: poolwright.dev/v1alpha1\n"
      "kind: ConnectionPool\n"
      "metadata:\n"
      "  name: orders\n"
      "spec:\n"
      "  postgres:\n"
      "    host: db\n"
      "    port: 0\n"
      "  databases:\n"
      "  - name: orders\n"
      "---\n" +
          good_pool_json().dump(),
      {});
  EXPECT_TRUE(file.errors.empty());
  EXPECT_EQ(file.other_documents, 1U);
  ASSERT_EQ(file.pools.size(), 2U);
  EXPECT_EQ(file.pools[0].errors,
            (std::vector<FieldError>{
                {.path = "spec.postgres.port", .message = "must be an integer from 1 to 65535, got 0", .line = 12},
                {.path = "spec.databases[0].credentialsSecretRef", .message = "is required", .line = 14}}));
  EXPECT_TRUE(file.pools[1].pool.has_value());
}

TEST(PoolFiles, BadTextAndOtherDocuments) {
  const PoolFile broken = read_pools("a: 1\nb: [\n", {});
  ASSERT_EQ(broken.errors.size(), 1U);
  EXPECT_GE(broken.errors[0].line, 2);
  EXPECT_THAT(broken.errors[0].message, StartsWith("bad YAML: "));
  const PoolFile no_object = read_pools("a: 1\n---\n- 5\n", {});
  ASSERT_EQ(no_object.errors.size(), 2U);
  EXPECT_EQ(no_object.errors[1].line, 3);
}

}  // namespace
}  // namespace poolwright::api
