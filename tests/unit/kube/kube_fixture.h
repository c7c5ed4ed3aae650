// An API server in memory, a clock that a test moves, and a client of the two.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"
#include "fakes/manual_waiter.h"
#include "kube/client.h"

namespace poolwright::kube {

class KubeFixture : public ::testing::Test {
 protected:
  CallLimits limits(Duration time = std::chrono::seconds{60}) const {
    return {Deadline(clock_, time), stop_.get_token()};
  }

  static api::ObjectKey key(const std::string& name) { return {"v1", "ConfigMap", "shop", name}; }
  static api::Json config_map(const std::string& name, const std::string& value) {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"name", name}, {"namespace", "shop"}, {"labels", {{"app", "x"}}}}},
            {"data", {{"a", value}}}};
  }

  std::stop_source stop_;
  ManualClock clock_;
  ManualWaiter waiter_{clock_};
  std::unique_ptr<Random> random_ = make_seeded_random(11);
  fakes::FakeApiServer server_;
  Client client_{{.transport = server_, .clock = clock_, .random = *random_, .waiter = waiter_}};
};

}  // namespace poolwright::kube
