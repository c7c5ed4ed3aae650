#include "run/operator_process.h"

#include <atomic>
#include <set>
#include <utility>

#include "base/log.h"
#include "kube/api_server_store.h"
#include "kube/counters.h"
#include "kube/cpprest_transport.h"
#include "kube/events.h"
#include "kube/ingest.h"
#include "kube/leader_gate.h"
#include "kube/waiter.h"
#include "kube/work_queue.h"
#include "pgbouncer/fleet.h"
#include "postgres/io_thread.h"
#include "reconcile/console_programmer.h"
#include "reconcile/pod_operator.h"
#include "reconcile/secret_reader.h"
#include "run/failovers.h"
#include "run/heartbeats.h"
#include "run/leak_ender.h"
#include "run/login_check.h"
#include "run/monitoring.h"
#include "run/sizing_loop.h"
#include "run/triggers.h"
#include "run/workers.h"

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
  kube::CountingTransport counted{*transport, parts.clock};
  std::unique_ptr<kube::CpprestTransport> lease_transport;  // of its own: renewals never queue behind other requests
  kube::ThreadWaiter waiter;
  kube::LeaderGate gate{parts.clock};
  kube::Client client{{.transport = counted, .clock = parts.clock, .random = parts.random, .waiter = waiter}};
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
  PoolWatch watch{programmer, HostNames::kOfCluster};
  ServerWatch servers{watch, console_thread, parts.clock, parts.random};
  Failovers failovers;
  reconcile::ConsoleOperator operations{
      {.store = store,
       .fleet = fleet,
       .clock = parts.clock,
       .server = server_knowledge(
           failovers, {.watch = watch, .secrets = secrets, .thread = console_thread, .clock = parts.clock})}};
  SizingMailbox sizing_mailbox;
  ObservationRecorder recorder{settings.record};
  kube::WorkQueue queue{parts.clock, parts.random};
  SizingLoop sizing{{.store = store,
                     .fleet = fleet,
                     .servers = servers,
                     .clock = parts.clock,
                     .mailbox = sizing_mailbox,
                     .recorder = recorder,
                     .may_decide = [this] { return gate.may_write() && ingest.is_synced(); },
                     .look_at = enqueues_in(queue)},
                    {.parameters = {}, .validation = settings.reconciler.validation}};
  LeakEnder leaks{{.store = store,
                   .fleet = fleet,
                   .servers = servers,
                   .sizing = sizing_mailbox,
                   .clock = parts.clock,
                   .may_end = [this] { return gate.may_write(); }}};
  reconcile::Reconciler reconciler{{.store = store,
                                    .secrets = secrets,
                                    .programmer = watch,
                                    .operations = operations,
                                    .sizes = sizing,
                                    .clock = parts.clock,
                                    .random = parts.random},
                                   settings.reconciler};
  std::set<kube::Selection> dynamic;  // by the ingest thread
  kube::Ingest ingest{{.transport = counted,
                       .cache = cache,
                       .clock = parts.clock,
                       .random = parts.random,
                       .on_change = [this](const kube::Selection& selection, const kube::ObjectChange& change) {
                         on_change(selection, change);
                       }}};
  kube::LeaseElector elector{lease_client, gate, parts.clock, parts.random, settings.lease};
  kube::LeaseRunner lease{elector, waiter, [this](bool leads) { on_leadership(leads); }};
  Workers workers{queue, parts.clock, {.count = settings.workers}};
  Heartbeats common{console_thread, queue, parts.clock};
  serve::Mailbox mailbox;
  std::unique_ptr<Web> web;  // null where it is switched off
  std::atomic<bool> is_stopping{false};
  Monitoring monitoring{{.store = store,
                         .fleet = fleet,
                         .programmer = programmer,
                         .watch = watch,
                         .servers = servers,
                         .failovers = failovers,
                         .sizing = sizing_mailbox,
                         .clock = parts.clock,
                         .mailbox = mailbox,
                         .counters = [this] { return counters(); },
                         .readiness = [this] { return readiness(); },
                         .heartbeats = [this] { return heartbeats(); },
                         .validation = settings.reconciler.validation,
                         .tells = [this] { return gate.may_write(); },
                         .look_at = enqueues_in(queue)}};

  void on_change(const kube::Selection& selection, const kube::ObjectChange& change);
  void on_leadership(bool leads);
  void enqueue_all();
  void follow_pools();
  bool await_cache(const std::stop_token& stop) const;
  Result<reconcile::Action> look_at(const WorkKey& key, const CallLimits& limits);
  serve::OperatorCounters counters() const;
  std::vector<serve::ReadinessCheck> readiness() const;
  std::vector<serve::Heartbeat> heartbeats();
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

/// Who does not lead only looks, so that it can tell what is so; everything is decided anew when the lease is won.
Result<reconcile::Action> OperatorProcess::Machine::look_at(const WorkKey& key, const CallLimits& limits) {
  if (gate.may_write()) return reconciler.reconcile(key.namespace_name, key.name, limits);
  PW_RETURN_IF_ERROR(reconciler.observe(key.namespace_name, key.name, limits));
  return reconcile::Action{};
}

