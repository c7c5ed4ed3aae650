#include "integration/pgbouncer/servers.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace poolwright::tests {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPostgresPrograms = "/usr/lib/postgresql/15/bin/";
constexpr int kPatienceSteps = 600;  // of 50 ms
constexpr auto kStep = std::chrono::milliseconds{50};

template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < kPatienceSteps; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(kStep);
  }
  return false;
}

bool is_root() { return geteuid() == 0; }

std::vector<std::string> as_server_user(const std::vector<std::string>& command) {
  // The servers refuse to run as root. They end with the test even if it crashes.
  std::vector<std::string> full = {"setpriv", "--pdeathsig", "QUIT"};
  if (is_root()) full.insert(full.end(), {"--reuid=postgres", "--regid=postgres", "--init-groups"});
  full.insert(full.end(), command.begin(), command.end());
  return full;
}

void give_to_server_user(const fs::path& path) {
  if (!is_root()) return;
  const passwd* user = getpwnam("postgres");  // NOLINT(concurrency-mt-unsafe): before any thread of the test starts
  if (user == nullptr || chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error("cannot give " + path.string() + " to the postgres user");
  }
}

bool can_connect(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool is_connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return is_connected;
}

std::string read_file(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

fs::path cache_folder() {
  const char* given = std::getenv("POOLWRIGHT_CACHE");  // NOLINT(concurrency-mt-unsafe)
  if (given != nullptr && *given != '\0') return given;
  const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe)
  return fs::path(home == nullptr ? "/root" : home) / ".cache/poolwright";
}

