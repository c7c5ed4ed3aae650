// How many servers a load needs: square-root staffing, with the safety factor taken from a probability of waiting
// (Halfin and Whitt's limit of Erlang C). Pure functions.
#pragma once

namespace poolwright::sizing {

/// Probability that an arrival waits when load + beta * sqrt(load) servers are there. Falls as beta rises; 1 at beta 0.
double wait_probability(double beta);

/// The beta whose wait_probability is `probability`, held within [0, 5]. `probability` in (0, 1].
double beta_for(double probability);

/// Servers for `load` (mean busy servers): at least load / utilization and load + beta * sqrt(load).
/// 0 for a load that is not positive, or not a number; never more than kMaxServers.
int staff(double load, double utilization, double beta);

inline constexpr int kMaxServers = 1'000'000;

}  // namespace poolwright::sizing
