#include "api/yaml.h"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "api/text.h"
#include "api/yaml_scalar.h"

namespace poolwright::api {

namespace {

constexpr std::size_t kExpandedBytesMax = 4 * kYamlBytesMax;  // text that aliases may copy
constexpr std::string_view kStandardTag = "tag:yaml.org,2002:";

/// How the parser is stopped from inside its callbacks; caught in read_yaml, never seen outside of this file.
struct Refusal {
  int line;
  std::string message;
};

int line_of_mark(const YAML::Mark& mark) { return mark.line + 1; }

/// The text by the parser's positions, for what the parser itself lets pass.
class SourceText {
 public:
  explicit SourceText(std::string_view text) : text_(text), lines_{0} {
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') lines_.push_back(i + 1);
    }
  }

  /// From the position to the end.
  std::string_view from(const YAML::Mark& mark) const {
    const auto line = static_cast<std::size_t>(mark.line);
    if (line >= lines_.size()) return {};
    return text_.substr(std::min(text_.size(), lines_[line] + static_cast<std::size_t>(mark.column)));
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> lines_;  // where each begins
};

/// Whether a text that begins with a quote has the closing one, too.
bool is_quote_closed(std::string_view text) {
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      const bool doubled = quote == '\'' && i + 1 < text.size() && text[i + 1] == quote;
      if (!doubled) return true;
      ++i;
    }
  }
  return false;
}

/// The parser writes the escapes \N and \_ as the single bytes 0x85 and 0xA0; in UTF-8 they are two.
std::string with_whole_characters(const std::string& text) {
  if (is_utf8(text)) return text;
  std::string result;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t size = character_size(std::string_view(text).substr(i));
    if (size == 0) result.append({'\xC2', text[i]});
    result.append(text, i, size);
    i += std::max<std::size_t>(1, size);
  }
  return result;
}

/// Builds one JSON value per document out of the parser's events.
class DocumentBuilder : public YAML::EventHandler {
 public:
  explicit DocumentBuilder(std::string_view text) : source_(text) {}

