#include "local/folder_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "local/files.h"

namespace poolwright::local {

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |
                                  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

int milliseconds(Duration duration) { return static_cast<int>(std::max<std::int64_t>(0, duration.count())); }

}  // namespace

Result<std::unique_ptr<FolderWatch>> FolderWatch::open(fs::path folder) {
  const int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  const int waker = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (inotify < 0 || waker < 0) return file_error(folder, "it cannot be watched", errno);
  return std::unique_ptr<FolderWatch>(new FolderWatch(std::move(folder), inotify, waker));
}

FolderWatch::FolderWatch(fs::path folder, int inotify, int waker)
    : folder_(std::move(folder)), inotify_(inotify), waker_(waker) {
  watch_folders();
}

FolderWatch::~FolderWatch() {
  close(inotify_);
  close(waker_);
}

/// Adding what is watched already changes nothing.
void FolderWatch::watch_folders() {
  inotify_add_watch(inotify_, folder_.c_str(), kEvents);
  std::size_t count = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, error)) {
    std::error_code vanished;
    if (entry.path().filename().string().starts_with(".") || !entry.is_directory(vanished)) continue;
    if (++count > kFoldersMax) return;
    inotify_add_watch(inotify_, entry.path().c_str(), kEvents);
  }
}

/// Whether there was anything.
bool FolderWatch::drain() const {
  alignas(inotify_event) std::array<char, 16384> events{};
  bool any = false;
  while (read(inotify_, events.data(), events.size()) > 0) any = true;
  return any;
}

void FolderWatch::wait(Duration limit) {
  std::array<pollfd, 2> sources{pollfd{.fd = inotify_, .events = POLLIN, .revents = 0},
                                pollfd{.fd = waker_, .events = POLLIN, .revents = 0}};
  poll(sources.data(), sources.size(), milliseconds(std::min(limit, kLookAnyway)));
  std::uint64_t count = 0;
  if (read(waker_, &count, sizeof count) > 0) return;
  constexpr int kRoundsMax = 20;
  for (int round = 0; round < kRoundsMax && drain(); ++round) poll(sources.data(), 1, milliseconds(kSettle));
  watch_folders();
}

void FolderWatch::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(waker_, &one, sizeof one);
}

}  // namespace poolwright::local
