#include "local/node.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "api/connection_pool.h"
#include "base/log.h"
#include "local/pool_files.h"
#include "render/names.h"
#include "render/pgbouncer_ini.h"

namespace poolwright::local {

namespace fs = std::filesystem;
using api::Json;

namespace {

constexpr const char* kWrapperFile = "pool.ini";
constexpr const char* kStatusFile = "status.json";
constexpr const char* kRecordEnding = ".process";

std::string owner_of(const Json& object) {
  const Json::json_pointer path("/metadata/ownerReferences/0/name");
  return object.contains(path) && object.at(path).is_string() ? object.at(path).get<std::string>() : std::string();
}

std::string template_hash(const Json& deployment) {
  return api::annotation(deployment.at("spec").at("template"), render::kRestartHashAnnotation);
}

/// What the image's tag says.
std::optional<render::PgbouncerVersion> template_version(const Json& deployment) {
  const Json::json_pointer path("/spec/template/spec/containers/0/image");
  if (!deployment.contains(path) || !deployment.at(path).is_string()) return std::nullopt;
  const auto image = deployment.at(path).get<std::string>();
  return render::parse_version(image.substr(image.rfind(':') + 1));
}

/// The first address of a name, as text; "" where there is none now.
std::string numeric_address(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) return {};
  std::array<char, NI_MAXHOST> text{};
  const int failed =
      getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  freeaddrinfo(found);
  return failed == 0 ? std::string(text.data()) : std::string();
}

api::ObjectKey pod_key(const std::string& pool) {
  return {.api_version = "v1", .kind = "Pod", .namespace_name = kNamespace, .name = render::pool_object_name(pool)};
}

api::ObjectKey deployment_key(const std::string& pool) {
  return {.api_version = "apps/v1",
          .kind = "Deployment",
          .namespace_name = kNamespace,
          .name = render::pool_object_name(pool)};
}

}  // namespace

/// What the node knows of one pool's PgBouncer.
struct LocalNode::Instance {
  Instance(BouncerPlace place, const Clock& clock) : bouncer(std::move(place), clock) {}

  Bouncer bouncer;
  std::string told_uid;  // of the Pod object
  std::string told_problem;
  MonotonicTime attached_looked_at{};
  std::string attached_address;
  bool attached_listens = false;
  bool is_wanted = true;
};

LocalNode::LocalNode(DirectoryStore& store, const Clock& clock, NodeSettings settings)
    : store_(store),
      clock_(clock),
      settings_(std::move(settings)),
      ports_(settings_.out / kStateFolder / "ports.json", settings_.first_port),
      waker_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

LocalNode::~LocalNode() {
  stop();
  close(waker_);
}

void LocalNode::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void LocalNode::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  wake();
  thread_.join();
}

void LocalNode::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(waker_, &one, sizeof one);
}

render::PoolerAddress LocalNode::address_of(const std::string& pool) const {
  const auto attached = settings_.attached.find(pool);
  if (attached != settings_.attached.end()) return {.host = attached->second.host, .port = attached->second.port};
  const std::string host = settings_.url_host.empty() ? console_address(settings_.listen_address) : settings_.url_host;
  return {.host = host, .port = ports_.port_of(pool)};
}

void LocalNode::work(const std::stop_token& stop) {
  find_earlier();
  while (!stop.stop_requested()) {
    tick();
    std::vector<pollfd> sources{{.fd = waker_, .events = POLLIN, .revents = 0}};
    for (const auto& [pool, instance] : instances_) {
      if (instance->bouncer.descriptor() >= 0) {
        sources.push_back({.fd = instance->bouncer.descriptor(), .events = POLLIN, .revents = 0});
      }
    }
    poll(sources.data(), sources.size(), static_cast<int>(kTick.count()));
    std::uint64_t count = 0;
    [[maybe_unused]] const auto drained = read(waker_, &count, sizeof count);
  }
  drain_all();
}

/// Processes of an earlier run, also those whose pools are gone meanwhile: these end at the first tick.
void LocalNode::find_earlier() {
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(settings_.out / kStateFolder, error)) {
    if (file.path().extension() == kRecordEnding) instance_of(file.path().stem().string());
  }
}

void LocalNode::tick() {
  for (const auto& [pool, instance] : instances_) instance->is_wanted = false;
  for (const api::Object& deployment : store_.cached_list("Deployment", kNamespace)) {
    const std::string pool = owner_of(*deployment);
    if (pool.empty()) continue;
    const auto attached = settings_.attached.find(pool);
    if (attached == settings_.attached.end()) {
      tend(pool, *deployment);
    } else {
      tend_attached(pool, *deployment, attached->second);
    }
  }
  for (auto one = instances_.begin(); one != instances_.end();) {
    if (!one->second->is_wanted) retire(one->first, *one->second);
    const bool is_over = !one->second->is_wanted && one->second->bouncer.state() == BouncerState::kStopped &&
                         remove_folder(one->first, *one->second);
    one = is_over ? instances_.erase(one) : std::next(one);
  }
  write_reports();
}

