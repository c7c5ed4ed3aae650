#include "sizing/budget.h"

#include <algorithm>

namespace poolwright::sizing {
namespace {

std::string minus(int count, const std::string& what) {
  return count > 0 ? " - " + std::to_string(count) + " " + what : "";
}

Budget by_server(const DeclaredBudget& declared, const ServerCapacity& capacity) {
  const int reserved = std::max(0, declared.reserved);
  const int left = capacity.max_connections - capacity.superuser_reserved - capacity.reserved - reserved -
                   capacity.foreign_sessions - kHeadroom;
  Budget budget;
  budget.connections = std::max(0, left);
  budget.source = BudgetSource::kServer;
  budget.arithmetic =
      std::to_string(capacity.max_connections) + " max_connections" +
      minus(capacity.superuser_reserved, "for superusers") + minus(capacity.reserved, "in reserved_connections") +
      minus(reserved, "reserved by the resource") + minus(capacity.foreign_sessions, "of other clients") +
      minus(kHeadroom, "headroom") + " = " + std::to_string(budget.connections);
  return budget;
}

Budget by_declaration(const DeclaredBudget& declared) {
  const int reserved = std::max(0, declared.reserved);
  Budget budget;
  budget.connections = std::max(0, *declared.max - reserved);
  budget.source = BudgetSource::kDeclared;
  budget.arithmetic = std::to_string(*declared.max) + " declared" + minus(reserved, "reserved by the resource") +
                      " = " + std::to_string(budget.connections);
  return budget;
}

}  // namespace

Budget derive_budget(const DeclaredBudget& declared, const std::optional<ServerCapacity>& capacity) {
  if (capacity && declared.max) {
    Budget server = by_server(declared, *capacity);
    Budget resource = by_declaration(declared);
    return server.connections < resource.connections ? server : resource;
  }
  if (capacity) return by_server(declared, *capacity);
  if (declared.max) return by_declaration(declared);
  return {.connections = kDefaultBudget,
          .source = BudgetSource::kDefault,
          .arithmetic =
              std::to_string(kDefaultBudget) + " assumed: the server was not read and the resource declares no budget"};
}

int ForeignSessions::add(double now_s, int sessions) {
  while (!entries_.empty() && entries_.back().sessions <= sessions) entries_.pop_back();
  entries_.push_back({.time_s = now_s, .sessions = std::max(0, sessions)});
  while (entries_.front().time_s < now_s - kWindowSeconds || entries_.size() > kEntriesMax) entries_.pop_front();
  return entries_.front().sessions;
}

}  // namespace poolwright::sizing
