#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace poolwright {

void check_failed(std::string_view condition, std::source_location where) {
  std::fprintf(stderr, "poolwright: bug: %.*s does not hold in %s (%s:%u)\n", static_cast<int>(condition.size()),
               condition.data(), where.function_name(), where.file_name(), static_cast<unsigned>(where.line()));
  std::abort();
}

}  // namespace poolwright
