#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/digest.h"
#include "render/hba.h"
#include "render/names.h"
#include "render/object_config.h"
#include "render/render.h"
#include "render/userlist.h"

namespace poolwright::render {

namespace {

constexpr std::string_view kMask = "***";

/// Keys of our Secrets whose values are no secrets.
constexpr std::array<std::string_view, 14> kOpenKeys = {"DATABASE_POOL_MAX",
                                                        "DATABASE_POOL_TIMEOUT_MS",
                                                        "admin-username",
                                                        "dbname",
                                                        "host",
                                                        "pgbouncer-dbname",
                                                        "pgbouncer-host",
                                                        "pgbouncer-port",
                                                        "port",
                                                        "provider",
                                                        "stats-username",
                                                        "type",
                                                        "user",
                                                        "username"};

/// postgresql://user:***@host... ; nullopt where the text is no such URL.
std::optional<std::string> masked_url(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  const std::size_t user = scheme + 3;
  // In what we write, ':' and '@' are encoded within user and password.
  const std::size_t at = url.find('@', user);
  const std::size_t colon = url.find(':', user);
  if (at == std::string_view::npos || colon >= at) return std::nullopt;
  return std::string(url.substr(0, colon + 1)).append(kMask).append(url.substr(at));
}

/// jdbc:postgresql://host/db?user=u&password=***&...
std::optional<std::string> masked_jdbc(std::string_view url) {
  constexpr std::string_view kParameter = "&password=";
  const std::size_t parameter = url.find(kParameter);
  if (!url.starts_with("jdbc:") || parameter == std::string_view::npos) return std::nullopt;
  const std::size_t start = parameter + kParameter.size();
  const std::size_t end = std::min(url.find('&', start), url.size());
  return std::string(url.substr(0, start)).append(kMask).append(url.substr(end));
}

std::string masked_userlist(const std::string& text) {
  const auto users = parse_userlist(SecretString(text));
  if (!users) return std::string(kMask);
  std::string lines;
  for (const Credentials& user : *users) {
    lines.append(quoted_name(user.username)).append(" ").append(quoted_name(kMask)).append("\n");
  }
  return lines;
}

std::string masked_value(const std::string& key, const std::string& value) {
  if (std::find(kOpenKeys.begin(), kOpenKeys.end(), key) != kOpenKeys.end()) return value;
  if (key == kUserlistKey) return masked_userlist(value);
  if (auto jdbc = masked_jdbc(value)) return *std::move(jdbc);
  return masked_url(value).value_or(std::string(kMask));
}

}  // namespace

api::Json masked(const api::Json& object) {
  if (!object.is_object() || object.value("kind", api::Json()) != "Secret") return object;
  api::Json shown = object;
  // Shown as stringData, which kubectl takes as well: base64 would hide the shape, not the value.
  api::Json values = api::Json::object();
  api::Json encoded = object.value("data", api::Json::object());
  if (!encoded.is_object()) encoded = api::Json::object();
  for (const auto& [key, value] : encoded.items()) {
    const auto text = value.is_string() ? base64_decode(value.get<std::string>()) : std::nullopt;
    values[key] = text ? masked_value(key, *text) : std::string(kMask);
  }
  shown.erase("data");
  shown["stringData"] = std::move(values);
  // The hash covers the values: a weak password could be found by trying.
  const api::Json::json_pointer annotations("/metadata/annotations");
  if (shown.contains(annotations) && shown[annotations].is_object()) shown[annotations].erase(kAppliedHashAnnotation);
  return shown;
}

}  // namespace poolwright::render
