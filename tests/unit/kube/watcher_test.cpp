// The watch, fed by hand: no I/O and no time but what a test gives. The last part has one case for each mistake that
// other clients were seen to make.
#include "kube/watcher.h"

#include <gtest/gtest.h>

#include <set>

#include "fakes/manual_clock.h"

namespace poolwright::kube {
namespace {

using api::Json;
using std::chrono::minutes;
using std::chrono::seconds;

Json pod(const std::string& name, const std::string& version) {
  return {{"metadata", {{"name", name}, {"namespace", "shop"}, {"resourceVersion", version}}}};
}

std::string page(const std::vector<std::string>& names, const std::string& version, const std::string& token = "") {
  Json items = Json::array();
  for (const std::string& name : names) items.push_back(pod(name, version));
  return Json{{"metadata", {{"resourceVersion", version}, {"continue", token}}}, {"items", items}}.dump();
}

std::string event(const std::string& type, const Json& object) {
  return Json{{"type", type}, {"object", object}}.dump();
}

std::string gone_event() {
  return event("ERROR", {{"kind", "Status"}, {"code", 410}, {"reason", "Expired"}, {"message", "too old"}});
}

std::string words(const WatchOutput& output) {
  switch (output.type) {
    case WatchOutput::Type::kRelistBegun:
      return "begin";
    case WatchOutput::Type::kRelistDone: {
      std::string text = "are";
      for (const auto& object : output.objects) text += " " + api::metadata_string(*object, "name");
      return text;
    }
    case WatchOutput::Type::kChanged:
      return "+" + api::metadata_string(*output.object, "name");
    case WatchOutput::Type::kDeleted:
      return "-" + api::metadata_string(*output.object, "name");
    case WatchOutput::Type::kAdvanced:
      return "@" + output.version;
  }
  return "?";
}

class WatcherTest : public ::testing::Test {
 protected:
  /// Opens the next stream; gives "list ..." or "watch ..." with its query, or "" where there is nothing to open yet.
  std::string open() {
    const auto request = watcher_.next(clock_.now());
    if (!request) return "";
    return (request->query.starts_with("watch") ? "watch " : "list ") + request->query;
  }
  /// A whole answer.
  void answer(int status, const std::vector<std::string>& lines, const Status& end = ok()) {
    watcher_.on_status(status, std::nullopt, clock_.now());
    for (const std::string& line : lines) {
      if (!watcher_.on_line(line, clock_.now())) break;
    }
    watcher_.on_end(end, clock_.now());
  }
  /// Lists one pod at version 10 and opens the watch.
  void begin_watching() {
    open();
    answer(200, {page({"a"}, "10")});
    ASSERT_TRUE(open().starts_with("watch"));
    watcher_.on_status(200, std::nullopt, clock_.now());
    outputs();
  }
  std::vector<std::string> outputs() {
    std::vector<std::string> said;
    for (const WatchOutput& output : watcher_.take_outputs()) said.push_back(words(output));
    return said;
  }
  /// Moves on to when something is due; gives how long that was.
  std::chrono::nanoseconds wait() {
    const auto time = watcher_.wake_at() - clock_.now();
    clock_.advance(time);
    return time;
  }
  static Error unavailable() { return make_error(ErrorKind::kUnavailable, "cut"); }

  using Said = std::vector<std::string>;

