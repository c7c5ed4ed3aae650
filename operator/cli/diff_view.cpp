#include "cli/diff_view.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "render/names.h"

namespace poolwright::cli {

namespace {

using api::Json;

/// Beyond this many lines a text is only said to differ.
constexpr std::size_t kLinesMax = 2000;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// lengths[i][j]: of the longest common subsequence of the lines from i and from j on.
std::vector<std::vector<int>> common_lengths(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::vector<std::vector<int>> lengths(a.size() + 1, std::vector<int>(b.size() + 1, 0));
  for (std::size_t i = a.size(); i-- > 0;) {
    for (std::size_t j = b.size(); j-- > 0;) {
      lengths[i][j] = a[i] == b[j] ? lengths[i + 1][j + 1] + 1 : std::max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  return lengths;
}

class Differ {
 public:
  Differ(bool is_secret, const Style& style) : is_secret_(is_secret), style_(style) {}

  void compare(const std::string& path, const Json* stored, const Json& wanted) {
    if (wanted.is_object()) {
      for (const auto& member : wanted.items()) {
        const bool has = stored != nullptr && stored->is_object() && stored->contains(member.key());
        // It says that something changed; the change itself is shown.
        if (member.key() == render::kAppliedHashAnnotation) continue;
        compare(path.empty() ? member.key() : path + "." + member.key(), has ? &stored->at(member.key()) : nullptr,
                member.value());
      }
      return;
    }
    if (stored != nullptr && covers_list(*stored, wanted)) return;
    if (stored != nullptr && *stored == wanted) return;
    const bool hidden = is_secret_ && (path.starts_with("data.") || path.starts_with("stringData."));
    if (hidden) {
      text += "    " + path + ": changes (not shown)\n";
      return;
    }
    const bool has_lines = wanted.is_string() && wanted.get<std::string>().find('\n') != std::string::npos;
    if (has_lines) {
      text += "    " + path + ":\n";
      text += line_difference(stored != nullptr && stored->is_string() ? stored->get<std::string>() : "",
                              wanted.get<std::string>(), "      ", style_);
      return;
    }
    text += "    " + path + ": " + (stored == nullptr ? "(none)" : printable(stored->dump())) + " -> " +
            printable(wanted.dump()) + "\n";
  }

  std::string text;

 private:
  /// Lists of objects: the API server adds defaults to each item.
  bool covers_list(const Json& stored, const Json& wanted) const {
    if (!stored.is_array() || !wanted.is_array() || stored.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      Differ inner(is_secret_, style_);
      inner.compare("", &stored[i], wanted[i]);
      if (!inner.text.empty()) return false;
    }
    return true;
  }

  bool is_secret_;
  const Style& style_;
};

}  // namespace

std::string line_difference(const std::string& before, const std::string& after, const std::string& indent,
                            const Style& style) {
  const auto a = lines_of(before);
  const auto b = lines_of(after);
  if (a.size() > kLinesMax || b.size() > kLinesMax) return before == after ? "" : indent + "(differs)\n";
  const auto lengths = common_lengths(a, b);
  std::string text;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      ++i;
      ++j;
    } else if (j == b.size() || (i < a.size() && lengths[i + 1][j] >= lengths[i][j + 1])) {
      text += indent + toned("- " + printable(a[i++]), Tone::kBad, style) + "\n";
    } else {
      text += indent + toned("+ " + printable(b[j++]), Tone::kGood, style) + "\n";
    }
  }
  return text;
}

std::string difference_text(const Json& stored, const Json& wanted, const Style& style) {
  Differ differ(api::key_of(wanted).kind == "Secret", style);
  differ.compare("", &stored, wanted);
  return std::move(differ.text);
}

}  // namespace poolwright::cli
