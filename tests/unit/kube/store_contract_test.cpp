#include "contract/store_contract.h"

#include "fakes/fake_api_server.h"
#include "fakes/manual_clock.h"
#include "fakes/manual_waiter.h"
#include "kube/api_server_store.h"
#include "kube/ingest.h"

namespace poolwright::kube {
namespace {

using api::Json;

class ApiServerSite final : public tests::StoreSite {
 public:
  ApiServerSite() {
    gate_.open_for_ever();
    ingest_.add({.api_version = "v1", .kind = "ConfigMap", .namespace_name = "shop"});
    settle();
  }
  api::ObjectStore& store() override { return store_; }
  std::string namespace_name() const override { return "shop"; }
  void settle() override {
    for (int i = 0; i < 6; ++i) ingest_.turn();
  }

 private:
  ManualClock clock_;
  ManualWaiter waiter_{clock_};
  std::unique_ptr<Random> random_ = make_seeded_random(11);
  fakes::FakeApiServer server_;
  Client client_{{.transport = server_, .clock = clock_, .random = *random_, .waiter = waiter_}};
  LeaderGate gate_{clock_};
  Cache cache_;
  EventRecorder events_{{.client = client_, .gate = gate_, .clock = clock_, .instance = "test"}};
  ApiServerStore store_{{.client = client_, .cache = cache_, .gate = gate_, .events = events_, .clock = clock_}};
  Ingest ingest_{{.transport = server_,
                  .cache = cache_,
                  .clock = clock_,
                  .random = *random_,
                  .on_change = [](const Selection&, const ObjectChange&) {}}};
};

}  // namespace
}  // namespace poolwright::kube

namespace poolwright::tests {

INSTANTIATE_TEST_SUITE_P(ApiServer, StoreContract,
                         ::testing::Values(StoreContractSite{"api_server",
                                                             [] { return std::make_unique<kube::ApiServerSite>(); }}),
                         [](const auto& site) { return std::string(site.param.name); });

}  // namespace poolwright::tests
