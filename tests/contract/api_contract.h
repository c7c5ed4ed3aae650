// What the rest of the program relies on when it talks to an API server. The same tests run against the one in memory
// (tests/unit/kube) and against the real one (tests/integration/kube), so that the first may stand for the second.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "kube/client.h"
#include "kube/transport.h"
#include "kube/waiter.h"

namespace poolwright::tests {

/// Where the contract is tested. The transport lives as long as the program.
struct ContractSite {
  const char* name;
  /// Null where the site cannot be had on this machine; `why_not` says why.
  std::function<kube::Transport*()> transport;
  std::function<std::string()> why_not;
};

class ApiContract : public ::testing::TestWithParam<ContractSite> {
 protected:
  void SetUp() override;

  CallLimits limits() const { return {.deadline = Deadline(clock_, std::chrono::seconds{30}), .stop = {}}; }
  api::ObjectKey config_map_key(const std::string& name) const { return {"v1", "ConfigMap", namespace_, name}; }
  api::Json config_map(const std::string& name, const api::Json& values) const;
  api::Json deployment(const std::string& name, int replicas) const;
  /// Tries for up to 20 s.
  static bool eventually(const std::function<bool()>& holds);

  SystemClock clock_;
  std::unique_ptr<Random> random_ = make_seeded_random(1);
  kube::ThreadWaiter waiter_;
  kube::Transport* transport_ = nullptr;
  std::unique_ptr<kube::Client> client_;
  std::string namespace_;  // of this test alone
};

}  // namespace poolwright::tests
