// Runs raw_server.py beside this file: a server that misbehaves in one way.
// Thread rule: one thread.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

namespace poolwright::tests {

class RawServer {
 public:
  /// `certificate`: path without ".crt" and ".key"; "" = plain HTTP.
  explicit RawServer(const std::string& mode, const std::string& certificate = "") {
    std::vector<std::string> words = {"/usr/bin/env", "python3", "tests/integration/kube/raw_server.py", mode};
    if (!certificate.empty()) words.insert(words.end(), {certificate + ".crt", certificate + ".key"});
    start(words);
    port_ = read_line();
    EXPECT_FALSE(port_.empty()) << "raw_server.py did not start";
  }
  ~RawServer() {
    close(to_child_);
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    fclose(from_child_);
  }
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  const std::string& port() const { return port_; }
  /// The next request that the server read: "POST /path". Waits for it.
  std::string next_request() { return read_line(); }
  /// Ends the server; how many of the requests that it read and that were not asked for yet begin with `method`.
  int remaining(const std::string& method) {
    close(to_child_);
    to_child_ = -1;
    int count = 0;
    for (std::string line = read_line(); !line.empty(); line = read_line()) count += line.starts_with(method) ? 1 : 0;
    return count;
  }

 private:
  void start(const std::vector<std::string>& words) {
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    int in[2] = {-1, -1};
    int out[2] = {-1, -1};
    ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    ASSERT_EQ(posix_spawn(&child_, arguments[0], &actions, nullptr, arguments.data(), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    to_child_ = in[1];
    from_child_ = fdopen(out[0], "r");
  }
  std::string read_line() {
    char line[4096] = "";
    if (from_child_ == nullptr || fgets(line, sizeof line, from_child_) == nullptr) return "";
    std::string text = line;
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }

  pid_t child_ = -1;
  int to_child_ = -1;
  FILE* from_child_ = nullptr;
  std::string port_;
};

}  // namespace poolwright::tests
