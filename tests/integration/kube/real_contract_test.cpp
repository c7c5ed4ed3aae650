#include "contract/api_contract.h"
#include "integration/kube/real_server.h"

namespace poolwright::tests {
namespace {

kube::Transport* real_server() {
  static std::unique_ptr<kube::CpprestTransport> transport;
  if (transport == nullptr && shared_lab().is_available()) {
    const auto cluster = lab_cluster();
    EXPECT_TRUE(cluster) << cluster.error().message;
    if (cluster) transport = connect(*cluster);
  }
  return transport.get();
}

INSTANTIATE_TEST_SUITE_P(Real, ApiContract,
                         ::testing::Values(ContractSite{"kube_apiserver", real_server,
                                                        [] { return shared_lab().why_not(); }}),
                         [](const auto& site) { return std::string(site.param.name); });

}  // namespace
}  // namespace poolwright::tests