  ManualClock clock_;
  std::unique_ptr<Random> random_ = make_seeded_random(7);
  Watcher watcher_{{.api_version = "v1", .kind = "Pod", .namespace_name = "shop"}, *random_};
};

TEST_F(WatcherTest, ListsThenWatchesFromThere) {
  EXPECT_FALSE(watcher_.is_synced());
  EXPECT_EQ(open(), "list limit=500");
  EXPECT_EQ(open(), "") << "one stream at a time";
  answer(200, {page({"a", "b"}, "10")});
  EXPECT_EQ(outputs(), (Said{"begin", "are a b"}));
  EXPECT_TRUE(watcher_.is_synced());
  const std::string watch = open();
  EXPECT_NE(watch.find("resourceVersion=10&"), std::string::npos) << watch;
  EXPECT_NE(watch.find("allowWatchBookmarks=true"), std::string::npos);
}

TEST_F(WatcherTest, PagesAreHeldBackUntilTheLast) {
  open();
  answer(200, {page({"a"}, "10", "next")});
  EXPECT_EQ(outputs(), (Said{"begin"}));
  EXPECT_FALSE(watcher_.is_synced());
  EXPECT_EQ(open(), "list limit=500&continue=next") << "at once";
  answer(200, {page({"b"}, "10")});
  EXPECT_EQ(outputs(), (Said{"are a b"}));
}

TEST_F(WatcherTest, APageMayComeInSeveralLines) {
  open();
  answer(200, {"{\"metadata\":{\"resourceVersion\":\"10\"},", "\"items\":[]}"});
  EXPECT_EQ(outputs(), (Said{"begin", "are"}));
}

TEST_F(WatcherTest, EventsAndBookmarksMoveTheVersion) {
  begin_watching();
  EXPECT_TRUE(watcher_.on_line(event("ADDED", pod("b", "11")), clock_.now()));
  EXPECT_TRUE(watcher_.on_line(event("DELETED", pod("a", "12")), clock_.now()));
  EXPECT_TRUE(watcher_.on_line(event("BOOKMARK", pod("", "20")), clock_.now()));
  EXPECT_EQ(outputs(), (Said{"+b", "-a", "@20"}));
  clock_.advance(minutes{5});
  watcher_.on_end(ok(), clock_.now());
  EXPECT_NE(open().find("resourceVersion=20&"), std::string::npos) << "resumed from the bookmark, at once";
  EXPECT_TRUE(outputs().empty()) << "a watch that ends costs no list";
}

TEST_F(WatcherTest, ACutIsResumedAfterAMoment) {
  begin_watching();
  watcher_.on_line(event("ADDED", pod("b", "11")), clock_.now());
  watcher_.on_end(unavailable(), clock_.now());
  EXPECT_EQ(open(), "");
  ASSERT_TRUE(watcher_.take_failure());
  const auto time = wait();
  EXPECT_GE(time, Duration{800});
  EXPECT_LE(time, Duration{1600});
  EXPECT_NE(open().find("resourceVersion=11&"), std::string::npos);
}

TEST_F(WatcherTest, AnErrorEventThatSaysGoneListsFromScratch) {
  begin_watching();
  EXPECT_FALSE(watcher_.on_line(gone_event(), clock_.now()));
  watcher_.on_end(ok(), clock_.now());
  EXPECT_LE(wait(), seconds{1}) << "with a little jitter only";
  EXPECT_EQ(open(), "list limit=500");
  EXPECT_EQ(outputs(), (Said{"begin"}));
  EXPECT_TRUE(watcher_.is_synced()) << "the old objects still stand";
  answer(200, {page({"z"}, "100")});
  EXPECT_EQ(outputs(), (Said{"are z"}));
}

TEST_F(WatcherTest, AnAnswerThatSaysGoneListsFromScratch) {
  open();
  answer(200, {page({"a"}, "10")});
  open();
  answer(410, {R"({"kind":"Status","code":410,"reason":"Expired"})"});
  EXPECT_LE(wait(), seconds{1});
  EXPECT_EQ(open(), "list limit=500");
}

TEST_F(WatcherTest, APageTokenThatIsNotTakenAnyMoreListsFromScratch) {
  for (const int status : {400, 410}) {
    SCOPED_TRACE(status);
    Watcher fresh({.api_version = "v1", .kind = "Pod"}, *random_);
    ASSERT_TRUE(fresh.next(clock_.now()));
    fresh.on_status(200, std::nullopt, clock_.now());
    fresh.on_line(page({"a"}, "10", "next"), clock_.now());
    fresh.on_end(ok(), clock_.now());
    ASSERT_TRUE(fresh.next(clock_.now()));
    fresh.on_status(status, std::nullopt, clock_.now());
    fresh.on_line("{}", clock_.now());
    fresh.on_end(ok(), clock_.now());
    EXPECT_EQ(fresh.take_failure()->kind, ErrorKind::kGone);
    clock_.advance(seconds{1});
    const auto again = fresh.next(clock_.now());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->query, "limit=500");
  }
}

TEST_F(WatcherTest, BacksOffFurtherEachTimeUpToAHalfMinute) {
  std::vector<std::chrono::nanoseconds> delays;
  for (int i = 0; i < 12; ++i) {
    ASSERT_NE(open(), "");
    watcher_.on_end(unavailable(), clock_.now());
    delays.push_back(wait());
  }
  EXPECT_GE(delays[0], Duration{800});
  EXPECT_LE(delays[0], Duration{1600});
  EXPECT_GE(delays[2], Duration{3200}) << "doubled twice, at most half of it taken away";
  for (const auto& delay : delays) EXPECT_LE(delay, seconds{30});
  EXPECT_GE(delays.back(), seconds{15});
}

TEST_F(WatcherTest, TheBackOffBeginsAnewAfterTwoQuietMinutes) {
  for (int i = 0; i < 8; ++i) {
    open();
    watcher_.on_end(unavailable(), clock_.now());
    wait();
  }
  begin_watching();
  clock_.advance(minutes{2} + seconds{1});
  watcher_.on_end(unavailable(), clock_.now());
  EXPECT_LE(wait(), Duration{1600});
}

TEST_F(WatcherTest, WaitsAsLongAsItIsTold) {
  open();
  watcher_.on_status(429, seconds{20}, clock_.now());
  watcher_.on_end(ok(), clock_.now());
  EXPECT_GE(wait(), seconds{20});
  open();
  watcher_.on_status(429, std::chrono::hours{5}, clock_.now());
  watcher_.on_end(ok(), clock_.now());
  EXPECT_LE(wait(), minutes{1}) << "but not for ever";
}

TEST_F(WatcherTest, SaysWhenTheCredentialsWereRefused) {
  open();
  answer(401, {R"({"reason":"Unauthorized"})"});
  const auto failure = watcher_.take_failure();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->kind, ErrorKind::kUnauthorized);
  EXPECT_FALSE(watcher_.take_failure()) << "once";
}

