#include "run/local_process.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "api/connection_pool.h"
#include "api/parse.h"
#include "base/log.h"
#include "kube/work_queue.h"
#include "local/directory_store.h"
#include "local/files.h"
#include "local/folder_watch.h"
#include "local/pool_folder.h"
#include "pgbouncer/fleet.h"
#include "postgres/io_thread.h"
#include "reconcile/console_programmer.h"
#include "reconcile/pod_operator.h"
#include "reconcile/reconciler.h"
#include "reconcile/secret_reader.h"
#include "render/names.h"
#include "render/version.h"
#include "run/failovers.h"
#include "run/heartbeats.h"
#include "run/leak_ender.h"
#include "run/login_check.h"
#include "run/monitoring.h"
#include "run/pool_watch.h"
#include "run/server_watch.h"
#include "run/sizing_loop.h"
#include "run/triggers.h"
#include "run/workers.h"

namespace poolwright::run {

namespace fs = std::filesystem;

namespace {

using kube::WorkKey;
using local::DirectoryStore;

constexpr const char* kImageRepository = "pgbouncer";

/// Keeps a second run off the folder. Closed with the process, however that ends.
class FolderLock {
 public:
  FolderLock() = default;
  ~FolderLock() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  Status take(const fs::path& file) {
    descriptor_ = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor_ < 0) return local::file_error(file, "it cannot be opened", errno);
    if (flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return ok();
    return make_error(ErrorKind::kConflict,
                      file.parent_path().parent_path().string() +
                          ": another poolwright works on this folder; stop it or give another --out");
  }

 private:
  int descriptor_ = -1;
};

/// What there is only one way of on one machine: one process a pool, of a program that is there.
std::string adapt_pool(api::Json& pool, const local::NodeSettings& node) {
  if (!pool.contains("spec") || !pool["spec"].is_object()) return {};
  api::Json& pgbouncer = pool["spec"]["pgbouncer"];
  if (!pgbouncer.is_null() && !pgbouncer.is_object()) return {};
  pgbouncer["replicas"] = 1;
  pgbouncer.erase("image");
  const bool is_attached = node.attached.contains(api::metadata_string(pool, "name"));
  if (is_attached || node.programs.empty()) return {};
  const bool is_given = pgbouncer.contains("version");
  if (is_given && !pgbouncer["version"].is_string()) return {};
  const std::string asked = is_given ? pgbouncer["version"].get<std::string>() : api::Pgbouncer{}.version;
  const auto wanted = render::parse_version(asked);
  if (!wanted || !render::is_supported(*wanted)) return {};
  const local::Program& program = local::choose_program(node.programs, *wanted);
  if (program.version.minor == wanted->minor) return {};
  const std::string have = std::to_string(program.version.major) + "." + std::to_string(program.version.minor);
  pgbouncer["version"] = have;
  if (!is_given) return {};
  return "spec.pgbouncer.version is " + asked + ", which is not on this machine; PgBouncer " + have + " (" +
         program.path.string() + ") is used, and the files are written for it";
}

/// Tells each line once, and when all is well again.
class Told {
 public:
  void tell(LogLevel level, std::string_view event, const std::vector<std::string>& lines) {
    const std::set<std::string> now(lines.begin(), lines.end());
    for (const std::string& line : lines) {
      if (!before_.contains(line)) log_event(level, event, {{"what", line}});
    }
    if (now.empty() && !before_.empty()) log_info(std::string(event) + "_no_more");
    before_ = now;
  }

 private:
  std::set<std::string> before_;
};

}  // namespace

/// Members are declared in the order in which they depend on each other, so that they end in the reverse order.
struct LocalProcess::Machine {
  Machine(LocalSettings run_settings, const LocalParts& run_parts)
      : settings(std::move(run_settings)), parts(run_parts) {}

