// Who decides the sizes in a simulation: our sizing, and what it is held against. A policy gets the same input as the
// operator's sizing and gives the size per pod of every pool, in the order of the input.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "simulate/scenarios.h"
#include "sizing/server_sizer.h"

namespace poolwright::simulate {

class SizePolicy {
 public:
  virtual ~SizePolicy() = default;
  /// Once a second of simulated time.
  virtual std::vector<int> decide(const sizing::ServerInput& input) = 0;
  /// The server was found to be saturated in the last decide().
  virtual bool is_saturated() const { return false; }
};

struct PolicyOptions {
  sizing::Parameters parameters;
  sizing::PoolPolicy pool;
};

/// Names that make_policy knows, in the order of the table.
const std::vector<std::string>& policy_names();

/// `ours`, `static25`, `hpa` (15 s), `hpa_q` (15 s, waiting clients counted), `hpa_2s`, `hpaq_2s`, `hpa_b` (clipped to
/// the budget), `oracle`. kInvalid for other names.
Result<std::unique_ptr<SizePolicy>> make_policy(std::string_view name, const Scenario& scenario,
                                                const PolicyOptions& options);

/// Sizes per pod that the policy starts with.
std::vector<int> initial_sizes(std::string_view policy, const Scenario& scenario);

}  // namespace poolwright::simulate
