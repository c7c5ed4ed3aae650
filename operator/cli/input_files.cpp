#include "cli/input_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "api/yaml.h"

namespace poolwright::cli {

namespace {

namespace fs = std::filesystem;

bool is_spec_file(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml" || path.extension() == ".json";
}

Result<std::vector<fs::path>> expand(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return std::vector<fs::path>{path};
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    if (entry.is_regular_file(error) && is_spec_file(entry.path())) files.push_back(entry.path());
  }
  if (error) return make_error(ErrorKind::kInvalid, path + ": " + error.message());
  if (files.empty()) return make_error(ErrorKind::kNotFound, path + ": the folder has no .yaml, .yml or .json file");
  std::sort(files.begin(), files.end());
  return files;
}

/// One byte more than allowed is read, so that the parser says that the file is too large.
std::string read_stream(std::istream& stream) {
  std::string text;
  for (std::istreambuf_iterator<char> it(stream), end; it != end && text.size() <= api::kYamlBytesMax; ++it) {
    text.push_back(*it);
  }
  return text;
}

Status read_path(const std::string& path, std::vector<InputFile>& files) {
  if (path == "-") {
    files.push_back({.name = "<stdin>", .text = read_stream(std::cin)});
    return ok();
  }
  PW_ASSIGN_OR_RETURN(const auto expanded, expand(path));
  for (const fs::path& file : expanded) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream)
      return make_error(ErrorKind::kNotFound, file.string() + ": cannot be opened; does it exist, may you read it?");
    files.push_back({.name = file.string(), .text = read_stream(stream)});
    if (files.size() > kInputFilesMax) {
      return make_error(ErrorKind::kInvalid, path + ": more than " + std::to_string(kInputFilesMax) + " files");
    }
  }
  return ok();
}

}  // namespace

Result<std::vector<InputFile>> read_input(const std::vector<std::string>& paths) {
  std::vector<InputFile> files;
  for (const std::string& path : paths) PW_RETURN_IF_ERROR(read_path(path, files));
  return files;
}

}  // namespace poolwright::cli
