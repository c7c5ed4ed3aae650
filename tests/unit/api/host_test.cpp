#include "api/host.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace poolwright::api {
namespace {

struct HostCase {
  HostKind kind;
  std::vector<std::string> hosts;
};

TEST(Hosts, Table) {
  const HostCase cases[] = {
      {HostKind::kName,
       {"db", "orders-db.shop.svc", "Orders-DB.example.com", "my_db", "_dns.example", "1.example", "a.b1", "3com",
        "0xg", "x0", "db.169.254.169.254.example", "localhost.example", std::string(63, 'a')}},
      {HostKind::kAddress,
       {"10.0.0.1", "1.1.1.1", "223.255.255.255", "2001:db8::1", "fd00::1", "::ffff:10.0.0.1", "2001:DB8:0:0:0:0:0:1",
        "64:ff9b::192.0.2.1", "169.253.0.1"}},
      {HostKind::kLoopback,
       {"localhost", "LOCALHOST", "db.localhost", "localhost.localdomain", "127.0.0.1", "127.255.255.254", "0.0.0.0",
        "0.1.2.3", "::1", "::", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:0.0.0.0"}},
      {HostKind::kForbidden,
       {"169.254.169.254", "169.254.0.1", "fe80::1", "febf::1", "FE80::1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe",
        "fd00:ec2::254", "224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "ff02::1",
        "metadata.google.internal", "Metadata.Google.Internal"}},
      {HostKind::kMalformed,
       {"",
        "a,b",
        "a b",
        "a:5432",
        "[::1]",
        "fe80::1%eth0",
        "/var/run",
        "@abs",
        "postgresql://a",
        "user@a",
        "a?b",
        "a#b",
        "a.",
        ".",
        ".a",
        "a..b",
        "-a",
        "a-",
        "a.-b",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "010.0.0.1",
        "10.0.0.256",
        "10.0.0.1.1",
        "1.2.3.4.",
        "1:2:3",
        ":::",
        "::1::",
        "12345::",
        "a.0x",
        "ä",
        "xn--\xff",
        "*",
        "a\n",
        "a\tb",
        "a'b",
        "a\"b",
        "a;b",
        "a=b",
        "${HOST}",
        "%61",
        std::string("a\0b", 3),
        std::string("::1\0", 4),
        std::string(64, 'a'),
        std::string(254, 'a')}},
  };
  for (const HostCase& test_case : cases) {
    for (const std::string& host : test_case.hosts) EXPECT_EQ(kind_of_host(host), test_case.kind) << host;
  }
}

TEST(Hosts, ApiServer) {
  for (const char* host : {"kubernetes.default", "kubernetes.default.svc", "KUBERNETES.default.svc.cluster.local"}) {
    EXPECT_TRUE(is_api_server_name(host)) << host;
  }
  for (const char* host : {"kubernetes", "kubernetes.shop", "kubernetes.defaults", "my.kubernetes.default"}) {
    EXPECT_FALSE(is_api_server_name(host)) << host;
  }
}

}  // namespace
}  // namespace poolwright::api