  LocalSettings settings;
  LocalParts parts;
  FolderLock lock;
  std::unique_ptr<DirectoryStore> store;
  std::unique_ptr<local::FolderWatch> watch;
  std::unique_ptr<local::LocalNode> node;
  std::unique_ptr<reconcile::SecretReader> secrets;
  postgres::IoThread console_thread;
  pgbouncer::ConsoleFleet fleet{console_thread, parts.clock, parts.random, {}};
  std::unique_ptr<reconcile::ConsoleProgrammer> programmer;
  std::unique_ptr<PoolWatch> pool_watch;
  std::unique_ptr<ServerWatch> servers;
  Failovers failovers;
  std::unique_ptr<reconcile::ConsoleOperator> operations;
  kube::WorkQueue queue{parts.clock, parts.random};
  SizingMailbox sizing_mailbox;
  ObservationRecorder recorder{settings.record};
  std::unique_ptr<SizingLoop> sizing;
  std::unique_ptr<LeakEnder> leaks;
  std::unique_ptr<reconcile::Reconciler> reconciler;
  Workers workers{queue, parts.clock, {.count = settings.workers, .drain_limit = kDrainLimit}};
  Heartbeats common{console_thread, queue, parts.clock};
  Pulse reader_pulse{parts.clock};
  serve::Mailbox mailbox;
  std::unique_ptr<Web> web;  // null where it is switched off
  std::atomic<bool> is_stopping{false};
  std::atomic<bool> is_unreadable{false};
  std::unique_ptr<Monitoring> monitoring;
  std::jthread reader;
  Told problems;  // by the reader thread, as is all below
  Told warnings;
  std::optional<MonotonicTime> missing_since;

