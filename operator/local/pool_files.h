// The files of one pool: what its PgBouncer reads, as the rendered Deployment says (the kubelet's part in a cluster),
// the .env files of its applications, and its status for people. Thread rule: pure but for write_pool_files and the
// store.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "api/object_store.h"
#include "local/files.h"

namespace poolwright::local {

/// Files by path relative to the pool's folder.
using FileTexts = std::map<std::string, std::string>;

/// The ConfigMap's and Secrets' entries that the Deployment's volume names. NotFound with the object or key that is
/// missing.
Result<FileTexts> bouncer_files(const api::ObjectStore& store, const api::Json& deployment);

/// "orders.env" for database orders: KEY='value' for each upper-case key of the database's URL Secret. Databases whose
/// Secret is not there yet are left out.
FileTexts env_files(const api::ObjectStore& store, const api::Json& pool);

/// Quoted so that a shell, docker-compose and dotenv readers all take the value as it is.
std::string env_text(const api::Json& url_secret);

/// Writes all, those in folders first to last by name but for the main file, which comes last: whoever reads it finds
/// the files that it names.
Status write_files(const std::filesystem::path& folder, const FileTexts& texts, const FileAccess& access);

}  // namespace poolwright::local
