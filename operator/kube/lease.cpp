#include "kube/lease.h"

#include <exception>

#include "base/log.h"

namespace poolwright::kube {

namespace {

using api::Json;

constexpr Duration kReleaseMax = std::chrono::seconds{3};

std::string holder_of(const Json& lease) {
  const auto spec = lease.find("spec");
  if (spec == lease.end() || !spec->is_object()) return {};
  const auto holder = spec->find("holderIdentity");
  return holder != spec->end() && holder->is_string() ? holder->get<std::string>() : std::string();
}

int transitions_of(const Json& lease) {
  const auto spec = lease.find("spec");
  if (spec == lease.end() || !spec->is_object()) return 0;
  const auto count = spec->find("leaseTransitions");
  return count != spec->end() && count->is_number_integer() ? count->get<int>() : 0;
}

}  // namespace

api::ObjectKey LeaseElector::key() const {
  return {"coordination.k8s.io/v1", "Lease", options_.namespace_name, options_.name};
}

Duration LeaseElector::attempt(const std::stop_token& stop) {
  const bool was_leader = is_leader();
  attempted_.beat();
  // A leader that waits longer than this could not renew in time again.
  const CallLimits limits{Deadline(clock_, options_.renew_deadline / 2), stop};
  const Status status = try_lease(limits);
  if (status) answered_at_ = clock_.now().time_since_epoch().count();
  if (!status && status.error().kind != ErrorKind::kCancelled) {
    log_warning("lease_not_renewed", {{"cause", status.error().message}, {"leader", is_leader()}});
  }
  if (was_leader && !is_leader()) log_warning("lease_lost", {{"holder", observed_holder_}});
  // Jitter, so that several candidates do not ask in step for ever.
  const double stretch = 1.0 + 0.2 * random_.next_fraction();
  return Duration{static_cast<Duration::rep>(static_cast<double>(options_.retry_period.count()) * stretch)};
}

Status LeaseElector::try_lease(const CallLimits& limits) {
  const MonotonicTime asked = clock_.now();
  if (held_) {
    // The usual case, one request: nobody else wrote since we did.
    Status renewed = store(client_.replace(record(&*held_), limits), asked);
    if (renewed || renewed.error().kind != ErrorKind::kConflict) return renewed;
    held_.reset();
  }
  auto lease = client_.get(key(), limits);
  if (!lease && lease.error().kind == ErrorKind::kNotFound) {
    return store(client_.create(record(nullptr), limits), asked);
  }
  if (!lease) return lease.error();
  observe(*lease);
  return take_over(*lease, asked, limits);
}

/// Ours again, free, or unchanged for a whole lease: take it. Else somebody holds it, which is no error.
Status LeaseElector::take_over(const Json& lease, MonotonicTime asked, const CallLimits& limits) {
  const bool is_ours = observed_holder_ == options_.identity;
  const bool is_expired = clock_.now() - observed_since_ >= options_.lease_duration;
  if (!is_ours && !observed_holder_.empty() && !is_expired) {
    gate_.close();
    return ok();
  }
  return store(client_.replace(record(&lease), limits), asked);
}

/// The gate is open from when we asked: the API server cannot have counted the lease from any earlier.
Status LeaseElector::store(Result<Json> written, MonotonicTime asked) {
  if (!written) {
    // Somebody was faster: no leader for sure. Anything else leaves the gate to its own end.
    const bool lost = written.error().kind == ErrorKind::kConflict || written.error().kind == ErrorKind::kAlreadyExists;
    if (lost) gate_.close();
    return std::move(written).error();
  }
  observe(*written);
  held_ = std::move(*written);
  gate_.open_until(asked + options_.renew_deadline);
  return ok();
}

void LeaseElector::observe(const Json& lease) {
  const std::string version = api::metadata_string(lease, "resourceVersion");
  if (version == observed_version_) return;
  observed_version_ = version;
  observed_holder_ = holder_of(lease);
  observed_since_ = clock_.now();
}

Json LeaseElector::record(const Json* previous) const {
  const std::string now = format_rfc3339_micro(clock_.wall_now());
  const bool is_renewal = previous != nullptr && holder_of(*previous) == options_.identity;
  Json spec = previous != nullptr ? previous->value("spec", Json::object()) : Json::object();
  spec["holderIdentity"] = options_.identity;
  spec["leaseDurationSeconds"] = std::chrono::duration_cast<std::chrono::seconds>(options_.lease_duration).count();
  spec["renewTime"] = now;
  if (!is_renewal) {
    spec["acquireTime"] = now;
    spec["leaseTransitions"] = previous == nullptr ? 0 : transitions_of(*previous) + 1;
  }
  Json metadata = {{"name", options_.name}, {"namespace", options_.namespace_name}};
  if (previous != nullptr) {
    for (const char* field : {"resourceVersion", "uid", "labels", "annotations", "ownerReferences"}) {
      const auto found = previous->at("metadata").find(field);
      if (found != previous->at("metadata").end()) metadata[field] = *found;
    }
  }
  return {{"apiVersion", key().api_version}, {"kind", key().kind}, {"metadata", metadata}, {"spec", spec}};
}

void LeaseElector::release() {
  const bool was_leader = is_leader();
  gate_.close();
  if (!was_leader || !held_) return;
  Json lease = record(&*held_);
  lease["spec"]["holderIdentity"] = "";
  lease["spec"]["leaseDurationSeconds"] = 1;
  const auto written = client_.replace(lease, {Deadline(clock_, kReleaseMax), {}});
  held_.reset();
  if (!written) {
    log_warning("lease_not_released", {{"cause", written.error().message}});
    return;
  }
  log_info("lease_released", {{"lease", api::to_string(key())}});
}

LeaseRunner::~LeaseRunner() { stop(); }

void LeaseRunner::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

void LeaseRunner::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void LeaseRunner::run(const std::stop_token& stop) {
  bool was_leader = false;
  const auto report = [&](bool is_leader) {
    if (std::exchange(was_leader, is_leader) != is_leader) on_change_(is_leader);
  };
  try {
    while (!stop.stop_requested()) {
      const Duration delay = elector_.attempt(stop);
      report(elector_.is_leader());
      if (!waiter_.wait(delay, stop)) break;
      report(elector_.is_leader());
    }
    elector_.release();
  } catch (const std::exception& error) {
    log_error("lease_failed", {{"cause", error.what()}});
    elector_.abandon();
  }
  report(false);
}

}  // namespace poolwright::kube
