#include <gtest/gtest.h>

#include <random>

#include "fakes/manual_clock.h"
#include "kube/reception.h"
#include "kube/stream_inbox.h"

namespace poolwright::kube {
namespace {

/// Writes down what a stream says: "status 200", "line x", "end ok".
class NotingSink final : public StreamSink {
 public:
  void on_status(int status, std::optional<Duration> /*retry_after*/) override {
    said.push_back("status " + std::to_string(status));
  }
  bool on_line(std::string line) override {
    said.push_back("line " + line);
    return line != "enough";
  }
  void on_end(Status status) override {
    said.push_back(status ? "end ok" : "end " + std::string(to_string(status.error().kind)));
  }

  std::vector<std::string> said;
};

using Said = std::vector<std::string>;

std::vector<std::string> split_in_pieces(const std::string& text, std::mt19937& pieces) {
  LineSplitter splitter(1000);
  std::vector<std::string> lines;
  const auto take = [&](std::string line) {
    lines.push_back(std::move(line));
    return true;
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = std::uniform_int_distribution<std::size_t>(1, 7)(pieces);
    EXPECT_EQ(splitter.feed(std::string_view(text).substr(at, length), take), LineSplitter::Outcome::kMore);
    at += length;
  }
  EXPECT_EQ(splitter.finish(take), LineSplitter::Outcome::kMore);
  return lines;
}

TEST(LineSplitter, DoesNotCareHowTheBytesArrive) {
  // A character of several bytes, cut anywhere, comes out whole.
  const std::string text = "{\"a\":\"\xC3\xBC\xE2\x82\xAC\"}\n\n\r\nsecond\r\nthird without an end";
  const std::vector<std::string> expected = {"{\"a\":\"\xC3\xBC\xE2\x82\xAC\"}", "second", "third without an end"};
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 pieces(seed);
    EXPECT_EQ(split_in_pieces(text, pieces), expected) << "seed " << seed;
  }
}

TEST(LineSplitter, EndsAtALineThatIsTooLong) {
  LineSplitter splitter(10);
  const auto take = [](const std::string&) { return true; };
  EXPECT_EQ(splitter.feed("0123456789\n01234", take), LineSplitter::Outcome::kMore);
  EXPECT_EQ(splitter.feed("567890", take), LineSplitter::Outcome::kTooLong);
}

TEST(StreamReception, HoldsBytesBackUntilTheStatusIsKnown) {
  const auto sink = std::make_shared<NotingSink>();
  StreamReception reception(sink, 100);
  EXPECT_TRUE(reception.on_bytes("one\ntw"));
  EXPECT_TRUE(sink->said.empty());
  reception.on_status(200, std::nullopt);
  EXPECT_TRUE(reception.on_bytes("o\nrest"));
  reception.on_end(ok());
  EXPECT_EQ(sink->said, (Said{"status 200", "line one", "line two", "line rest", "end ok"}));
}

TEST(StreamReception, SaysTheEndOnceAndNothingAfterwards) {
  const auto sink = std::make_shared<NotingSink>();
  StreamReception reception(sink, 100);
  reception.on_status(200, std::nullopt);
  reception.on_end(make_error(ErrorKind::kUnavailable, "cut"));
  reception.on_end(ok());
  reception.on_status(500, std::nullopt);
  EXPECT_FALSE(reception.on_bytes("late\n"));
  EXPECT_EQ(sink->said, (Said{"status 200", "end " + std::string(to_string(ErrorKind::kUnavailable))}));
}

TEST(StreamReception, GivesNoHalfLineWhenItWasCut) {
  const auto sink = std::make_shared<NotingSink>();
  StreamReception reception(sink, 100);
  reception.on_status(200, std::nullopt);
  EXPECT_TRUE(reception.on_bytes("whole\n{\"half"));
  reception.on_end(make_error(ErrorKind::kUnavailable, "cut"));
  EXPECT_EQ(sink->said.size(), 3U);
  EXPECT_EQ(sink->said[1], "line whole");
}

TEST(StreamReception, ALineThatIsTooLongIsAProtocolError) {
  for (const bool status_first : {true, false}) {
    const auto sink = std::make_shared<NotingSink>();
    StreamReception reception(sink, 10);
    if (status_first) reception.on_status(200, std::nullopt);
    bool takes_more = true;
    for (int i = 0; i < 20; ++i) takes_more = takes_more && reception.on_bytes("xxxxx");
    EXPECT_FALSE(takes_more);
    if (!status_first) reception.on_status(200, std::nullopt);
    reception.on_end(make_error(ErrorKind::kUnavailable, "ended by the receiver"));
    EXPECT_EQ(sink->said.back(), "end " + std::string(to_string(ErrorKind::kProtocol))) << status_first;
  }
}

TEST(StreamReception, StopsWhenTheSinkHasEnough) {
  const auto sink = std::make_shared<NotingSink>();
  StreamReception reception(sink, 100);
  reception.on_status(200, std::nullopt);
  EXPECT_FALSE(reception.on_bytes("enough\nmore\n"));
  EXPECT_FALSE(reception.on_bytes("even more\n"));
  EXPECT_EQ(sink->said, (Said{"status 200", "line enough"}));
}

TEST(StreamInbox, EndsTheStreamInsteadOfGrowing) {
  int rings = 0;
  StreamInbox inbox(10, [&] { ++rings; });
  inbox.on_status(200, std::nullopt);
  EXPECT_TRUE(inbox.on_line("01234"));
  EXPECT_FALSE(inbox.on_line("0123456"));
  EXPECT_FALSE(inbox.on_line("0")) << "nothing goes in after a gap";
  inbox.on_end(ok());
  const Arrivals arrivals = inbox.take();
  EXPECT_EQ(arrivals.lines, (Said{"01234"}));
  ASSERT_TRUE(arrivals.end && !*arrivals.end);
  EXPECT_EQ(arrivals.end->error().kind, ErrorKind::kGone) << "who lost lines has to list again";
  EXPECT_EQ(rings, 3);
}

TEST(StreamInbox, HasRoomAgainAfterItWasEmptied) {
  StreamInbox inbox(10, [] {});
  EXPECT_TRUE(inbox.on_line("0123456789"));
  EXPECT_EQ(inbox.take().lines.size(), 1U);
  EXPECT_TRUE(inbox.on_line("0123456789"));
  EXPECT_TRUE(inbox.take().end == std::nullopt);
  EXPECT_TRUE(inbox.take().empty());
}

TEST(UnaryReception, RefusesAnAnswerThatIsTooLarge) {
  const SystemClock clock;
  UnaryReception reception(10);
  reception.on_status(200, std::nullopt);
  EXPECT_TRUE(reception.on_bytes("0123456789"));
  EXPECT_FALSE(reception.on_bytes("0"));
  reception.on_end(make_error(ErrorKind::kUnavailable, "ended by the receiver"));
  const auto answer = reception.await({Deadline(clock, std::chrono::seconds{10}), {}});
  ASSERT_TRUE(answer && !*answer);
  EXPECT_EQ(answer->error().kind, ErrorKind::kProtocol);
}

TEST(UnaryReception, ComesBackWithoutAnAnswerWhenToldToStop) {
  const SystemClock clock;
  UnaryReception reception(10);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(reception.await({Deadline(clock, std::chrono::hours{1}), stop.get_token()}));
  EXPECT_FALSE(reception.await({Deadline(clock, Duration{0}), {}}));
}

}  // namespace
}  // namespace poolwright::kube
