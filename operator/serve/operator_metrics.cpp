// What the operator counts about itself, under the names of controller-runtime and client-go.
#include <string>

#include "serve/metrics.h"

namespace poolwright::serve {
namespace {

double as_number(std::uint64_t value) { return static_cast<double>(value); }
double as_number(std::int64_t value) { return static_cast<double>(value); }

void write_reconcile(PrometheusText& text, const ReconcileCounters& counters) {
  const Labels labels = {{"controller", counters.controller}};
  text.family("controller_runtime_reconcile_total", MetricType::kCounter, "Reconciliations by result.");
  const auto result = [&](std::string_view name, std::uint64_t count) {
    text.sample({{"controller", counters.controller}, {"result", name}}, as_number(count));
  };
  result("success", counters.success);
  result("requeue", counters.requeue);
  result("requeue_after", counters.requeue_after);
  result("error", counters.error);
  const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    text.family(name, MetricType::kCounter, help);
    text.sample(labels, as_number(value));
  };
  counter("controller_runtime_reconcile_errors_total", "Reconciliations that failed.", counters.error);
  counter("controller_runtime_terminal_reconcile_errors_total", "Failures that only a change of the resource can end.",
          counters.terminal_errors);
  counter("controller_runtime_reconcile_panics_total", "Reconciliations that ended in an exception.", counters.panics);
  counter("controller_runtime_reconcile_timeouts_total", "Reconciliations that ran out of time.", counters.timeouts);
  text.family("controller_runtime_active_workers", MetricType::kGauge, "Reconciliations that run now.");
  text.sample(labels, as_number(counters.active_workers));
  text.family("controller_runtime_max_concurrent_reconciles", MetricType::kGauge, "Reconciliations that may run.");
  text.sample(labels, as_number(counters.workers_max));
  text.family("controller_runtime_reconcile_time_seconds", MetricType::kHistogram, "Length of a reconciliation.");
  text.histogram(labels, counters.time_s);
}

void write_queue(PrometheusText& text, const WorkQueueCounters& counters) {
  const Labels labels = {{"name", counters.name}, {"controller", counters.name}};
  const auto one = [&](std::string_view name, MetricType type, std::string_view help, double value) {
    text.family(name, type, help);
    text.sample(labels, value);
  };
  one("workqueue_depth", MetricType::kGauge, "Keys that wait for a worker.", as_number(counters.depth));
  one("workqueue_adds_total", MetricType::kCounter, "Keys added.", as_number(counters.adds));
  one("workqueue_retries_total", MetricType::kCounter, "Keys added again after a failure.",
      as_number(counters.retries));
  one("workqueue_unfinished_work_seconds", MetricType::kGauge, "Time that unfinished work has taken so far.",
      counters.unfinished_s);
  one("workqueue_longest_running_processor_seconds", MetricType::kGauge,
      "Time that the oldest unfinished work has taken.", counters.longest_running_s);
  text.family("workqueue_queue_duration_seconds", MetricType::kHistogram, "Time that a key waited for a worker.");
  text.histogram(labels, counters.waited_s);
  text.family("workqueue_work_duration_seconds", MetricType::kHistogram, "Time that a worker took for a key.");
  text.histogram(labels, counters.worked_s);
}

void write_rest_client(PrometheusText& text, const RestClientCounters& counters) {
  text.family("rest_client_requests_total", MetricType::kCounter,
              "Requests to the API server; code <error>: no answer.");
  for (const auto& [key, count] : counters.requests) {
    const std::string code = key.status == 0 ? "<error>" : std::to_string(key.status);
    text.sample({{"code", code}, {"method", key.method}, {"host", key.host}}, as_number(count));
  }
  text.family("rest_client_request_duration_seconds", MetricType::kHistogram, "Length of a request to the API server.");
  for (const auto& [verb, seconds] : counters.seconds_by_verb) text.histogram({{"verb", verb}}, seconds);
}

void write_process(PrometheusText& text, const ProcessCounters& counters) {
  const auto one = [&](std::string_view name, MetricType type, std::string_view help, double value) {
    text.family(name, type, help);
    text.sample({}, value);
  };
  one("process_cpu_seconds_total", MetricType::kCounter, "User and system CPU time.", counters.cpu_seconds);
  one("process_start_time_seconds", MetricType::kGauge, "When the program started, unix time.",
      counters.start_time_unix_s);
  one("process_resident_memory_bytes", MetricType::kGauge, "Resident memory.", as_number(counters.resident_bytes));
  one("process_virtual_memory_bytes", MetricType::kGauge, "Virtual memory.", as_number(counters.virtual_bytes));
  one("process_open_fds", MetricType::kGauge, "Open file descriptors.", as_number(counters.open_fds));
  one("process_max_fds", MetricType::kGauge, "File descriptors that may be opened.", as_number(counters.fds_max));
}

using PoolValue = std::uint64_t PoolCounters::*;

void write_pool_counter(PrometheusText& text, const OperatorCounters& counters, std::string_view name,
                        std::string_view help, PoolValue value) {
  text.family(name, MetricType::kCounter, help);
  for (const auto& [key, pool] : counters.pools) {
    text.sample({{"namespace", key.first}, {"pool", key.second}}, as_number(pool.*value));
  }
}

void write_pools(PrometheusText& text, const OperatorCounters& counters) {
  write_pool_counter(text, counters, "poolwright_reloads_total", "RELOADs sent to PgBouncers.", &PoolCounters::reloads);
  write_pool_counter(text, counters, "poolwright_reload_failures_total",
                     "RELOADs that failed or were not read back as wanted.", &PoolCounters::reload_failures);
  write_pool_counter(text, counters, "poolwright_leaked_sessions_terminated_total",
                     "Leaked sessions that were ended (spec.sizing.leaks.terminateAfterSeconds).",
                     &PoolCounters::leaks_terminated);
  text.family("poolwright_resizes_total", MetricType::kCounter, "Changes of a pool's size.");
  for (const auto& [key, pool] : counters.pools) {
    text.sample({{"namespace", key.first}, {"pool", key.second}, {"direction", "up"}}, as_number(pool.resizes_up));
    text.sample({{"namespace", key.first}, {"pool", key.second}, {"direction", "down"}}, as_number(pool.resizes_down));
  }
}

}  // namespace

void write_operator_metrics(PrometheusText& text, const OperatorCounters& counters) {
  text.family("poolwright_build_info", MetricType::kGauge, "Always 1; the labels tell which program this is.");
  text.sample({{"version", counters.version}, {"commit", counters.commit}}, 1);
  write_pools(text, counters);
  text.family("poolwright_apply_seconds", MetricType::kHistogram,
              "Time that a changed configuration took from being stored to its read-back from every PgBouncer.");
  text.histogram({}, counters.apply_seconds);
  write_reconcile(text, counters.reconcile);
  write_queue(text, counters.queue);
  write_rest_client(text, counters.rest);
  if (!counters.lease_name.empty()) {
    text.family("leader_election_master_status", MetricType::kGauge, "1: this instance leads.");
    text.sample({{"name", counters.lease_name}}, counters.is_leader ? 1 : 0);
  }
  write_process(text, counters.process);
}

}  // namespace poolwright::serve