  std::vector<YamlDocument> take() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    current_ = YamlDocument{};
    current_.line = line_of_mark(mark);
    anchors_.clear();
    if (std::exchange(is_first_, false) || source_.from(mark).starts_with("---")) return;
    refuse(current_.line, "bad YAML: a further document must begin with ---");
  }
  void OnDocumentEnd() override {
    if (current_.json.is_null()) return;
    if (documents_.size() >= kYamlDocumentsMax) {
      refuse(current_.line, "must have at most " + std::to_string(kYamlDocumentsMax) + " documents");
    }
    documents_.push_back(std::move(current_));
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { complete(Json(nullptr), mark, anchor); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto target = anchors_.find(anchor);
    if (target == anchors_.end()) refuse(line_of_mark(mark), "an alias must not stand inside its own anchor");
    plain_ = false;
    charge(target->second, mark);
    complete(Json(target->second), mark, YAML::NullAnchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    plain_ = tag == "?";
    const std::string_view written = source_.from(mark);
    const bool quoted = written.starts_with('\'') || written.starts_with('"');
    if (quoted && !is_quote_closed(written)) refuse(line_of_mark(mark), "bad YAML: the quote is not closed");
    complete(scalar(mark, tag, with_whole_characters(value)), mark, anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Json::array(), mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& /*tag*/, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Json::object(), mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  /// A list or map whose end has not come yet.
  struct Open {
    Json value;
    YAML::Mark mark;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::string path;
    std::optional<std::string> key{};  // of the entry whose value comes next
    bool merges = false;               // that value is to be merged in ("<<")
    std::set<std::string> merged{};    // keys that came by a merge and may be replaced
  };

  [[noreturn]] static void refuse(int line, std::string message) { throw Refusal{line, std::move(message)}; }

  /// Path of the value that comes next.
  std::string next_path() const {
    if (open_.empty()) return {};
    const Open& parent = open_.back();
    if (parent.value.is_array()) return item_path(parent.path, parent.value.size());
    return parent.key ? member_path(parent.path, *parent.key) : parent.path;
  }

  bool key_is_next() const {
    return !open_.empty() && open_.back().value.is_object() && !open_.back().key && !open_.back().merges;
  }

  void open(Json empty, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (key_is_next()) refuse(line_of_mark(mark), "must have keys that are text");
    if (open_.size() >= kYamlDepthMax) {
      refuse(line_of_mark(mark), "must not be nested deeper than " + std::to_string(kYamlDepthMax) + " levels");
    }
    open_.push_back({.value = std::move(empty), .mark = mark, .anchor = anchor, .path = next_path()});
    note_line(open_.back().path, mark);
  }

  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    complete(std::move(done.value), done.mark, done.anchor);
  }

  /// The line of a member is that of its key, which was noted first.
  void note_line(const std::string& path, const YAML::Mark& mark) { current_.lines.emplace(path, line_of_mark(mark)); }

  void complete(Json value, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (++nodes_ > kYamlNodesMax) {
      refuse(line_of_mark(mark), "must have at most " + std::to_string(kYamlNodesMax) + " values");
    }
    if (anchor != YAML::NullAnchor) {
      charge(value, mark);
      anchors_[anchor] = value;
    }
    if (open_.empty()) {
      current_.json = std::move(value);
      current_.line = line_of_mark(mark);
      return;
    }
    if (key_is_next()) return take_key(value, mark);
    note_line(next_path(), mark);
    Open& parent = open_.back();
    if (parent.value.is_array()) {
      parent.value.push_back(std::move(value));
    } else if (std::exchange(parent.merges, false)) {
      merge(value, mark);
    } else {
      parent.merged.erase(*parent.key);
      parent.value[*std::exchange(parent.key, std::nullopt)] = std::move(value);
    }
  }

  void take_key(const Json& value, const YAML::Mark& mark) {
    Open& parent = open_.back();
    if (value.is_structured() || value.is_null()) refuse(line_of_mark(mark), "must have keys that are text");
    std::string key = value.is_string() ? value.get<std::string>() : value.dump();
    if (plain_ && key == "<<") {
      parent.merges = true;
      return;
    }
    if (parent.value.contains(key) && !parent.merged.contains(key)) {
      refuse(line_of_mark(mark), "key " + shown(key) + " must not be there twice");
    }
    parent.key = std::move(key);
    note_line(next_path(), mark);
  }

  /// Keys that are there already win, as YAML's merge type says.
  void merge(const Json& source, const YAML::Mark& mark) {
    if (source.is_array()) {
      for (const Json& item : source) {
        if (!item.is_object()) refuse(line_of_mark(mark), "must merge maps only");
        merge(item, mark);
      }
      return;
    }
    if (!source.is_object()) refuse(line_of_mark(mark), "must merge maps only");
    Open& target = open_.back();
    for (const auto& [key, value] : source.items()) {
      if (target.value.contains(key)) continue;
      target.value[key] = value;
      target.merged.insert(key);
    }
  }

  /// Counts a copy of the value, so that a few bytes of aliases cannot become gigabytes.
  void charge(const Json& value, const YAML::Mark& mark) {
    ++nodes_;
    if (value.is_string()) expanded_bytes_ += value.get_ref<const std::string&>().size();
    if (nodes_ > kYamlNodesMax || expanded_bytes_ > kExpandedBytesMax) {
      refuse(line_of_mark(mark), "must not expand by aliases beyond " + std::to_string(kYamlNodesMax) + " values");
    }
    if (!value.is_structured()) return;
    for (const auto& [key, inner] : value.items()) {
      expanded_bytes_ += key.size();
      charge(inner, mark);
    }
  }

  static Json scalar(const YAML::Mark& mark, const std::string& tag, const std::string& value) {
    if (!tag.starts_with(kStandardTag) && tag != "?") return value;
    const std::string kind = tag == "?" ? "" : tag.substr(kStandardTag.size());
    if (kind == "str") return value;
    const bool known = kind.empty() || kind == "int" || kind == "float" || kind == "bool" || kind == "null";
    if (!known) refuse(line_of_mark(mark), "the tag !!" + kind + " is not supported");
    std::optional<Json> resolved = resolve_scalar(value);
    if (!resolved) refuse(line_of_mark(mark), value + " must not be used: JSON has no such number");
    const bool fits = kind.empty() || (kind == "int" && resolved->is_number_integer()) ||
                      (kind == "float" && resolved->is_number()) || (kind == "bool" && resolved->is_boolean()) ||
                      (kind == "null" && resolved->is_null());
    if (!fits) refuse(line_of_mark(mark), "the value must be of the type that its tag !!" + kind + " says");
    return *std::move(resolved);
  }

  SourceText source_;
  std::vector<YamlDocument> documents_;
  YamlDocument current_;
  bool is_first_ = true;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Json> anchors_;
  bool plain_ = false;  // the last scalar had no quotes
  std::size_t nodes_ = 0;
  std::size_t expanded_bytes_ = 0;
};

Error refusal(int line, const std::string& message) {
  return make_error(ErrorKind::kInvalid, "line " + std::to_string(line) + ": " + message);
}

/// First line of the parser's explanation.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

void add_lines(const YamlDocument& document, std::vector<FieldError>& errors) {
  for (FieldError& error : errors) error.line = document.line_of(error.path);
  std::stable_sort(errors.begin(), errors.end(),
                   [](const FieldError& a, const FieldError& b) { return a.line < b.line; });
}

/// Splits "line N: message" of read_yaml.
FieldError text_error(const std::string& message) {
  constexpr std::string_view kPrefix = "line ";
  const std::size_t colon = message.find(": ");
  return {.path = "",
          .message = message.substr(colon + 2),
          .line = std::stoi(message.substr(kPrefix.size(), colon - kPrefix.size()))};
}

}  // namespace

int YamlDocument::line_of(const std::string& path) const {
  for (std::string at = path; !at.empty(); at = parent_path(at)) {
    if (const auto found = lines.find(at); found != lines.end()) return found->second;
  }
  return line;
}

Result<std::vector<YamlDocument>> read_yaml(std::string_view text) {
  if (text.size() > kYamlBytesMax) {
    return refusal(1,
                   "must have at most " + std::to_string(kYamlBytesMax) + " bytes, got " + std::to_string(text.size()));
  }
  if (!is_utf8(text)) return refusal(1, "must be UTF-8");
  DocumentBuilder builder(text);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refusal& refused) {
    return refusal(refused.line, refused.message);
  } catch (const YAML::Exception& error) {
    return refusal(std::max(1, line_of_mark(error.mark)), "bad YAML: " + first_line(error.msg));
  }
  return builder.take();
}

PoolFile read_pools(std::string_view text, const ValidationPolicy& policy) {
  PoolFile file;
  const Result<std::vector<YamlDocument>> documents = read_yaml(text);
  if (!documents) {
    file.errors.push_back(text_error(documents.error().message));
    return file;
  }
  for (const YamlDocument& document : *documents) {
    const ObjectKey key = key_of(document.json);
    if (key.kind.empty() || key.api_version.empty()) {
      file.errors.push_back(
          {.path = "", .message = "must be a Kubernetes object with apiVersion and kind", .line = document.line});
    } else if (!is_connection_pool(document.json)) {
      ++file.other_documents;
    } else {
      Parsed parsed = check_pool(document.json, policy);
      add_lines(document, parsed.errors);
      file.pools.push_back(std::move(parsed));
    }
  }
  return file;
}

}  // namespace poolwright::api
