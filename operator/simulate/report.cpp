#include "simulate/report.h"

#include <array>
#include <cstdio>

namespace poolwright::simulate {
namespace {

struct Column {
  const char* text_head;
  const char* csv_head;
  double Metrics::*figure;
  int width;
  int decimals;
};

constexpr std::array kColumns = {
    Column{"p99wait", "p99_wait_ms", &Metrics::p99_wait_ms, 9, 1},
    Column{"p50resp", "p50_response_ms", &Metrics::p50_response_ms, 9, 1},
    Column{"p99resp", "p99_response_ms", &Metrics::p99_response_ms, 9, 0},
    Column{"tps", "transactions_per_s", &Metrics::transactions_per_s, 8, 1},
    Column{"held", "held", &Metrics::held, 7, 1},
    Column{"alloc", "allocated", &Metrics::allocated, 7, 1},
    Column{"resz", "resizes", &Metrics::resizes, 6, 0},
    Column{"over", "seconds_over_budget", &Metrics::seconds_over_budget, 6, 0},
    Column{"aover", "seconds_allocated_over_budget", &Metrics::seconds_allocated_over_budget, 6, 0},
    Column{"rej", "rejected_logins", &Metrics::rejected_logins, 5, 0},
    Column{"sat", "seconds_saturated", &Metrics::seconds_saturated, 5, 0},
    Column{"leak", "seconds_leaking", &Metrics::seconds_leaking, 5, 0},
};

std::string number(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string left(const std::string& text, std::size_t width) {
  return text.size() < width ? text + std::string(width - text.size(), ' ') : text + " ";
}

std::string right(const std::string& text, int width) {
  const auto wanted = static_cast<std::size_t>(width);
  return text.size() < wanted ? std::string(wanted - text.size(), ' ') + text : " " + text;
}

std::string seeds_of(const ReportRow& row) {
  std::string text;
  for (const std::uint64_t seed : row.seeds) text += (text.empty() ? "" : " ") + std::to_string(seed);
  return text;
}

}  // namespace

std::string to_text(const Report& report) {
  std::string text = left("scenario", 11) + left("policy", 9);
  for (const Column& column : kColumns) text += right(column.text_head, column.width);
  text += "\n";
  for (const ReportRow& row : report.rows) {
    text += left(row.scenario, 11) + left(row.policy, 9);
    for (const Column& column : kColumns)
      text += right(number(row.metrics.*column.figure, column.decimals), column.width);
    if (row.metrics.pools.size() > 1) {
      for (const PoolMetrics& pool : row.metrics.pools) {
        text += "  " + pool.name + ": " + number(pool.p99_wait_ms, 0) + " ms " + number(pool.transactions_per_s, 0) +
                " tps " + number(pool.held, 0) + " held";
      }
    }
    text += "\n";
  }
  return text;
}

std::string to_csv(const Report& report) {
  std::string text = "scenario,policy,seeds";
  for (const Column& column : kColumns) text += std::string(",") + column.csv_head;
  text += "\n";
  for (const ReportRow& row : report.rows) {
    text += row.scenario + "," + row.policy + "," + seeds_of(row);
    for (const Column& column : kColumns) text += "," + number(row.metrics.*column.figure, column.decimals);
    text += "\n";
  }
  return text;
}

std::string trace_csv(const Report& report) {
  std::string text = "scenario,policy,time_s,pool,active,waiting,size,held,demand\n";
  for (const ReportRow& row : report.rows) {
    for (const TracePoint& point : row.trace) {
      for (std::size_t i = 0; i < point.pools.size(); ++i) {
        const PoolTrace& pool = point.pools[i];
        text += row.scenario + "," + row.policy + "," + number(point.time_s, 0) + "," + row.metrics.pools[i].name +
                "," + std::to_string(pool.active) + "," + std::to_string(pool.waiting) + "," +
                std::to_string(pool.size) + "," + std::to_string(pool.held) + "," + number(pool.demand, 2) + "\n";
      }
    }
  }
  return text;
}

}  // namespace poolwright::simulate
