// Bytes in any pieces -> lines, with a limit on the length of one.
// Thread rule: one thread at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace poolwright::kube {

class LineSplitter {
 public:
  enum class Outcome { kMore, kRefused, kTooLong };

  explicit LineSplitter(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  /// Gives every line that is complete by now to `take`, without its end. kRefused where `take` said false, kTooLong
  /// where a line is longer than the limit; nothing more is given then.
  Outcome feed(std::string_view bytes, const std::function<bool(std::string)>& take);
  /// The rest, at the end of the stream: a last line without an end.
  Outcome finish(const std::function<bool(std::string)>& take);

 private:
  const std::size_t line_bytes_max_;
  std::string rest_;
};

}  // namespace poolwright::kube
