#include "contract/api_contract.h"
#include "fakes/fake_api_server.h"

namespace poolwright::tests {
namespace {

kube::Transport* server_in_memory() {
  static fakes::FakeApiServer server;
  return &server;
}

INSTANTIATE_TEST_SUITE_P(InMemory, ApiContract,
                         ::testing::Values(ContractSite{"memory", server_in_memory, [] { return std::string(); }}),
                         [](const auto& site) { return std::string(site.param.name); });

}  // namespace
}  // namespace poolwright::tests