/// The command that starts one version. The cached ones bring their own C library and loader, and stand where the
/// servers' user may not enter: they are copied.
std::vector<std::string> pgbouncer_command(const std::string& version, const fs::path& folder) {
  const fs::path cached = cache_folder() / "pgbouncer" / version;
  if (!fs::exists(cached / "lib/loader")) return {"/usr/sbin/pgbouncer"};
  const fs::path copy = folder / "program";
  fs::copy(cached, copy, fs::copy_options::recursive);
  return {copy / "lib/loader", "--library-path", copy / "lib", "--argv0", "pgbouncer", copy / "bin/pgbouncer"};
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = fs::temp_directory_path() / "poolwright-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder");
  path_ = name;
  fs::permissions(path_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  give_to_server_user(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

ChildProcess::ChildProcess(const std::vector<std::string>& command, const fs::path& output) {
  const std::vector<std::string> full = as_server_user(command);
  std::vector<char*> arguments;
  arguments.reserve(full.size() + 1);
  for (const std::string& part : full) arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  std::array<char, 8> locale{"LC_ALL="};
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::string password = "PGPASSWORD=postgres-password";
  std::array<char*, 4> environment{locale.data(), path.data(), password.data(), nullptr};
  const int problem = posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) throw std::runtime_error("cannot start " + full[0]);
}

ChildProcess::~ChildProcess() {
  if (!is_running()) return;
  send_signal(SIGQUIT);
  for (int i = 0; i < 100 && is_running(); ++i) std::this_thread::sleep_for(kStep);
  if (is_running()) send_signal(SIGKILL);
  wait_for_end();
}

void ChildProcess::send_signal(int number) const {
  if (pid_ > 0 && !exit_code_) kill(pid_, number);
}

bool ChildProcess::is_running() {
  if (exit_code_) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return false;
}

std::optional<int> ChildProcess::wait_for_end() {
  eventually([this] { return !is_running(); });
  return exit_code_;
}

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  const bool is_bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), length) == 0 &&
                        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  close(fd);
  if (!is_bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

void write_file(const fs::path& path, const std::string& text) {
  const fs::path next = path.string() + ".next";
  std::ofstream(next) << text;
  fs::permissions(next, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  fs::rename(next, path);
}

PostgresServer::PostgresServer() : port_(free_port()) {
  const fs::path programs = kPostgresPrograms;
  const fs::path log = folder_.path() / "log";
  const fs::path cluster = folder_.path() / "data";
  write_file(folder_.path() / "password", "postgres-password\n");
  ChildProcess initdb({programs / "initdb", "-D", cluster, "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8",
                       "--no-sync", "--pwfile", folder_.path() / "password"},
                      log);
  if (initdb.wait_for_end() != 0) throw std::runtime_error("initdb failed: " + read_file(log));
  process_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{programs / "postgres", "-D", cluster, "-p", std::to_string(port_), "-c",
                               "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + folder_.path().string(),
                               "-c", "fsync=off", "-c", "max_connections=60", "-c", "shared_buffers=16MB"},
      log);
  is_ready_ = eventually([this] { return can_connect(port_); }) &&
              eventually([this] { return sql("SELECT 'up'").find("up") != std::string::npos; });
  sql("CREATE ROLE app_user LOGIN PASSWORD 'app_user-password';"
      "CREATE ROLE observer LOGIN PASSWORD 'observer-password' IN ROLE pg_monitor;"
      "CREATE ROLE plain LOGIN PASSWORD 'plain-password'");
  sql("CREATE DATABASE app OWNER app_user");
  sql("CREATE DATABASE other OWNER app_user");
}

std::shared_ptr<PostgresServer> PostgresServer::shared() {
  static const std::shared_ptr<PostgresServer> server =
      fs::exists(std::string(kPostgresPrograms) + "postgres") ? std::make_shared<PostgresServer>() : nullptr;
  return server;
}

std::string PostgresServer::sql(const std::string& statement) const {
  const fs::path output = folder_.path() / "psql";
  fs::remove(output);
  ChildProcess psql({kPostgresPrograms + std::string("psql"), "-X", "-A", "-t", "-h", "127.0.0.1", "-p",
                     std::to_string(port_), "-U", "postgres", "-d", "postgres", "-c", statement},
                    output);
  psql.wait_for_end();
  return read_file(output);
}

const std::vector<std::string>& pgbouncer_versions() {
  static const std::vector<std::string> versions = {"1.18", "1.24", "1.26"};
  return versions;
}

bool has_pgbouncer(const std::string& version) {
  if (fs::exists(cache_folder() / "pgbouncer" / version / "lib/loader")) return true;
  if (version != "1.18" || !fs::exists("/usr/sbin/pgbouncer")) return false;
  const TemporaryFolder folder;
  ChildProcess asked({"/usr/sbin/pgbouncer", "--version"}, folder.path() / "version");
  asked.wait_for_end();
  return read_file(folder.path() / "version").find("PgBouncer 1.18") != std::string::npos;
}

PgBouncerServer::PgBouncerServer(const std::string& version, std::uint16_t postgres_port, const IniOptions& options)
    : port_(free_port()), postgres_port_(postgres_port) {
  write_config(options);
  std::vector<std::string> command = pgbouncer_command(version, folder_.path());
  command.push_back(folder_.path() / "pgbouncer.ini");
  process_ = std::make_unique<ChildProcess>(command, folder_.path() / "log");
}

void PgBouncerServer::write_config(const IniOptions& options) const {
  const std::string server = "host=127.0.0.1 port=" + std::to_string(postgres_port_) + " user=app_user";
  std::string users = "\"admin\" \"" + options.admin_password + "\"\n\"stats\" \"" + options.stats_password +
                      "\"\n\"app_user\" \"app_user-password\"\n";
  if (!options.user_marker.empty()) users += "\"" + options.user_marker + "\" \"\"\n";
  write_file(folder_.path() / "userlist.txt", users);
  write_file(folder_.path() / "pgbouncer.ini",
             "[databases]\n" + options.first_database_line + "app = " + server +
                 " dbname=app pool_size=" + std::to_string(options.pool_size) + "\n" + options.database_line +
                 "my-db = " + server + " dbname=other pool_size=2 min_pool_size=1 reserve_pool=1\n[pgbouncer]\n" +
                 options.first_line + "listen_addr = 127.0.0.1\nlisten_port = " + std::to_string(port_) +
                 "\nunix_socket_dir = " + folder_.path().string() +
                 "\nauth_type = scram-sha-256\nauth_file = " + (folder_.path() / "userlist.txt").string() +
                 "\nadmin_users = admin\nstats_users = stats\npool_mode = transaction\nmax_client_conn = 90\n"
                 "default_pool_size = 7\nquery_wait_timeout = " +
                 options.query_wait_timeout + "\nsyslog_ident = " + options.marker +
                 "\nignore_startup_parameters = extra_float_digits,options\nlog_connections = 0\n" + options.last_line);
}

std::string PgBouncerServer::log() const { return read_file(folder_.path() / "log"); }

bool PgBouncerServer::wait_until_ready() {
  return eventually([this] { return can_connect(port_) || !process_->is_running(); }) && process_->is_running();
}

}  // namespace poolwright::tests
