// Structured log: a fixed lower_snake event name and fields. One line per event: text on a terminal, JSON in a pod.
// Thread rule: log_event may be called from any thread; log_setup once, before any thread starts.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace poolwright {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

/// One named value. SecretString does not convert to a field.
struct LogField {
  using Value = std::variant<std::string, std::int64_t, double, bool>;

  LogField(std::string_view field_name, std::string_view text) : name(field_name), value(std::string(text)) {}
  LogField(std::string_view field_name, const char* text) : name(field_name), value(std::string(text)) {}
  LogField(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, std::int64_t number) : name(field_name), value(number) {}
  LogField(std::string_view field_name, int number) : name(field_name), value(std::int64_t{number}) {}
  LogField(std::string_view field_name, double number) : name(field_name), value(number) {}
  LogField(std::string_view field_name, bool flag) : name(field_name), value(flag) {}

  std::string name;
  Value value;
};

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
};

void log_setup(const LogOptions& options);
/// "debug", "info", "warning" or "error"; false for anything else (the level stays).
bool log_set_level(std::string_view name);

void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

inline void log_debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kDebug, event, fields);
}
inline void log_info(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kInfo, event, fields);
}
inline void log_warning(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kWarning, event, fields);
}
inline void log_error(std::string_view event, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kError, event, fields);
}

/// A block of several facts about one thing: on a terminal as `text` stands, in a pod as one JSON object with the
/// members of `json` (the text of an object, "{...}") behind time, level and event.
void log_block(LogLevel level, std::string_view event, std::string_view text, std::string_view json);
/// The block without time and level, as log_block writes it.
std::string format_log_block(LogFormat format, std::string_view event, std::string_view text, std::string_view json);

/// The line without time and level, as log_event writes it; for tests and for other sinks.
std::string format_log_line(LogFormat format, std::string_view event, std::initializer_list<LogField> fields);

}  // namespace poolwright
