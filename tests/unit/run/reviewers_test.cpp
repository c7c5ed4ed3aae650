// What answers of the API server to reviews mean. Anything that is not a clear yes lets nobody in.
#include "run/reviewers.h"

#include <gtest/gtest.h>

namespace poolwright::run {
namespace {

using api::Json;

TEST(IdentityOf, AKnownTokenNamesItsBearer) {
  const Json review = Json::parse(R"({"status": {"authenticated": true, "user": {
      "username": "system:serviceaccount:shop:reader", "uid": "u1", "groups": ["system:authenticated", "g"],
      "extra": {"authentication.kubernetes.io/pod-name": ["p"]}}}})");
  const auto identity = identity_of(review);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->user, "system:serviceaccount:shop:reader");
  EXPECT_EQ(identity->uid, "u1");
  EXPECT_EQ(identity->groups, (std::vector<std::string>{"system:authenticated", "g"}));
  EXPECT_EQ(identity->extra.at("authentication.kubernetes.io/pod-name"), std::vector<std::string>{"p"});
}

ErrorKind kind_of(const char* review) {
  const auto identity = identity_of(Json::parse(review));
  return identity ? ErrorKind::kInternal : identity.error().kind;
}

TEST(IdentityOf, AnythingElseIsNobody) {
  EXPECT_EQ(kind_of(R"({"status": {"authenticated": false}})"), ErrorKind::kUnauthorized);
  EXPECT_EQ(kind_of(R"({"status": {"error": "invalid bearer token"}})"), ErrorKind::kUnauthorized);
  EXPECT_EQ(kind_of(R"({"status": {"authenticated": "true", "user": {"username": "x"}}})"), ErrorKind::kUnauthorized);
  EXPECT_EQ(kind_of(R"({"status": {"authenticated": true}})"), ErrorKind::kProtocol);
  EXPECT_EQ(kind_of(R"({"status": {"authenticated": true, "user": {"username": ""}}})"), ErrorKind::kProtocol);
  EXPECT_EQ(kind_of(R"({"status": 3})"), ErrorKind::kProtocol);
  EXPECT_EQ(kind_of("[]"), ErrorKind::kProtocol);
}

TEST(AccessOf, OnlyAClearYesAllows) {
  const serve::Identity identity{.user = "ann"};
  const auto access = [&](const char* review) { return access_of(Json::parse(review), identity, "get", "/metrics"); };
  EXPECT_TRUE(access(R"({"status": {"allowed": true}})"));
  for (const char* review :
       {R"({"status": {"allowed": false}})", R"({"status": {}})", R"({"status": {"allowed": true, "denied": true}})",
        R"({"status": {"allowed": "true"}})"}) {
    const Status refused = access(review);
    ASSERT_FALSE(refused) << review;
    EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden);
    EXPECT_EQ(refused.error().message, "ann may not 'get' '/metrics'");
  }
  const Status broken = access("{}");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().kind, ErrorKind::kProtocol);
}

}  // namespace
}  // namespace poolwright::run
