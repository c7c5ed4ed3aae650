// The machine that the pools run on: what kubelet, Deployment controller and Service are in a cluster. For each
// rendered Deployment in the store it keeps one PgBouncer running on the rendered files (or looks after one that
// somebody else runs), tells of it as a Pod object, and writes the files that applications and people read.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "local/bouncer.h"
#include "local/directory_store.h"
#include "local/port_book.h"
#include "render/render.h"

namespace poolwright::local {

/// Folder of `out` with what must outlive a run of ours.
inline constexpr const char* kStateFolder = ".state";

/// A PgBouncer that somebody else starts, on the files that we write.
struct AttachedBouncer {
  std::string host;  // name or address
  std::uint16_t port = 0;
};

struct NodeSettings {
  std::filesystem::path out;
  std::string listen_address = "127.0.0.1";  // numeric, or "*"
  std::string url_host;                      // in URLs; "" : the listen address, or 127.0.0.1
  std::uint16_t first_port = 6432;
  std::vector<Program> programs;  // may be empty where every pool is attached
  std::optional<RunAs> run_as;
  std::optional<gid_t> env_group;  // may read the .env files
  bool log_to_stderr = false;
  std::map<std::string, AttachedBouncer> attached;  // by pool
};

/// Thread rule: start and stop from one thread (main), all else from any.
class LocalNode {
 public:
  static constexpr Duration kTick{250};

  /// `store`, `clock` outlive the node.
  LocalNode(DirectoryStore& store, const Clock& clock, NodeSettings settings);
  ~LocalNode();
  LocalNode(const LocalNode&) = delete;
  LocalNode& operator=(const LocalNode&) = delete;

  void start();
  /// Ends every PgBouncer of ours, each when its open transactions have ended (at most Bouncer::kDrainLimit).
  void stop();
  /// Something changed: look soon.
  void wake();

  PortBook& ports() { return ports_; }
  /// Where clients reach the pool.
  render::PoolerAddress address_of(const std::string& pool) const;
  /// Writes what the pool's PgBouncer reads, now. For the moment before a RELOAD.
  Status sync(const std::string& pool);

 private:
  struct Instance;

  void work(const std::stop_token& stop);
  void find_earlier();
  void tick();
  void tend(const std::string& pool, const api::Json& deployment);
  void tend_attached(const std::string& pool, const api::Json& deployment, const AttachedBouncer& attached);
  void retire(const std::string& pool, Instance& instance);
  bool remove_folder(const std::string& pool, Instance& instance) const;
  void drain_all();
  void write_reports();
  Status write_env(const std::filesystem::path& folder, const api::Json& pool) const;
  Status sync_files(const std::string& pool, const api::Json& deployment) const;
  std::optional<BouncerWish> wish_for(const std::string& pool, const api::Json& deployment) const;
  Instance& instance_of(const std::string& pool);
  void tell_pod(const std::string& pool, const api::Json& deployment, Instance& instance);
  std::filesystem::path folder_of(const std::string& pool) const { return settings_.out / pool; }

  DirectoryStore& store_;
  const Clock& clock_;
  const NodeSettings settings_;
  PortBook ports_;
  std::map<std::string, std::unique_ptr<Instance>> instances_;  // by pool; the node's thread only
  mutable Mutex files_mutex_;                                   // one writer of files at a time
  const int waker_;
  std::jthread thread_;
};

}  // namespace poolwright::local
