#include "serve/routes.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fakes/manual_clock.h"
#include "serve/page.h"
#include "unit/health/examples.h"

namespace poolwright::serve {
namespace {

constexpr const char* kApi = "/api/admin/monitoring/connections/";

std::shared_ptr<Snapshot> snapshot_at(int second) {
  health::Monitor monitor;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->report = monitor.update(health::examples::observations(second, 3, 4));
  return snapshot;
}

Answer ask(Routes& routes, const std::string& target) { return routes.answer(parse_target(target).value()); }

TEST(Routes, WhoMayReadWhat) {
  const ManualClock clock;
  const Mailbox mailbox;
  const Routes routes(mailbox, clock);
  for (const char* name : {"health", "pool", "alerts", "budgets", "decisions", "history"}) {
    EXPECT_EQ(routes.access(std::string(kApi) + name), Access::kAuthorized) << name;
  }
  EXPECT_EQ(routes.access("/metrics"), Access::kAuthorized);
  EXPECT_EQ(routes.access("/healthz"), Access::kPublic);
  EXPECT_EQ(routes.access("/readyz"), Access::kPublic);
  EXPECT_EQ(routes.access("/"), Access::kPublic);
  for (const char* path : {"/nothing", "/METRICS", "/api", "/api/admin/monitoring/connections", "/index.html"}) {
    EXPECT_FALSE(routes.access(path)) << path;
  }
}

TEST(Routes, BeforeAnythingWasObserved) {
  const ManualClock clock;
  const Mailbox mailbox;
  Routes routes(mailbox, clock);
  EXPECT_EQ(ask(routes, "/healthz").status, 200);
  EXPECT_EQ(ask(routes, "/readyz").status, 503);
  const Answer answer = ask(routes, std::string(kApi) + "pool");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.at("Retry-After"), "2");
}

TEST(Routes, AliveAsLongAsEveryThreadMovesOn) {
  ManualClock clock;
  clock.advance(std::chrono::hours{1});
  Mailbox mailbox;
  Routes routes(mailbox, clock);
  clock.advance(Routes::kStuckAfter);
  EXPECT_EQ(ask(routes, "/healthz").status, 200) << "it has just begun";
  clock.advance(std::chrono::seconds{1});
  EXPECT_EQ(*ask(routes, "/healthz").body, "[-] monitoring: it has not moved on for 121 s\nstuck\n");

  auto snapshot = std::make_shared<Snapshot>();
  snapshot->taken_at = clock.now();
  snapshot->readiness = {{.name = "cache", .detail = "the API server does not answer"}};
  snapshot->heartbeats = {{.thread = "ingest", .moved_at = clock.now() - Routes::kStuckAfter},
                          {.thread = "workers", .moved_at = clock.now()}};
  mailbox.publish(snapshot);
  EXPECT_EQ(ask(routes, "/healthz").status, 200) << "an API server that is away is no reason to start again";

  clock.advance(Routes::kStuckAfter);
  EXPECT_EQ(ask(routes, "/healthz").status, 200) << "what others did after the snapshot is not known";
  snapshot = std::make_shared<Snapshot>(*snapshot);
  snapshot->taken_at = clock.now();
  snapshot->heartbeats[1].moved_at = clock.now() - std::chrono::seconds{60};
  mailbox.publish(snapshot);
  EXPECT_EQ(ask(routes, "/healthz").status, 503);
  EXPECT_EQ(*ask(routes, "/healthz").body, "[-] ingest: it has not moved on for 240 s\nstuck\n");
}

TEST(Routes, ReadyWhenEveryPartIs) {
  const ManualClock clock;
  Mailbox mailbox;
  Routes routes(mailbox, clock);
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->readiness = {{.name = "cache", .is_ready = true}, {.name = "lease", .detail = "not asked yet"}};
  mailbox.publish(snapshot);
  EXPECT_EQ(ask(routes, "/readyz").status, 503);
  EXPECT_EQ(*ask(routes, "/readyz").body, "[+] cache\n[-] lease: not asked yet\nnot ready\n");
  snapshot = std::make_shared<Snapshot>(*snapshot);
  snapshot->readiness[1].is_ready = true;
  mailbox.publish(snapshot);
  EXPECT_EQ(ask(routes, "/readyz").status, 200);
}

TEST(Routes, AnswersAreOfTheNewestSnapshotAndMadeOnce) {
  const ManualClock clock;
  Mailbox mailbox;
  Routes routes(mailbox, clock);
  mailbox.publish(snapshot_at(10));
  const Answer first = ask(routes, std::string(kApi) + "pool?namespace=shop");
  EXPECT_EQ(first.body, ask(routes, std::string(kApi) + "pool?namespace=shop").body) << "the very same text";
  EXPECT_NE(first.body, ask(routes, std::string(kApi) + "pool").body);
  mailbox.publish(snapshot_at(11));
  const Answer second = ask(routes, std::string(kApi) + "pool?namespace=shop");
  EXPECT_NE(nlohmann::json::parse(*first.body)["timestamp"], nlohmann::json::parse(*second.body)["timestamp"]);
}

TEST(Routes, ThePageIsBuiltIn) {
  const ManualClock clock;
  const Mailbox mailbox;
  Routes routes(mailbox, clock);
  for (const PageFile& file : page_files()) {
    const Answer answer = ask(routes, std::string(file.path));
    EXPECT_EQ(answer.status, 200) << file.path;
    EXPECT_FALSE(answer.body->empty()) << file.path;
  }
  EXPECT_EQ(ask(routes, "/").content_type, "text/html; charset=utf-8");
}

}  // namespace
}  // namespace poolwright::serve
