// Puts the sizing of one pool into the words of its status: conditions, and numbers in steps that are coarse enough to
// stand still while nothing happens. Thread rule: pure functions.
#pragma once

#include <map>
#include <string>

#include "reconcile/size_advice.h"
#include "run/sizing_input.h"
#include "sizing/budget.h"
#include "sizing/server_sizer.h"

namespace poolwright::run {

/// What a pool's report is made from.
struct ReportInput {
  const PoolSighting& pool;
  MonotonicTime now{};
  std::string server;
  const sizing::Budget& budget;
  const sizing::ServerDecision& decision;
  const std::map<std::string, sizing::LeakReport>& leaks;  // by sizing id
  const std::map<std::string, reconcile::SizeAdvice>& sizes;
  std::string who_takes_what;
  bool is_saturated = false;
  bool sees_leaks = false;  // the observer role got in and sees the states of sessions
};

reconcile::SizingReport make_report(const ReportInput& input);

/// Shares in steps of 5 %, clients in steps of about half.
std::int32_t coarse_percent(double share);
std::int32_t coarse_count(std::int64_t count);

/// What must be told at once, and everything that is worth telling now and then. Texts with ages and decimals are left
/// out: two reports with the same keys need not be told twice.
std::string urgent_key(const reconcile::SizingReport& report);
std::string full_key(const reconcile::SizingReport& report, const sizing::Budget& budget);

/// The decision about one database, or null.
const sizing::PoolDecision* decision_for(const sizing::ServerDecision& decision, const std::string& id);

/// Connections that a pool may have at this moment by what it was told and what was seen.
int committed_now(const sizing::PoolInput& input);

}  // namespace poolwright::run
