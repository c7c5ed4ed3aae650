#include "local/program.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

// Of the C library, whose header forgets to say so to C++ before version 2.37.
extern "C" {
#include <sys/pidfd.h>
}

#include "local/files.h"

namespace poolwright::local {

namespace fs = std::filesystem;

namespace {

constexpr int kAnswerMilliseconds = 10'000;
constexpr std::size_t kAnswerBytesMax = 4096;

// Nothing of our environment is PgBouncer's business; libc's resolver and the shell of a wrapper want a search path.
std::array<char*, 2> plain_environment() {
  static std::string path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return {path.data(), nullptr};
}

std::vector<char*> argument_list(std::vector<std::string>& words) {
  std::vector<char*> list;
  list.reserve(words.size() + 1);
  for (std::string& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

/// What the descriptor gives until its end, a limit or the time is over.
std::string read_answer(int descriptor) {
  std::string text;
  std::array<char, 1024> block{};
  pollfd source{.fd = descriptor, .events = POLLIN, .revents = 0};
  while (text.size() < kAnswerBytesMax && poll(&source, 1, kAnswerMilliseconds) > 0) {
    const ssize_t got = read(descriptor, block.data(), block.size());
    if (got <= 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  return text;
}

Result<std::string> ask_version(const fs::path& path) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return file_error(path, "it cannot be asked", errno);
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<std::string> words{path.string(), "--version"};
  pid_t pid = 0;
  const int failed =
      posix_spawn(&pid, path.c_str(), &actions, nullptr, argument_list(words).data(), plain_environment().data());
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  const std::string answer = failed == 0 ? read_answer(ends[0]) : std::string();
  close(ends[0]);
  if (failed != 0) return file_error(path, "it cannot be run", failed);
  kill(pid, SIGKILL);  // it has said what it had to say, or never will
  waitpid(pid, nullptr, 0);
  return answer;
}

/// "Time the process started after boot" of /proc/PID/stat: with the pid it names a process for good. "" if there is
/// none.
std::string start_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t behind_name = text.rfind(')');
  if (behind_name == std::string::npos) return {};
  std::istringstream words(text.substr(behind_name + 1));
  constexpr int kFieldsBefore = 19;  // state is the first one here
  std::string word;
  for (int i = 0; i <= kFieldsBefore; ++i) words >> word;
  return word;
}

/// Between fork and exec: system calls only. Gives errno of what failed.
int become(const StartOptions& options, int folder, int log, char* const* arguments, char* const* environment) {
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD}) std::signal(number, SIG_DFL);
  setsid();
  const int nothing = open("/dev/null", O_RDONLY);
  if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0) return errno;
  if (log >= 0 && (dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)) return errno;
  if (fchdir(folder) != 0) return errno;
  if (options.run_as) {
    const RunAs& who = *options.run_as;
    if (setgroups(0, nullptr) != 0 || setgid(who.group) != 0 || setuid(who.user) != 0) return errno;
  }
  execve(options.program.c_str(), arguments, environment);
  return errno;
}

}  // namespace

Result<Program> identify(const fs::path& path) {
  PW_ASSIGN_OR_RETURN(const std::string answer, ask_version(path));
  const std::string line = answer.substr(0, answer.find('\n'));
  const auto version = render::parse_version(line);
  if (!version || !render::is_supported(*version)) {
    return make_error(ErrorKind::kInvalid,
                      path.string() + ": is no PgBouncer 1.18 to 1.26; it says \"" + line.substr(0, 80) + "\"");
  }
  return Program{.path = path, .version = *version};
}

Result<std::vector<Program>> find_programs(const std::vector<std::string>& named, const std::string& path_variable) {
  std::vector<Program> programs;
  for (const std::string& name : named) {
    PW_ASSIGN_OR_RETURN(Program program, identify(fs::absolute(name)));
    programs.push_back(std::move(program));
  }
  if (named.empty()) {
    std::istringstream folders(path_variable + ":/usr/sbin");
    std::set<std::string> seen;
    for (std::string folder; std::getline(folders, folder, ':');) {
      const fs::path path = fs::path(folder) / "pgbouncer";
      if (folder.empty() || access(path.c_str(), X_OK) != 0 || !seen.insert(fs::canonical(path).string()).second)
        continue;
      if (auto program = identify(path)) programs.push_back(*std::move(program));
    }
  }
  if (programs.empty()) {
    return make_error(ErrorKind::kNotFound,
                      "no PgBouncer 1.18 to 1.26 on the search path; install it (apt install pgbouncer), name it with "
                      "--pgbouncer FILE, or use one that runs already with --attach");
  }
  std::stable_sort(programs.begin(), programs.end(),
                   [](const Program& a, const Program& b) { return a.version < b.version; });
  return programs;
}

