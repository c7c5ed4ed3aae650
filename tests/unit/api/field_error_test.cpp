#include "api/field_error.h"

#include <gtest/gtest.h>

namespace poolwright::api {
namespace {

TEST(Paths, Members) {
  EXPECT_EQ(member_path("", "spec"), "spec");
  EXPECT_EQ(member_path("spec", "postgres"), "spec.postgres");
  EXPECT_EQ(member_path("labels", "app.kubernetes.io/name"), "labels[app.kubernetes.io/name]");
  EXPECT_EQ(member_path("parameters", ""), "parameters[]");
  EXPECT_EQ(item_path("spec.databases", 2), "spec.databases[2]");
}

TEST(Paths, ParentsUndoMembers) {
  const std::string path = member_path(item_path(member_path("spec", "databases"), 1), "pool-size");
  EXPECT_EQ(path, "spec.databases[1].pool-size");
  EXPECT_EQ(parent_path(path), "spec.databases[1]");
  EXPECT_EQ(parent_path(parent_path(path)), "spec.databases");
  EXPECT_EQ(parent_path("labels[a.b/c]"), "labels");
  EXPECT_EQ(parent_path("spec"), "");
  EXPECT_EQ(parent_path(""), "");
}

TEST(Paths, Inside) {
  EXPECT_TRUE(is_inside("spec.a", "spec"));
  EXPECT_TRUE(is_inside("spec", "spec"));
  EXPECT_TRUE(is_inside("spec.a[0].b", "spec.a"));
  EXPECT_TRUE(is_inside("spec", ""));
  EXPECT_FALSE(is_inside("spec.ab", "spec.a"));
  EXPECT_FALSE(is_inside("spec", "spec.a"));
}

TEST(FieldErrors, OneLine) {
  EXPECT_EQ(to_string({.path = "spec.a", .message = "is required"}), "spec.a: is required");
  EXPECT_EQ(to_string({.path = "", .message = "must be UTF-8"}), "must be UTF-8");
  EXPECT_EQ(join({{.path = "a", .message = "b"}, {.path = "c", .message = "d"}}), "a: b; c: d");
  EXPECT_EQ(join({}), "");
}

TEST(FieldErrors, ALongListIsCutBetweenErrors) {
  const std::vector<FieldError> errors(100, FieldError{.path = "spec.a", .message = std::string(50, 'x')});
  const std::string text = join(errors, 300);
  EXPECT_LT(text.size(), 330U);
  EXPECT_TRUE(text.ends_with("x; ... (95 more)")) << text;
}

}  // namespace
}  // namespace poolwright::api
