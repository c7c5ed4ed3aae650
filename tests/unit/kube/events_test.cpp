#include "kube/events.h"

#include "kube/event_aggregator.h"
#include "unit/kube/kube_fixture.h"

namespace poolwright::kube {
namespace {

using api::Json;
using std::chrono::minutes;
using std::chrono::seconds;

api::EventNote note_about(const std::string& name, const std::string& reason, const std::string& message) {
  return {.regarding = {{"apiVersion", "poolwright.dev/v1alpha1"},
                        {"kind", "ConnectionPool"},
                        {"metadata", {{"name", name}, {"namespace", "shop"}, {"uid", "u-" + name}}}},
          .warning = true,
          .reason = reason,
          .message = message};
}

class EventsTest : public KubeFixture {
 protected:
  void SetUp() override { gate_.open_for_ever(); }
  std::vector<Json> stored() const { return server_.stored_of("Event"); }

  LeaderGate gate_{clock_};
  EventRecorder recorder_{{.client = client_, .gate = gate_, .clock = clock_, .instance = "poolwright-0"}};
};

TEST_F(EventsTest, ANoteBecomesAnEventAboutItsObject) {
  recorder_.note(note_about("orders", "SecretMissing", "Secret orders-app is missing"));
  EXPECT_EQ(server_.requests(Method::kPatch), 0U) << "a note does not wait for the API server";
  EXPECT_EQ(recorder_.flush({}), 1U);
  ASSERT_EQ(stored().size(), 1U);
  const Json event = stored()[0];
  EXPECT_EQ(event["regarding"]["name"], "orders");
  EXPECT_EQ(event["regarding"]["uid"], "u-orders");
  EXPECT_EQ(event["metadata"]["namespace"], "shop");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["reason"], "SecretMissing");
  EXPECT_EQ(event["reportingInstance"], "poolwright-0");
  EXPECT_FALSE(event.contains("series"));
}

TEST_F(EventsTest, RepeatsAreCountedInOneEvent) {
  for (int i = 0; i < 100; ++i) recorder_.note(note_about("orders", "SecretMissing", "missing"));
  recorder_.flush({});
  ASSERT_EQ(stored().size(), 1U);
  clock_.advance(seconds{31});
  recorder_.flush({});
  ASSERT_EQ(stored().size(), 1U);
  EXPECT_EQ(stored()[0]["series"]["count"], 100);
  EXPECT_EQ(server_.requests(Method::kPatch), 2U);
  clock_.advance(seconds{31});
  EXPECT_EQ(recorder_.flush({}), 0U) << "nothing new, nothing sent";
}

TEST_F(EventsTest, WhatDiffersIsAnEventOfItsOwn) {
  recorder_.note(note_about("orders", "SecretMissing", "one"));
  recorder_.note(note_about("orders", "SecretMissing", "two"));
  recorder_.note(note_about("orders", "Reloaded", "one"));
  recorder_.note(note_about("billing", "SecretMissing", "one"));
  recorder_.flush({});
  EXPECT_EQ(stored().size(), 4U);
}

TEST_F(EventsTest, AnObjectGetsNoMoreThanATrickle) {
  for (int i = 0; i < 1000; ++i) recorder_.note(note_about("orders", "Odd", "number " + std::to_string(i)));
  recorder_.note(note_about("billing", "Odd", "another object is not affected"));
  EXPECT_EQ(recorder_.flush({}), static_cast<std::size_t>(EventAggregator::kBurstPerObject) + 1);
  EXPECT_EQ(recorder_.counts().dropped, 1000U - EventAggregator::kBurstPerObject);
  clock_.advance(EventAggregator::kRefillPerObject);
  recorder_.note(note_about("orders", "Odd", "one more"));
  recorder_.note(note_about("orders", "Odd", "and one too many"));
  EXPECT_EQ(recorder_.flush({}), 1U);
}

TEST_F(EventsTest, TheQueueIsBounded) {
  for (int i = 0; i < 400; ++i) recorder_.note(note_about("pool-" + std::to_string(i), "Odd", "x"));
  EXPECT_EQ(recorder_.flush({}), EventRecorder::kQueueMax);
  EXPECT_EQ(recorder_.counts().dropped, 400U - EventRecorder::kQueueMax);
}

TEST_F(EventsTest, WhoDoesNotLeadSaysNothing) {
  gate_.close();
  recorder_.note(note_about("orders", "Odd", "x"));
  EXPECT_EQ(recorder_.flush({}), 0U);
  EXPECT_EQ(recorder_.counts().dropped, 1U);
  EXPECT_TRUE(stored().empty());
}

TEST_F(EventsTest, AFailureIsCountedAndForgotten) {
  server_.interfere(
      [](const Request&) -> std::optional<Result<Response>> { return Response{.status = 403, .body = "{}"}; });
  recorder_.note(note_about("orders", "Odd", "x"));
  EXPECT_EQ(recorder_.flush({}), 0U);
  EXPECT_EQ(recorder_.counts().failed, 1U);
  EXPECT_EQ(recorder_.flush({}), 0U);
}

TEST_F(EventsTest, ANoteWithoutAnObjectIsDropped) {
  recorder_.note({.regarding = Json::object(), .warning = false, .reason = "Odd", .message = "x"});
  recorder_.note({.regarding = nullptr, .warning = false, .reason = "Odd", .message = "x"});
  recorder_.note(note_about("../x", "Odd", "x"));
  recorder_.note(note_about("orders", "", "x"));
  EXPECT_EQ(recorder_.flush({}), 0U);
  EXPECT_EQ(recorder_.counts().dropped, 4U);
}

TEST_F(EventsTest, LongMessagesAreCutAtACharacter) {
  std::string message(EventAggregator::kMessageLengthMax - 1, 'x');
  message += "\xE2\x82\xAC and more";
  recorder_.note(note_about("orders", "Odd", message));
  recorder_.flush({});
  EXPECT_EQ(stored().at(0)["note"], std::string(EventAggregator::kMessageLengthMax - 1, 'x'));
}

TEST_F(EventsTest, SeriesAreForgottenAfterAWhile) {
  EventAggregator aggregator(clock_, "i");
  const auto first = aggregator.note(note_about("orders", "Odd", "x"));
  ASSERT_TRUE(first);
  clock_.advance(minutes{7});
  const auto second = aggregator.note(note_about("orders", "Odd", "x"));
  ASSERT_TRUE(second);
  EXPECT_NE(first->at("metadata").at("name"), second->at("metadata").at("name")) << "a new event";
  EXPECT_FALSE(second->contains("series"));
}

TEST_F(EventsTest, TheNumberOfSeriesAndObjectsIsBounded) {
  EventAggregator aggregator(clock_, "i");
  for (std::size_t i = 0; i < EventAggregator::kObjectsMax; ++i) {
    ASSERT_TRUE(aggregator.note(note_about("pool-" + std::to_string(i), "Odd", "x"))) << i;
  }
  EXPECT_FALSE(aggregator.note(note_about("one-too-many", "Odd", "x")));
  EXPECT_TRUE(aggregator.note(note_about("pool-0", "Odd", "x"))) << "its series was forgotten, so it is new";
  clock_.advance(std::chrono::minutes{10});
  EXPECT_TRUE(aggregator.note(note_about("one-too-many", "Odd", "x"))) << "the others were quiet meanwhile";
}

}  // namespace
}  // namespace poolwright::kube
