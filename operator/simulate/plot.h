// A scenario as a picture: size, demand and waiting clients over time, one line a policy. Standalone SVG, no scripts.
#pragma once

#include <span>
#include <string>

#include "simulate/report.h"

namespace poolwright::simulate {

/// Rows of one scenario that have traces; at most kPlotPoliciesMax are drawn. Sums over the pools. The demand is that
/// of the last row. Waiting clients are drawn on a logarithmic scale. Empty without any trace.
std::string plot_svg(std::span<const ReportRow> rows);

inline constexpr std::size_t kPlotPoliciesMax = 6;

}  // namespace poolwright::simulate
