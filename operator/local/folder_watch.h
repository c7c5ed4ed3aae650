// Says when something below a directory may have changed: by inotify, and in any case now and then, since some mounts
// (a host's folder in a virtual machine) tell nothing. Thread rule: wait from one thread, wake from any.
#pragma once

#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/result.h"

namespace poolwright::local {

class FolderWatch {
 public:
  /// Several changes in a row, as editors make them, are one: it is told once this long nothing came.
  static constexpr Duration kSettle{60};
  static constexpr Duration kLookAnyway{5'000};
  /// Folders of Secrets that are watched; those beyond are looked at every kLookAnyway.
  static constexpr std::size_t kFoldersMax = 1'000;

  static Result<std::unique_ptr<FolderWatch>> open(std::filesystem::path folder);
  ~FolderWatch();
  FolderWatch(const FolderWatch&) = delete;
  FolderWatch& operator=(const FolderWatch&) = delete;

  /// Blocks until it is worth to look, at most `limit` (and kLookAnyway).
  void wait(Duration limit);
  /// Ends the wait of now, or the next one.
  void wake();

 private:
  FolderWatch(std::filesystem::path folder, int inotify, int waker);
  void watch_folders();
  bool drain() const;

  const std::filesystem::path folder_;
  const int inotify_;
  const int waker_;
};

}  // namespace poolwright::local
