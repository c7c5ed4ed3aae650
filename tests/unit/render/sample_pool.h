// Resources that the tests of this room render: the smallest one of the manual, and one that uses every field.
#pragma once

#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "render/render.h"

namespace poolwright::render::testing {

inline api::Database make_database(const std::string& name) {
  api::Database database;
  database.name = name;
  database.credentials_secret_ref = {.name = name + "-app"};
  return database;
}

inline api::ConnectionPool smallest_pool() {
  api::ConnectionPool pool;
  pool.name = "orders";
  pool.namespace_name = "shop";
  pool.uid = "7c1e8f8e-6a0e-4b0e-9f0e-0d7c1e8f8e6a";
  pool.spec.postgres.host = "orders-db.shop.svc";
  pool.spec.databases = {make_database("orders")};
  return pool;
}

inline api::ConnectionPool full_pool() {
  api::ConnectionPool pool = smallest_pool();
  pool.name = "shop.v2";
  api::ConnectionPoolSpec& spec = pool.spec;
  spec.postgres.host = "2001:db8::15";
  spec.postgres.port = 5433;
  spec.postgres.tls = {.mode = api::TlsMode::kVerifyFull,
                       .ca_secret_ref = api::SecretRef{"postgres-ca"},
                       .client_cert_secret_ref = api::SecretRef{"pooler-cert"}};
  spec.postgres.observer_secret_ref = api::SecretRef{"observer"};
  api::Database orders = make_database("orders");
  orders.database_name = "orders_prod";
  orders.pool_size = {.min = 6, .max = 60, .initial = 30};
  orders.reserve_pool_size = 9;
  orders.max_connections = 90;
  orders.application.instances = 10;
  orders.application.connection_limit = 8;
  orders.application.secret_name = "orders-database";
  orders.application.pgbouncer_flag = api::PgbouncerFlag::kAuto;
  api::Database billing = make_database("Billing_2");
  billing.credentials_secret_ref = {.name = "billing-app"};
  billing.application.instances_from = api::WorkloadRef{.kind = api::WorkloadKind::kDeployment, .name = "billing"};
  spec.databases = {orders, billing};
  api::Pgbouncer& pgbouncer = spec.pgbouncer;
  pgbouncer.replicas = 3;
  pgbouncer.max_client_connections = 200;
  pgbouncer.timeouts.transaction_seconds = 30;
  pgbouncer.parameters = {{"ignore_startup_parameters", "search_path, options"},
                          {"log_connections", "true"},
                          {"server_login_retry", "0.50"},
                          {"pkt_buf", "8192"}};
  pgbouncer.client_tls_secret_ref = api::SecretRef{"pooler-tls"};
  pgbouncer.resources = {.requests = {{"cpu", "0.1"}, {"memory", "65536Ki"}}, .limits = {{"memory", "1024Mi"}}};
  pgbouncer.pod_template.labels = {{"team", "shop"}, {"app.kubernetes.io/name", "something-else"}};
  pgbouncer.pod_template.annotations = {{"example.com/note", "keep"}};
  pgbouncer.pod_template.node_selector = {{"disk", "fast"}};
  pgbouncer.pod_template.tolerations_json = R"([{"key": "pooler", "operator": "Exists"}])";
  pgbouncer.pod_template.affinity_json = R"({"nodeAffinity": {}})";
  pgbouncer.pod_template.priority_class_name = "high";
  pgbouncer.pod_template.image_pull_secrets = {{"registry"}};
  pgbouncer.service = {.type = api::ServiceType::kLoadBalancer,
                       .annotations = {{"example.com/internal", "true"}},
                       .load_balancer_source_ranges = {"10.0.0.0/8"}};
  pgbouncer.network_policy = true;
  spec.monitoring.redis_secret_ref = api::SecretRef{"redis"};
  return pool;
}

inline Credentials login(const std::string& username, const std::string& password) {
  return {.username = username, .password = SecretString(password)};
}

/// Inputs with a plain login for each database; one pod slot more than replicas, as during a rollout.
inline RenderInputs sample_inputs(const api::ConnectionPool& pool) {
  RenderInputs inputs{.pool = pool};
  for (const api::Database& database : pool.spec.databases) {
    inputs.credentials[database.name] = login(database.name + "_app", "pw-" + database.name);
  }
  inputs.console.admin = login(kAdminUser, "admin0123456789admin0123456789admin01234");
  inputs.console.stats = login(kStatsUser, "stats0123456789stats0123456789stats01234");
  inputs.pod_slots = pool.spec.pgbouncer.replicas + 1;
  inputs.default_image = "registry.example/poolwright/pgbouncer:1.26.1";
  return inputs;
}

/// Texts that break naive quoting, each a legal password.
inline const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> texts = {
      "'",
      "''",
      "\"",
      "\"\"",
      "\\",
      ";",
      "#",
      "%",
      "%41",
      "=",
      "@",
      ":",
      "/",
      "?",
      "&",
      "+",
      "a b",
      " leading",
      "trailing ",
      "ü",
      "漢字",
      "it's a;b#c%d \\e=f",
      "p!\"#$%&'*+,/:;<=>?@[\\]^`{|}~ -._%41é漢w",
      "%include /etc/passwd",
      "[pgbouncer]",
      "; comment",
      "# comment",
      "user=postgres host=evil",
      "' host='evil",
      "\" \"poolwright_admin\" \"x",
      "${HOME} $(id) `id`",
      "all",
      "@file",
      "+group",
      std::string(1000, '"'),
      std::string(1000, '\''),
  };
  return texts;
}

}  // namespace poolwright::render::testing
