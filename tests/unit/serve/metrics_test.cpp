#include "serve/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "unit/health/examples.h"

namespace poolwright::serve {
namespace {

using health::Observations;
using health::examples::observations;

Snapshot snapshot_of(void (*change)(Observations&)) {
  health::Monitor monitor;
  Snapshot snapshot;
  for (int second = 0; second <= 5; ++second) {
    Observations all = observations(second, 20, 12);
    change(all);
    snapshot.report = monitor.update(std::move(all));
  }
  snapshot.counters.lease_name = "poolwright";
  snapshot.counters.pools[{"shop", "orders"}] = {.reloads = 3, .reload_failures = 1};
  snapshot.counters.rest.requests[{.method = "GET", .status = 0, .host = "h"}] = 2;
  return snapshot;
}

std::string text_of(void (*change)(Observations&)) { return metrics_text(snapshot_of(change)); }

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

/// Names of all families, those of the exporter among them.
std::set<std::string> families(const std::string& text) {
  std::set<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# TYPE ", 0) == 0) names.insert(line.substr(7, line.find(' ', 7) - 7));
  }
  return names;
}

TEST(Metrics, EveryLineIsWellFormedAndEveryFamilyComesOnce) {
  const std::string text = text_of([](Observations&) {});
  const std::regex sample(R"re([a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? (NaN|[-+0-9.e]+|\+Inf))re");
  std::istringstream lines(text);
  std::map<std::string, int> begun;
  std::set<std::string> series;
  std::string family;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("# HELP ", 0) == 0) {
      family = line.substr(7, line.find(' ', 7) - 7);
      EXPECT_EQ(++begun[family], 1) << family;
      EXPECT_EQ(line.back(), '.') << "help is a sentence: " << line;
    } else if (line.rfind("# TYPE ", 0) == 0) {
      EXPECT_EQ(line.substr(7, family.size()), family);
      const bool is_counter = line.substr(line.rfind(' ') + 1) == "counter";
      EXPECT_EQ(is_counter, family.size() > 6 && family.substr(family.size() - 6) == "_total") << line;
    } else {
      EXPECT_TRUE(std::regex_match(line, sample)) << line;
      EXPECT_EQ(line.rfind(family, 0), 0U) << line;
      EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << "twice: " << line;
    }
  }
}

TEST(Metrics, Pools) {
  const std::string text = text_of([](Observations&) {});
  const std::string labels = "{namespace=\"shop\",pool=\"orders\",database=\"orders\"} ";
  EXPECT_TRUE(has_line(text, "poolwright_pool_utilization_ratio" + labels + "0.64"));
  EXPECT_TRUE(has_line(text, "poolwright_pool_max_connections" + labels + "50"));
  EXPECT_TRUE(has_line(text, "poolwright_pool_overloaded{namespace=\"shop\",pool=\"orders\"} 0"));
  EXPECT_TRUE(has_line(
      text, "poolwright_pgbouncer_config_applied{namespace=\"shop\",pool=\"orders\",pod=\"orders-pool-0\"} 1"));
  EXPECT_TRUE(has_line(text, "poolwright_budget_connections{server=\"orders-db.shop.svc:5432\"} 87"));
  EXPECT_TRUE(has_line(text, "poolwright_budget_committed_connections{server=\"orders-db.shop.svc:5432\"} 60"));
  EXPECT_TRUE(has_line(text, "poolwright_postgres_response_seconds{server=\"orders-db.shop.svc:5432\"} 0.0012"));
  EXPECT_EQ(text.find("poolwright_redis_up{"), std::string::npos);
}

TEST(Metrics, WhatIsUnknownHasNoSample) {
  const std::string text = text_of([](Observations& all) {
    for (auto& pod : all.pools[0].pods) pod.problem = "refused";
    all.servers[0].is_reachable = false;
    all.servers[0].budget = 0;
  });
  EXPECT_EQ(text.find("poolwright_pool_utilization_ratio{"), std::string::npos);
  EXPECT_EQ(text.find("poolwright_postgres_response_seconds{"), std::string::npos);
  EXPECT_EQ(text.find("poolwright_budget_connections{"), std::string::npos);
  EXPECT_EQ(text.find("pgbouncer_pools_server_active_connections{"), std::string::npos);
  EXPECT_NE(text.find("poolwright_postgres_up{server=\"orders-db.shop.svc:5432\"} 0\n"), std::string::npos);
  EXPECT_NE(text.find("pod=\"orders-pool-1\",pgbouncer_cluster=\"shop/orders\"} 0\n"), std::string::npos);
}

