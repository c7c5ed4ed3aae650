// How many connections all pools together may have on one PostgreSQL server: what it allows, less what others need.
// Every term is kept, so that a status can print the arithmetic. Pure but for the memory of foreign sessions.
#pragma once

#include <deque>
#include <optional>
#include <string>

namespace poolwright::sizing {

/// What the server said, read with the observer role.
struct ServerCapacity {
  int max_connections = 0;
  int superuser_reserved = 0;
  /// PostgreSQL 16 and newer; else 0.
  int reserved = 0;
  /// Highest number of sessions of recent minutes that are neither ours nor our observer's (ForeignSessions).
  int foreign_sessions = 0;
};

/// What the resources say. Where several resources of one server disagree, the caller passes the smallest max and the
/// largest reserve.
struct DeclaredBudget {
  std::optional<int> max;
  int reserved = 0;
};

enum class BudgetSource { kDeclared, kServer, kDefault };

struct Budget {
  /// >= 0.
  int connections = 0;
  BudgetSource source = BudgetSource::kDefault;
  /// "100 max_connections - 3 for superusers - ... = 82", "50 assumed: ...".
  std::string arithmetic;
};

/// Taken when neither the server nor a resource says anything: half of PostgreSQL's default max_connections.
inline constexpr int kDefaultBudget = 50;
/// Kept free of what the server allows: query cancels and our own consoles.
inline constexpr int kHeadroom = 5;

/// The smaller of what is declared and what the server allows; each alone if only one is known.
Budget derive_budget(const DeclaredBudget& declared, const std::optional<ServerCapacity>& capacity);

/// The highest number of foreign sessions of the last window. Thread rule: one owner.
class ForeignSessions {
 public:
  static constexpr double kWindowSeconds = 300.0;
  static constexpr std::size_t kEntriesMax = 600;

  /// `now_s` must not go back. Gives the highest number of the window.
  int add(double now_s, int sessions);

 private:
  struct Entry {
    double time_s = 0;
    int sessions = 0;
  };
  // Falling numbers: an entry that a later, larger one makes irrelevant is dropped.
  std::deque<Entry> entries_;
};

}  // namespace poolwright::sizing
