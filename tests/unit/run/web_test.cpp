#include "run/web.h"

#include <gtest/gtest.h>

#include "fakes/manual_clock.h"
#include "unit/local/temporary_folder.h"

namespace poolwright::run {
namespace {

TEST(TokenFile, IsReadWithoutItsLineEnd) {
  const local::TemporaryFolder folder;
  const std::string path = (folder.path() / "token").string();
  const struct {
    const char* what;
    std::string content;
    std::optional<ErrorKind> error;
  } cases[] = {{"as a shell writes it", "0123456789abcdef\n", std::nullopt},
               {"as an editor of another system writes it", "0123456789abcdef\r\n", std::nullopt},
               {"without an end", "0123456789abcdef", std::nullopt},
               {"too short to be no guess", "0123456789abcde\n", ErrorKind::kInvalid},
               {"empty", "", ErrorKind::kInvalid},
               {"another file by mistake", std::string(4097, 'x'), ErrorKind::kInvalid}};
  for (const auto& one : cases) {
    SCOPED_TRACE(one.what);
    folder.write("token", one.content);
    const auto read = read_token_file(path);
    EXPECT_EQ(read.has_value(), !one.error);
    if (one.error && !read) {
      EXPECT_EQ(read.error().kind, *one.error);
      EXPECT_NE(read.error().message.find(path), std::string::npos);
      EXPECT_EQ(read.error().message.find("0123456789"), std::string::npos) << "a value is never told";
    }
  }
  EXPECT_EQ(read_token_file(path + "-of-nobody").error().kind, ErrorKind::kNotFound);
}

TEST(Web, SomebodyMustSayWhoMayRead) {
  const ManualClock clock;
  const serve::Mailbox mailbox;
  const auto made = Web::make({}, mailbox, nullptr, clock);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::kInvalid);
}

TEST(Web, APortThatIsTakenIsToldAtTheStart) {
  const ManualClock clock;
  const serve::Mailbox mailbox;
  const local::TemporaryFolder folder;
  folder.write("token", "0123456789abcdef\n");
  WebSettings settings{.token_file = (folder.path() / "token").string()};
  settings.server.address = "127.0.0.1";
  settings.server.port = 0;
  const auto first = Web::make(settings, mailbox, nullptr, clock);
  ASSERT_TRUE(first);
  ASSERT_TRUE((*first)->start());
  settings.server.port = (*first)->port();
  const auto second = Web::make(settings, mailbox, nullptr, clock);
  ASSERT_TRUE(second);
  const Status started = (*second)->start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::kUnavailable);
  (*first)->stop();
}

}  // namespace
}  // namespace poolwright::run
