#include "sizing/observation_log.h"

#include <gtest/gtest.h>

#include <cmath>

#include "unit/sizing/pool_fixture.h"

namespace poolwright::sizing {
namespace {

ObservationRecord full_record() {
  FakePod pod("orders-1", 5);
  ObservationRecord record;
  record.server = "db:5432";
  record.input.time_s = 12.25;
  record.input.budget = 80;
  record.parameters.guard.initial_safe = 32;
  record.parameters.estimator.fast_samples = 4;
  PoolInput pool = pool_of("shop/orders/orders", 5, pod.after_second(12.25, {.busy = 3.5, .waiting = 2}));
  pool.mode = SizingMode::kRecommend;
  pool.weight = 2.5;
  pool.policy.up_step = 3;
  pool.leaked = 1;
  pool.pod_inputs.at(0).observation->is_paused = true;
  pool.pod_inputs.push_back({.name = "orders-2", .observation = std::nullopt, .ceiling = 9});
  record.input.pools.push_back(pool);
  return record;
}

TEST(ObservationLog, WhatIsWrittenIsReadBack) {
  const std::string line = to_json_line(full_record());
  const Result<ObservationRecord> back = parse_json_line(line);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(to_json_line(*back), line);
  EXPECT_EQ(back->parameters, full_record().parameters);
  EXPECT_EQ(back->input.pools.at(0).policy.up_step, 3);
  EXPECT_FALSE(back->input.pools.at(0).pod_inputs.at(1).observation.has_value());
}

TEST(ObservationLog, NullIsANumberThatWasNotToBeHad) {
  ObservationRecord record = full_record();
  record.input.pools.at(0).pod_inputs.at(0).observation->counters.wait_time_us = std::nan("");
  const Result<ObservationRecord> back = parse_json_line(to_json_line(record));
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_TRUE(std::isnan(back->input.pools.at(0).pod_inputs.at(0).observation->counters.wait_time_us));
}

TEST(ObservationLog, RefusesWhatItCouldNotHaveWritten) {
  const std::string head = R"({"time": 1, "server": "s", "budget": 5, "pools": )";
  for (const std::string& line :
       {std::string("nonsense"), std::string("[]"), std::string(R"({"time": 1})"), head + "3}",
        head + R"([{"id": "a", "size": 0}]})", head + R"([{"id": "a", "weight": 0}]})",
        head + R"([{"id": "a", "size": 1.5}]})", head + R"([{"id": "a", "mode": "Sometimes"}]})",
        head + R"([{"id": "a"}, {"id": "a"}]})", head + R"([{"id": "a", "policy": {"target_utilization": 0}}]})",
        head + R"([{"id": "a", "pod_inputs": [{"name": "p", "observation": {"time": 1, "sv_active": -1}}]}]})",
        head + R"([{"id": "a", "pod_inputs": [{"name": "p"}, {"name": "p"}]}]})",
        std::string(R"({"time": 1, "server": "s", "budget": 5, "pools": [], "parameters": {"guard": 1}})")}) {
    const Result<ObservationRecord> result = parse_json_line(line);
    ASSERT_FALSE(result.has_value()) << line;
    EXPECT_EQ(result.error().kind, ErrorKind::kInvalid);
  }
}

TEST(ObservationLog, ReplayDecidesLikeTheSizer) {
  Replay replay;
  ServerSizer sizer({});
  FakePod pod("pod", 10);
  for (int t = 1; t < 30; ++t) {
    ObservationRecord record;
    record.server = "s";
    record.input = {.time_s = static_cast<double>(t), .budget = 100, .pools = {}};
    record.input.pools.push_back(pool_of("a", 10, pod.after_second(t, {.busy = 10, .waiting = t})));
    const auto replayed = replay.feed(to_json_line(record));
    ASSERT_TRUE(replayed.has_value());
    EXPECT_EQ(replayed->at(0).decision.size, sizer.decide(record.input).pools.at(0).size);
    EXPECT_NE(replay_csv_line(replayed->at(0)).find(",s,a,"), std::string::npos);
  }
  EXPECT_TRUE(replay.feed("  ")->empty());
  EXPECT_FALSE(replay.feed("{").has_value());
}

}  // namespace
}  // namespace poolwright::sizing
