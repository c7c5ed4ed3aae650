// [pgbouncer] of an installation as the part of a ConnectionPool that all of its databases share.
// Thread rule: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/connection_pool.h"
#include "importer/installation.h"
#include "render/version.h"

namespace poolwright::importer {

/// Files that a Secret of the result takes over.
struct TlsFiles {
  std::string server_ca;
  std::string server_cert;
  std::string server_key;
  std::string client_ca;
  std::string client_cert;
  std::string client_key;
};

struct SharedSettings {
  api::PostgresTls tls;
  api::Pgbouncer pgbouncer;
  TlsFiles files;
};

SharedSettings shared_settings(const Installation& installation, const render::PgbouncerVersion& version,
                               std::vector<Note>& notes);

/// What PgBouncer of that version runs with: the value of the file, else its default.
std::string effective(const Installation& installation, std::string_view option,
                      const render::PgbouncerVersion& version);

/// A whole number as PgBouncer writes it, or nothing.
std::optional<std::int32_t> whole_number(std::string_view text);
/// Pool mode as PgBouncer reads it, in any case of letters.
std::optional<api::PoolMode> mode_of(std::string_view text);
std::string lower(std::string_view text);

}  // namespace poolwright::importer
