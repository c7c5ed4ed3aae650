// Rules that the shared table (bad_pools_test.cpp) cannot show: what is allowed at the borders, and the policy.
#include "api/validate.h"

#include <gtest/gtest.h>

#include <functional>

#include "unit/api/pools.h"

namespace poolwright::api {
namespace {

ConnectionPool good_pool() { return *parse_pool(good_pool_json()).pool; }

using Change = std::function<void(ConnectionPoolSpec&)>;

std::vector<FieldError> errors_after(const Change& change, const ValidationPolicy& policy = {}) {
  ConnectionPool pool = good_pool();
  change(pool.spec);
  return validate(pool, policy);
}

TEST(Validate, Borders) {
  const Change good[] = {
      [](auto& spec) { spec.databases[0].pool_size = {.min = 25, .max = 25, .initial = 25}; },
      [](auto& spec) { spec.databases[0].pool_size = {.min = 0, .max = 25, .initial = 1}; },
      [](auto& spec) { spec.databases[0].reserve_pool_size = 25; },
      [](auto& spec) { spec.databases[0].max_connections = 25; },
      [](auto& spec) { spec.pgbouncer.replicas = 25; },
      [](auto& spec) { spec.pgbouncer.replicas = 0; },
      [](auto& spec) { spec.pgbouncer.timeouts.transaction_seconds = 30; },
      [](auto& spec) { spec.postgres.connection_budget = {.max = 11, .reserved = 10}; },
      [](auto& spec) { spec.monitoring.warning_percent = 89; },
      [](auto& spec) {
        spec.pgbouncer.resources.requests = {{"memory", "0.25Gi"}};
      },
      [](auto& spec) { spec.pgbouncer.resources = {.requests = {}, .limits = {}}; },
      [](auto& spec) {
        spec.pgbouncer.pod_template.annotations = {{"a/b", "line\n\tline"}};
      },
      [](auto& spec) {
        spec.pgbouncer.pod_template.labels = {{"my-poolwright.dev/a", "b"}};
      },
      [](auto& spec) { spec.databases[0].application.secret_name = "urls"; },
      [](auto& spec) { spec.postgres.host = "bad-pool.other.svc"; },
      [](auto& spec) { spec.postgres.host = "bad-pool.default.example.com"; },
      [](auto& spec) { spec.databases.push_back(spec.databases[0]), spec.databases[1].name = "billing"; },
      [](auto& spec) {
        spec.pgbouncer.service = {.type = ServiceType::kLoadBalancer, .load_balancer_source_ranges = {"0.0.0.0/0"}};
      },
  };
  int index = 0;
  for (const Change& change : good) {
    const std::vector<FieldError> errors = errors_after(change);
    EXPECT_TRUE(errors.empty()) << "case " << index << all(errors);
    ++index;
  }
}

TEST(Validate, LoopbackOnlyWherePolicyAllows) {
  for (const char* host : {"127.0.0.1", "localhost", "::1"}) {
    const Change change = [&](ConnectionPoolSpec& spec) { spec.postgres.host = host; };
    EXPECT_EQ(errors_after(change).size(), 1U) << host;
    EXPECT_TRUE(errors_after(change, {.allow_loopback_hosts = true}).empty()) << host;
  }
  const Change metadata = [](ConnectionPoolSpec& spec) { spec.postgres.host = "169.254.169.254"; };
  EXPECT_EQ(errors_after(metadata, {.allow_loopback_hosts = true}).size(), 1U);
}

TEST(Validate, OwnServiceIsTheOneThatThePolicyNames) {
  const Change change = [](ConnectionPoolSpec& spec) { spec.postgres.host = "hashed-1234.default.svc"; };
  EXPECT_TRUE(errors_after(change).empty());
  EXPECT_EQ(errors_after(change, {.own_service_name = "hashed-1234"}).size(), 1U);
}

TEST(Validate, BothValuesAreTold) {
  const std::vector<FieldError> errors = errors_after([](auto& spec) { spec.databases[0].pool_size.max = 3; });
  EXPECT_EQ(all(errors),
            "\n  spec.databases[0].poolSize.min: must not be above max; got min 5 and max 3"
            "\n  spec.databases[0].reservePoolSize: must not be above poolSize.max; got reservePoolSize 5 and "
            "poolSize.max 3");
}

TEST(Validate, ValuesThatNoJsonCouldGive) {
  EXPECT_FALSE(errors_after([](auto& spec) { spec.pgbouncer.pod_template.tolerations_json = "[{"; }).empty());
  EXPECT_FALSE(errors_after([](auto& spec) { spec.pgbouncer.pod_template.affinity_json = ""; }).empty());
  EXPECT_FALSE(errors_after([](auto& spec) { spec.databases.clear(); }).empty());
  EXPECT_FALSE(errors_after([](auto& spec) { spec.databases.resize(65, spec.databases[0]); }).empty());
}

TEST(Validate, FreeFormsHaveBounds) {
  const std::string deep = std::string(20, '[') + std::string(20, ']');
  EXPECT_FALSE(errors_after([&](auto& spec) {
                 spec.pgbouncer.pod_template.affinity_json = R"({"nodeAffinity": {"a": )" + deep + "}}";
               }).empty());
  EXPECT_FALSE(errors_after([](auto& spec) {
                 spec.pgbouncer.pod_template.affinity_json =
                     R"({"nodeAffinity": {"a": ")" + std::string(17000, 'x') + "\"}}";
               }).empty());
  EXPECT_FALSE(errors_after([](auto& spec) {
                 std::string list = "[{}";
                 for (int i = 0; i < 16; ++i) list += ",{}";
                 spec.pgbouncer.pod_template.tolerations_json = list + "]";
               }).empty());
  const char* const bad_tolerations[] = {R"([{"tolerationSeconds": -1}])",
                                         R"([{"tolerationSeconds": "5"}])",
                                         R"([{"operator": "Maybe"}])",
                                         R"([{"key": 5}])",
                                         "[5]",
                                         "{}"};
  for (const char* bad : bad_tolerations) {
    EXPECT_FALSE(errors_after([&](auto& spec) { spec.pgbouncer.pod_template.tolerations_json = bad; }).empty()) << bad;
  }
  const char* const good_tolerations[] = {R"([{"operator": "Exists"}])", "[]",
                                          R"([{"key": "a", "effect": "NoExecute", "tolerationSeconds": 300}])"};
  for (const char* good : good_tolerations) {
    EXPECT_TRUE(errors_after([&](auto& spec) { spec.pgbouncer.pod_template.tolerations_json = good; }).empty()) << good;
  }
}

TEST(Validate, MapsHaveBounds) {
  EXPECT_FALSE(errors_after([](auto& spec) {
                 for (int i = 0; i < 65; ++i) spec.pgbouncer.parameters["a" + std::to_string(i)] = "1";
               }).empty());
  EXPECT_FALSE(
      errors_after([](auto& spec) { spec.pgbouncer.pod_template.annotations["a"] = std::string(4097, 'x'); }).empty());
  EXPECT_FALSE(errors_after([](auto& spec) { spec.pgbouncer.parameters["a"] = std::string(1025, 'x'); }).empty());
}

TEST(Validate, VersionsBeforeTheTransactionTimeout) {
  for (const char* version : {"1.18", "1.19", "1.20", "1.21", "1.22", "1.23", "1.24", "1.25", "1.26"}) {
    const std::vector<FieldError> errors = errors_after([&](auto& spec) {
      spec.pgbouncer.version = version;
      spec.pgbouncer.timeouts.transaction_seconds = 1;
    });
    EXPECT_EQ(errors.empty(), std::string(version) >= "1.25") << version;
  }
}

}  // namespace
}  // namespace poolwright::api
