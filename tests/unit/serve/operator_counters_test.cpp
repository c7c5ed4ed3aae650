#include "serve/operator_counters.h"

#include <gtest/gtest.h>

namespace poolwright::serve {
namespace {

TEST(ProcessCounters, AreOfThisProgram) {
  const Result<ProcessCounters> counters = read_process_counters();
  ASSERT_TRUE(counters.has_value());
  EXPECT_GT(counters->resident_bytes, 1 << 20);
  EXPECT_GT(counters->virtual_bytes, counters->resident_bytes);
  EXPECT_GE(counters->open_fds, 3);
  EXPECT_GT(counters->fds_max, counters->open_fds);
  EXPECT_GE(counters->cpu_seconds, 0);
  EXPECT_GT(counters->start_time_unix_s, 1.5e9);
}

TEST(Histogram, CountsByBound) {
  Histogram histogram = make_histogram({1, 2});
  EXPECT_EQ(histogram.counts.size(), 3U);
  observe(histogram, 1);
  observe(histogram, 1.5);
  observe(histogram, 99);
  EXPECT_EQ(histogram.counts, (std::vector<std::uint64_t>{1, 1, 1}));
  EXPECT_DOUBLE_EQ(histogram.sum, 101.5);
}

}  // namespace
}  // namespace poolwright::serve
