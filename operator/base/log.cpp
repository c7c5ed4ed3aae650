#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace poolwright {

namespace {

// Everything logs to stderr: stdout belongs to the output of commands.
std::shared_ptr<spdlog::logger>& logger() {
  static std::shared_ptr<spdlog::logger> instance = spdlog::stderr_logger_mt("poolwright");
  return instance;
}

LogFormat& format() {
  static LogFormat value = LogFormat::kText;
  return value;
}

spdlog::level::level_enum spd_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string json_text(const nlohmann::json& value) {
  // Names and messages may hold bytes that are not UTF-8; a log line must come out all the same.
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

nlohmann::json to_json(const LogField::Value& value) {
  return std::visit([](const auto& held) { return nlohmann::json(held); }, value);
}

bool needs_quotes(const std::string& text) {
  return text.empty() || text.find_first_of(" \"=\\\n\r\t") != std::string::npos;
}

std::string field_text(const LogField::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return needs_quotes(*text) ? json_text(*text) : *text;
  return json_text(to_json(value));
}

std::string text_line(std::string_view event, std::initializer_list<LogField> fields) {
  std::string line(event);
  for (const LogField& field : fields) line += " " + field.name + "=" + field_text(field.value);
  return line;
}

// The members without braces: the pattern puts time and level before them.
std::string json_members(std::string_view event, std::initializer_list<LogField> fields) {
  std::string members = "\"msg\":" + json_text(std::string(event));
  for (const LogField& field : fields) members += "," + json_text(field.name) + ":" + json_text(to_json(field.value));
  return members;
}

}  // namespace

void log_setup(const LogOptions& options) {
  format() = options.format;
  logger()->set_level(spd_level(options.level));
  logger()->flush_on(spdlog::level::info);
  if (options.format == LogFormat::kJson) {
    logger()->set_pattern(R"({"ts":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
  } else {
    logger()->set_pattern("%H:%M:%S.%e %-7l %v");
  }
}

bool log_set_level(std::string_view name) {
  for (const auto& [known, level] : {std::pair{"debug", LogLevel::kDebug}, std::pair{"info", LogLevel::kInfo},
                                     std::pair{"warning", LogLevel::kWarning}, std::pair{"error", LogLevel::kError}}) {
    if (name == known) {
      logger()->set_level(spd_level(level));
      return true;
    }
  }
  return false;
}

std::string format_log_line(LogFormat line_format, std::string_view event, std::initializer_list<LogField> fields) {
  return line_format == LogFormat::kJson ? json_members(event, fields) : text_line(event, fields);
}

std::string format_log_block(LogFormat line_format, std::string_view event, std::string_view text,
                             std::string_view json) {
  if (line_format == LogFormat::kText) {
    const std::size_t end = text.find_last_not_of('\n');
    return std::string(text.substr(0, end == std::string_view::npos ? 0 : end + 1));
  }
  const std::string_view members = json.size() > 2 ? json.substr(1, json.size() - 2) : std::string_view();
  return json_members(event, {}) + (members.empty() ? "" : ",") + std::string(members);
}

void log_block(LogLevel level, std::string_view event, std::string_view text, std::string_view json) {
  const auto spd = spd_level(level);
  if (!logger()->should_log(spd)) return;
  logger()->log(spd, "{}", format_log_block(format(), event, text, json));
}

void log_event(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  const auto spd = spd_level(level);
  if (!logger()->should_log(spd)) return;
  logger()->log(spd, "{}", format_log_line(format(), event, fields));
}

}  // namespace poolwright
