#include "serve/operator_counters.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

namespace poolwright::serve {
namespace {

Error unreadable(const char* path) {
  return make_error(ErrorKind::kUnavailable, std::string("read ") + path + ": it is not readable");
}

/// The fields of /proc/self/stat after the program's name, which may hold anything; the first one is the state (field
/// 3).
Result<std::vector<std::string>> stat_fields() {
  constexpr const char* kPath = "/proc/self/stat";
  std::ifstream file(kPath);
  std::string line;
  if (!std::getline(file, line)) return unreadable(kPath);
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return unreadable(kPath);
  std::istringstream rest(line.substr(name_end + 1));
  return std::vector<std::string>{std::istream_iterator<std::string>(rest), {}};
}

Result<double> boot_time_unix_s() {
  constexpr const char* kPath = "/proc/stat";
  std::ifstream file(kPath);
  std::string word;
  double seconds = 0;
  while (file >> word) {
    if (word == "btime" && file >> seconds) return seconds;
  }
  return unreadable(kPath);
}

double number_at(const std::vector<std::string>& fields, std::size_t field) {
  // Field numbers are those of proc(5); the list begins with field 3.
  constexpr std::size_t kFirst = 3;
  return field - kFirst < fields.size() ? std::strtod(fields[field - kFirst].c_str(), nullptr) : 0;
}

}  // namespace

Result<ProcessCounters> read_process_counters() {
  PW_ASSIGN_OR_RETURN(const auto fields, stat_fields());
  PW_ASSIGN_OR_RETURN(const double boot_s, boot_time_unix_s());
  const auto ticks_per_s = static_cast<double>(sysconf(_SC_CLK_TCK));
  ProcessCounters counters;
  counters.cpu_seconds = (number_at(fields, 14) + number_at(fields, 15)) / ticks_per_s;
  counters.start_time_unix_s = boot_s + number_at(fields, 22) / ticks_per_s;
  counters.virtual_bytes = static_cast<std::int64_t>(number_at(fields, 23));
  counters.resident_bytes = static_cast<std::int64_t>(number_at(fields, 24)) * sysconf(_SC_PAGESIZE);
  std::error_code failure;
  const std::filesystem::directory_iterator open_files("/proc/self/fd", failure);
  if (!failure) counters.open_fds = std::distance(begin(open_files), end(open_files));
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) counters.fds_max = static_cast<std::int64_t>(limit.rlim_cur);
  return counters;
}

}  // namespace poolwright::serve
