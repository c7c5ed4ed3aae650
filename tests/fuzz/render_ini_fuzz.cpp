// Two promises of render/ini.h for every input: reading a file ends with a value or an error, and whatever was read can
// be written and read back to the same, or is refused.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "render/ini.h"
#include "render/options.h"
#include "render/userlist.h"

namespace {

using namespace poolwright;
using namespace poolwright::render;

void check_round_trip(const Ini& ini) {
  const auto text = to_text(ini);
  if (!text) return;
  const auto read = parse_ini(*text);
  PW_CHECK(read.has_value());
  PW_CHECK(*read == ini);
}

/// The input as values of a configuration: what does not fit in an ini must be refused, never bent.
void check_values(std::string_view input) {
  Ini ini;
  ini.databases.push_back({.name = "a", .settings = {{"user", std::string(input)}, {"port", "1"}}});
  ini.pgbouncer.push_back({.key = "x", .value = std::string(input.substr(0, input.size() / 2))});
  check_round_trip(ini);
  const Credentials user{.username = std::string(input.substr(0, input.size() / 4)),
                         .password = SecretString(std::string(input.substr(input.size() / 4)))};
  const auto userlist = userlist_text({user});
  if (!userlist) return;
  const auto users = parse_userlist(*userlist);
  PW_CHECK(users.has_value() && *users == std::vector<Credentials>{user});
}

void check_options(std::string_view input) {
  for (const Option& option : options(Section::kPgbouncer)) {
    const auto canonical = canonical_value(option, input);
    if (!canonical) continue;
    const auto again = canonical_value(option, *canonical);
    PW_CHECK(again.has_value() && *again == *canonical);
    check_round_trip({.databases = {}, .users = {}, .pgbouncer = {{std::string(option.name), *canonical}}});
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string input(bytes, bytes + size);
  if (const auto ini = parse_ini(input)) check_round_trip(*ini);
  if (const auto ini = parse_ini("[databases]\n" + input + "\n[pgbouncer]\n")) check_round_trip(*ini);
  static_cast<void>(parse_userlist(SecretString(input)));
  check_values(input);
  check_options(input);
  return 0;
}