const Program& choose_program(const std::vector<Program>& programs, const render::PgbouncerVersion& wanted) {
  const Program* best = &programs.front();
  for (const Program& program : programs) {
    if (program.version.minor <= wanted.minor) best = &program;
  }
  return *best;
}

Result<std::optional<RunAs>> find_run_as(const std::string& wanted) {
  if (geteuid() != 0) return std::optional<RunAs>();
  const std::vector<std::string> names =
      wanted.empty() ? std::vector<std::string>{"pgbouncer", "postgres", "nobody"} : std::vector<std::string>{wanted};
  for (const std::string& name : names) {
    std::array<char, 16384> space{};
    passwd entry{};
    passwd* found = nullptr;
    if (getpwnam_r(name.c_str(), &entry, space.data(), space.size(), &found) != 0 || found == nullptr) continue;
    if (entry.pw_uid == 0) break;
    return std::optional<RunAs>({.name = name, .user = entry.pw_uid, .group = entry.pw_gid});
  }
  return make_error(ErrorKind::kInvalid, "PgBouncer does not run as root, and there is no other user" +
                                             (wanted.empty() ? std::string() : " \"" + wanted + "\"") +
                                             "; name one with --pgbouncer-user");
}

Result<Process> Process::start(const StartOptions& options) {
  const int folder = open(options.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return file_error(options.folder, "PgBouncer cannot run there", errno);
  int log = -1;
  if (!options.log_file.empty()) {
    log = open(options.log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  }
  std::vector<std::string> words{options.program.string()};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  const std::vector<char*> arguments = argument_list(words);
  const auto environment = plain_environment();
  std::array<int, 2> news{-1, -1};  // closed by exec, or holds errno
  if (pipe2(news.data(), O_CLOEXEC) != 0) return file_error(options.program, "it cannot be started", errno);
  const pid_t pid = fork();
  if (pid == 0) {
    const int failed = become(options, folder, log, arguments.data(), environment.data());
    [[maybe_unused]] const auto told = write(news[1], &failed, sizeof failed);
    _exit(127);
  }
  const int fork_failed = pid < 0 ? errno : 0;
  for (const int descriptor : {folder, log, news[1]}) {
    if (descriptor >= 0) close(descriptor);
  }
  int failed = fork_failed;
  if (fork_failed == 0 && read(news[0], &failed, sizeof failed) != sizeof failed) failed = 0;
  close(news[0]);
  if (failed != 0) {
    if (pid > 0) waitpid(pid, nullptr, 0);
    return file_error(options.program, "it cannot be started", failed);
  }
  const int descriptor = pidfd_open(pid, 0);
  if (descriptor < 0) return file_error(options.program, "it cannot be watched", errno);
  return Process(pid, descriptor, start_of(pid));
}

Result<Process> Process::adopt(const api::Json& identity) {
  const bool is_whole = identity.is_object() && identity.contains("pid") && identity.contains("began") &&
                        identity.at("pid").is_number_integer() && identity.at("began").is_string();
  if (!is_whole) return make_error(ErrorKind::kNotFound, "no process is recorded");
  const auto pid = identity.at("pid").get<pid_t>();
  const auto began = identity.at("began").get<std::string>();
  const int descriptor = pid > 0 && !began.empty() ? pidfd_open(pid, 0) : -1;
  // Asked after the descriptor was made: now it cannot become another process any more.
  if (descriptor >= 0 && start_of(pid) == began) return Process(pid, descriptor, began);
  if (descriptor >= 0) close(descriptor);
  return make_error(ErrorKind::kNotFound, "process " + std::to_string(pid) + " is gone");
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      began_(std::move(other.began_)),
      ended_(std::move(other.ended_)) {}

Process& Process::operator=(Process&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(began_, other.began_);
  std::swap(ended_, other.ended_);
  return *this;
}

Process::~Process() {
  if (descriptor_ >= 0) close(descriptor_);
}

api::Json Process::identity() const { return {{"pid", pid_}, {"began", began_}}; }

std::optional<std::string> Process::ended() {
  if (ended_) return ended_;
  pollfd source{.fd = descriptor_, .events = POLLIN, .revents = 0};
  if (poll(&source, 1, 0) <= 0) return std::nullopt;
  siginfo_t info{};
  if (waitid(P_PIDFD, static_cast<id_t>(descriptor_), &info, WEXITED) != 0) {
    ended_ = "ended";  // not our child: an earlier run's
  } else if (info.si_code == CLD_EXITED) {
    ended_ = "exit code " + std::to_string(info.si_status);
  } else {
    ended_ = "signal " + std::to_string(info.si_status);
  }
  return ended_;
}

void Process::signal(int number) const { pidfd_send_signal(descriptor_, number, nullptr, 0); }

}  // namespace poolwright::local