  Status open();
  Status open_web();
  serve::OperatorCounters counters() const;
  std::vector<serve::ReadinessCheck> readiness() const;
  std::vector<serve::Heartbeat> heartbeats();
  void on_change(const api::Object& before, const api::Object& after);
  void read_on(const std::stop_token& stop);
  Duration read_once();
  Duration take_over(const local::FolderContent& content);
  Duration withdraw_missing(const std::set<api::ObjectKey>& present, const local::FolderContent& content);
};

Status LocalProcess::Machine::open() {
  const fs::path state = settings.node.out / local::kStateFolder;
  PW_RETURN_IF_ERROR(local::make_folder(settings.node.out, {.mode = 0755}));
  PW_RETURN_IF_ERROR(local::make_folder(state, {.mode = 0700}));
  PW_RETURN_IF_ERROR(lock.take(state / "lock"));
  PW_ASSIGN_OR_RETURN(store, DirectoryStore::open(state / "objects", parts.random));
  PW_ASSIGN_OR_RETURN(watch, local::FolderWatch::open(settings.folder));
  node = std::make_unique<local::LocalNode>(*store, parts.clock, settings.node);
  secrets = std::make_unique<reconcile::SecretReader>(*store, parts.clock, reconcile::SecretNotice::kWatch);
  programmer = std::make_unique<reconcile::ConsoleProgrammer>(
      reconcile::ConsoleProgrammerParts{.store = *store, .fleet = fleet, .clock = parts.clock});
  pool_watch = std::make_unique<PoolWatch>(*programmer, HostNames::kOfMachine);
  servers = std::make_unique<ServerWatch>(*pool_watch, console_thread, parts.clock, parts.random);
  operations = std::make_unique<reconcile::ConsoleOperator>(reconcile::ConsoleOperatorParts{
      .store = *store,
      .fleet = fleet,
      .clock = parts.clock,
      .server = server_knowledge(
          failovers, {.watch = *pool_watch, .secrets = *secrets, .thread = console_thread, .clock = parts.clock})});
  reconcile::ReconcilerSettings reconciling;
  reconciling.decide.image_repository = kImageRepository;
  reconciling.decide.pooler_address = [this](const std::string& pool) { return node->address_of(pool); };
  reconciling.validation.allow_loopback_hosts = true;
  const api::ValidationPolicy validation = reconciling.validation;
  sizing = std::make_unique<SizingLoop>(SizingLoopParts{.store = *store,
                                                        .fleet = fleet,
                                                        .servers = *servers,
                                                        .clock = parts.clock,
                                                        .mailbox = sizing_mailbox,
                                                        .recorder = recorder,
                                                        .may_decide = [] { return true; },
                                                        .look_at = enqueues_in(queue)},
                                        SizingLoopSettings{.parameters = {}, .validation = validation});
  leaks = std::make_unique<LeakEnder>(LeakEnderParts{.store = *store,
                                                     .fleet = fleet,
                                                     .servers = *servers,
                                                     .sizing = sizing_mailbox,
                                                     .clock = parts.clock,
                                                     .may_end = [] { return true; }});
  reconciler = std::make_unique<reconcile::Reconciler>(reconcile::ReconcilerParts{.store = *store,
                                                                                  .secrets = *secrets,
                                                                                  .programmer = *pool_watch,
                                                                                  .operations = *operations,
                                                                                  .sizes = *sizing,
                                                                                  .clock = parts.clock,
                                                                                  .random = parts.random},
                                                       std::move(reconciling));
  monitoring = std::make_unique<Monitoring>(MonitoringParts{.store = *store,
                                                            .fleet = fleet,
                                                            .programmer = *programmer,
                                                            .watch = *pool_watch,
                                                            .servers = *servers,
                                                            .failovers = failovers,
                                                            .sizing = sizing_mailbox,
                                                            .clock = parts.clock,
                                                            .mailbox = mailbox,
                                                            .counters = [this] { return counters(); },
                                                            .readiness = [this] { return readiness(); },
                                                            .heartbeats = [this] { return heartbeats(); },
                                                            .validation = validation,
                                                            .tells = [] { return true; },
                                                            .look_at = enqueues_in(queue)});
  if (settings.web.is_on) PW_RETURN_IF_ERROR(open_web());
  store->set_on_change([this](const api::Object& before, const api::Object& after) { on_change(before, after); });
  return ok();
}

/// Who can read the file may read everything; it stays the same from run to run.
Status LocalProcess::Machine::open_web() {
  constexpr std::size_t kTokenLength = 40;
  if (settings.web.token_file.empty()) {
    const fs::path file = settings.node.out / "web-token";
    if (!read_token_file(file.string())) {
      PW_RETURN_IF_ERROR(
          local::write_file(file, random_alphanumeric(parts.random, kTokenLength) + "\n", {.mode = 0600}));
    }
    settings.web.token_file = file.string();
  }
  PW_ASSIGN_OR_RETURN(web, Web::make(settings.web, mailbox, nullptr, parts.clock));
  return ok();
}

serve::OperatorCounters LocalProcess::Machine::counters() const {
  serve::OperatorCounters all{.version = settings.version,
                              .reconcile = workers.reconcile_counters(),
                              .queue = workers.queue_counters(),
                              .is_leader = true};
  for (const auto& [pool, ended] : leaks->ended()) all.pools[pool].leaks_terminated = ended;
  return all;
}

std::vector<serve::ReadinessCheck> LocalProcess::Machine::readiness() const {
  return {{.name = "running", .is_ready = !is_stopping, .detail = is_stopping ? "poolwright is stopping" : ""},
          {.name = "directory", .is_ready = !is_unreadable, .detail = is_unreadable ? "it cannot be read" : ""}};
}

std::vector<serve::Heartbeat> LocalProcess::Machine::heartbeats() {
  std::vector<serve::Heartbeat> beats = common.take();
  beats.push_back({.thread = "directory", .moved_at = reader_pulse.at()});
  beats.push_back({.thread = "sizing", .moved_at = sizing->moved_at()});
  return beats;
}

void LocalProcess::Machine::on_change(const api::Object& before, const api::Object& after) {
  const api::Json& object = after ? *after : *before;
  const std::string kind = object.value("kind", "");
  if (kind == "Pod" && before && after &&
      api::annotation(*before, render::kConfigHashAnnotation) !=
          api::annotation(*after, render::kConfigHashAnnotation)) {
    // The nudge before a RELOAD: the files must be there when it returns.
    for (const WorkKey& key : pools_to_look_at(object, kind, store->cached_list(api::kKind, local::kNamespace))) {
      const Status written = node->sync(key.name);
      if (!written) log_warning("files_not_written", {{"pool", key.name}, {"error", describe(written.error())}});
    }
  }
  if (is_relevant({.before = before, .after = after}, kind)) {
    const auto pools = store->cached_list(api::kKind, local::kNamespace);
    for (const WorkKey& key : pools_to_look_at(object, kind, pools)) queue.add(key);
  }
  node->wake();
}

void LocalProcess::Machine::read_on(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    reader_pulse.beat();
    watch->wait(read_once());
  }
}

/// Gives the time after which to look again.
Duration LocalProcess::Machine::read_once() {
  const auto content =
      local::read_folder(settings.folder, [this](api::Json& pool) { return adapt_pool(pool, settings.node); });
  if (!content) {
    if (!is_unreadable) log_error("directory_not_read", {{"error", content.error().message}});
    is_unreadable = true;
    return local::FolderWatch::kLookAnyway;
  }
  if (is_unreadable) log_info("directory_read_again");
  is_unreadable = false;
  return take_over(*content);
}

