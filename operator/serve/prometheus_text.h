// The text format of Prometheus (version 0.0.4): names, help, type, escaped labels.
// Thread rule: not synchronised; one owner.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/operator_counters.h"

namespace poolwright::serve {

enum class MetricType { kCounter, kGauge, kHistogram };

using Label = std::pair<std::string_view, std::string_view>;
using Labels = std::vector<Label>;

/// Appends one family after the other to a text.
class PrometheusText {
 public:
  /// Begins a family: samples that follow belong to it. A name may begin once only (PW_CHECK in the caller's tests).
  void family(std::string_view name, MetricType type, std::string_view help);
  void sample(const Labels& labels, double value);
  void histogram(const Labels& labels, const Histogram& histogram);

  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view suffix, const Labels& labels, double value);

  std::string text_;
  std::string name_;
};

}  // namespace poolwright::serve