TEST_F(WatcherTest, WatchesEndAtRandomTimes) {
  std::set<std::string> queries;
  for (int i = 0; i < 50; ++i) {
    begin_watching();
    if (i == 0) watcher_.on_line(event("BOOKMARK", pod("", "10")), clock_.now());
    clock_.advance(minutes{4});
    watcher_.on_end(ok(), clock_.now());
    const std::string query = open();
    const int timeout = std::stoi(query.substr(query.find("timeoutSeconds=") + 15));
    EXPECT_GE(timeout, Watcher::kWatchSecondsMin);
    EXPECT_LE(timeout, Watcher::kWatchSecondsMax);
    queries.insert(query);
    watcher_.on_status(410, std::nullopt, clock_.now());
    watcher_.on_end(ok(), clock_.now());
    clock_.advance(minutes{3});
    outputs();
  }
  EXPECT_GT(queries.size(), 20U);
}

TEST_F(WatcherTest, AKindThatIsUnknownIsNotAskedFor) {
  Watcher unknown({.api_version = "v1", .kind = "Unheard"}, *random_);
  EXPECT_FALSE(unknown.next(clock_.now()));
  EXPECT_EQ(unknown.take_failure()->kind, ErrorKind::kInvalid);
  EXPECT_GT(unknown.wake_at(), clock_.now()) << "no hot loop";
}

// --- Mistakes that other clients of this API make.

TEST_F(WatcherTest, MistakeOfWatchingWithoutAVersion) {
  // "every reconnect replays all and cannot see deletions"
  begin_watching();
  watcher_.on_line(event("ADDED", pod("b", "11")), clock_.now());
  for (int i = 0; i < 3; ++i) {
    watcher_.on_end(unavailable(), clock_.now());
    wait();
    EXPECT_NE(open().find("resourceVersion=11&"), std::string::npos);
    watcher_.on_status(200, std::nullopt, clock_.now());
    watcher_.on_line(event("BOOKMARK", pod("", "11")), clock_.now());
  }
}

TEST_F(WatcherTest, MistakeOfMissingDeletionsInAGap) {
  // What was deleted while nobody watched is not in the new list: the selection is replaced, not merged.
  begin_watching();
  watcher_.on_line(gone_event(), clock_.now());
  watcher_.on_end(ok(), clock_.now());
  wait();
  open();
  answer(200, {page({}, "50")});
  EXPECT_EQ(outputs(), (Said{"begin", "are"}));
}

TEST_F(WatcherTest, MistakeOfWaitingForeverOnADeadConnection) {
  begin_watching();
  EXPECT_FALSE(watcher_.is_overdue(clock_.now()));
  clock_.advance(seconds{89});
  EXPECT_FALSE(watcher_.is_overdue(clock_.now()));
  watcher_.on_line(event("BOOKMARK", pod("", "11")), clock_.now());
  clock_.advance(seconds{89});
  EXPECT_FALSE(watcher_.is_overdue(clock_.now())) << "a bookmark is a sign of life";
  EXPECT_EQ(wait(), seconds{1});
  EXPECT_TRUE(watcher_.is_overdue(clock_.now()));
  watcher_.on_end(make_error(ErrorKind::kDeadlineExceeded, "silent"), clock_.now());
  wait();
  EXPECT_NE(open().find("resourceVersion=11&"), std::string::npos);
}

