#include "reconcile/compare.h"

#include <gtest/gtest.h>

namespace poolwright::reconcile {
namespace {

using api::Json;

struct Case {
  const char* what;
  const char* stored;
  const char* wanted;
  bool covered;
};

TEST(Compare, CoversWhatStandsThereAndIgnoresTheRest) {
  const Case cases[] = {
      {"equal", R"({"a":1})", R"({"a":1})", true},
      {"a default of the server", R"({"a":1,"b":2})", R"({"a":1})", true},
      {"a changed field", R"({"a":2})", R"({"a":1})", false},
      {"a field that somebody removed", R"({})", R"({"a":1})", false},
      {"nested defaults", R"({"s":{"p":[{"name":"x","port":1,"protocol":"TCP"}]}})",
       R"({"s":{"p":[{"name":"x","port":1}]}})", true},
      {"a container that was injected", R"({"c":[{"name":"proxy"},{"name":"pgbouncer","image":"i"}]})",
       R"({"c":[{"name":"pgbouncer","image":"i"}]})", true},
      {"a changed element", R"({"c":[{"name":"pgbouncer","image":"j"}]})",
       R"({"c":[{"name":"pgbouncer","image":"i"}]})", false},
      {"a removed element", R"({"c":[{"name":"a"}]})", R"({"c":[{"name":"a"},{"name":"b"}]})", false},
      {"scalars in another order", R"({"args":["b","a"]})", R"({"args":["a","b"]})", false},
      {"more scalars", R"({"args":["a","b"]})", R"({"args":["a"]})", false},
      {"an empty map that the server dropped", R"({})", R"({"labels":{}})", true},
      {"emptyDir stays an empty object", R"({"v":[{"name":"t","emptyDir":{}}]})",
       R"({"v":[{"name":"t","emptyDir":{}}]})", true},
      {"false is the same as absent", R"({})", R"({"hostNetwork":false})", true},
      {"false is not true", R"({"mount":true})", R"({"mount":false})", false},
      {"true is not absent", R"({})", R"({"readOnly":true})", false},
      {"another type", R"({"a":"1"})", R"({"a":1})", false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(covers(Json::parse(c.stored), Json::parse(c.wanted)), c.covered) << c.what;
  }
}

Json object(const char* hash, int port) {
  return Json{{"metadata", {{"annotations", {{kAppliedHash, hash}}}}}, {"spec", {{"port", port}}}};
}

TEST(Compare, NeedsApply) {
  const Json wanted = object("h1", 1);
  EXPECT_TRUE(needs_apply(nullptr, wanted)) << "absent";
  const Json same = object("h1", 1);
  EXPECT_FALSE(needs_apply(&same, wanted)) << "same";
  const Json older = object("h0", 1);
  EXPECT_TRUE(needs_apply(&older, wanted)) << "an older rendering may hold fields that must go away";
  const Json drifted = object("h1", 2);
  EXPECT_TRUE(needs_apply(&drifted, wanted)) << "somebody changed our field";
}

}  // namespace
}  // namespace poolwright::reconcile
