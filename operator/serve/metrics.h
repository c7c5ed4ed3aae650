// What /metrics says of one snapshot: our own families, those of the PgBouncer exporter (under the names of its present
// and its earlier versions), and those of Go operators. Labels are namespace, pool, database, user, pod, server and
// nothing else that a client could choose; their number is bounded by kPodDatabasesMax.
// Thread rule: pure functions.
#pragma once

#include <string>

#include "serve/prometheus_text.h"
#include "serve/snapshot.h"

namespace poolwright::serve {

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";
/// Databases and pods beyond these are left out of the per-pod families, and counted in poolwright_metrics_left_out.
inline constexpr std::size_t kPodDatabasesMax = 20000;

std::string metrics_text(const Snapshot& snapshot);

/// The three groups of families, for metrics_text.
void write_pool_metrics(PrometheusText& text, const health::Report& report);
void write_exporter_metrics(PrometheusText& text, const health::Report& report);
void write_operator_metrics(PrometheusText& text, const OperatorCounters& counters);

}  // namespace poolwright::serve