/// False: at the next tick once more.
bool LocalNode::remove_folder(const std::string& pool, Instance& instance) const {
  std::error_code error;
  {
    const MutexLock lock(files_mutex_);
    fs::remove_all(folder_of(pool), error);
  }
  if (!error) {
    log_info("pool_removed", {{"pool", pool}});
  } else if (instance.told_problem != error.message()) {
    instance.told_problem = error.message();
    log_warning("files_not_removed", {{"pool", pool}, {"error", instance.told_problem}});
  }
  return !error;
}

LocalNode::Instance& LocalNode::instance_of(const std::string& pool) {
  auto& instance = instances_[pool];
  if (!instance) {
    instance = std::make_unique<Instance>(BouncerPlace{.pool = pool,
                                                       .folder = folder_of(pool),
                                                       .record = settings_.out / kStateFolder / (pool + kRecordEnding),
                                                       .run_as = settings_.run_as,
                                                       .log_to_stderr = settings_.log_to_stderr},
                                          clock_);
    instance->bouncer.adopt();
  }
  instance->is_wanted = true;
  return *instance;
}

std::optional<BouncerWish> LocalNode::wish_for(const std::string& pool, const Json& deployment) const {
  const auto version = template_version(deployment);
  const std::uint16_t port = ports_.port_of(pool);
  if (settings_.programs.empty() || !version || port == 0) return std::nullopt;
  return BouncerWish{.program = choose_program(settings_.programs, *version),
                     .restart_hash = template_hash(deployment),
                     .address = settings_.listen_address,
                     .port = port};
}

void LocalNode::tend(const std::string& pool, const Json& deployment) {
  Instance& instance = instance_of(pool);
  Bouncer& bouncer = instance.bouncer;
  bouncer.look();
  const auto wish = wish_for(pool, deployment);
  const bool is_wanted = wish && deployment.at("spec").value("replicas", 1) > 0;
  if (bouncer.state() != BouncerState::kStopped && (!is_wanted || !bouncer.runs(*wish))) {
    tell_pod(pool, deployment, instance);
    bouncer.drain();
  } else if (is_wanted && bouncer.may_start()) {
    const Status written = sync_files(pool, deployment);
    if (written) {
      bouncer.start(*wish);
    } else if (instance.told_problem != written.error().message) {
      instance.told_problem = written.error().message;
      log_warning("pgbouncer_not_started", {{"pool", pool}, {"problem", instance.told_problem}});
    }
  }
  tell_pod(pool, deployment, instance);
}

void LocalNode::tend_attached(const std::string& pool, const Json& deployment, const AttachedBouncer& attached) {
  constexpr Duration kLookAgain{2'000};
  Instance& instance = instance_of(pool);
  if (instance.attached_looked_at != MonotonicTime{} && clock_.now() - instance.attached_looked_at < kLookAgain) return;
  instance.attached_looked_at = clock_.now();
  // Written here as well: nobody can start on files that are not there yet.
  if (const Status written = sync_files(pool, deployment); !written) {
    log_warning("files_not_written", {{"pool", pool}, {"problem", written.error().message}});
  }
  instance.attached_address = numeric_address(attached.host);
  instance.attached_listens =
      !instance.attached_address.empty() && is_listening(instance.attached_address, attached.port);
  tell_pod(pool, deployment, instance);
}

/// The process as the Pod that the reconciler looks for.
void LocalNode::tell_pod(const std::string& pool, const Json& deployment, Instance& instance) {
  const Bouncer& bouncer = instance.bouncer;
  const auto attached = settings_.attached.find(pool);
  const bool is_attached = attached != settings_.attached.end();
  const bool exists = is_attached ? instance.attached_listens : bouncer.state() != BouncerState::kStopped;
  const std::string uid = is_attached ? "attached-" + pool + "-" + instance.attached_address : bouncer.uid();
  if (!exists || (!instance.told_uid.empty() && instance.told_uid != uid)) {
    if (const Status gone = store_.withdraw(pod_key(pool)); !gone) return;
    instance.told_uid.clear();
    if (!exists) return;
  }
  instance.told_uid = uid;
  const std::string address = is_attached ? instance.attached_address : console_address(bouncer.running().address);
  const int port = is_attached ? attached->second.port : bouncer.running().port;
  const bool is_ready = is_attached || bouncer.state() == BouncerState::kServing;
  Json pod = {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata",
       {{"name", pod_key(pool).name},
        {"namespace", kNamespace},
        {"labels", render::selector_labels(pool)},
        {"annotations",
         {{render::kRestartHashAnnotation, is_attached ? template_hash(deployment) : bouncer.running().restart_hash},
          {"poolwright.dev/instance", uid}}}}},
      {"spec",
       {{"containers",
         Json::array({{{"name", render::kContainerName}, {"ports", Json::array({{{"containerPort", port}}})}}})}}},
      {"status",
       {{"phase", "Running"},
        {"podIP", address},
        {"conditions", Json::array({{{"type", "Ready"}, {"status", is_ready ? "True" : "False"}}})}}}};
  // What is older than its PostgreSQL gets new server connections; what is younger needs none.
  if (!is_attached && bouncer.started_at()) {
    pod["metadata"]["creationTimestamp"] = format_rfc3339(*bouncer.started_at());
  }
  if (!is_attached && bouncer.state() == BouncerState::kDraining) pod["metadata"]["deletionTimestamp"] = "now";
  const std::stop_source never;
  const CallLimits limits{.deadline = Deadline(clock_, kTick), .stop = never.get_token()};
  const auto told = store_.apply(pod, limits);
  if (!told) log_warning("pod_not_told", {{"pool", pool}, {"error", describe(told.error())}});
}

