#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output_files.h"
#include "cli/yaml_text.h"
#include "importer/manifest.h"
#include "render/ini.h"
#include "render/userlist.h"

namespace poolwright::cli {

namespace {

struct ImportCommandOptions {
  std::string ini;
  std::string userlist;
  std::string output = "-";
  std::string secrets_file;
  std::string version = "1.26";
  std::vector<std::string> users;  // DATABASE=USER
  importer::ImportOptions import;
};

constexpr const char* kCommand = "poolwright import: ";

Result<std::string> read_text_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) {
    return make_error(ErrorKind::kNotFound, path + ": cannot be opened; does it exist, may you read it?");
  }
  std::string text;
  for (std::istreambuf_iterator<char> it(stream), end; it != end && text.size() <= render::kIniBytesMax; ++it) {
    text.push_back(*it);
  }
  return text;
}

/// The users of the file that was given, else of the one that the ini names, as far as it can be read.
Result<std::vector<render::Credentials>> read_users(const ImportCommandOptions& options,
                                                    const importer::Installation& installation) {
  std::string path = options.userlist;
  const auto named = installation.pgbouncer.find("auth_file");
  if (path.empty() && named != installation.pgbouncer.end()) path = named->second.text;
  if (path.empty()) return std::vector<render::Credentials>();
  auto text = read_text_file(path);
  if (!text && !options.userlist.empty()) return std::move(text).error();
  if (!text) {
    std::cerr << kCommand << "auth_file " << text.error().message << " Users are unknown; give it after the ini\n";
    return std::vector<render::Credentials>();
  }
  auto users = render::parse_userlist(SecretString(*std::move(text)));
  if (!users) return make_error(ErrorKind::kInvalid, path + ": " + users.error().message);
  return users;
}

Status read_options(ImportCommandOptions& options) {
  const auto version = render::parse_version(options.version);
  if (!version || !render::is_supported(*version)) {
    return make_error(ErrorKind::kInvalid, "--pgbouncer must be from 1.18 to 1.26, got " + options.version);
  }
  options.import.databases.version = *version;
  for (const std::string& choice : options.users) {
    const std::size_t equals = choice.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == choice.size()) {
      return make_error(ErrorKind::kInvalid, "--user must be DATABASE=USER, got " + choice);
    }
    options.import.databases.users[choice.substr(0, equals)] = choice.substr(equals + 1);
  }
  return ok();
}

/// Certificates and keys go where passwords go.
void fill_from_files(importer::Import& import) {
  for (importer::SecretSkeleton& secret : import.secrets) {
    for (importer::SecretKey& key : secret.keys) {
      if (key.file.empty() || key.file == "?") continue;
      auto text = read_text_file(key.file);
      if (text) {
        key.value = SecretString(*std::move(text));
      } else {
        std::cerr << kCommand << "Secret " << secret.name << ": " << text.error().message << "\n";
      }
    }
  }
}

std::string documents(const std::vector<api::Json>& objects) {
  std::string text;
  for (const api::Json& object : objects) text += "---\n" + yaml_text(object);
  return text;
}

Status import_files(ImportCommandOptions& options) {
  PW_RETURN_IF_ERROR(read_options(options));
  PW_ASSIGN_OR_RETURN(const auto lines, importer::read_lines(options.ini, read_text_file));
  PW_ASSIGN_OR_RETURN(const importer::Installation installation, importer::read_installation(lines));
  PW_ASSIGN_OR_RETURN(const auto users, read_users(options, installation));
  importer::Import import = importer::import_installation(installation, users, options.import);
  PW_ASSIGN_OR_RETURN(const importer::Comparison comparison,
                      importer::compare(installation, import, options.import.databases.version));
  const std::string& ns = options.import.namespace_name;
  std::string yaml = documents(importer::pool_objects(import));
  if (options.secrets_file.empty()) {
    yaml += documents(importer::secret_objects(import, ns, false));
  } else {
    fill_from_files(import);
    PW_RETURN_IF_ERROR(write_private_file(options.secrets_file, documents(importer::secret_objects(import, ns, true))));
  }
  PW_RETURN_IF_ERROR(write_file(options.output, yaml));
  std::cerr << importer::report_text(import, comparison);
  if (import.pools.empty()) {
    return make_error(ErrorKind::kInvalid, options.ini + ": no database could be carried; the reasons stand above");
  }
  return ok();
}

}  // namespace

void add_import(CLI::App& app, int& code) {
  static ImportCommandOptions options;
  CLI::App* command =
      app.add_subcommand("import", "Turn a hand-written pgbouncer.ini into ConnectionPools and Secret skeletons");
  command->add_option("ini", options.ini, "The pgbouncer.ini; %include is followed from the working directory")
      ->required();
  command->add_option("userlist", options.userlist, "The auth_file (default: the one that the ini names)");
  command->add_option("-o,--output", options.output, "File for the YAML; - is stdout")->capture_default_str();
  command->add_option("--secrets-file", options.secrets_file,
                      "New file, readable by you only, for the Secrets with passwords and keys; without it Secrets are "
                      "skeletons and no password is printed");
  command->add_option("-n,--namespace", options.import.namespace_name, "Namespace of the objects");
  command->add_option("--name", options.import.name, "Name of the ConnectionPools (default: the server's)");
  command->add_option("--local-host", options.import.databases.local_host,
                      "DNS name of the PostgreSQL that the file reaches by Unix socket or loopback");
  command->add_option("--user", options.users, "DATABASE=USER: who opens a database without user=; may be repeated");
  command->add_option("--pgbouncer", options.version, "Version to render for, and whose defaults the file relied on")
      ->capture_default_str();
  command->callback([&code] {
    const Status done = import_files(options);
    code = done ? kExitOk : kExitFailed;
    if (!done) std::cerr << kCommand << done.error().message << "\n";
  });
}

}  // namespace poolwright::cli