serve::OperatorCounters OperatorProcess::Machine::counters() const {
  serve::OperatorCounters all{
      .version = settings.version, .reconcile = workers.reconcile_counters(), .queue = workers.queue_counters()};
  for (const auto& [key, count] : counted.counts()) {
    all.rest.requests.emplace(
        serve::RestClientCounters::Key{std::string(to_string(key.first)), key.second, settings.cluster.server}, count);
  }
  for (const auto& [method, seconds] : counted.seconds()) {
    all.rest.seconds_by_verb.emplace(to_string(method), seconds);
  }
  if (settings.leader_election) all.lease_name = settings.lease.name;
  all.is_leader = gate.may_write();
  for (const auto& [pool, ended] : leaks.ended()) all.pools[pool].leaks_terminated = ended;
  return all;
}

std::vector<serve::ReadinessCheck> OperatorProcess::Machine::readiness() const {
  std::vector<serve::ReadinessCheck> checks;
  const auto check = [&](std::string name, bool is_ready, std::string detail) {
    checks.push_back(
        {.name = std::move(name), .is_ready = is_ready, .detail = is_ready ? std::string() : std::move(detail)});
  };
  check("running", !is_stopping, "the operator is stopping");
  check("cache", ingest.is_synced(), "not everything was listed yet, or the API server does not answer");
  if (settings.leader_election) {
    const bool is_known = gate.may_write() || parts.clock.now() - elector.answered_at() < settings.lease.lease_duration;
    check("lease", is_known, "the API server does not answer who leads");
  }
  return checks;
}

std::vector<serve::Heartbeat> OperatorProcess::Machine::heartbeats() {
  std::vector<serve::Heartbeat> beats = common.take();
  beats.push_back({.thread = "ingest", .moved_at = ingest.moved_at()});
  beats.push_back({.thread = "sizing", .moved_at = sizing.moved_at()});
  if (settings.leader_election) beats.push_back({.thread = "lease", .moved_at = elector.attempted_at()});
  return beats;
}

OperatorProcess::OperatorProcess(std::unique_ptr<Machine> machine) : machine_(std::move(machine)) {}

OperatorProcess::~OperatorProcess() = default;

Result<std::unique_ptr<OperatorProcess>> OperatorProcess::make(RunSettings settings, const RunParts& parts) {
  PW_ASSIGN_OR_RETURN(auto transport, kube::CpprestTransport::make(settings.cluster, parts.clock));
  PW_ASSIGN_OR_RETURN(auto lease_transport, kube::CpprestTransport::make(settings.cluster, parts.clock));
  auto machine =
      std::make_unique<Machine>(std::move(settings), parts, std::move(transport), std::move(lease_transport));
  const WebSettings& web = machine->settings.web;
  if (web.is_on) {
    PW_ASSIGN_OR_RETURN(machine->web, Web::make(web, machine->mailbox, &machine->client, parts.clock));
  }
  return std::unique_ptr<OperatorProcess>(new OperatorProcess(std::move(machine)));
}

Status OperatorProcess::start() {
  Machine& m = *machine_;
  if (m.web) PW_RETURN_IF_ERROR(m.web->start());
  log_info("operator_starting", {{"server", m.settings.cluster.server},
                                 {"credentials", m.settings.cluster.origin},
                                 {"workers", m.settings.workers},
                                 {"secrets", m.settings.scope.watch_secrets ? "watch" : "poll"}});
  for (const kube::Selection& selection : fixed_selections(m.settings.scope)) m.ingest.add(selection);
  m.monitoring.start();
  m.events.start();
  m.ingest.start();
  if (m.settings.leader_election) {
    m.lease.start();
  } else {
    m.gate.open_for_ever();
  }
  m.recorder.start();
  m.sizing.start();
  m.leaks.start();
  m.workers.start([&m](const WorkKey& key, const CallLimits& limits) { return m.look_at(key, limits); },
                  [&m](const std::stop_token& stop) { return m.await_cache(stop); });
  return ok();
}

void OperatorProcess::stop() {
  Machine& m = *machine_;
  log_info("operator_stopping", {{"in_flight", count_of(m.queue.taken())}});
  m.is_stopping = true;  // the next report says so: no new requests from here on
  m.leaks.stop();
  m.sizing.stop();
  m.recorder.stop();
  m.workers.stop();
  const std::stop_source never;
  m.events.flush(never.get_token());
  m.events.stop();
  if (m.settings.leader_election) m.lease.stop();
  m.gate.close();
  m.ingest.stop();
  m.monitoring.stop();
  if (m.web) m.web->stop();
  log_info("operator_stopped");
}

bool OperatorProcess::is_leader() const { return machine_->gate.may_write(); }

bool OperatorProcess::is_synced() const { return machine_->ingest.is_synced(); }

}  // namespace poolwright::run
