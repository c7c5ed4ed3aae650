#include "kube/resource.h"

#include <gtest/gtest.h>

#include <set>

#include "kube/server_url.h"

namespace poolwright::kube {
namespace {

using api::ObjectKey;

TEST(Paths, NameEveryKindAsTheApiServerDoes) {
  struct Case {
    ObjectKey key;
    std::string path;
  };
  const Case cases[] = {
      {{"v1", "ConfigMap", "shop", "orders-pool"}, "/api/v1/namespaces/shop/configmaps/orders-pool"},
      {{"v1", "Namespace", "", "shop"}, "/api/v1/namespaces/shop"},
      {{"apps/v1", "Deployment", "shop", "a.b"}, "/apis/apps/v1/namespaces/shop/deployments/a.b"},
      {{"coordination.k8s.io/v1", "Lease", "ops", "poolwright"},
       "/apis/coordination.k8s.io/v1/namespaces/ops/leases/poolwright"},
      {{"policy/v1", "PodDisruptionBudget", "shop", "p"}, "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/p"},
      {{"poolwright.dev/v1alpha1", "ConnectionPool", "shop", "orders"},
       "/apis/poolwright.dev/v1alpha1/namespaces/shop/connectionpools/orders"},
  };
  for (const Case& expected : cases) {
    const auto path = object_path(expected.key);
    ASSERT_TRUE(path) << path.error().message;
    EXPECT_EQ(*path, expected.path);
  }
}

TEST(Paths, AreNotMadeOfBadNames) {
  const std::string bad[] = {"",         "..",
                             "../x",     "a/b",
                             "A",        "a b",
                             "a%2f",     "-a",
                             "a-",       "a..b",
                             "a\n",      ".",
                             "a?x",      "a#",
                             "\xC3\xA4", std::string("a\0b", 3),
                             "_a",       std::string(254, 'a'),
                             "a.",       ".a"};
  for (const std::string& name : bad) {
    const auto path = object_path({"v1", "Secret", "shop", name});
    ASSERT_FALSE(path) << "'" << name << "'";
    EXPECT_EQ(path.error().kind, ErrorKind::kInvalid);
    EXPECT_FALSE(object_path({"v1", "Secret", name, "ok"})) << "namespace '" << name << "'";
  }
  EXPECT_FALSE(object_path({"v1", "Secret", "with.dot", "ok"})) << "a namespace is one label";
  EXPECT_FALSE(object_path({"v1", "Secret", std::string(64, 'a'), "ok"}));
  EXPECT_TRUE(object_path({"v1", "Secret", std::string(63, 'a'), std::string(253, 'a')}));
}

TEST(Paths, NeedANamespaceExactlyWhereTheKindHasOne) {
  EXPECT_FALSE(object_path({"v1", "Secret", "", "login"}));
  EXPECT_FALSE(object_path({"v1", "Namespace", "shop", "shop"}));
  EXPECT_FALSE(object_path({"v1", "Unheard", "shop", "x"}));
  EXPECT_FALSE(object_path({"apps/v1", "ConfigMap", "shop", "x"})) << "the kind of another group";
}

TEST(Paths, OfCollectionsMayLeaveTheNamespaceOut) {
  EXPECT_EQ(collection_path({.api_version = "v1", .kind = "Pod"}).value(), "/api/v1/pods");
  EXPECT_EQ(collection_path({.api_version = "apps/v1", .kind = "Deployment", .namespace_name = "shop"}).value(),
            "/apis/apps/v1/namespaces/shop/deployments");
  EXPECT_FALSE(collection_path({.api_version = "v1", .kind = "Pod", .namespace_name = "../x"}));
}

TEST(Table, HasEachKindOnce) {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const Resource& resource : all_resources()) {
    EXPECT_TRUE(seen.insert({resource.api_version, resource.kind}).second) << resource.kind;
    EXPECT_EQ(find_resource(resource.api_version, resource.kind), &resource);
  }
  EXPECT_TRUE(find_resource("v1", "Secret")->is_secret);
  EXPECT_FALSE(find_resource("v1", "ConfigMap")->is_secret);
}

TEST(Query, IsEncodedByteByByte) {
  EXPECT_EQ(encode_query_value("app=x,y!=\xC3\xBC &\n%"), "app%3Dx%2Cy%21%3D%C3%BC%20%26%0A%25");
  EXPECT_EQ(encode_query_value("aZ09-._~"), "aZ09-._~");
}

TEST(ServerUrl, TakesWhatTheLibraryCanDialAndNothingElse) {
  for (const char* good : {"https://10.0.0.1:6443", "https://api.example.org", "https://h/k8s/clusters/c-1",
                           "http://127.0.0.1:8001", "http://localhost:8001"}) {
    EXPECT_TRUE(parse_server_url(good)) << good;
  }
  for (const char* bad : {"", "10.0.0.1:6443", "http://10.0.0.1:8001", "https://[::1]:6443", "https://", "https://h:0",
                          "https://h:65536", "https://h:x", "https://user@h", "https://h/a?b", "https://h/a#b",
                          "https://h h", "ftp://h", "https://h:", "http://127.evil.example"}) {
    const auto url = parse_server_url(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().kind, ErrorKind::kInvalid);
  }
  EXPECT_EQ(parse_server_url("https://h:6443/").value().text, "https://h:6443");
  EXPECT_EQ(parse_server_url("https://h:6443/").value().port, "6443");
}

}  // namespace
}  // namespace poolwright::kube
