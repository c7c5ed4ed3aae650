// The files that a run records its observations in: a bounded number of bounded files in one folder, numbered in the
// order of time. Each ends with a whole line, whatever happens. Thread rule: one owner.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace poolwright::run {

struct RecordSettings {
  std::filesystem::path folder;  // empty: nothing is recorded
  std::size_t file_bytes_max = 64U << 20U;
  std::size_t files_max = 8;  // the oldest is removed before there is one more
};

class RecordFiles {
 public:
  explicit RecordFiles(RecordSettings settings) : settings_(std::move(settings)) {}
  ~RecordFiles();
  RecordFiles(const RecordFiles&) = delete;
  RecordFiles& operator=(const RecordFiles&) = delete;

  /// Adds the line and its end. After a failure nothing of it is in the file, and the next call tries again.
  Status append(std::string_view line);

 private:
  Status open_next();
  void close_file();
  bool is_removed() const;

  const RecordSettings settings_;
  int descriptor_ = -1;
  std::size_t size_ = 0;
  std::filesystem::path path_;
};

/// What was recorded in a folder, oldest first. NotFound or Forbidden where the folder cannot be read.
Result<std::vector<std::filesystem::path>> recorded_files(const std::filesystem::path& folder);

}  // namespace poolwright::run
