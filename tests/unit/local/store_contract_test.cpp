#include "contract/store_contract.h"

#include "base/random.h"
#include "local/directory_store.h"
#include "unit/local/temporary_folder.h"

namespace poolwright::local {
namespace {

class DirectorySite final : public tests::StoreSite {
 public:
  api::ObjectStore& store() override { return *store_; }
  std::string namespace_name() const override { return kNamespace; }
  void settle() override {}

 private:
  TemporaryFolder folder_;
  std::unique_ptr<Random> random_ = make_seeded_random(11);
  std::unique_ptr<DirectoryStore> store_ = DirectoryStore::open(folder_.path() / "objects", *random_).value();
};

}  // namespace
}  // namespace poolwright::local

namespace poolwright::tests {

INSTANTIATE_TEST_SUITE_P(Directory, StoreContract,
                         ::testing::Values(StoreContractSite{"directory",
                                                             [] { return std::make_unique<local::DirectorySite>(); }}),
                         [](const auto& site) { return std::string(site.param.name); });

}  // namespace poolwright::tests
