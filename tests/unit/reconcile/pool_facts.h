// A pool with its login Secret and some pods, as gathered: what the pure parts of this room decide from.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "api/status.h"
#include "base/digest.h"
#include "reconcile/decide.h"
#include "reconcile/facts.h"
#include "reconcile/size_advisor.h"

namespace poolwright::reconcile::testing {

inline constexpr const char* kUid = "7c1e8f8e-6a0e-4b0e-9f0e-0d7c1e8f8e6a";

inline api::Json login_secret(const std::string& username, const std::string& password) {
  return {{"apiVersion", "v1"},
          {"kind", "Secret"},
          {"metadata", {{"namespace", "shop"}, {"name", "orders-app"}}},
          {"data", {{"username", base64_encode(username)}, {"password", base64_encode(password)}}}};
}

/// The decision while nothing is observed: sizes are the recorded ones.
inline Decision decide_now(Facts facts) {
  facts.advice = *RecordedSizes().advise(facts);
  return decide(facts, {});
}

/// One database, size 5-25, two pods asked for, none there.
inline Facts new_pool() {
  Facts facts;
  facts.pool.name = "orders";
  facts.pool.namespace_name = "shop";
  facts.pool.uid = kUid;
  facts.pool.generation = 7;
  facts.pool.spec.postgres.host = "orders-db.shop.svc";
  api::Database database;
  database.name = "orders";
  database.credentials_secret_ref = {.name = "orders-app"};
  facts.pool.spec.databases = {database};
  facts.secrets.emplace("orders-app", login_secret("orders_app", "s3cr3t"));
  facts.console.admin = {.username = render::kAdminUser, .password = SecretString(std::string(40, 'a'))};
  facts.console.stats = {.username = render::kStatsUser, .password = SecretString(std::string(40, 's'))};
  facts.advice = *RecordedSizes().advise(facts);
  return facts;
}

inline std::string restart_hash_of(const Decision& decision) {
  for (const api::Json& object : decision.rendered->objects) {
    if (object.at("kind") != "Deployment") continue;
    return api::annotation(object.at("spec").at("template"), "poolwright.dev/restart-hash");
  }
  return {};
}

/// The same with both pods running and ready.
inline Facts running_pool() {
  Facts facts = new_pool();
  const std::string restart_hash = restart_hash_of(decide_now(facts));
  for (const char* name : {"orders-pool-a", "orders-pool-b"}) {
    facts.pods.push_back({.name = name,
                          .uid = std::string("uid-") + name,
                          .address = "10.0.0.1",
                          .ready = true,
                          .terminating = false,
                          .nudged_hash = "",
                          .restart_hash = restart_hash});
  }
  facts.deployment = {.exists = true, .replicas = 2};
  return facts;
}

inline const api::Condition& condition_of(const std::vector<api::Condition>& conditions, const std::string& type) {
  static const api::Condition kNone{.type = "", .status = api::ConditionStatus::kUnknown, .reason = "absent"};
  const auto found =
      std::find_if(conditions.begin(), conditions.end(), [&](const auto& condition) { return condition.type == type; });
  return found == conditions.end() ? kNone : *found;
}

/// "True Serving", "absent".
inline std::string words_of(const std::vector<api::Condition>& conditions, const std::string& type) {
  const api::Condition& condition = condition_of(conditions, type);
  if (condition.type.empty()) return condition.reason;
  const bool known = condition.status != api::ConditionStatus::kUnknown;
  const std::string status = known ? (condition.status == api::ConditionStatus::kTrue ? "True" : "False") : "Unknown";
  return status + " " + condition.reason;
}

}  // namespace poolwright::reconcile::testing
