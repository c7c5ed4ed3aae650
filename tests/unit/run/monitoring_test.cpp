#include "run/monitoring.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "fakes/manual_clock.h"
#include "local/directory_store.h"
#include "postgres/io_thread.h"
#include "render/names.h"
#include "render/object_gate.h"
#include "unit/local/temporary_folder.h"

namespace poolwright::run {
namespace {

using std::chrono::seconds;

/// The real parts, with nobody to ask: no PgBouncer runs.
class MonitoringTest : public ::testing::Test {
 protected:
  void declare(const std::string& name, const std::string& host = "db.shop.svc") {
    const api::Json spec = {{"postgres", {{"host", host}, {"connectionBudget", {{"max", 60}, {"reserved", 10}}}}},
                            {"databases", {{{"name", "app"}, {"credentialsSecretRef", {{"name", "app"}}}}}}};
    const api::Json object = {{"apiVersion", api::kApiVersion},
                              {"kind", api::kKind},
                              {"metadata", {{"namespace", local::kNamespace}, {"name", name}}},
                              {"spec", spec}};
    ASSERT_TRUE(store_->declare(object));
  }
  void withdraw(const std::string& name) {
    ASSERT_TRUE(store_->withdraw({api::kApiVersion, api::kKind, local::kNamespace, name}));
  }
  /// A new pod of "orders": at its gate, or let in.
  void show_pod(bool is_let_in) {
    const api::Json object = {
        {"apiVersion", "v1"},
        {"kind", "Pod"},
        {"metadata",
         {{"namespace", local::kNamespace},
          {"name", "orders-pool-new"},
          {"labels", {{render::kPoolLabel, "orders"}}},
          {"annotations", {{render::kConfigHashAnnotation, is_let_in ? "a1b2" : render::kGateClosed}}}}},
        {"spec", {{"initContainers", {{{"name", render::kGateName}}}}}},
        {"status", {{"phase", "Pending"}}}};
    ASSERT_TRUE(store_->declare(object));
    const api::ObjectKey key = api::key_of(object);
    ASSERT_TRUE(store_->apply_status(key, object.at("status"), {.deadline = Deadline(clock_, seconds{1}), .stop = {}}));
  }
  /// Whether a PgBouncer that does not answer is told of after as many looks.
  bool is_down_told(int looks) {
    std::shared_ptr<const serve::Snapshot> snapshot;
    for (int i = 0; i < looks; ++i) snapshot = look();
    const auto& alerts = snapshot->report->alerts;
    return std::any_of(alerts.begin(), alerts.end(), [](const health::Alert& alert) {
      return alert.subject.kind == health::AlertKind::kPgbouncerDown;
    });
  }
  void decide(std::uint64_t serial, std::int64_t before, std::int64_t size) {
    changes_.push_back({.serial = serial,
                        .namespace_name = local::kNamespace,
                        .pool = "orders",
                        .database = "app",
                        .size_before = before,
                        .size = size,
                        .reason = "Demand"});
    auto snapshot = std::make_shared<SizingSnapshot>();
    snapshot->changes = changes_;
    sizing_.publish(std::move(snapshot));
  }
  std::shared_ptr<const serve::Snapshot> look() {
    clock_.advance(seconds{1});
    monitoring_.tick();
    return mailbox_.snapshot();
  }
  serve::PoolCounters counters() {
    const auto snapshot = look();
    const auto found = snapshot->counters.pools.find({local::kNamespace, "orders"});
    return found == snapshot->counters.pools.end() ? serve::PoolCounters{} : found->second;
  }

  ManualClock clock_;
  std::unique_ptr<Random> random_ = make_seeded_random(9);
  local::TemporaryFolder folder_;
  std::unique_ptr<local::DirectoryStore> store_ =
      local::DirectoryStore::open(folder_.path() / "objects", *random_).value();
  postgres::IoThread io_thread_;
  pgbouncer::ConsoleFleet fleet_{io_thread_, clock_, *random_, {}};
  reconcile::ConsoleProgrammer programmer_{{.store = *store_, .fleet = fleet_, .clock = clock_}};
  PoolWatch watch_{programmer_, HostNames::kOfMachine};
  ServerWatch servers_{watch_, io_thread_, clock_, *random_};
  Failovers failovers_;
  SizingMailbox sizing_;
  std::vector<SizeChange> changes_;
  serve::Mailbox mailbox_;
  Monitoring monitoring_{{.store = *store_,
                          .fleet = fleet_,
                          .programmer = programmer_,
                          .watch = watch_,
                          .servers = servers_,
                          .failovers = failovers_,
                          .sizing = sizing_,
                          .clock = clock_,
                          .mailbox = mailbox_,
                          .counters = [] { return serve::OperatorCounters{.version = "1.2.3"}; },
                          .readiness = [] { return std::vector<serve::ReadinessCheck>{{.name = "cache"}}; },
                          .heartbeats = [] { return std::vector<serve::Heartbeat>{{.thread = "sizing"}}; },
                          .validation = {},
                          .tells = [] { return false; },
                          .look_at = [](const std::string& /*namespace_name*/, const std::string& /*name*/) {}}};
};

TEST_F(MonitoringTest, AReportIsOfAllPoolsThatAreValid) {
  declare("orders");
  declare("broken", "not a host");
  const auto snapshot = look();
  ASSERT_EQ(snapshot->report->stats.pools.size(), 1U);
  EXPECT_EQ(snapshot->report->stats.pools[0].name, "orders");
  ASSERT_EQ(snapshot->report->observed.servers.size(), 1U);
  EXPECT_EQ(snapshot->report->observed.servers[0].id, "db.shop.svc:5432");
  EXPECT_EQ(snapshot->report->observed.servers[0].budget, 50);
  EXPECT_EQ(snapshot->taken_at, clock_.now());
  EXPECT_EQ(snapshot->counters.version, "1.2.3");
  EXPECT_EQ(snapshot->readiness[0].name, "cache");
  EXPECT_EQ(snapshot->heartbeats[0].thread, "sizing");
}

TEST_F(MonitoringTest, OfAPoolThatBecameInvalidTheLastGoodSpecIsWatched) {
  declare("orders");
  ASSERT_EQ(look()->report->stats.pools.size(), 1U);
  declare("orders", "not a host");
  EXPECT_EQ(look()->report->observed.servers[0].id, "db.shop.svc:5432");
  withdraw("orders");
  EXPECT_TRUE(look()->report->stats.pools.empty());
}

TEST_F(MonitoringTest, ChangesOfSizesAreCountedOnceEach) {
  declare("orders");
  decide(1, 4, 8);
  decide(2, 8, 12);
  EXPECT_EQ(counters().resizes_up, 2U);
  decide(3, 12, 6);
  EXPECT_EQ(counters().resizes_down, 1U);
  EXPECT_EQ(counters().resizes_up, 2U) << "the same changes are told again each second";

  changes_.clear();  // another leader began to decide
  decide(1, 6, 7);
  EXPECT_EQ(counters().resizes_up, 3U);
  EXPECT_EQ(look()->report->decisions.front().size, 7);

  withdraw("orders");
  EXPECT_EQ(counters().resizes_up, 0U) << "a counter of a pool that is gone is gone";
}

TEST_F(MonitoringTest, APodAtItsGateIsNotDownAndThenHasItsTimeToStart) {
  declare("orders");
  show_pod(false);
  EXPECT_FALSE(is_down_told(200));
  show_pod(true);
  EXPECT_FALSE(is_down_told(50));
  EXPECT_TRUE(is_down_told(50));
}

}  // namespace
}  // namespace poolwright::run
