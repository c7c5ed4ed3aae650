#include "serve/routes.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

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
  const Mailbox mailbox;
  const Routes routes(mailbox);
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
  const Mailbox mailbox;
  Routes routes(mailbox);
  EXPECT_EQ(ask(routes, "/healthz").status, 200);
  EXPECT_EQ(ask(routes, "/readyz").status, 503);
  const Answer answer = ask(routes, std::string(kApi) + "pool");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.headers.at("Retry-After"), "2");
}

TEST(Routes, ReadyWhenEveryPartIs) {
  Mailbox mailbox;
  Routes routes(mailbox);
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
  Mailbox mailbox;
  Routes routes(mailbox);
  mailbox.publish(snapshot_at(10));
  const Answer first = ask(routes, std::string(kApi) + "pool?namespace=shop");
  EXPECT_EQ(first.body, ask(routes, std::string(kApi) + "pool?namespace=shop").body) << "the very same text";
  EXPECT_NE(first.body, ask(routes, std::string(kApi) + "pool").body);
  mailbox.publish(snapshot_at(11));
  const Answer second = ask(routes, std::string(kApi) + "pool?namespace=shop");
  EXPECT_NE(nlohmann::json::parse(*first.body)["timestamp"], nlohmann::json::parse(*second.body)["timestamp"]);
}

TEST(Routes, ThePageIsBuiltIn) {
  const Mailbox mailbox;
  Routes routes(mailbox);
  for (const PageFile& file : page_files()) {
    const Answer answer = ask(routes, std::string(file.path));
    EXPECT_EQ(answer.status, 200) << file.path;
    EXPECT_FALSE(answer.body->empty()) << file.path;
  }
  EXPECT_EQ(ask(routes, "/").content_type, "text/html; charset=utf-8");
}

}  // namespace
}  // namespace poolwright::serve
