#include "run/operator_process.h"

#include <atomic>
#include <set>
#include <thread>
#include <utility>

#include "base/log.h"
#include "kube/api_server_store.h"
#include "kube/cpprest_transport.h"
#include "kube/events.h"
#include "kube/ingest.h"
#include "kube/leader_gate.h"
#include "kube/waiter.h"
#include "kube/work_queue.h"
#include "pgbouncer/fleet.h"
#include "postgres/io_thread.h"
#include "reconcile/console_programmer.h"
#include "reconcile/login_check.h"
#include "reconcile/pod_operator.h"
#include "reconcile/secret_reader.h"
#include "run/triggers.h"

namespace poolwright::run {

namespace {

using kube::WorkKey;

std::int64_t count_of(std::size_t count) { return static_cast<std::int64_t>(count); }

}  // namespace

/// Members are declared in the order in which they depend on each other, so that they end in the reverse order.
struct OperatorProcess::Machine {
  Machine(RunSettings run_settings, const RunParts& run_parts, std::unique_ptr<kube::CpprestTransport> first,
          std::unique_ptr<kube::CpprestTransport> second)
      : settings(std::move(run_settings)),
        parts(run_parts),
        transport(std::move(first)),
        lease_transport(std::move(second)) {}

  RunSettings settings;
  RunParts parts;
  std::unique_ptr<kube::CpprestTransport> transport;
  std::unique_ptr<kube::CpprestTransport> lease_transport;  // of its own: renewals never queue behind other requests
  kube::ThreadWaiter waiter;
  kube::LeaderGate gate{parts.clock};
  kube::Client client{{.transport = *transport, .clock = parts.clock, .random = parts.random, .waiter = waiter}};
  kube::Client lease_client{
      {.transport = *lease_transport, .clock = parts.clock, .random = parts.random, .waiter = waiter}};
  kube::Cache cache;
  kube::EventRecorder events{{.client = client, .gate = gate, .clock = parts.clock, .instance = settings.instance}};
  kube::ApiServerStore store{{.client = client, .cache = cache, .gate = gate, .events = events, .clock = parts.clock}};
  reconcile::SecretReader secrets{
      store, parts.clock,
      settings.scope.watch_secrets ? reconcile::SecretNotice::kWatch : reconcile::SecretNotice::kPoll};
  postgres::IoThread console_thread;
  pgbouncer::ConsoleFleet fleet{console_thread, parts.clock, parts.random, {}};
  reconcile::ConsoleProgrammer programmer{{.store = store, .fleet = fleet, .clock = parts.clock}};
  reconcile::ConsoleOperator operations{{.store = store,
                                         .fleet = fleet,
                                         .clock = parts.clock,
                                         .check_logins = reconcile::make_login_check(console_thread, parts.clock)}};
  reconcile::Reconciler reconciler{{.store = store,
                                    .secrets = secrets,
                                    .programmer = programmer,
                                    .clock = parts.clock,
                                    .random = parts.random,
                                    .operations = &operations},
                                   settings.reconciler};
  kube::WorkQueue queue{parts.clock, parts.random};
  std::set<kube::Selection> dynamic;  // by the ingest thread
  kube::Ingest ingest{{.transport = *transport,
                       .cache = cache,
                       .clock = parts.clock,
                       .random = parts.random,
                       .on_change = [this](const kube::Selection& selection, const kube::ObjectChange& change) {
                         on_change(selection, change);
                       }}};
  kube::LeaseElector elector{lease_client, gate, parts.clock, parts.random, settings.lease};
  kube::LeaseRunner lease{elector, waiter, [this](bool leads) { on_leadership(leads); }};
  std::vector<std::jthread> workers;
  std::stop_source work_stop;

