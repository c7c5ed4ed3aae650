#include "render/userlist.h"

#include <algorithm>
#include <optional>

#include "render/hba.h"

namespace poolwright::render {

namespace {

Error broken_file() { return make_error(ErrorKind::kInvalid, "read userlist.txt: broken auth file"); }

/// The text up to the quote that ends it, with doubled quotes made single; removes both from `rest`.
std::optional<std::string> take_quoted(std::string_view& rest) {
  if (!rest.starts_with('"')) return std::nullopt;
  rest.remove_prefix(1);
  std::string text;
  while (!rest.empty() && (rest.front() != '"' || rest.starts_with("\"\""))) {
    if (rest.front() == '"') rest.remove_prefix(1);
    text += rest.front();
    rest.remove_prefix(1);
  }
  if (rest.empty()) return std::nullopt;
  rest.remove_prefix(1);
  return text;
}

void skip_while(std::string_view& rest, bool (*predicate)(char)) {
  while (!rest.empty() && predicate(rest.front())) rest.remove_prefix(1);
}

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool not_newline(char c) { return c != '\n'; }
bool not_quote(char c) { return c != '"'; }

}  // namespace

Result<SecretString> userlist_text(std::vector<Credentials> users) {
  std::stable_sort(users.begin(), users.end(),
                   [](const Credentials& a, const Credentials& b) { return a.username < b.username; });
  std::string text;
  const Credentials* previous = nullptr;
  for (const Credentials& user : users) {
    PW_RETURN_IF_ERROR(check_credentials(user));
    const bool is_repeated = previous != nullptr && previous->username == user.username;
    if (is_repeated && previous->password != user.password) {
      return make_error(ErrorKind::kInvalid,
                        "render userlist: two databases have the user " + quoted_name(user.username) +
                            " with different passwords; PgBouncer knows one password a user, so they must be equal "
                            "or the databases must have different users");
    }
    previous = &user;
    if (is_repeated) continue;
    text.append(quoted_name(user.username)).append(" ").append(quoted_name(user.password.reveal())).append("\n");
  }
  return SecretString(std::move(text));
}

SecretString with_marker_user(const SecretString& userlist, std::string_view marker) {
  return SecretString(userlist.reveal() + quoted_name(marker) + " \"\"\n");
}

std::string marker_user_of(const SecretString& userlist) {
  const auto users = parse_userlist(userlist);
  if (!users) return {};
  const auto found = std::find_if(users->begin(), users->end(),
                                  [](const Credentials& user) { return user.password.reveal().empty(); });
  return found == users->end() ? std::string() : found->username;
}

Result<std::vector<Credentials>> parse_userlist(const SecretString& userlist) {
  std::string_view rest = userlist.reveal();
  std::vector<Credentials> users;
  while (true) {
    skip_while(rest, is_space);
    if (rest.empty()) return users;
    if (rest.front() == ';') {
      skip_while(rest, not_newline);
      continue;
    }
    auto username = take_quoted(rest);
    if (!username) return broken_file();
    skip_while(rest, not_quote);
    auto password = take_quoted(rest);
    if (!password) return broken_file();
    users.push_back({.username = *std::move(username), .password = SecretString(*std::move(password))});
    skip_while(rest, not_newline);
  }
}

}  // namespace poolwright::render
