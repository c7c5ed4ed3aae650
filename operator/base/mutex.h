// std::mutex with the annotations that clang's -Wthread-safety checks: a member marked PW_GUARDED_BY(mutex_) cannot be
// touched without the lock. On other compilers the annotations are empty.
#pragma once

#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define PW_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define PW_THREAD_ANNOTATION(x)
#endif

#define PW_CAPABILITY(x) PW_THREAD_ANNOTATION(capability(x))
#define PW_SCOPED_CAPABILITY PW_THREAD_ANNOTATION(scoped_lockable)
#define PW_GUARDED_BY(x) PW_THREAD_ANNOTATION(guarded_by(x))
#define PW_REQUIRES(...) PW_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define PW_ACQUIRE(...) PW_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define PW_RELEASE(...) PW_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define PW_EXCLUDES(...) PW_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

namespace poolwright {

class PW_CAPABILITY("mutex") Mutex {
 public:
  void lock() PW_ACQUIRE() { mutex_.lock(); }
  void unlock() PW_RELEASE() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class PW_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) PW_ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() PW_RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

/// Waits on a Mutex that the caller holds. Use with a stop_token for waits that shutdown must end.
using ConditionVariable = std::condition_variable_any;

}  // namespace poolwright