Duration LocalProcess::Machine::take_over(const local::FolderContent& content) {
  std::vector<std::string> told = content.problems;
  std::set<api::ObjectKey> present;
  std::vector<api::Json> pools;
  for (const api::Json& object : content.objects) {
    present.insert(api::key_of(object));
    if (api::is_connection_pool(object)) pools.push_back(object);
  }
  // A pool whose file cannot be read keeps its port.
  for (const api::Object& pool : store->cached_list(api::kKind, local::kNamespace)) {
    if (!present.contains(api::key_of(*pool))) pools.push_back(*pool);
  }
  auto ports = node->ports().settle(pools);
  if (ports) {
    told.insert(told.end(), ports->begin(), ports->end());
  } else {
    told.push_back(ports.error().message);
  }
  for (const api::Json& object : content.objects) {
    if (const Status declared = store->declare(object); !declared) {
      told.push_back(api::annotation(object, local::kSourceAnnotation) + ": " + declared.error().message);
    }
  }
  problems.tell(LogLevel::kError, "file_refused", told);
  warnings.tell(LogLevel::kWarning, "file_warning", content.warnings);
  return withdraw_missing(present, content);
}

Duration LocalProcess::Machine::withdraw_missing(const std::set<api::ObjectKey>& present,
                                                 const local::FolderContent& content) {
  std::vector<api::ObjectKey> missing;
  for (const char* kind : {api::kKind, "Secret"}) {
    for (const api::Object& object : store->cached_list(kind, local::kNamespace)) {
      const std::string source = api::annotation(*object, local::kSourceAnnotation);
      if (source.empty() || present.contains(api::key_of(*object)) || content.unreadable.contains(source)) continue;
      missing.push_back(api::key_of(*object));
    }
  }
  if (missing.empty()) {
    missing_since.reset();
    return local::FolderWatch::kLookAnyway;
  }
  const MonotonicTime now = parts.clock.now();
  if (!missing_since) missing_since = now;
  const auto waited = std::chrono::duration_cast<Duration>(now - *missing_since);
  if (waited < kGoneFor) return kGoneFor - waited;
  missing_since.reset();
  for (const api::ObjectKey& key : missing) {
    log_info("object_gone", {{"object", to_string(key)}});
    if (const Status gone = store->withdraw(key); !gone) {
      log_error("object_not_removed", {{"error", describe(gone.error())}});
    }
  }
  return local::FolderWatch::kLookAnyway;
}

LocalProcess::LocalProcess(std::unique_ptr<Machine> machine) : machine_(std::move(machine)) {}

LocalProcess::~LocalProcess() = default;

Result<std::unique_ptr<LocalProcess>> LocalProcess::make(LocalSettings settings, const LocalParts& parts) {
  auto machine = std::make_unique<Machine>(std::move(settings), parts);
  PW_RETURN_IF_ERROR(machine->open());
  return std::unique_ptr<LocalProcess>(new LocalProcess(std::move(machine)));
}

Status LocalProcess::start() {
  Machine& m = *machine_;
  if (m.web) PW_RETURN_IF_ERROR(m.web->start());
  log_info("local_mode_starting", {{"directory", m.settings.folder.string()}, {"out", m.settings.node.out.string()}});
  for (const local::Program& program : m.settings.node.programs) {
    log_info("pgbouncer_found", {{"program", program.path.string()}, {"version", render::to_string(program.version)}});
  }
  for (const api::Object& pool : m.store->cached_list(api::kKind, local::kNamespace)) {  // of an earlier run
    m.queue.add({.namespace_name = local::kNamespace, .name = api::metadata_string(*pool, "name")});
  }
  const Duration again = m.read_once();
  m.node->start();
  m.monitoring->start();
  m.recorder.start();
  m.sizing->start();
  m.leaks->start();
  m.workers.start(
      [&m](const WorkKey& key, const CallLimits& limits) {
        return m.reconciler->reconcile(key.namespace_name, key.name, limits);
      },
      [](const std::stop_token& /*stop*/) { return true; });
  m.reader = std::jthread([&m, again](const std::stop_token& stop) {
    m.watch->wait(again);
    m.read_on(stop);
  });
  return ok();
}

void LocalProcess::stop() {
  Machine& m = *machine_;
  log_info("local_mode_stopping");
  m.is_stopping = true;
  m.reader.request_stop();
  m.watch->wake();
  m.reader.join();
  m.leaks->stop();
  m.sizing->stop();
  m.recorder.stop();
  m.workers.stop();
  m.monitoring->stop();
  if (m.web) m.web->stop();
  // An open console is a client that PgBouncer would wait for.
  for (const api::Object& pool : m.store->cached_list(api::kKind, local::kNamespace)) {
    m.pool_watch->forget(local::kNamespace, api::metadata_string(*pool, "name"));
  }
  m.node->stop();
  log_info("local_mode_stopped");
}

}  // namespace poolwright::run
