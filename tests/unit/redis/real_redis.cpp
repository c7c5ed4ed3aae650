#include "unit/redis/real_redis.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/check.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace poolwright::redis {
namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int bound_socket(std::uint16_t& port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  PW_CHECK(::bind(socket, generic, size) == 0 && ::getsockname(socket, generic, &size) == 0);
  port = ntohs(address.sin_port);
  return socket;
}

bool is_listening(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool is_there = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(socket);
  return is_there;
}

int run(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  int pid = -1;
  PW_CHECK(posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

std::uint16_t free_port() {
  std::uint16_t port = 0;
  ::close(bound_socket(port));
  return port;
}

RealRedis::RealRedis(std::vector<std::string> arguments, bool is_tls) : port_(free_port()) {
  std::string pattern = (std::filesystem::temp_directory_path() / "poolwright_redis_XXXXXX").string();
  PW_CHECK(::mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  std::vector<std::string> words = {"redis-server", "--bind", "127.0.0.1",   "--save", "",
                                    "--dir",        folder_,  "--daemonize", "no"};
  const std::string port = std::to_string(port_);
  if (is_tls) {
    const std::string key = folder_ + "/tls.key";
    const std::string certificate = folder_ + "/tls.crt";
    int status = 1;
    const int made =
        run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
             "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate});
    PW_CHECK(::waitpid(made, &status, 0) == made && status == 0);
    ca_pem_ = text_of(certificate);
    words.insert(words.end(), {"--port", "0", "--tls-port", port, "--tls-cert-file", certificate, "--tls-key-file", key,
                               "--tls-auth-clients", "no"});
  } else {
    words.insert(words.end(), {"--port", port});
  }
  words.insert(words.end(), arguments.begin(), arguments.end());
  pid_ = run(words);
  constexpr int kTries = 1000;
  int tries = 0;
  while (!is_listening(port_) && ++tries < kTries) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  PW_CHECK(tries < kTries);
}

void RealRedis::stop() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

RealRedis::~RealRedis() {
  stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

SilentServer::SilentServer() : socket_(bound_socket(port_)) {
  constexpr int kBacklog = 16;
  PW_CHECK(::listen(socket_, kBacklog) == 0);
}
SilentServer::~SilentServer() { ::close(socket_); }

}  // namespace poolwright::redis
