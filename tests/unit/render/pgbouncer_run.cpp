#include "pgbouncer_run.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "render/pgbouncer_ini.h"

namespace poolwright::render::testing {

namespace {

namespace fs = std::filesystem;

constexpr int kAttempts = 100;
constexpr std::chrono::milliseconds kBetweenAttempts{100};

int free_port() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  void* raw = &address;
  int port = 0;
  if (bind(socket_fd, static_cast<sockaddr*>(raw), length) == 0 &&
      getsockname(socket_fd, static_cast<sockaddr*>(raw), &length) == 0) {
    port = ntohs(address.sin_port);
  }
  close(socket_fd);
  return port;
}

void write_file(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  // A new file each time, as the kubelet does: PgBouncer skips an auth_file whose inode and size did not change.
  const fs::path fresh = path.string() + ".new";
  std::ofstream(fresh, std::ios::binary) << text;
  fs::rename(fresh, path);
}

/// PgBouncer does not run as root.
const passwd* unprivileged_user() {
  return geteuid() == 0 ? getpwnam("postgres") : nullptr;  // NOLINT(concurrency-mt-unsafe): before any thread
}

void give_to(const passwd* user, const fs::path& path) {
  if (user == nullptr) return;
  if (chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) throw std::runtime_error("chown failed");
}

std::string conninfo_value(const std::string& value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

PGconn* connect(int port, const std::string& database, const Credentials& credentials, const std::string& more = "") {
  const std::string conninfo = "host=127.0.0.1 connect_timeout=10 port=" + std::to_string(port) +
                               " dbname=" + conninfo_value(database) + " user=" + conninfo_value(credentials.username) +
                               " password=" + conninfo_value(credentials.password.reveal()) + " " + more;
  return PQconnectdb(conninfo.c_str());
}

}  // namespace

std::vector<Binary> installed_pgbouncers() {
  std::vector<Binary> found;
  if (fs::exists("/usr/sbin/pgbouncer")) found.push_back({"1.18", "/usr/sbin/pgbouncer"});
  const char* cache = std::getenv("POOLWRIGHT_CACHE");  // NOLINT(concurrency-mt-unsafe): before any thread
  const char* home = std::getenv("HOME");               // NOLINT(concurrency-mt-unsafe): before any thread
  const fs::path root =
      cache != nullptr ? fs::path(cache) : fs::path(home != nullptr ? home : "") / ".cache/poolwright";
  for (const char* version : {"1.24", "1.26"}) {
    const fs::path path = root / "pgbouncer" / version / "pgbouncer";
    if (fs::exists(path)) found.push_back({version, path.string()});
  }
  return found;
}

PgbouncerRun::PgbouncerRun(const Binary& binary, const Rendered& rendered, const Row& further_files) {
  std::string pattern = (fs::temp_directory_path() / "poolwright-render-XXXXXX").string();
  directory_ = mkdtemp(pattern.data());
  give_to(unprivileged_user(), directory_);
  const std::string userlist = rendered.userlist.reveal();
  const std::size_t start_of_password = userlist.find(std::string("\"") + kAdminUser + "\" \"") + 20;
  admin_ = {.username = kAdminUser,
            .password = SecretString(
                userlist.substr(start_of_password, userlist.find('"', start_of_password) - start_of_password))};
  port_ = free_port();
  write_files(rendered);
  for (const auto& [path, text] : further_files) write_file(directory_ / path, text);
  write_file(directory_ / "wrapper.ini", wrapper_ini("127.0.0.1", port_));
  if (start(binary)) connect_console();
}

PgbouncerRun::~PgbouncerRun() {
  console_.reset();
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

void PgbouncerRun::write_files(const Rendered& rendered) const {
  write_file(directory_ / kIniPath, rendered.ini);
  write_file(directory_ / kHbaPath, rendered.hba);
  write_file(directory_ / kUserlistPath, rendered.userlist.reveal());
}

std::string PgbouncerRun::reachable_program(const Binary& binary) const {
  const fs::path program = binary.path;
  if (unprivileged_user() == nullptr || program.string().starts_with("/usr/")) return program.string();
  // The cache may lie in root's home, where the postgres user cannot go.
  const fs::path copy = directory_ / "program";
  fs::copy(program.parent_path(), copy, fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  return (copy / program.filename()).string();
}

bool PgbouncerRun::start(const Binary& binary) {
  const passwd* user = unprivileged_user();
  const std::string program = reachable_program(binary);
  const std::string log = (directory_ / "log").string();
  pid_ = fork();
  if (pid_ == 0) {
    const int log_fd = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    dup2(log_fd, STDERR_FILENO);
    dup2(log_fd, STDOUT_FILENO);
    if (chdir(directory_.c_str()) != 0) _exit(120);
    if (user != nullptr && (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) _exit(121);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl(program.c_str(), program.c_str(), "wrapper.ini", nullptr);
    _exit(122);
  }
  return pid_ > 0;
}

void PgbouncerRun::connect_console() {
  for (int attempt = 0; attempt < kAttempts && console_ == nullptr; ++attempt) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) {
      pid_ = -1;
      return;
    }
    std::unique_ptr<PGconn, void (*)(PGconn*)> candidate(connect(port_, kConsoleDatabase, admin_), PQfinish);
    if (PQstatus(candidate.get()) == CONNECTION_OK) console_ = std::move(candidate);
    if (console_ == nullptr) std::this_thread::sleep_for(kBetweenAttempts);
  }
}

std::string PgbouncerRun::log() const {
  std::ostringstream text;
  text << std::ifstream(directory_ / "log").rdbuf();
  return text.str();
}

std::vector<Row> PgbouncerRun::show(const std::string& what) {
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(console_.get(), ("SHOW " + what).c_str()),
                                                              PQclear);
  std::vector<Row> rows;
  for (int i = 0; i < PQntuples(result.get()); ++i) {
    Row row;
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      row[PQfname(result.get(), column)] = PQgetvalue(result.get(), i, column);
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

bool PgbouncerRun::reload(const Rendered& rendered) {
  write_files(rendered);
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(console_.get(), "RELOAD"), PQclear);
  return PQresultStatus(result.get()) == PGRES_COMMAND_OK;
}

std::string PgbouncerRun::login_error(const std::string& database, const Credentials& credentials,
                                      const std::string& more) const {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(connect(port_, database, credentials, more), PQfinish);
  return PQstatus(connection.get()) == CONNECTION_OK ? "" : PQerrorMessage(connection.get());
}

}  // namespace poolwright::render::testing
