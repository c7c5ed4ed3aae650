// Forms of single texts: tables, and a comparison with the regular expressions of the CRD's rules on random texts.
#include <gtest/gtest.h>

#include <random>
#include <regex>

#include "api/rules.h"
#include "api/text.h"
#include "unit/api/pools.h"

namespace poolwright::api {
namespace {

struct FormCase {
  Form form;
  std::vector<std::string> good;
  std::vector<std::string> bad;
};

TEST(Forms, Table) {
  const std::string digest = "@sha256:" + std::string(64, 'a');
  const FormCase cases[] = {
      {Form::kObjectName,
       {"a", "a-b", "a.b", "1", "a1.b-2.c", std::string(253, 'a')},
       {"", "A", "a_b", "-a", "a-", "a..b", ".a", "a.", "a/b", "..", "a b", "ä", std::string(254, 'a')}},
      {Form::kDatabaseName,
       {"a", "A", "_", "a-b_C9", std::string(63, 'a')},
       {"", "9a", "-a", "a.b", "a b", "a'b", "*", "ä", "a\n", std::string(64, 'a')}},
      {Form::kImage,
       {"pgbouncer:1.26", "registry.example/pgbouncer:1.26.1", "localhost:5000/a/b-c:v1_x", "a" + digest,
        "REG.example:1/a__b:1" + digest, "a.b/c.d:1"},
       {"", "pgbouncer", "pgbouncer:latest", "a:latest" + digest, "reg:5000/a", "A:1", "a//b:1", "/a:1", "a:", "a:-1",
        "a@sha256:abc", "a@md5:" + std::string(32, 'a'), "https://a/b:1", "a b:1", "a:1:2",
        "a:" + std::string(129, 'x')}},
      {Form::kPgbouncerVersion, {"1.18", "1.26"}, {"", "1.17", "1.27", "1.2", "1.26.1", "1.2 6"}},
      {Form::kCidr,
       {"10.0.0.0/8", "0.0.0.0/0", "10.1.2.3/32", "::/0", "2001:db8::/32", "::1/128"},
       {"", "10.0.0.0", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "::1/129", "a/8",
        "10.0.0.256/8", "10.0.0.0/8 "}},
      {Form::kLabelKey,
       {"a", "A.b_c-d", "app.kubernetes.io/name", "a/b", std::string(63, 'a')},
       {"", "/a", "a/", "a/b/c", "A.example/b", "a b", "-a", "a-", std::string(64, 'a'), std::string(254, 'a') + "/b"}},
      {Form::kLabelValue, {"", "a", "A.b_c-d", std::string(63, 'a')}, {"-a", "a.", "a b", "a/b", std::string(64, 'a')}},
      {Form::kParameterName,
       {"a", "max_client_conn", "a1", std::string(63, 'a')},
       {"", "A", "1a", "_a", "a b", "a ", "a=1", "a\nb", "a-b", std::string(64, 'a')}},
      {Form::kAnyText,
       {"", "a b;#'\"%", "ü☃😀"},
       {"a\nb", "a\tb", std::string("\0", 1), "\x7f", "\u0080", "\u0085", "\u2028"}},
      {Form::kAnyLines, {"", "a\nb\tc"}, {"a\rb", "\x1b[0m", "\u0085", "\u2029"}},
  };
  for (const FormCase& test_case : cases) {
    for (const std::string& text : test_case.good) {
      EXPECT_TRUE(has_form(text, test_case.form)) << shown(text) << " " << words_of(test_case.form);
    }
    for (const std::string& text : test_case.bad) {
      EXPECT_FALSE(has_form(text, test_case.form)) << shown(text) << " " << words_of(test_case.form);
    }
  }
}

/// The regular expressions r'...' of the first rule in the CRD with this message, in their order.
std::vector<std::regex> expressions_of(const Json& node, const std::string& message) {
  const Json rules = node.is_object() ? node.value("x-kubernetes-validations", Json::array()) : Json::array();
  for (const Json& rule : rules) {
    if (rule["message"] != message) continue;
    const auto text = rule["rule"].get<std::string>();
    std::vector<std::regex> expressions;
    for (std::size_t at = text.find("r'"); at != std::string::npos; at = text.find("r'", at)) {
      const std::size_t end = text.find('\'', at + 2);
      expressions.emplace_back(text.substr(at + 2, end - at - 2));
      at = end + 1;
    }
    return expressions;
  }
  for (const auto& [key, inner] : node.items()) {
    if (!inner.is_structured()) continue;
    if (std::vector<std::regex> found = expressions_of(inner, message); !found.empty()) return found;
  }
  return {};
}

using Rule = bool (*)(const std::vector<std::regex>&, const std::string&);

bool matches(const std::vector<std::regex>& expressions, std::size_t index, const std::string& text) {
  return std::regex_search(text, expressions.at(index));
}

struct Comparison {
  const char* message;
  Form form;
  const char* alphabet;
  Rule rule;
  const char* prefix = "";
};

TEST(Forms, AreThoseOfTheCrdsExpressions) {
  const Rule only = [](const std::vector<std::regex>& e, const std::string& text) { return matches(e, 0, text); };
  const Rule label_key = [](const std::vector<std::regex>& e, const std::string& text) {
    return matches(e, 0, text) && (text.find('/') == std::string::npos || text.find('/') <= 253);
  };
  const Rule host = [](const std::vector<std::regex>& e, const std::string& text) {
    return (matches(e, 0, text) && !matches(e, 1, text)) || matches(e, 2, text);
  };
  const Rule image = [](const std::vector<std::regex>& e, const std::string& text) {
    return matches(e, 0, text) && matches(e, 1, text) && !matches(e, 2, text);
  };
  const Comparison comparisons[] = {
      {rule::kObjectName, Form::kObjectName, "ab1-.A_/", only},
      {rule::kDatabaseName, Form::kDatabaseName, "aZ19-_. ", only},
      {rule::kLabelValue, Form::kLabelValue, "aZ1-_./", only},
      {rule::kLabelKey, Form::kLabelKey, "aZ1-_./", label_key},
      {rule::kParameterName, Form::kParameterName, "ab1_A ", only},
      {rule::kHost, Form::kHost, "ax019-_.", host},
      {rule::kHost, Form::kHost, "0125.", host},
      {rule::kCidr, Form::kCidr, "01239", only, "10.0.0.0/"},
      {rule::kCidr, Form::kCidr, "0259./", only, "10.0"},
      {rule::kImage, Form::kImage, "aA1.-_/:@", image},
      {rule::kQuantity, Form::kQuantity, "019.mkKMie+-", only},
  };
  constexpr unsigned kSeed = 1;
  constexpr int kTexts = 4000;
  for (const Comparison& comparison : comparisons) {
    const std::vector<std::regex> expressions =
        expressions_of(yaml_file("crds/poolwright.dev_connectionpools.yaml"), comparison.message);
    ASSERT_FALSE(expressions.empty()) << comparison.message;
    std::mt19937 random(kSeed);
    const std::string alphabet = comparison.alphabet;
    int good = 0;
    for (int i = 0; i < kTexts; ++i) {
      std::string text(1 + random() % 10, ' ');
      for (char& c : text) c = alphabet[random() % alphabet.size()];
      text.insert(0, comparison.prefix);
      const bool expected = comparison.rule(expressions, text);
      good += expected ? 1 : 0;
      EXPECT_EQ(has_form(text, comparison.form), expected)
          << shown(text) << " " << comparison.message << " seed " << kSeed;
    }
    EXPECT_GT(good, 0) << comparison.message;
  }
}

TEST(Texts, Utf8) {
  for (const char* good : {"", "a", "ü", "☃", "😀", "\u0085", "\xF4\x8F\xBF\xBF"}) EXPECT_TRUE(is_utf8(good));
  for (const char* bad : {"\x80", "\xC3", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                          "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "a\xE2\x98"}) {
    EXPECT_FALSE(is_utf8(bad)) << shown(bad);
  }
}

TEST(Texts, LengthCountsCharacters) {
  EXPECT_EQ(length_of(""), 0U);
  EXPECT_EQ(length_of("abc"), 3U);
  EXPECT_EQ(length_of("ü☃😀"), 3U);
  EXPECT_EQ(length_of("\xFF\xFE"), 2U);
}

TEST(Texts, Shown) {
  EXPECT_EQ(shown("abc"), "\"abc\"");
  EXPECT_EQ(shown("a\nb"), "\"a\\nb\"");
  EXPECT_EQ(shown("ü"), "\"\\u00fc\"");
  EXPECT_EQ(shown(std::string(65, 'a')), "\"" + std::string(64, 'a') + "\"...");
  EXPECT_EQ(shown("user:secret@host"), "(not shown)");
  EXPECT_EQ(shown("postgres://host"), "(not shown)");
  EXPECT_EQ(shown("\xFF"), "\"\\ufffd\"");
}

}  // namespace
}  // namespace poolwright::api
