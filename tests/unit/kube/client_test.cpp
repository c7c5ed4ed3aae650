#include "kube/client.h"

#include "kube/leader_gate.h"
#include "unit/kube/kube_fixture.h"

namespace poolwright::kube {
namespace {

using api::Json;
using std::chrono::seconds;

class ClientTest : public KubeFixture {
 protected:
  /// The first `times` requests end like this; the others are answered.
  void fail(int times, const Result<Response>& outcome) {
    server_.interfere([left = times, outcome](const Request&) mutable -> std::optional<Result<Response>> {
      if (left == 0) return std::nullopt;
      --left;
      return outcome;
    });
  }
  static Response refused(int status, std::optional<Duration> retry_after = std::nullopt) {
    return {.status = status, .body = R"({"kind":"Status","message":"because"})", .retry_after = retry_after};
  }
  static Error lost() { return make_error(ErrorKind::kUnavailable, "connection lost"); }
};

TEST_F(ClientTest, ALostGetIsRepeatedAtOnceThenWithDelays) {
  ASSERT_TRUE(client_.apply(config_map("a", "1"), limits()));
  fail(3, lost());
  EXPECT_TRUE(client_.get(key("a"), limits()));
  ASSERT_EQ(waiter_.waits().size(), 2U) << "the first repetition does not wait";
  EXPECT_LE(waiter_.waits()[0], Duration{200});
  EXPECT_GE(waiter_.waits()[1], Duration{200});
}

TEST_F(ClientTest, ARepetitionUsesAFreshConnection) {
  std::vector<bool> fresh;
  server_.interfere([&](const Request& request) -> std::optional<Result<Response>> {
    fresh.push_back(request.on_fresh_connection);
    if (fresh.size() < 3) return lost();
    return std::nullopt;
  });
  EXPECT_TRUE(client_.apply(config_map("a", "1"), limits()));
  EXPECT_EQ(fresh, (std::vector<bool>{false, true, true}));
}

TEST_F(ClientTest, RepeatsEndAfterSomeTries) {
  fail(1000, refused(500));
  const auto answer = client_.get(key("a"), limits(std::chrono::hours{1}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(answer.error().message, "get ConfigMap shop/a: because");
  EXPECT_EQ(server_.requests(Method::kGet), 6U);
}

TEST_F(ClientTest, ACreateIsNeverRepeatedWhenItsOutcomeIsUnknown) {
  for (const Result<Response>& outcome : {Result<Response>(lost()), Result<Response>(refused(500)),
                                          Result<Response>(refused(503, seconds{1})), Result<Response>(refused(504))}) {
    const auto before = server_.requests(Method::kPost);
    fail(1, outcome);
    const auto created = client_.create(config_map("a", "1"), limits());
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().kind, ErrorKind::kUnavailable);
    EXPECT_EQ(server_.requests(Method::kPost), before + 1);
  }
}

TEST_F(ClientTest, ACreateIsRepeatedWhenItWasNotCarriedOut) {
  fail(2, refused(429, seconds{3}));
  EXPECT_TRUE(client_.create(config_map("a", "1"), limits()));
  ASSERT_EQ(waiter_.waits().size(), 2U);
  for (const Duration wait : waiter_.waits()) {
    EXPECT_GE(wait, seconds{3});
    EXPECT_LE(wait, Duration{3600});
  }
}

TEST_F(ClientTest, AReplaceWithoutAVersionIsNotRepeated) {
  ASSERT_TRUE(client_.apply(config_map("a", "1"), limits()));
  fail(1, lost());
  EXPECT_FALSE(client_.replace(config_map("a", "2"), limits()));
  auto object = client_.get(key("a"), limits());
  fail(1, lost());
  EXPECT_TRUE(client_.replace(*object, limits())) << "with a version a second one can only fail";
}

TEST_F(ClientTest, ADeleteIsRepeatedOnlyWithAUid) {
  const auto stored = client_.apply(config_map("a", "1"), limits());
  fail(1, lost());
  EXPECT_FALSE(client_.remove(key("a"), "", limits()));
  fail(1, lost());
  EXPECT_TRUE(client_.remove(key("a"), api::metadata_string(*stored, "uid"), limits()));
}

TEST_F(ClientTest, AnAnswerLostAfterTheWriteDoesNoHarm) {
  server_.lose_answers({Method::kPatch});
  EXPECT_FALSE(client_.apply(config_map("a", "1"), limits(seconds{1})));
  server_.lose_answers({});
  const auto writes = server_.writes();
  EXPECT_EQ(writes.creates, 1U);
  EXPECT_EQ(writes.updates, 0U);
  EXPECT_TRUE(client_.apply(config_map("a", "1"), limits()));
  EXPECT_EQ(server_.writes().updates, 0U);
}

TEST_F(ClientTest, RefusedCredentialsAreReadAgainOnce) {
  ASSERT_TRUE(client_.apply(config_map("a", "1"), limits()));
  fail(1, refused(401));
  EXPECT_TRUE(client_.get(key("a"), limits()));
  EXPECT_EQ(server_.renewals(), 1U);
  fail(1000, refused(401));
  const auto answer = client_.get(key("a"), limits());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnauthorized);
  EXPECT_EQ(server_.renewals(), 3U) << "the first refusal and that of the repetition";
  EXPECT_TRUE(waiter_.waits().empty());
}

TEST_F(ClientTest, WhatCannotGetBetterIsNotRepeated) {
  for (const int status : {400, 403, 404, 405, 409, 410, 413, 415, 422}) {
    fail(1000, refused(status));
    const auto before = server_.requests(Method::kPatch);
    EXPECT_FALSE(client_.apply(config_map("a", "1"), limits()));
    EXPECT_EQ(server_.requests(Method::kPatch), before + 1) << status;
  }
  EXPECT_TRUE(waiter_.waits().empty());
}

TEST_F(ClientTest, NothingWaitsLongerThanTheCaller) {
  fail(1000, refused(429, seconds{30}));
  const auto start = clock_.now();
  const auto answer = client_.get(key("a"), limits(seconds{20}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kThrottled) << "the reason, not the deadline";
  EXPECT_EQ(answer.error().retry_after, seconds{30});
  EXPECT_EQ(clock_.now(), start);
}

TEST_F(ClientTest, AVeryLongRetryAfterIsCut) {
  fail(1, refused(429, std::chrono::hours{2}));
  ASSERT_TRUE(client_.apply(config_map("a", "1"), limits(std::chrono::hours{3})));
  EXPECT_LE(waiter_.waits().at(0), seconds{72}) << "a minute and its jitter";
}

TEST_F(ClientTest, StoppingEndsTheRepetitions) {
  fail(1000, refused(500));
  stop_.request_stop();
  const auto answer = client_.get(key("a"), limits());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kCancelled);
}

TEST_F(ClientTest, NamesAreCheckedBeforeAnythingIsSent) {
  Json object = config_map("../x", "1");
  EXPECT_EQ(client_.apply(object, limits()).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(client_.create(object, limits()).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(client_.get(key("a/b"), limits()).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(client_.remove(key(""), "u", limits()).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(server_.requests(Method::kPatch) + server_.requests(Method::kPost) + server_.requests(Method::kGet) +
                server_.requests(Method::kDelete),
            0U);
}

TEST_F(ClientTest, AnAnswerThatIsNoObjectIsAProtocolError) {
  for (const char* body : {"", "[]", "<html>", "{\"a\":"}) {
    fail(1, Response{.status = 200, .body = body});
    const auto answer = client_.get(key("a"), limits());
    ASSERT_FALSE(answer) << body;
    EXPECT_EQ(answer.error().kind, ErrorKind::kProtocol) << body;
  }
}

TEST_F(ClientTest, TextThatIsNotUtf8DoesNotStopAWrite) {
  EXPECT_TRUE(client_.apply(config_map("a", "\xC3\x28"), limits()));
}

TEST_F(ClientTest, AListStartsAgainOnceWhereItsTokenGrewOld) {
  for (int i = 0; i < 600; ++i) ASSERT_TRUE(client_.apply(config_map("m" + std::to_string(i), "1"), limits()));
  int pages = 0;
  server_.interfere([&](const Request& request) -> std::optional<Result<Response>> {
    ++pages;
    if (pages == 2) server_.compact();
    EXPECT_EQ(request.query.find("continue") != std::string::npos, pages % 2 == 0) << pages;
    return std::nullopt;
  });
  const auto all = client_.list({.api_version = "v1", .kind = "ConfigMap"}, limits());
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->size(), 600U);
  EXPECT_EQ(pages, 4);
}

TEST_F(ClientTest, APathOutsideOfTheTable) {
  EXPECT_EQ(client_.get_path("/version", limits()).value().at("major"), "1");
}

TEST_F(ClientTest, TheGateCutsLimitsAndRefusesWhenItIsClosed) {
  LeaderGate gate(clock_);
  EXPECT_FALSE(gate.may_write());
  EXPECT_EQ(gate.admit(limits()).error().kind, ErrorKind::kUnavailable);
  gate.open_until(clock_.now() + seconds{10});
  EXPECT_EQ(gate.admit(limits(seconds{60})).value().deadline.end(), clock_.now() + seconds{10});
  EXPECT_EQ(gate.admit(limits(seconds{3})).value().deadline.end(), clock_.now() + seconds{3});
  clock_.advance(seconds{10});
  EXPECT_FALSE(gate.may_write());
  EXPECT_FALSE(gate.admit(limits()));
  gate.open_for_ever();
  EXPECT_EQ(gate.admit(limits(seconds{3})).value().deadline.end(), clock_.now() + seconds{3});
  gate.close();
  EXPECT_FALSE(gate.may_write());
}

}  // namespace
}  // namespace poolwright::kube
