#include "serve/routes.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "health/report_json.h"
#include "serve/metrics.h"
#include "serve/page.h"

namespace poolwright::serve {
namespace {

using health::Filter;
using health::Report;
using Json = nlohmann::json;

constexpr std::size_t kNameBytesMax = 253;
constexpr const char* kTextType = "text/plain; charset=utf-8";
constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A path that answers with a part of the report, and the parameters that it takes.
struct ReportRoute {
  const char* path;
  std::vector<std::string> parameters;
  bool needs_pool;  // namespace and pool must be given: the answer for all would be too large
  Json (*answer)(const Report&, const Filter&);
};

const std::vector<ReportRoute>& report_routes() {
  static const std::vector<ReportRoute> kRoutes = {
      {"/api/admin/monitoring/connections/health", {"namespace", "pool"}, false, health::health_json},
      {"/api/admin/monitoring/connections/pool", {"namespace", "pool"}, false, health::pool_json},
      {"/api/admin/monitoring/connections/alerts", {"namespace", "pool", "severity"}, false, health::alerts_json},
      {"/api/admin/monitoring/connections/budgets", {"namespace", "pool"}, false, health::budgets_json},
      {"/api/admin/monitoring/connections/decisions", {"namespace", "pool", "database"}, false, health::decisions_json},
      {"/api/admin/monitoring/connections/history", {"namespace", "pool", "database"}, true, health::history_json},
  };
  return kRoutes;
}

const ReportRoute* find_report_route(std::string_view path) {
  for (const ReportRoute& route : report_routes()) {
    if (path == route.path) return &route;
  }
  return nullptr;
}

const PageFile* find_page_file(std::string_view path) {
  for (const PageFile& file : page_files()) {
    if (path == file.path) return &file;
  }
  return nullptr;
}

Error bad(const std::string& what) { return make_error(ErrorKind::kInvalid, what); }

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// Names of namespaces, pools and databases have these characters and no others.
Status check_name(const std::string& parameter, const std::string& value) {
  const bool is_name =
      !value.empty() && value.size() <= kNameBytesMax && std::all_of(value.begin(), value.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
      });
  if (is_name) return ok();
  return bad("the parameter '" + parameter + "' must be a name: 1-" + std::to_string(kNameBytesMax) +
             " letters, digits, '-', '.' and '_'");
}

Result<Filter> filter_of(const ReportRoute& route, const Target& target) {
  Filter filter;
  for (const auto& [name, value] : target.parameters) {
    if (std::find(route.parameters.begin(), route.parameters.end(), name) == route.parameters.end()) {
      return bad("there is no parameter '" + name + "' here; there are: " + joined(route.parameters));
    }
    if (name == "severity") {
      filter.severity = health::parse_severity(value);
      if (!filter.severity) return bad("the parameter 'severity' must be WARNING or CRITICAL");
      continue;
    }
    PW_RETURN_IF_ERROR(check_name(name, value));
    (name == "namespace" ? filter.namespace_name : name == "pool" ? filter.pool : filter.database) = value;
  }
  if (route.needs_pool && (filter.namespace_name.empty() || filter.pool.empty())) {
    return bad("the parameters 'namespace' and 'pool' must be given");
  }
  return filter;
}

Answer text_answer(int status, std::string text) {
  return {.status = status,
          .content_type = kTextType,
          .body = std::make_shared<const std::string>(std::move(text)),
          .headers = {{"Cache-Control", "no-store"}}};
}

Answer readiness(const Snapshot& snapshot) {
  bool is_ready = !snapshot.readiness.empty();
  std::string text;
  for (const ReadinessCheck& check : snapshot.readiness) {
    is_ready = is_ready && check.is_ready;
    text += (check.is_ready ? "[+] " : "[-] ") + check.name;
    text += (check.detail.empty() ? "" : ": " + check.detail) + "\n";
  }
  return text_answer(is_ready ? 200 : 503, text + (is_ready ? "ready\n" : "not ready\n"));
}

/// Alive is what moves on; whether it has what it needs is for readiness to say.
Answer liveness(const Snapshot& snapshot, MonotonicTime started_at, MonotonicTime now) {
  const MonotonicTime taken_at = std::max(snapshot.taken_at, started_at);
  std::string text;
  const auto look = [&text](const std::string& thread, MonotonicTime moved_at, MonotonicTime at) {
    if (at - moved_at <= Routes::kStuckAfter) return;
    const auto silent = std::chrono::duration_cast<std::chrono::seconds>(at - moved_at);
    text += "[-] " + thread + ": it has not moved on for " + std::to_string(silent.count()) + " s\n";
  };
  look("monitoring", taken_at, now);
  for (const Heartbeat& beat : snapshot.heartbeats) look(beat.thread, beat.moved_at, taken_at);
  return text.empty() ? text_answer(200, "ok\n") : text_answer(503, text + "stuck\n");
}

Answer page_answer(const PageFile& file) {
  return {.content_type = std::string(file.content_type) + "; charset=utf-8",
          .body = std::make_shared<const std::string>(file.text),
          .headers = {{"Cache-Control", "no-cache"}, {"Content-Security-Policy", kContentSecurityPolicy}}};
}

Answer report_answer(const Snapshot& snapshot, const ReportRoute& route, const Target& target) {
  const Result<Filter> filter = filter_of(route, target);
  if (!filter.has_value()) return refusal(400, filter.error().message);
  if (!snapshot.report) {
    Answer answer = refusal(503, "nothing was observed yet: try again in a few seconds");
    answer.headers.emplace("Retry-After", "2");
    return answer;
  }
  const Json body = route.answer(*snapshot.report, *filter);
  return {.body = std::make_shared<const std::string>(
              body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"),
          .headers = {{"Cache-Control", "no-store"}}};
}

Answer metrics_answer(const Snapshot& snapshot) {
  return {.content_type = kMetricsContentType,
          .body = std::make_shared<const std::string>(metrics_text(snapshot)),
          .headers = {{"Cache-Control", "no-store"}}};
}

std::string body_key(const Target& target) {
  std::string key = target.path;
  for (const auto& [name, value] : target.parameters) key += "&" + name + "=" + value;
  return key;
}

}  // namespace

std::optional<Access> Routes::access(std::string_view path) const {
  if (path == "/healthz" || path == "/readyz" || find_page_file(path) != nullptr) return Access::kPublic;
  if (path == "/metrics" || find_report_route(path) != nullptr) return Access::kAuthorized;
  return std::nullopt;
}

Answer Routes::answer(const Target& target) {
  if (const PageFile* file = find_page_file(target.path); file != nullptr) return page_answer(*file);
  std::shared_ptr<const Snapshot> newest = source_.snapshot();
  if (target.path == "/healthz") return liveness(*newest, started_at_, clock_.now());
  if (target.path == "/readyz") return readiness(*newest);

  const ReportRoute* route = find_report_route(target.path);
  if (route == nullptr && target.path != "/metrics") return refusal(404, "there is nothing at " + target.path);
  if (newest != rendered_ || bodies_.size() >= kBodiesMax) bodies_.clear();
  rendered_ = std::move(newest);
  const std::string key = body_key(target);
  if (const auto known = bodies_.find(key); known != bodies_.end()) return known->second;
  Answer made = route == nullptr ? metrics_answer(*rendered_) : report_answer(*rendered_, *route, target);
  if (made.status == 200) bodies_.emplace(key, made);
  return made;
}

}  // namespace poolwright::serve