TEST_F(WatcherTest, MistakeOfAWatchThatNeverEnds) {
  // Events alone do not keep it open past what it asked for.
  begin_watching();
  for (int i = 0; i < 600 && !watcher_.is_overdue(clock_.now()); ++i) {
    watcher_.on_line(event("ADDED", pod("b", "11")), clock_.now());
    clock_.advance(seconds{1});
  }
  EXPECT_TRUE(watcher_.is_overdue(clock_.now()));
}

TEST_F(WatcherTest, MistakeOfAHotLoopOnAWatchThatEndsAtOnce) {
  begin_watching();
  watcher_.on_end(ok(), clock_.now());
  EXPECT_EQ(open(), "") << "ended at once without an event: back off";
  EXPECT_GE(wait(), Duration{800});
}

TEST_F(WatcherTest, MistakeOfRepeatingAVersionThatCannotWork) {
  // Refused again and again without ever an event: the version itself may be at fault.
  begin_watching();
  for (int i = 0; i < Watcher::kBarrenWatchesMax; ++i) {
    ASSERT_FALSE(watcher_.wants_list());
    watcher_.on_status(500, std::nullopt, clock_.now());
    watcher_.on_end(ok(), clock_.now());
    wait();
    if (i + 1 < Watcher::kBarrenWatchesMax) {
      ASSERT_TRUE(open().starts_with("watch"));
    }
  }
  EXPECT_EQ(open(), "list limit=500");
}

TEST_F(WatcherTest, MistakeOfListingBecauseTheNetworkIsDown) {
  // The other way round: without any answer the version is not to blame, and a thousand lists would greet the server.
  begin_watching();
  watcher_.on_end(unavailable(), clock_.now());
  for (int i = 0; i < 10; ++i) {
    wait();
    ASSERT_TRUE(open().starts_with("watch")) << i;
    watcher_.on_end(unavailable(), clock_.now());
  }
}

TEST_F(WatcherTest, MistakeOfDyingFromGarbage) {
  for (const std::string line : {"\xC3\x28", "{\"type\":\"ADDED\",\"object\":{\"metad", "null", "[]", "{}",
                                 "{\"type\":\"SPLINES\",\"object\":{\"metadata\":{\"resourceVersion\":\"1\"}}}"}) {
    SCOPED_TRACE(line);
    Watcher fresh({.api_version = "v1", .kind = "Pod"}, *random_);
    ASSERT_TRUE(fresh.next(clock_.now()));
    fresh.on_status(200, std::nullopt, clock_.now());
    fresh.on_line(page({"a"}, "10"), clock_.now());
    fresh.on_end(ok(), clock_.now());
    ASSERT_TRUE(fresh.next(clock_.now()));
    fresh.on_status(200, std::nullopt, clock_.now());
    EXPECT_FALSE(fresh.on_line(line, clock_.now()));
    EXPECT_FALSE(fresh.on_line(event("ADDED", pod("b", "11")), clock_.now())) << "nothing counts after a gap";
    fresh.on_end(ok(), clock_.now());
    EXPECT_EQ(fresh.take_failure()->kind, ErrorKind::kProtocol);
    EXPECT_TRUE(fresh.wants_list());
  }
}

TEST_F(WatcherTest, MistakeOfBuffersWithoutALimit) {
  open();
  watcher_.on_status(500, std::nullopt, clock_.now());
  int taken = 0;
  while (taken < 1000 && watcher_.on_line(std::string(1024, 'x'), clock_.now())) ++taken;
  EXPECT_LT(taken, 100) << "the words of a refusal are bounded";
  watcher_.on_end(ok(), clock_.now());
  EXPECT_EQ(watcher_.take_failure()->kind, ErrorKind::kUnavailable);
}

TEST_F(WatcherTest, MistakeOfTakingARefusalForAnEmptyList) {
  for (const int status : {401, 403, 404, 500, 503, 204}) {
    SCOPED_TRACE(status);
    Watcher fresh({.api_version = "v1", .kind = "Pod"}, *random_);
    ASSERT_TRUE(fresh.next(clock_.now()));
    fresh.on_status(status, std::nullopt, clock_.now());
    fresh.on_end(ok(), clock_.now());
    for (const WatchOutput& output : fresh.take_outputs()) EXPECT_EQ(words(output), "begin");
    EXPECT_FALSE(fresh.is_synced());
    EXPECT_TRUE(fresh.take_failure());
  }
}

TEST_F(WatcherTest, MistakeOfTakingHalfAPageForAWhole) {
  open();
  const std::string whole = page({"a", "b"}, "10");
  answer(200, {whole.substr(0, whole.size() / 2)}, unavailable());
  EXPECT_EQ(outputs(), (Said{"begin"}));
  EXPECT_FALSE(watcher_.is_synced());
}

}  // namespace
}  // namespace poolwright::kube