  void on_change(const kube::Selection& selection, const kube::ObjectChange& change);
  void on_leadership(bool leads);
  void enqueue_all();
  void follow_pools();
  bool await_cache(const std::stop_token& stop) const;
  void work(const std::stop_token& stop);
  void work_on(const WorkKey& key, const std::stop_token& stop);
};

void OperatorProcess::Machine::on_change(const kube::Selection& selection, const kube::ObjectChange& change) {
  if (selection.kind == api::kKind) follow_pools();
  if (!is_relevant(change, selection.kind)) return;
  const api::Json& object = change.object();
  const auto pools = cache.list(api::kKind, api::metadata_string(object, "namespace"));
  for (const WorkKey& key : pools_to_look_at(object, selection.kind, pools)) queue.add(key);
}

void OperatorProcess::Machine::follow_pools() {
  std::set<kube::Selection> wanted = dynamic_selections(settings.scope, cache.list(api::kKind, ""));
  for (const kube::Selection& selection : wanted) {
    if (!dynamic.contains(selection)) ingest.add(selection);
  }
  for (const kube::Selection& selection : dynamic) {
    if (!wanted.contains(selection)) ingest.remove(selection);
  }
  dynamic = std::move(wanted);
}

void OperatorProcess::Machine::on_leadership(bool leads) {
  log_info(leads ? "leadership_gained" : "leadership_lost", {{"identity", settings.lease.identity}});
  if (leads) enqueue_all();
}

void OperatorProcess::Machine::enqueue_all() {
  const auto pools = cache.list(api::kKind, "");
  for (const api::Object& pool : pools) {
    queue.add(
        {.namespace_name = api::metadata_string(*pool, "namespace"), .name = api::metadata_string(*pool, "name")});
  }
  log_info("pools_enqueued", {{"pools", count_of(pools.size())}});
}

bool OperatorProcess::Machine::await_cache(const std::stop_token& stop) const {
  constexpr Duration kLookAgain = std::chrono::seconds{60};
  while (!stop.stop_requested()) {
    if (ingest.await_synced({.deadline = Deadline(parts.clock, kLookAgain), .stop = stop})) return true;
    if (!stop.stop_requested()) log_warning("cache_not_filled_yet", {{"server", settings.cluster.server}});
  }
  return false;
}

void OperatorProcess::Machine::work(const std::stop_token& stop) {
  if (!await_cache(stop)) return;
  while (const auto key = queue.take(stop)) {
    work_on(*key, work_stop.get_token());
    queue.done(*key);
  }
}

void OperatorProcess::Machine::work_on(const WorkKey& key, const std::stop_token& stop) {
  // Who does not lead only keeps its cache warm; everything is looked at again when the lease is won.
  if (!gate.may_write()) return;
  const CallLimits limits{.deadline = Deadline(parts.clock, kReconcileLimit), .stop = stop};
  Result<reconcile::Action> result = make_error(ErrorKind::kInternal, "reconcile did not return");
  try {
    result = reconciler.reconcile(key.namespace_name, key.name, limits);
  } catch (const std::exception& failure) {  // the barrier: one pool's bug must not stop the others
    result = make_error(ErrorKind::kInternal, std::string("unexpected exception: ") + failure.what());
  }
  if (result) {
    queue.forget(key);
    if (result->after) queue.add_after(key, *result->after);
    return;
  }
  if (result.error().kind == ErrorKind::kCancelled) return;
  const Duration delay = queue.add_failed(key, result.error());
  log_warning("reconcile_failed", {{"namespace", key.namespace_name},
                                   {"name", key.name},
                                   {"error", describe(result.error())},
                                   {"retry_ms", std::int64_t{delay.count()}}});
}

OperatorProcess::OperatorProcess(std::unique_ptr<Machine> machine) : machine_(std::move(machine)) {}

OperatorProcess::~OperatorProcess() = default;

Result<std::unique_ptr<OperatorProcess>> OperatorProcess::make(RunSettings settings, const RunParts& parts) {
  PW_ASSIGN_OR_RETURN(auto transport, kube::CpprestTransport::make(settings.cluster, parts.clock));
  PW_ASSIGN_OR_RETURN(auto lease_transport, kube::CpprestTransport::make(settings.cluster, parts.clock));
  auto machine =
      std::make_unique<Machine>(std::move(settings), parts, std::move(transport), std::move(lease_transport));
  return std::unique_ptr<OperatorProcess>(new OperatorProcess(std::move(machine)));
}

void OperatorProcess::start() {
  Machine& m = *machine_;
  log_info("operator_starting", {{"server", m.settings.cluster.server},
                                 {"credentials", m.settings.cluster.origin},
                                 {"workers", m.settings.workers},
                                 {"secrets", m.settings.scope.watch_secrets ? "watch" : "poll"}});
  for (const kube::Selection& selection : fixed_selections(m.settings.scope)) m.ingest.add(selection);
  m.events.start();
  m.ingest.start();
  if (m.settings.leader_election) {
    m.lease.start();
  } else {
    m.gate.open_for_ever();
  }
  for (int i = 0; i < m.settings.workers; ++i) {
    m.workers.emplace_back([&m](const std::stop_token& stop) { m.work(stop); });
  }
}

void OperatorProcess::stop() {
  Machine& m = *machine_;
  log_info("operator_stopping", {{"in_flight", count_of(m.queue.taken())}});
  m.queue.shut_down();
  const std::stop_source never;
  const CallLimits drain{.deadline = Deadline(m.parts.clock, kDrainLimit), .stop = never.get_token()};
  if (!m.queue.await_drained(drain)) log_warning("drain_incomplete", {{"in_flight", count_of(m.queue.taken())}});
  m.work_stop.request_stop();
  m.workers.clear();  // joins
  m.events.flush(never.get_token());
  m.events.stop();
  if (m.settings.leader_election) m.lease.stop();
  m.gate.close();
  m.ingest.stop();
  log_info("operator_stopped");
}

bool OperatorProcess::is_leader() const { return machine_->gate.may_write(); }

bool OperatorProcess::is_synced() const { return machine_->ingest.is_synced(); }

}  // namespace poolwright::run