/// The pool is gone: its process, too.
void LocalNode::retire(const std::string& pool, Instance& instance) {
  if (!instance.told_uid.empty() && store_.withdraw(pod_key(pool))) instance.told_uid.clear();
  instance.bouncer.look();
  instance.bouncer.drain();
}

void LocalNode::drain_all() {
  const Deadline limit(clock_, Bouncer::kDrainLimit + Bouncer::kDrainLimit / 4);
  const auto is_running = [](const auto& entry) { return entry.second->bouncer.state() != BouncerState::kStopped; };
  while (std::any_of(instances_.begin(), instances_.end(), is_running) && !limit.passed()) {
    std::vector<pollfd> sources;
    for (const auto& [pool, instance] : instances_) {
      instance->bouncer.look();
      instance->bouncer.drain();
      if (instance->bouncer.descriptor() >= 0) {
        sources.push_back({.fd = instance->bouncer.descriptor(), .events = POLLIN, .revents = 0});
      }
    }
    constexpr int kAgainMilliseconds = 100;
    poll(sources.data(), sources.size(), sources.empty() ? 0 : kAgainMilliseconds);
  }
  for (const auto& [pool, instance] : instances_) instance->bouncer.kill_now();
}

Status LocalNode::sync(const std::string& pool) {
  const api::Object deployment = store_.cached(deployment_key(pool));
  if (!deployment) return ok();  // nothing runs yet; its files are written before it starts
  return sync_files(pool, *deployment);
}

Status LocalNode::sync_files(const std::string& pool, const Json& deployment) const {
  const auto attached = settings_.attached.find(pool);
  PW_ASSIGN_OR_RETURN(FileTexts texts, bouncer_files(store_, deployment));
  const bool is_attached = attached != settings_.attached.end();
  texts[kWrapperFile] =
      render::wrapper_ini(settings_.listen_address, is_attached ? attached->second.port : ports_.port_of(pool));
  FileAccess access{.mode = 0600};
  if (settings_.run_as) {
    access.owner = settings_.run_as->user;
    access.group = settings_.run_as->group;
  }
  const MutexLock lock(files_mutex_);
  // Since the files were gathered it may have gone, and its folder with it.
  if (!store_.cached(deployment_key(pool))) return make_error(ErrorKind::kNotFound, "the pool is gone");
  PW_RETURN_IF_ERROR(make_folder(folder_of(pool), {.mode = 0755}));
  return write_files(folder_of(pool), texts, access);
}

/// Files of databases that the pool no longer has go.
Status LocalNode::write_env(const fs::path& folder, const Json& pool) const {
  const FileTexts texts = env_files(store_, pool);
  const FileAccess access{.mode = settings_.env_group ? mode_t{0640} : mode_t{0600}, .group = settings_.env_group};
  PW_RETURN_IF_ERROR(write_files(folder, texts, access));
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(folder, error)) {
    const std::string name = file.path().filename().string();
    std::error_code ignored;
    if (!texts.empty() && file.path().extension() == ".env" && !texts.contains(name)) fs::remove(file.path(), ignored);
  }
  return ok();
}

void LocalNode::write_reports() {
  for (const api::Object& pool : store_.cached_list(api::kKind, kNamespace)) {
    const std::string name = api::metadata_string(*pool, "name");
    const fs::path folder = folder_of(name);
    Status written = make_folder(folder, {.mode = 0755});
    if (written) written = write_env(folder, *pool);
    if (written && pool->contains("status")) {
      written = write_file(folder / kStatusFile, pool->at("status").dump(1) + "\n", {.mode = 0644});
    }
    if (!written) log_warning("report_not_written", {{"pool", name}, {"error", describe(written.error())}});
  }
}

}  // namespace poolwright::local
