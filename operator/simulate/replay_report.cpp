#include "simulate/replay_report.h"

#include <algorithm>
#include <cstdio>

namespace poolwright::simulate {
namespace {

using Row = std::vector<std::string>;

std::string number(double value, int decimals) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, value);
  return text.data();
}

std::string span(int low, int high) {
  return low == high ? std::to_string(low) : std::to_string(low) + ".." + std::to_string(high);
}

/// The first two columns to the left, numbers to the right.
std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - row[i].size(), ' ');
      line += (i == 0 ? "" : "  ") + (i < 2 || i + 1 == row.size() ? row[i] + padding : padding + row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace

void ReplayReport::add(const std::vector<sizing::ReplayedPool>& moment) {
  for (const sizing::ReplayedPool& replayed : moment) {
    const sizing::Explanation& numbers = replayed.decision.why;
    Pool& pool = pools_[{replayed.server, replayed.decision.id}];
    if (pool.moments == 0) {
      pool.first_s = replayed.time_s;
      pool.size_min = pool.size_max = numbers.size_before;
      pool.decided_min = pool.decided_max = replayed.decision.size;
    }
    ++pool.moments;
    pool.last_s = replayed.time_s;
    pool.demand_sum += numbers.load;
    pool.demand_max = std::max(pool.demand_max, numbers.load);
    pool.waiting_max = std::max(pool.waiting_max, numbers.waiting);
    pool.size_min = std::min(pool.size_min, numbers.size_before);
    pool.size_max = std::max(pool.size_max, numbers.size_before);
    pool.decided_min = std::min(pool.decided_min, replayed.decision.size);
    pool.decided_max = std::max(pool.decided_max, replayed.decision.size);
    pool.changes += replayed.decision.size == numbers.size_before ? 0 : 1;
    pool.reason = sizing::to_string(numbers.reason);
    pool.why = sizing::why(numbers);
  }
}

std::string ReplayReport::to_text() const {
  std::vector<Row> rows = {
      {"server", "pool", "moments", "seconds", "demand", "peak", "waiting", "size", "decided", "differs", "reason"}};
  std::string sentences;
  for (const auto& [name, pool] : pools_) {
    rows.push_back({name.first, name.second, std::to_string(pool.moments), number(pool.last_s - pool.first_s, 0),
                    number(pool.demand_sum / static_cast<double>(pool.moments), 1), number(pool.demand_max, 1),
                    std::to_string(pool.waiting_max), span(pool.size_min, pool.size_max),
                    span(pool.decided_min, pool.decided_max), std::to_string(pool.changes), pool.reason});
    sentences += name.second + ": " + pool.why + "\n";
  }
  return aligned(rows) + "\nAt the end, sizes per pod:\n" + sentences;
}

}  // namespace poolwright::simulate
