// A real PgBouncer that runs on rendered files, for the length of one test: files in a directory of its own, a free
// port of 127.0.0.1, as the postgres user where the test runs as root. Ends with the object.
#pragma once

#include <libpq-fe.h>
#include <sys/types.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "render/render.h"

namespace poolwright::render::testing {

struct Binary {
  std::string version;  // "1.18"
  std::string path;
};

/// /usr/sbin/pgbouncer and what the cache has of other versions; empty where none is installed.
std::vector<Binary> installed_pgbouncers();

using Row = std::map<std::string, std::string>;

class PgbouncerRun {
 public:
  /// Further files by their path in the working directory, such as certificates.
  PgbouncerRun(const Binary& binary, const Rendered& rendered, const Row& further_files = {});
  ~PgbouncerRun();
  PgbouncerRun(const PgbouncerRun&) = delete;
  PgbouncerRun& operator=(const PgbouncerRun&) = delete;

  /// Whether a console login of the administrator succeeded within 10 s of the start.
  bool is_up() const { return console_ != nullptr; }
  /// Standard error of the process so far.
  std::string log() const;

  /// Rows of a SHOW command; empty where it failed.
  std::vector<Row> show(const std::string& what);
  /// Writes other files and reloads.
  bool reload(const Rendered& rendered);
  /// Error of a login, "" where it succeeded. `more` is appended to the connection string of libpq.
  std::string login_error(const std::string& database, const Credentials& credentials,
                          const std::string& more = "") const;

 private:
  void write_files(const Rendered& rendered) const;
  std::string reachable_program(const Binary& binary) const;
  bool start(const Binary& binary);
  void connect_console();

  std::filesystem::path directory_;
  Credentials admin_;
  int port_ = 0;
  pid_t pid_ = -1;
  std::unique_ptr<PGconn, void (*)(PGconn*)> console_{nullptr, PQfinish};
};

}  // namespace poolwright::render::testing
