// Any text as pgbouncer.ini and as userlist: the import ends with an error that names a place, or with resources that
// the operator accepts and that render back with a reason for every difference.
#include <cstddef>
#include <cstdint>
#include <string>

#include "api/parse.h"
#include "base/check.h"
#include "importer/compare.h"
#include "importer/manifest.h"
#include "render/userlist.h"

namespace {

using namespace poolwright;
using namespace poolwright::importer;

void check(const std::string& ini, const std::vector<render::Credentials>& users) {
  const auto lines = read_lines("fuzz.ini", [&](const std::string&) -> Result<std::string> { return ini; });
  if (!lines) return;
  const auto installation = read_installation(*lines);
  if (!installation) return;
  ImportOptions options;
  options.databases.local_host = "local.example";
  const Import import = import_installation(*installation, users, options);
  for (const api::Json& object : pool_objects(import)) PW_CHECK(api::check_pool(object, {}).errors.empty());
  const auto comparison = compare(*installation, import, options.databases.version);
  if (!comparison) return;
  static_cast<void>(report_text(import, *comparison));
  for (const Difference& difference : comparison->differences) PW_CHECK(!difference.why.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string input(bytes, bytes + size);
  const auto users = render::parse_userlist(
      SecretString(input.substr(input.find('"') == std::string::npos ? input.size() : input.find('"'))));
  const std::vector<render::Credentials> known = users.value_or({});
  check(input, known);
  check("[databases]\na = host=b " + input + "\n[pgbouncer]\n", known);
  check("[databases]\na = host=b user=u\n[pgbouncer]\n" + input + "\n", known);
  return 0;
}
