#include "cli/input_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "api/yaml.h"

namespace poolwright::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class InputFiles : public testing::Test {
 protected:
  InputFiles() {
    folder_ = fs::path(testing::TempDir()) / ("poolwright-input-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
  }
  ~InputFiles() override { fs::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }
  std::string message_of(const std::string& path) const {
    const auto read = read_input({path});
    return read.has_value() ? "read" : read.error().message;
  }

  fs::path folder_;
};

TEST_F(InputFiles, AFolderGivesItsSpecFilesInOrder) {
  write("b.yaml", "b");
  write("a.json", "a");
  write("c.yml", "c");
  write("notes.txt", "no");
  write("deeper/d.yaml", "no");
  const auto files = read_input({folder_.string()});
  ASSERT_TRUE(files.has_value());
  std::vector<std::string> texts;
  for (const InputFile& file : *files) texts.push_back(file.text);
  EXPECT_THAT(texts, ElementsAre("a", "b", "c"));
  EXPECT_EQ((*files)[0].name, (folder_ / "a.json").string());
}

TEST_F(InputFiles, AFileIsReadWhateverItsEnding) {
  const auto files = read_input({write("pool.txt", "text"), write("other", "more")});
  ASSERT_TRUE(files.has_value());
  EXPECT_EQ(files->size(), 2U);
}

TEST_F(InputFiles, SaysWhatIsWrongWithAPath) {
  EXPECT_THAT(message_of((folder_ / "absent.yaml").string()),
              HasSubstr("absent.yaml: cannot be opened; does it exist"));
  write("empty/notes.txt", "");
  EXPECT_THAT(message_of((folder_ / "empty").string()), HasSubstr("the folder has no .yaml, .yml or .json file"));
}

TEST_F(InputFiles, ATooLargeFileIsCutWhereTheParserRefusesIt) {
  const auto files = read_input({write("large.yaml", std::string(api::kYamlBytesMax + 1000, '#'))});
  ASSERT_TRUE(files.has_value());
  EXPECT_EQ((*files)[0].text.size(), api::kYamlBytesMax + 1);
  EXPECT_FALSE(api::read_yaml((*files)[0].text).has_value());
}

}  // namespace
}  // namespace poolwright::cli
