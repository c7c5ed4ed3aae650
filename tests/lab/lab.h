#pragma once

// The lab for C++ tests: real etcd, kube-apiserver, PostgreSQL, PgBouncer and Redis for as long as a Lab lives. It runs
// the program `lab` beside this file (README.md there). When the test process ends, however it ends, the parts are
// stopped.
//
//   static tests::Lab lab({"--parts", "postgres"});
//   if (!lab.is_available()) GTEST_SKIP() << lab.why_not();
//   connect(lab.env("PGHOST"), lab.env("PGPORT"), lab.file(lab.env("PG_SUPERUSER_PASSWORD_FILE")));
//
// Threads: not thread-safe. Ownership: the parts and their folder. Errors: a part that this machine does not have makes
// the lab unavailable; anything else that fails is a failed expectation of the running test.

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace poolwright::tests {

class Lab {
 public:
  // The options of `lab up`; by default the API server and PostgreSQL.
  explicit Lab(const std::vector<std::string>& options = {}) {
    std::string folder = (std::filesystem::temp_directory_path() / "poolwright-lab-XXXXXX").string();
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    dir_ = folder;
    std::vector<std::string> arguments = {"up", "--while", std::to_string(getpid())};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const int code = run(arguments);
    is_available_ = code == 0;
    why_not_ = code == kPartMissing ? "the lab lacks a part: see ./dev deps" : "the lab did not start";
    EXPECT_TRUE(code == 0 || code == kPartMissing) << "lab up ended with exit code " << code;
  }

  ~Lab() {
    if (is_available_) {
      run({"down"});
    }
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }

  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;

  bool is_available() const { return is_available_; }
  const std::string& why_not() const { return why_not_; }

  // The folder of the lab. Files that a PgBouncer is to read may be put into a new folder below it.
  const std::filesystem::path& dir() const { return dir_; }

  // A key of DIR/env, such as KUBECONFIG; empty when the lab does not have it.
  std::string env(const std::string& key) const {
    std::ifstream lines(dir_ / "env");
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(key + "=")) {
        return line.substr(key.size() + 1);
      }
    }
    return "";
  }

  // The text of a file, without a newline at its end.
  static std::string file(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (text.ends_with('\n')) {
      text.pop_back();
    }
    return text;
  }

  // A command of the program `lab` on this lab, such as {"apiserver", "stop"}. Returns its exit code when it has ended.
  int run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "tests/lab/lab");
    arguments.push_back(dir_.string());
    return spawn(arguments);
  }

  // Runs kubectl as a user who may do everything. Returns its exit code.
  int kubectl(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {env("KUBECTL"), "--kubeconfig", env("KUBECONFIG")});
    return spawn(arguments);
  }

  // A loopback port that nothing listens on and no outgoing connection will take; 0 when there is none.
  int free_port() const {
    const std::filesystem::path answer = dir_ / "free-port";
    const std::string command = std::string("tests/lab/lab ports 1 > ") + answer.string();
    return spawn({"/bin/sh", "-c", command}) == 0 ? std::stoi(file(answer)) : 0;
  }

 private:
  static constexpr int kPartMissing = 77;

  static int spawn(const std::vector<std::string>& command) {
    std::vector<char*> words;
    words.reserve(command.size() + 1);
    for (const std::string& word : command) {
      words.push_back(const_cast<char*>(word.c_str()));
    }
    words.push_back(nullptr);
    pid_t child = 0;
    int status = 0;
    if (posix_spawn(&child, words[0], nullptr, nullptr, words.data(), environ) != 0 ||
        waitpid(child, &status, 0) != child) {
      return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::filesystem::path dir_;
  std::string why_not_;
  bool is_available_ = false;
};

}  // namespace poolwright::tests