TEST(Metrics, AllFamiliesOfTheExporterUnderBothNames) {
  const std::set<std::string> names = families(text_of([](Observations&) {}));
  const char* const per_database[] = {"queries_pooled_total",
                                      "queries_duration_seconds_total",
                                      "received_bytes_total",
                                      "queries_total",
                                      "sent_bytes_total",
                                      "client_wait_seconds_total",
                                      "sql_transactions_pooled_total",
                                      "server_in_transaction_seconds_total",
                                      "client_parses_total",
                                      "server_parses_total",
                                      "binds_total",
                                      "server_assignments_total"};
  for (const char* name : per_database) {
    EXPECT_TRUE(names.contains(std::string("pgbouncer_stats_") + name)) << name;
    EXPECT_TRUE(names.contains(std::string("pgbouncer_stats_totals_") + name)) << name;
  }
  for (const char* name : {"up",
                           "version_info",
                           "databases_pool_size",
                           "databases_reserve_pool",
                           "databases_max_connections",
                           "databases_current_connections",
                           "databases_paused",
                           "databases_disabled",
                           "pools_client_active_connections",
                           "pools_client_active_cancel_connections",
                           "pools_client_waiting_connections",
                           "pools_client_waiting_cancel_connections",
                           "pools_server_active_connections",
                           "pools_server_active_cancel_connections",
                           "pools_server_being_canceled_connections",
                           "pools_server_idle_connections",
                           "pools_server_used_connections",
                           "pools_server_testing_connections",
                           "pools_server_login_connections",
                           "pools_client_maxwait_seconds",
                           "databases",
                           "users",
                           "pools",
                           "free_clients",
                           "used_clients",
                           "login_clients",
                           "free_servers",
                           "used_servers",
                           "cached_dns_names",
                           "cached_dns_zones",
                           "in_flight_dns_queries",
                           "config_max_client_connections",
                           "config_max_user_connections"}) {
    EXPECT_TRUE(names.contains(std::string("pgbouncer_") + name)) << name;
  }
}

TEST(Metrics, ExporterSamplesSpeakOfOnePgbouncer) {
  const std::string text = text_of([](Observations& all) {
    all.pools[0].pods[0].stats[0].xact_time_us = 2'500'000;
    all.pools[0].pods[0].lists["used_clients"] = 7;
  });
  const std::string pod = "{namespace=\"shop\",pool=\"orders\",pod=\"orders-pool-0\",pgbouncer_cluster=\"shop/orders\"";
  EXPECT_TRUE(has_line(
      text, "pgbouncer_pools_server_active_connections" + pod + ",database=\"orders\",user=\"orders_app\"} 20"));
  EXPECT_TRUE(
      has_line(text, "pgbouncer_stats_totals_server_in_transaction_seconds_total" + pod + ",database=\"orders\"} 2.5"));
  EXPECT_TRUE(has_line(text, "pgbouncer_used_clients" + pod + "} 7"));
  EXPECT_TRUE(has_line(text, "pgbouncer_version_info" + pod + ",version=\"1.26.1\"} 1"));
}

TEST(Metrics, NamesOfGoOperators) {
  const std::set<std::string> names = families(text_of([](Observations&) {}));
  for (const char* name : {"controller_runtime_reconcile_total",
                           "controller_runtime_reconcile_errors_total",
                           "controller_runtime_terminal_reconcile_errors_total",
                           "controller_runtime_reconcile_panics_total",
                           "controller_runtime_reconcile_time_seconds",
                           "controller_runtime_active_workers",
                           "controller_runtime_max_concurrent_reconciles",
                           "controller_runtime_reconcile_timeouts_total",
                           "workqueue_depth",
                           "workqueue_adds_total",
                           "workqueue_queue_duration_seconds",
                           "workqueue_work_duration_seconds",
                           "workqueue_unfinished_work_seconds",
                           "workqueue_longest_running_processor_seconds",
                           "workqueue_retries_total",
                           "rest_client_requests_total",
                           "rest_client_request_duration_seconds",
                           "leader_election_master_status",
                           "process_cpu_seconds_total",
                           "process_resident_memory_bytes",
                           "process_open_fds",
                           "process_start_time_seconds"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(Metrics, AlertsThatTheOperatorRaised) {
  health::Monitor monitor;
  Snapshot snapshot;
  for (int second = 0; second <= 20; ++second) snapshot.report = monitor.update(observations(second, 24, 24));
  EXPECT_NE(
      metrics_text(snapshot).find("poolwright_alert{alert=\"PoolUtilizationHigh\",severity=\"critical\","
                                  "namespace=\"shop\",pool=\"orders\",database=\"orders\",pod=\"\",server=\"\"} 1\n"),
      std::string::npos);
}

TEST(Metrics, TheirNumberIsBounded) {
  health::Monitor monitor;
  Observations all = observations(0);
  auto& pods = all.pools[0].pods;
  const health::DatabaseRow row = pods[0].databases[0];
  for (auto& pod : pods) {
    pod.databases.assign(kPodDatabasesMax / 2 + 1, row);
    for (std::size_t i = 0; i < pod.databases.size(); ++i) pod.databases[i].name = std::to_string(i);
  }
  Snapshot snapshot{.report = monitor.update(std::move(all))};
  const std::string text = metrics_text(snapshot);
  EXPECT_TRUE(has_line(text, "poolwright_metrics_left_out 1"));
  EXPECT_EQ(text.find("pgbouncer_databases_pool_size{namespace=\"shop\",pool=\"orders\",pod=\"orders-pool-1\""),
            std::string::npos);
}

TEST(Metrics, BeforeAnythingWasObserved) {
  const std::string text = metrics_text(Snapshot{});
  EXPECT_NE(text.find("controller_runtime_reconcile_total"), std::string::npos);
  EXPECT_EQ(text.find("pgbouncer_"), std::string::npos);
}

}  // namespace
}  // namespace poolwright::serve
