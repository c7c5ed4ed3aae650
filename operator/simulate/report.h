// What simulations found, as a table for a terminal, as CSV and as a time series. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "simulate/metrics.h"

namespace poolwright::simulate {

struct ReportRow {
  std::string scenario;
  std::string policy;
  std::vector<std::uint64_t> seeds;
  /// Mean over the seeds.
  Metrics metrics;
  /// Of the first seed, where traces were asked for; else empty.
  std::vector<TracePoint> trace;
};

struct Report {
  std::vector<ReportRow> rows;
};

/// Aligned columns with a head line; rows with more than one pool end in a part per pool.
std::string to_text(const Report& report);
/// One line a row; the same figures as the text.
std::string to_csv(const Report& report);
/// One line a second and pool of every row that has a trace.
std::string trace_csv(const Report& report);

}  // namespace poolwright::simulate
