#include "serve/prometheus_text.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace poolwright::serve {
namespace {

TEST(PrometheusText, AFamily) {
  PrometheusText text;
  text.family("a_total", MetricType::kCounter, "Things that happened.");
  text.sample({}, 3);
  text.sample({{"kind", "x"}, {"pod", "y"}}, 0.25);
  EXPECT_EQ(text.take(),
            "# HELP a_total Things that happened.\n"
            "# TYPE a_total counter\n"
            "a_total 3\n"
            "a_total{kind=\"x\",pod=\"y\"} 0.25\n");
}

TEST(PrometheusText, LabelsAndHelpAreEscaped) {
  PrometheusText text;
  text.family("a", MetricType::kGauge, "back\\slash\nline \"quote\"");
  text.sample({{"l", "back\\slash\nline \"quote\" }"}}, 1);
  EXPECT_EQ(text.take(),
            "# HELP a back\\\\slash\\nline \"quote\"\n"
            "# TYPE a gauge\n"
            "a{l=\"back\\\\slash\\nline \\\"quote\\\" }\"} 1\n");
}

TEST(PrometheusText, Numbers) {
  const std::pair<double, const char*> cases[] = {{0, "0"},
                                                  {-1.5, "-1.5"},
                                                  {1e15, "1e+15"},
                                                  {0.1, "0.1"},
                                                  {123456789, "123456789"},
                                                  {std::nan(""), "NaN"},
                                                  {std::numeric_limits<double>::infinity(), "+Inf"},
                                                  {-std::numeric_limits<double>::infinity(), "-Inf"}};
  for (const auto& [number, expected] : cases) {
    PrometheusText text;
    text.family("a", MetricType::kGauge, "A.");
    text.sample({}, number);
    EXPECT_NE(text.take().find(std::string("\na ") + expected + "\n"), std::string::npos) << expected;
  }
}

TEST(PrometheusText, HistogramsAddUp) {
  Histogram histogram = make_histogram({0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 2.0, 3.0}) observe(histogram, value);
  PrometheusText text;
  text.family("h", MetricType::kHistogram, "H.");
  text.histogram({{"a", "b"}}, histogram);
  EXPECT_EQ(text.take(),
            "# HELP h H.\n"
            "# TYPE h histogram\n"
            "h_bucket{a=\"b\",le=\"0.1\"} 2\n"
            "h_bucket{a=\"b\",le=\"1\"} 3\n"
            "h_bucket{a=\"b\",le=\"+Inf\"} 5\n"
            "h_sum{a=\"b\"} 5.65\n"
            "h_count{a=\"b\"} 5\n");
}

}  // namespace
}  // namespace poolwright::serve
