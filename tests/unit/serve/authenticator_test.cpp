#include "serve/authenticator.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fakes/manual_clock.h"

namespace poolwright::serve {
namespace {

using std::chrono::seconds;

const SecretString kToken("a token of somebody");

/// Answers as it is told to, and counts the questions.
class FakeReviewers final : public TokenReviewer, public AccessReviewer {
 public:
  Result<Identity> review(const SecretString&) override {
    ++token_questions;
    return identity;
  }
  Status review(const Identity&, std::string_view verb, std::string_view path) override {
    asked.push_back(std::string(verb) + " " + std::string(path));
    return right;
  }

  Result<Identity> identity = Identity{.user = "ada"};
  Status right = ok();
  int token_questions = 0;
  std::vector<std::string> asked;
};

class Reviewing : public testing::Test {
 protected:
  std::string ask(const SecretString& token = kToken, std::string_view path = "/metrics") {
    const Result<Identity> answer = authenticator.authorize(token, "get", path);
    return answer.has_value() ? answer->user : std::string(to_string(answer.error().kind));
  }

  FakeReviewers reviewers;
  ManualClock clock;
  ReviewingAuthenticator authenticator{reviewers, reviewers, clock};
};

TEST_F(Reviewing, AsksOnceAndRemembers) {
  EXPECT_FALSE(authenticator.cached(kToken, "get", "/metrics"));
  EXPECT_EQ(ask(), "ada");
  EXPECT_EQ(ask(), "ada");
  EXPECT_EQ(reviewers.token_questions, 1);
  EXPECT_EQ(reviewers.asked, std::vector<std::string>{"get /metrics"});
  ASSERT_TRUE(authenticator.cached(kToken, "get", "/metrics"));
  EXPECT_TRUE(authenticator.cached(kToken, "get", "/metrics")->has_value());
}

TEST_F(Reviewing, EveryPathAndVerbIsAQuestionOfItsOwn) {
  ask();
  EXPECT_FALSE(authenticator.cached(kToken, "get", "/other"));
  EXPECT_FALSE(authenticator.cached(kToken, "post", "/metrics"));
  EXPECT_FALSE(authenticator.cached(SecretString("another"), "get", "/metrics"));
  EXPECT_EQ(ask(kToken, "/other"), "ada");
  EXPECT_EQ(reviewers.asked.size(), 2U);
  EXPECT_EQ(reviewers.token_questions, 1);
}

TEST_F(Reviewing, ARevokedTokenIsRefusedAfterAMinute) {
  ask();
  reviewers.identity = make_error(ErrorKind::kUnauthorized, "unknown");
  clock.advance(seconds(59));
  EXPECT_EQ(ask(), "ada");
  clock.advance(seconds(2));
  EXPECT_EQ(ask(), to_string(ErrorKind::kUnauthorized));
}

TEST_F(Reviewing, ARightThatWasTakenAwayIsNoticedAfterFiveMinutes) {
  ask();
  reviewers.right = make_error(ErrorKind::kForbidden, "no");
  clock.advance(seconds(299));
  EXPECT_EQ(ask(), "ada");
  clock.advance(seconds(2));
  EXPECT_EQ(ask(), to_string(ErrorKind::kForbidden));
}

TEST_F(Reviewing, ARightThatWasGivenIsNoticedAfterHalfAMinute) {
  reviewers.right = make_error(ErrorKind::kForbidden, "no");
  EXPECT_EQ(ask(), to_string(ErrorKind::kForbidden));
  reviewers.right = ok();
  clock.advance(seconds(29));
  EXPECT_EQ(ask(), to_string(ErrorKind::kForbidden));
  EXPECT_EQ(authenticator.cached(kToken, "get", "/metrics")->error().kind, ErrorKind::kForbidden);
  clock.advance(seconds(2));
  EXPECT_EQ(ask(), "ada");
}

TEST_F(Reviewing, AnUnknownTokenIsRememberedToo) {
  reviewers.identity = make_error(ErrorKind::kUnauthorized, "unknown");
  ask();
  ask();
  EXPECT_EQ(reviewers.token_questions, 1);
  EXPECT_TRUE(reviewers.asked.empty()) << "nobody's rights are not asked for";
  EXPECT_EQ(authenticator.cached(kToken, "get", "/metrics")->error().kind, ErrorKind::kUnauthorized);
}

TEST_F(Reviewing, WhatCouldNotBeAnsweredIsNeitherAllowedNorRemembered) {
  for (const ErrorKind kind : {ErrorKind::kUnavailable, ErrorKind::kDeadlineExceeded, ErrorKind::kThrottled,
                               ErrorKind::kInternal, ErrorKind::kProtocol}) {
    reviewers.identity = make_error(kind, "no answer");
    EXPECT_EQ(ask(), to_string(kind));
    EXPECT_FALSE(authenticator.cached(kToken, "get", "/metrics"));
  }
  reviewers.identity = Identity{.user = "ada"};
  reviewers.right = make_error(ErrorKind::kUnavailable, "no answer");
  EXPECT_EQ(ask(), to_string(ErrorKind::kUnavailable));
  EXPECT_FALSE(authenticator.cached(kToken, "get", "/metrics"));
  reviewers.right = ok();
  EXPECT_EQ(ask(), "ada");
}

TEST_F(Reviewing, MemoryIsBounded) {
  for (std::size_t i = 0; i < ReviewingAuthenticator::kEntriesMax + 10; ++i) {
    clock.advance(std::chrono::milliseconds(1));
    ask(SecretString("token " + std::to_string(i)));
  }
  EXPECT_FALSE(authenticator.cached(SecretString("token 0"), "get", "/metrics")) << "the oldest is forgotten";
  EXPECT_TRUE(authenticator.cached(SecretString("token 4000"), "get", "/metrics"));
}

TEST(StaticToken, IsTheOneOrNothing) {
  EXPECT_FALSE(StaticTokenAuthenticator::create(SecretString("too short")).has_value());
  auto made = StaticTokenAuthenticator::create(SecretString("long enough to be one"));
  ASSERT_TRUE(made.has_value());
  StaticTokenAuthenticator& authenticator = *made;
  EXPECT_TRUE(authenticator.authorize(SecretString("long enough to be one"), "get", "/metrics").has_value());
  for (const char* wrong : {"", "long enough to be on", "long enough to be one ", "LONG ENOUGH TO BE ONE"}) {
    const auto answer = authenticator.cached(SecretString(wrong), "get", "/metrics");
    ASSERT_TRUE(answer);
    ASSERT_FALSE(answer->has_value()) << wrong;
    EXPECT_EQ(answer->error().kind, ErrorKind::kUnauthorized);
    EXPECT_EQ(answer->error().message.find("long enough"), std::string::npos);
  }
}

TEST(RightPath, APathBelowApiIsAllowedByAnotherName) {
  EXPECT_EQ(right_path("/api/admin/monitoring/connections/pool"), "/monitoring/connections/pool");
  EXPECT_EQ(right_path("/metrics"), "/metrics");
  EXPECT_EQ(right_path("/api/adminx"), "/api/adminx");
}

}  // namespace
}  // namespace poolwright::serve
