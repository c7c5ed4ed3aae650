#include "local/port_book.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "local/files.h"

namespace poolwright::local {

namespace {

constexpr int kPortMin = 1024;
constexpr int kPortMax = 65535;

using Ports = std::map<std::string, std::uint16_t>;

bool is_taken(const Ports& ports, int port) {
  return std::any_of(ports.begin(), ports.end(), [port](const auto& entry) { return entry.second == port; });
}

}  // namespace

std::optional<std::uint16_t> parse_port(const std::string& text) {
  int port = 0;
  const auto [stop, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool is_whole = problem == std::errc{} && stop == text.data() + text.size() && std::to_string(port) == text;
  if (!is_whole || port < kPortMin || port > kPortMax) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

PortBook::PortBook(std::filesystem::path file, std::uint16_t first) : file_(std::move(file)), first_(first) {
  const auto text = read_file(file_);
  const api::Json stored = text ? api::Json::parse(*text, nullptr, false) : api::Json();
  if (!stored.is_object()) return;
  const MutexLock lock(mutex_);
  for (const auto& [pool, port] : stored.items()) {
    const auto number = port.is_number_integer() ? parse_port(port.dump()) : std::nullopt;
    if (number && !is_taken(ports_, *number)) ports_[pool] = *number;
  }
}

Result<std::vector<std::string>> PortBook::settle(const std::vector<api::Json>& pools) {
  std::vector<std::string> problems;
  const MutexLock lock(mutex_);
  Ports wanted;
  for (const api::Json& pool : pools) {
    const std::string name = api::metadata_string(pool, "name");
    const std::string asked = api::annotation(pool, kPortAnnotation);
    if (asked.empty()) continue;
    const auto port = parse_port(asked);
    if (port && !is_taken(wanted, *port)) {
      wanted[name] = *port;
    } else {
      problems.push_back("ConnectionPool " + name + ": annotation " + kPortAnnotation +
                         (port ? " asks for port " + asked + ", which another pool asked for already"
                               : " must be a port from 1024 to 65535 in quotes"));
    }
  }
  const Ports before = std::exchange(ports_, wanted);
  for (const api::Json& pool : pools) {  // those that have one keep it, unless it was asked for by another one
    const std::string name = api::metadata_string(pool, "name");
    const auto had = before.find(name);
    if (!ports_.contains(name) && had != before.end() && !is_taken(ports_, had->second)) ports_[name] = had->second;
  }
  for (const api::Json& pool : pools) {
    const std::string name = api::metadata_string(pool, "name");
    if (ports_.contains(name)) continue;
    if (const auto port = free_port()) ports_[name] = *port;
  }
  if (ports_ == before) return problems;
  PW_RETURN_IF_ERROR(write_file(file_, api::Json(ports_).dump(1), {.mode = 0600}));
  return problems;
}

std::uint16_t PortBook::port_of(const std::string& pool) const {
  const MutexLock lock(mutex_);
  const auto found = ports_.find(pool);
  return found == ports_.end() ? std::uint16_t{0} : found->second;
}

std::optional<std::uint16_t> PortBook::free_port() const {
  for (int port = first_; port <= kPortMax; ++port) {
    if (!is_taken(ports_, port)) return static_cast<std::uint16_t>(port);
  }
  return std::nullopt;
}

}  // namespace poolwright::local
