// Any text as a line of an observation log: it is refused, or it is a record
// that reads back the same and can be decided.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sizing/observation_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  using namespace poolwright::sizing;
  const std::string text(input, input + size);
  Replay replay;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    const std::string_view line = std::string_view(text).substr(start, end - start);
    start = end + 1;
    const auto record = parse_json_line(line);
    if (!record) continue;
    const std::string written = to_json_line(*record);
    const auto again = parse_json_line(written);
    PW_CHECK(again.has_value());
    PW_CHECK(to_json_line(*again) == written);
    PW_CHECK(replay.feed(line).has_value());
  }
  return 0;
}
