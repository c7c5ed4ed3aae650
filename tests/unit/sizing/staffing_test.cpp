#include "sizing/staffing.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sizing/decaying_histogram.h"

namespace poolwright::sizing {
namespace {

TEST(Staffing, WaitProbabilityFollowsHalfinAndWhitt) {
  EXPECT_DOUBLE_EQ(wait_probability(0.0), 1.0);
  EXPECT_NEAR(wait_probability(1.0), 0.22, 0.005);
  EXPECT_NEAR(wait_probability(1.5), 0.085, 0.002);
  EXPECT_NEAR(wait_probability(2.0), 0.027, 0.0005);
}

TEST(Staffing, BetaInvertsTheProbability) {
  for (const double probability : {0.5, 0.22, 0.1, 0.03, 0.001}) {
    EXPECT_NEAR(wait_probability(beta_for(probability)), probability, 1e-9);
  }
  EXPECT_NEAR(beta_for(1.0), 0.0, 1e-9);
  EXPECT_DOUBLE_EQ(beta_for(1e-12), 5.0);
}

TEST(Staffing, NeedsTheLargerOfUtilizationAndSquareRoot) {
  struct Case {
    double load;
    double utilization;
    double beta;
    int servers;
  };
  for (const Case& one : {Case{0, 0.7, 2, 0}, Case{-1, 0.7, 2, 0}, Case{std::nan(""), 0.7, 2, 0}, Case{1, 0.7, 2, 3},
                          Case{7, 0.7, 0, 10}, Case{100, 0.7, 2, 143}, Case{100, 0.9, 2, 120}, Case{4, 1.0, 0, 4}}) {
    EXPECT_EQ(staff(one.load, one.utilization, one.beta), one.servers) << one.load;
  }
  EXPECT_EQ(staff(std::numeric_limits<double>::infinity(), 0.7, 2), kMaxServers);
}

TEST(Staffing, IsMonotoneInTheLoad) {
  int before = 0;
  for (double load = 0; load < 300; load += 0.1) {
    const int now = staff(load, 0.7, 2.0);
    EXPECT_GE(now, before) << load;
    EXPECT_GE(now, load);
    before = now;
  }
}

TEST(Histogram, IsEmptyAtFirst) { EXPECT_DOUBLE_EQ(DecayingHistogram(120).percentile(0.95), 0.0); }

TEST(Histogram, PercentileIsWithinABucketOfTheValue) {
  for (const double value : {0.0, 0.2, 1.0, 17.0, 100.0, 2000.0}) {
    DecayingHistogram histogram(120);
    histogram.add(value, 1.0);
    EXPECT_GE(histogram.percentile(0.95), value);
    EXPECT_LE(histogram.percentile(0.95), value * 1.05 + 0.3);
  }
}

TEST(Histogram, ForgetsWithItsHalfLife) {
  DecayingHistogram histogram(10);
  for (int t = 0; t < 20; ++t) histogram.add(100, t);
  EXPECT_GT(histogram.percentile(0.95), 90);
  for (int t = 20; t < 40; ++t) histogram.add(1, t);
  EXPECT_GT(histogram.percentile(0.95), 90) << "a quarter of the weight is still high";
  for (int t = 40; t < 80; ++t) histogram.add(1, t);
  EXPECT_LT(histogram.percentile(0.95), 2);
}

TEST(Histogram, SurvivesYearsAndNonsense) {
  DecayingHistogram histogram(1);
  histogram.add(5, 0);
  histogram.add(7, 3e7);
  histogram.add(std::nan(""), 3e7);
  EXPECT_NEAR(histogram.percentile(0.5), 7, 0.7);
}

}  // namespace
}  // namespace poolwright::sizing
