#include "run/reconcile_book.h"

#include <gtest/gtest.h>

namespace poolwright::run {
namespace {

using serve::ReconcileCounters;

struct Case {
  const char* what;
  Result<reconcile::Action> result;
  bool is_panic;
  ReconcileCounters expected;
};

std::vector<Case> cases() {
  const auto failed = [](ErrorKind kind) { return Result<reconcile::Action>(make_error(kind, "x")); };
  return {{"nothing more to do", reconcile::Action{}, false, {.success = 1}},
          {"again later", reconcile::Action{.after = Duration{5000}}, false, {.requeue_after = 1}},
          {"tried again", failed(ErrorKind::kUnavailable), false, {.error = 1}},
          {"no sense in trying again", failed(ErrorKind::kInvalid), false, {.error = 1, .terminal_errors = 1}},
          {"took too long", failed(ErrorKind::kDeadlineExceeded), false, {.error = 1, .timeouts = 1}},
          {"a bug", failed(ErrorKind::kInternal), true, {.error = 1, .panics = 1}},
          {"the operator stops: no failure", failed(ErrorKind::kCancelled), false, {}}};
}

TEST(ReconcileBook, CountsWhatBecameOfAReconcile) {
  for (const Case& one : cases()) {
    SCOPED_TRACE(one.what);
    ReconcileBook book(4);
    book.begun();
    EXPECT_EQ(book.counters().active_workers, 1);
    book.ended(one.result, 0.25, one.is_panic);
    const ReconcileCounters counters = book.counters();
    EXPECT_EQ(counters.active_workers, 0);
    EXPECT_EQ(counters.workers_max, 4);
    EXPECT_EQ(counters.success, one.expected.success);
    EXPECT_EQ(counters.requeue_after, one.expected.requeue_after);
    EXPECT_EQ(counters.error, one.expected.error);
    EXPECT_EQ(counters.terminal_errors, one.expected.terminal_errors);
    EXPECT_EQ(counters.timeouts, one.expected.timeouts);
    EXPECT_EQ(counters.panics, one.expected.panics);
    EXPECT_DOUBLE_EQ(counters.time_s.sum, 0.25);
  }
}

}  // namespace
}  // namespace poolwright::run
