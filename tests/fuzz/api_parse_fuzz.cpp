// Any bytes as a YAML file of pools: no crash, no hang, and whatever is accepted can be written and read back.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "api/parse.h"
#include "api/yaml.h"
#include "base/check.h"

namespace {

using namespace poolwright::api;  // NOLINT(google-build-using-namespace)

void check_read_back(const ConnectionPool& pool) {
  PW_CHECK(validate(pool).empty());
  const Parsed again = parse_pool(pool_json(pool));
  PW_CHECK(again.pool.has_value());
  PW_CHECK(again.pool->spec == pool.spec);
}

void check_json(const std::string& text) {
  constexpr bool kThrow = false;
  const Json json = Json::parse(text, nullptr, kThrow);
  if (json.is_discarded()) return;
  const Parsed parsed = check_pool(json, {});
  PW_CHECK(parsed.pool.has_value() == parsed.errors.empty());
  if (parsed.pool) check_read_back(*parsed.pool);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string text(bytes, bytes + size);
  const PoolFile file = read_pools(text, {});
  for (const FieldError& error : file.errors) PW_CHECK(error.line >= 1);
  for (const Parsed& parsed : file.pools) {
    PW_CHECK(parsed.pool.has_value() == parsed.errors.empty());
    for (const FieldError& error : parsed.errors) PW_CHECK(error.line >= 1);
    if (parsed.pool) check_read_back(*parsed.pool);
  }
  check_json(text);
  return 0;
}
