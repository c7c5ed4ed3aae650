#include "render/render.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/digest.h"
#include "render/hash.h"
#include "render/ini.h"
#include "render/names.h"
#include "render/userlist.h"
#include "sample_pool.h"

namespace poolwright::render {
namespace {

using testing::login;
using testing::sample_inputs;

Rendered rendered(const RenderInputs& inputs) {
  auto result = render(inputs);
  EXPECT_TRUE(result) << result.error().message;
  return result ? *std::move(result) : Rendered{};
}

std::string error_of(const RenderInputs& inputs) {
  const auto result = render(inputs);
  return result ? "" : result.error().message;
}

const api::Json& object_of(const Rendered& rendered, const std::string& kind) {
  for (const api::Json& object : rendered.objects) {
    if (object["kind"] == kind) return object;
  }
  static const api::Json kNone;
  return kNone;
}

const api::Json& pod_template(const Rendered& rendered) {
  return object_of(rendered, "Deployment")["spec"]["template"];
}

TEST(Render, ObjectsComeInTheOrderOfASafeApply) {
  const api::ConnectionPool pool = testing::full_pool();
  const Rendered result = rendered(sample_inputs(pool));
  std::vector<std::string> order;
  for (const api::Json& object : result.objects) {
    order.push_back(object["kind"].get<std::string>() + " " + object["metadata"]["name"].get<std::string>());
  }
  const std::string base = pool_label(pool.name);
  EXPECT_EQ(order, (std::vector<std::string>{"ServiceAccount " + base + "-pool", "Secret " + base + "-pool-console",
                                             "Secret " + base + "-pool-userlist", "ConfigMap " + base + "-pool",
                                             "Secret orders-database",
                                             "Secret " + derived_url_secret_name("shop.v2", "Billing_2"),
                                             "Service " + base + "-pool", "PodDisruptionBudget " + base + "-pool",
                                             "NetworkPolicy " + base + "-pool", "Deployment " + base + "-pool"}));
}

TEST(Render, IsDeterministic) {
  for (const api::ConnectionPool& pool : {testing::smallest_pool(), testing::full_pool()}) {
    const Rendered first = rendered(sample_inputs(pool));
    const Rendered second = rendered(sample_inputs(pool));
    EXPECT_EQ(api::Json(first.objects).dump(), api::Json(second.objects).dump());
    EXPECT_EQ(first.config_hash, second.config_hash);
  }
}

TEST(Render, EveryObjectIsOwnedLabelledAndHashed) {
  const api::ConnectionPool pool = testing::full_pool();
  std::set<std::pair<std::string, std::string>> identities;
  for (const api::Json& object : rendered(sample_inputs(pool)).objects) {
    EXPECT_EQ(api::controller_uid(object), pool.uid);
    EXPECT_EQ(api::metadata_string(object, "namespace"), "shop");
    EXPECT_EQ(object["metadata"]["labels"][kPoolLabel], pool_label(pool.name));
    EXPECT_EQ(api::annotation(object, kAppliedHashAnnotation), applied_hash(object));
    EXPECT_TRUE(identities.emplace(object["kind"], object["metadata"]["name"]).second);
  }
}

TEST(Render, TheHashOfAnObjectFollowsItsContent) {
  api::Json object = {{"kind", "X"}, {"metadata", {{"name", "a"}}}};
  const std::string bare = applied_hash(object);
  EXPECT_EQ(bare, sha256_hex(R"({"kind":"X","metadata":{"name":"a"}})"));
  EXPECT_EQ(applied_hash(with_applied_hash(object)), bare);
  object["metadata"]["name"] = "b";
  EXPECT_NE(applied_hash(object), bare);
}

TEST(Render, MarksTheConfiguration) {
  const api::ConnectionPool pool = testing::smallest_pool();
  const Rendered result = rendered(sample_inputs(pool));
  const Ini ini = *parse_ini(result.ini);
  EXPECT_EQ(*find_setting(ini.pgbouncer, "syslog_ident"), result.marker);
  EXPECT_EQ(result.marker, "poolwright-" + result.config_hash.substr(0, 16));
  EXPECT_EQ(api::annotation(object_of(result, "ConfigMap"), kConfigHashAnnotation), result.config_hash);
  EXPECT_EQ(parse_userlist(result.userlist)->back().username, result.user_marker);
}

TEST(Render, OnlineChangesLeaveThePodTemplateAlone) {
  const api::ConnectionPool original = testing::full_pool();
  const Rendered before = rendered(sample_inputs(original));
  const auto check = [&](const char* what, auto change) {
    api::ConnectionPool pool = testing::full_pool();
    RenderInputs inputs = sample_inputs(pool);
    change(pool.spec, inputs);
    for (const api::Database& database : pool.spec.databases)
      inputs.credentials.emplace(database.name, login("x_" + database.name, "y"));
    const Rendered after = rendered(inputs);
    EXPECT_EQ(pod_template(after), pod_template(before)) << what;
    EXPECT_NE(after.config_hash, before.config_hash) << what;
    EXPECT_NE(after.marker, before.marker) << what;
  };
  using Spec = api::ConnectionPoolSpec;
  check("size", [](Spec&, RenderInputs& i) { i.sizes["orders"] = 12; });
  check("pod slots", [](Spec&, RenderInputs& i) { i.pod_slots = 9; });
  check("password", [](Spec&, RenderInputs& i) { i.credentials["orders"].password = SecretString("other"); });
  check("console password", [](Spec&, RenderInputs& i) { i.console.admin.password = SecretString("other"); });
  check("username", [](Spec&, RenderInputs& i) { i.credentials["orders"].username = "other"; });
  check("timeout", [](Spec& s, RenderInputs&) { s.pgbouncer.timeouts.query_wait_seconds = 7; });
  check("pool mode", [](Spec& s, RenderInputs&) { s.pgbouncer.pool_mode = api::PoolMode::kSession; });
  check("clients", [](Spec& s, RenderInputs&) { s.pgbouncer.max_client_connections = 500; });
  check("host", [](Spec& s, RenderInputs&) { s.postgres.host = "other"; });
  check("databases", [](Spec& s, RenderInputs&) { s.databases.push_back(testing::make_database("third")); });
  check("online parameter", [](Spec& s, RenderInputs&) { s.pgbouncer.parameters["log_stats"] = "0"; });
}

TEST(Render, RestartChangesReachThePodTemplate) {
  const api::ConnectionPool original = testing::full_pool();
  const Rendered before = rendered(sample_inputs(original));
  const auto check = [&](const char* what, auto change) {
    api::ConnectionPool pool = testing::full_pool();
    change(pool.spec);
    EXPECT_NE(pod_template(rendered(sample_inputs(pool))), pod_template(before)) << what;
  };
  using Spec = api::ConnectionPoolSpec;
  check("restart parameter", [](Spec& s) { s.pgbouncer.parameters["pkt_buf"] = "16384"; });
  check("tracked parameters", [](Spec& s) { s.pgbouncer.parameters["track_extra_parameters"] = "IntervalStyle"; });
  check("image", [](Spec& s) { s.pgbouncer.image = "other:1"; });
  check("client TLS Secret", [](Spec& s) { s.pgbouncer.client_tls_secret_ref = api::SecretRef{"other"}; });
  check("CA Secret", [](Spec& s) { s.postgres.tls.ca_secret_ref = api::SecretRef{"other"}; });
  check("memory", [](Spec& s) { s.pgbouncer.resources.limits["memory"] = "2Gi"; });
  check("grace period", [](Spec& s) { s.pgbouncer.pod_template.termination_grace_period_seconds = 60; });
}

TEST(Render, SharesAndSizesAreTold) {
  const api::ConnectionPool pool = testing::full_pool();
  RenderInputs inputs = sample_inputs(pool);
  inputs.sizes["Billing_2"] = 20;
  inputs.instances["Billing_2"] = 4;
  const Rendered result = rendered(inputs);
  ASSERT_EQ(result.databases.size(), 2U);
  EXPECT_EQ(result.databases[0].size, 30);
  EXPECT_EQ(result.databases[0].share, 7);
  EXPECT_EQ(result.databases[0].reserve_share, 2);
  EXPECT_EQ(result.databases[0].connection_limit, 8);
  EXPECT_EQ(result.databases[1].size, 20);
  EXPECT_EQ(result.databases[1].share, 5);
  // 2 pods of 3 admit 400 clients; 80 are taken by the other database.
  EXPECT_EQ(result.databases[1].connection_limit, 80);
  EXPECT_EQ(result.max_client_conn, 210);
  EXPECT_EQ(recorded_sizes(object_of(result, "ConfigMap")),
            (std::map<std::string, std::int32_t>{{"Billing_2", 20}, {"orders", 30}}));
}

TEST(Render, RefusesWithTheFieldInTheMessage) {
  const auto check = [](const char* expected, auto change) {
    api::ConnectionPool pool = testing::smallest_pool();
    pool.spec.databases.push_back(testing::make_database("second"));
    RenderInputs inputs = sample_inputs(pool);
    change(pool.spec, inputs);
    EXPECT_NE(error_of(inputs).find(expected), std::string::npos) << expected << " / " << error_of(inputs);
  };
  using Spec = api::ConnectionPoolSpec;
  check("spec.pgbouncer.version", [](Spec& s, RenderInputs&) { s.pgbouncer.version = "1.17"; });
  check("spec.pgbouncer.version", [](Spec& s, RenderInputs&) { s.pgbouncer.version = "latest"; });
  for (const char* host : {"", "a,b", "[::1]", "/var/run", "@abs", "a b", "a'b", "fe80::1%eth0", "a\nb"}) {
    check("spec.postgres.host", [&](Spec& s, RenderInputs&) { s.postgres.host = host; });
  }
  check("spec.postgres.host", [](Spec& s, RenderInputs&) { s.postgres.host = std::string(254, 'a'); });
  check("spec.databases", [](Spec& s, RenderInputs&) { s.databases.clear(); });
  for (const char* name : {"pgbouncer", "*", "", "a b", "a/b", "ü", "a\nevil = host=x"}) {
    check("spec.databases[1].name", [&](Spec& s, RenderInputs&) { s.databases[1].name = name; });
    if (std::string(name) == "pgbouncer") continue;
    check("spec.databases[1].databaseName", [&](Spec& s, RenderInputs&) { s.databases[1].database_name = name; });
  }
  check("spec.databases[1].name: must be given once", [](Spec& s, RenderInputs&) { s.databases[1].name = "orders"; });
  check("its credentials are not known", [](Spec&, RenderInputs& i) { i.credentials.erase("second"); });
  check("spec.databases[1].credentialsSecretRef: Secret second-app: password",
        [](Spec&, RenderInputs& i) { i.credentials["second"].password = SecretString(""); });
  check("operator's console user", [](Spec&, RenderInputs& i) { i.credentials["second"].username = kAdminUser; });
  check("operator's console user", [](Spec&, RenderInputs& i) { i.credentials["second"].username = kStatsUser; });
  check("must not be pgbouncer", [](Spec&, RenderInputs& i) { i.credentials["second"].username = "pgbouncer"; });
  check("with different passwords", [](Spec&, RenderInputs& i) { i.credentials["second"].username = "orders_app"; });
  check("console logins", [](Spec&, RenderInputs& i) { i.console.admin = {}; });
  check("poolSize: a size must be 1 to 10000", [](Spec&, RenderInputs& i) { i.sizes["second"] = 0; });
  check("poolSize: a size must be 1 to 10000", [](Spec&, RenderInputs& i) { i.sizes["second"] = -1; });
  check("application.secretName",
        [](Spec& s, RenderInputs&) { s.databases[1].application.secret_name = "orders-app"; });
  check("application.secretName",
        [](Spec& s, RenderInputs&) { s.databases[1].application.secret_name = "orders-pool-console"; });
  check("application.secretName",
        [](Spec& s, RenderInputs&) { s.databases[1].application.secret_name = "orders-orders-url"; });
  check("which the operator writes itself",
        [](Spec& s, RenderInputs&) { s.databases[1].credentials_secret_ref.name = "orders-pool-userlist"; });
  check("parameters.listen_port", [](Spec& s, RenderInputs&) { s.pgbouncer.parameters["listen_port"] = "1"; });
  check("podTemplate.tolerations: must be a list",
        [](Spec& s, RenderInputs&) { s.pgbouncer.pod_template.tolerations_json = "{}"; });
  check("podTemplate.affinity: must be an object",
        [](Spec& s, RenderInputs&) { s.pgbouncer.pod_template.affinity_json = "{"; });
  check("resources.limits.memory", [](Spec& s, RenderInputs&) { s.pgbouncer.resources.limits["memory"] = "much"; });
}

TEST(Render, NoPasswordOutsideOfSecrets) {
  const api::ConnectionPool pool = testing::smallest_pool();
  RenderInputs inputs = sample_inputs(pool);
  inputs.credentials["orders"].password = SecretString("s3kr1t-of-orders");
  const Rendered result = rendered(inputs);
  for (const api::Json& object : result.objects) {
    if (object["kind"] == "Secret") continue;
    EXPECT_EQ(object.dump().find("s3kr1t"), std::string::npos) << object["kind"];
    EXPECT_EQ(object.dump().find(inputs.console.admin.password.reveal()), std::string::npos) << object["kind"];
  }
}

TEST(Render, AddressesOutsideOfACluster) {
  const api::ConnectionPool pool = testing::smallest_pool();
  RenderInputs inputs = sample_inputs(pool);
  inputs.pooler_address = PoolerAddress{.host = "127.0.0.1", .port = 7001};
  for (const api::Json& object : rendered(inputs).objects) {
    if (object["metadata"]["name"] != "orders-orders-url") continue;
    EXPECT_EQ(*base64_decode(object["data"]["pgbouncer-uri"].get<std::string>()),
              "postgresql://orders_app:pw-orders@127.0.0.1:7001/orders");
    return;
  }
  FAIL() << "no URL Secret";
}

TEST(RecordedSizes, LeavesOutWhatIsMalformed) {
  const auto sizes_of = [](const std::string& text) {
    return recorded_sizes({{"metadata", {{"annotations", {{kSizesAnnotation, text}}}}}});
  };
  EXPECT_TRUE(recorded_sizes(api::Json()).empty());
  for (const char* text : {"", "[", "[1]", "null", R"({"a":0})", R"({"a":-1})", R"({"a":10001})", R"({"a":"5"})",
                           R"({"a":1.5})", R"({"a b":5})", R"({"a":18446744073709551615})"}) {
    EXPECT_TRUE(sizes_of(text).empty()) << text;
  }
  EXPECT_EQ(sizes_of(R"({"a":5,"b":0})"), (std::map<std::string, std::int32_t>{{"a", 5}}));
}

TEST(RequiredSecrets, AreEachNamedOnceWithTheirKeys) {
  api::ConnectionPool pool = testing::full_pool();
  pool.spec.databases[1].credentials_secret_ref.name = "orders-app";
  const std::vector<RequiredSecret> expected = {
      {"observer", {}, {"password", "username"}, {}, "spec.postgres.observerSecretRef"},
      {"orders-app", {"password", "username"}, {}, {}, "spec.databases[0].credentialsSecretRef"},
      {"pooler-cert", {"tls.crt", "tls.key"}, {}, {}, "spec.postgres.tls.clientCertSecretRef"},
      {"pooler-tls", {"tls.crt", "tls.key"}, {}, {}, "spec.pgbouncer.clientTlsSecretRef"},
      {"postgres-ca", {"ca.crt"}, {}, {}, "spec.postgres.tls.caSecretRef"},
      {"redis", {}, {"url"}, {"password"}, "spec.monitoring.redisSecretRef"},
  };
  EXPECT_EQ(required_secrets(pool), expected);
  pool.spec.pgbouncer.parameters["client_tls_sslmode"] = "verify-full";
  pool.spec.monitoring.redis_secret_ref = api::SecretRef{"orders-app"};
  const auto verified = required_secrets(pool);
  EXPECT_EQ(verified[3].keys, (std::vector<std::string>{"ca.crt", "tls.crt", "tls.key"}));
  EXPECT_EQ(verified[1].keys, (std::vector<std::string>{"password", "username"}));
  EXPECT_EQ(verified[1].watch_keys, (std::vector<std::string>{"url"}));
  EXPECT_TRUE(verified[1].optional_keys.empty());
}

TEST(Masked, HidesEveryValueThatIsSecretAndKeepsTheShape) {
  const api::ConnectionPool pool = testing::smallest_pool();
  RenderInputs inputs = sample_inputs(pool);
  inputs.credentials["orders"] = login("app@x", "s3kr1t:/?#[]@ %41 é");
  std::map<std::string, api::Json> shown;
  for (const api::Json& object : rendered(inputs).objects) {
    const api::Json masked_object = masked(object);
    if (object["kind"] != "Secret") {
      EXPECT_EQ(masked_object, object);
      continue;
    }
    EXPECT_EQ(masked_object.dump().find("s3kr1t"), std::string::npos);
    EXPECT_EQ(masked_object.dump().find(inputs.console.admin.password.reveal()), std::string::npos);
    EXPECT_FALSE(masked_object.contains("data"));
    EXPECT_EQ(api::annotation(masked_object, kAppliedHashAnnotation), "")
        << "a weak password could be tried against it";
    shown[api::metadata_string(object, "name")] = masked_object["stringData"];
  }
  const api::Json& urls = shown.at("orders-orders-url");
  EXPECT_EQ(
      urls["DATABASE_URL"],
      "postgresql://app%40x:***@orders-pool.shop.svc:6432/orders?pgbouncer=true&connection_limit=5&pool_timeout=20");
  EXPECT_EQ(urls["jdbc-uri"], "jdbc:postgresql://orders-db.shop.svc:5432/orders?user=app%40x&password=***");
  EXPECT_EQ(urls["username"], "app@x");
  EXPECT_EQ(urls["host"], "orders-db.shop.svc");
  EXPECT_EQ(urls["password"], "***");
  EXPECT_EQ(urls["pgpass"], "***");
  EXPECT_EQ(shown.at("orders-pool-console")["admin-username"], kAdminUser);
  EXPECT_EQ(shown.at("orders-pool-console")["admin-password"], "***");
  EXPECT_TRUE(shown.at("orders-pool-userlist")["userlist.txt"].get<std::string>().starts_with("\"app@x\" \"***\"\n"));
}

TEST(Masked, ForeignSecretsShowNothing) {
  const api::Json secret = {{"kind", "Secret"},
                            {"data", {{"token", base64_encode("s3kr1t")}, {"bad", 5}, {"raw", "%%%"}}}};
  EXPECT_EQ(masked(secret)["stringData"], (api::Json{{"token", "***"}, {"bad", "***"}, {"raw", "***"}}));
  EXPECT_EQ(masked(api::Json{{"kind", "Secret"}, {"data", 5}})["stringData"], api::Json::object());
  EXPECT_EQ(masked(api::Json(5)), api::Json(5));
}

/// A pool of random fields within the bounds of the resource.
api::ConnectionPool random_pool(std::mt19937& random) {
  const auto from = [&](std::int32_t low, std::int32_t high) {
    return std::uniform_int_distribution<std::int32_t>(low, high)(random);
  };
  api::ConnectionPool pool = testing::smallest_pool();
  pool.spec.databases.clear();
  pool.spec.postgres.port = from(1, 65535);
  pool.spec.postgres.host =
      from(0, 1) == 0 ? "db-" + std::to_string(from(0, 999)) + ".svc" : "fd00::" + std::to_string(from(1, 99));
  pool.spec.pgbouncer.version = "1." + std::to_string(from(18, 26));
  pool.spec.pgbouncer.max_client_connections = from(1, 100000);
  pool.spec.pgbouncer.pool_mode = static_cast<api::PoolMode>(from(0, 2));
  for (std::int32_t i = from(1, 8); i > 0; --i) {
    api::Database database = testing::make_database("d" + std::to_string(i) + (from(0, 1) == 0 ? "_X" : "-y"));
    database.pool_size = {.min = from(0, 20), .max = from(20, 10000), .initial = std::nullopt};
    database.reserve_pool_size = from(0, 1000);
    database.max_connections = from(1, 10000);
    pool.spec.databases.push_back(database);
  }
  return pool;
}

TEST(Property, RandomPoolsRenderToFilesThatReadBackEqual) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  const auto& texts = testing::hostile_texts();
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + " round " + std::to_string(round));
    const api::ConnectionPool pool = random_pool(random);
    RenderInputs inputs = sample_inputs(pool);
    for (auto& [name, credentials] : inputs.credentials)
      credentials.password = SecretString(texts[random() % texts.size()]);
    inputs.pod_slots = static_cast<std::int32_t>(1 + random() % 6);
    const Rendered result = rendered(inputs);
    const auto ini = parse_ini(result.ini);
    ASSERT_TRUE(ini);
    EXPECT_EQ(*to_text(*ini), result.ini);
    ASSERT_EQ(ini->databases.size(), pool.spec.databases.size());
    for (std::size_t i = 0; i < pool.spec.databases.size(); ++i) {
      const auto& settings = ini->databases[i].settings;
      EXPECT_EQ(*find_setting(settings, "user"), inputs.credentials.at(pool.spec.databases[i].name).username);
      EXPECT_EQ(*find_setting(settings, "host"), pool.spec.postgres.host);
      EXPECT_EQ(*find_setting(settings, "pool_size"), std::to_string(result.databases[i].share));
      EXPECT_NE(*find_setting(settings, "pool_size"), "0");
    }
    const auto users = parse_userlist(result.userlist);
    ASSERT_TRUE(users);
    for (const auto& [name, credentials] : inputs.credentials) {
      EXPECT_EQ(std::count(users->begin(), users->end(), credentials), 1) << name;
    }
  }
}

}  // namespace
}  // namespace poolwright::render
