#include "run/record_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "local/files.h"

namespace poolwright::run {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kPrefix = "observations-";
constexpr std::string_view kSuffix = ".jsonl";
constexpr std::size_t kDigits = 8;  // as many for every number, so that names sort as numbers do

bool is_record(const std::string& name) {
  if (name.size() != kPrefix.size() + kDigits + kSuffix.size()) return false;
  const std::string_view digits = std::string_view(name).substr(kPrefix.size(), kDigits);
  return name.starts_with(kPrefix) && name.ends_with(kSuffix) &&
         digits.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string name_after(const std::vector<fs::path>& files) {
  int number = 0;
  if (!files.empty()) number = std::stoi(files.back().filename().string().substr(kPrefix.size(), kDigits));
  std::array<char, 16> digits{};
  std::snprintf(digits.data(), digits.size(), "%0*d", static_cast<int>(kDigits), number + 1);
  return std::string(kPrefix) + digits.data() + std::string(kSuffix);
}

}  // namespace

Result<std::vector<fs::path>> recorded_files(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    if (is_record(at->path().filename().string())) files.push_back(at->path());
  }
  if (error) return local::file_error(folder, "it cannot be read", error.value());
  std::sort(files.begin(), files.end());
  return files;
}

RecordFiles::~RecordFiles() { close_file(); }

void RecordFiles::close_file() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

/// Somebody has taken the file away: what is written goes nowhere.
bool RecordFiles::is_removed() const {
  struct stat found {};
  return fstat(descriptor_, &found) != 0 || found.st_nlink == 0;
}

Status RecordFiles::open_next() {
  close_file();
  std::error_code error;
  if (!fs::is_directory(settings_.folder, error)) {
    PW_RETURN_IF_ERROR(local::make_folder(settings_.folder, {.mode = 0700}));
  }
  PW_ASSIGN_OR_RETURN(const std::vector<fs::path> files, recorded_files(settings_.folder));
  for (std::size_t i = 0; i + settings_.files_max <= files.size(); ++i) {
    if (unlink(files[i].c_str()) != 0) return local::file_error(files[i], "it cannot be removed", errno);
  }
  path_ = settings_.folder / name_after(files);
  descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor_ < 0) return local::file_error(path_, "it cannot be made", errno);
  size_ = 0;
  return ok();
}

Status RecordFiles::append(std::string_view line) {
  const std::string text = std::string(line) + "\n";
  const bool is_full = size_ > 0 && size_ + text.size() > settings_.file_bytes_max;
  if (descriptor_ < 0 || is_full || is_removed()) PW_RETURN_IF_ERROR(open_next());
  if (Status written = local::write_all(descriptor_, path_, text); !written) {
    // A part of a line in the middle of a file could not be read back.
    if (ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) close_file();
    return written;
  }
  size_ += text.size();
  return ok();
}

}  // namespace poolwright::run
