#include "kube/json_reader.h"

#include <algorithm>

namespace poolwright::kube {

namespace {

/// Counts brackets outside of strings; what it says about text that is no JSON does not matter, the parser refuses
/// that.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kJsonDepthMax) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<api::Json> read_json(std::string_view text) {
  if (is_too_deep(text)) {
    return make_error(ErrorKind::kProtocol, "the answer is nested deeper than " + std::to_string(kJsonDepthMax));
  }
  auto value = api::Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) {
    return make_error(ErrorKind::kProtocol, "the answer is no JSON (" + std::to_string(text.size()) + " bytes)");
  }
  return value;
}

}  // namespace poolwright::kube
