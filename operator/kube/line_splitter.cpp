#include "kube/line_splitter.h"

#include <utility>

namespace poolwright::kube {

LineSplitter::Outcome LineSplitter::feed(std::string_view bytes, const std::function<bool(std::string)>& take) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (rest_.size() + piece.size() > line_bytes_max_) return Outcome::kTooLong;
    rest_.append(piece);
    if (end == std::string_view::npos) return Outcome::kMore;
    bytes.remove_prefix(end + 1);
    std::string line = std::exchange(rest_, {});
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty() && !take(std::move(line))) return Outcome::kRefused;
  }
  return Outcome::kMore;
}

LineSplitter::Outcome LineSplitter::finish(const std::function<bool(std::string)>& take) {
  if (rest_.empty()) return Outcome::kMore;
  return take(std::exchange(rest_, {})) ? Outcome::kMore : Outcome::kRefused;
}

}  // namespace poolwright::kube
