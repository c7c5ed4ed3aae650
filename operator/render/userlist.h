// PgBouncer's auth_file. Passwords are in clear, because a forced user cannot log in to PostgreSQL with a verifier; so
// the file only ever lives in a Secret. Thread rule: pure functions over plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "render/credentials.h"

namespace poolwright::render {

/// One line a user, by name. Users that occur twice with the same password are written once; Invalid where they have
/// different ones (PgBouncer knows one password a user) or where one cannot be written.
Result<SecretString> userlist_text(std::vector<Credentials> users);

/// The same with a last user without password, whom no HBA line lets in: SHOW USERS has it once the file was loaded.
SecretString with_marker_user(const SecretString& userlist, std::string_view marker);
/// The marker user of such a file, "" where it has none.
std::string marker_user_of(const SecretString& userlist);

/// Reads the file as PgBouncer does (src/loader.c); Invalid where it would stop with "broken auth file".
Result<std::vector<Credentials>> parse_userlist(const SecretString& userlist);

}  // namespace poolwright::render
