#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <vector>

#include "base/digest.h"
#include "kube/config.h"
#include "kube/server_url.h"

namespace poolwright::kube {

namespace {

/// A named entry (cluster, user, context) and the folder that its relative paths start from.
struct Entry {
  YAML::Node node;
  std::string folder;
  std::string label;  // "user lab of /home/me/.kube/config"
};

struct File {
  YAML::Node root;
  std::string path;
  std::string folder;
};

Error refuse(const std::string& label, const std::string& cause) {
  return make_error(ErrorKind::kInvalid, label + ": " + cause);
}

std::string text_at(const YAML::Node& node, const char* key) {
  if (!node.IsMap()) return {};
  const YAML::Node value = node[key];
  return value.IsDefined() && value.IsScalar() ? value.Scalar() : std::string();
}

bool has(const YAML::Node& node, const char* key) {
  return node.IsMap() && node[key].IsDefined() && !node[key].IsNull();
}

Result<std::vector<File>> load_files(const std::string& paths) {
  std::vector<File> files;
  for (std::size_t begin = 0; begin <= paths.size();) {
    const std::size_t end = std::min(paths.find(':', begin), paths.size());
    const std::string path = paths.substr(begin, end - begin);
    begin = end + 1;
    if (path.empty()) continue;
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(path, ignored)) {
      return make_error(ErrorKind::kNotFound, "kubeconfig " + path + ": there is no such file");
    }
    File file{YAML::LoadFile(path), path, std::filesystem::absolute(path).parent_path().string()};
    if (!file.root.IsMap()) return refuse("kubeconfig " + path, "is not a kubeconfig (no map at the top)");
    files.push_back(file);
  }
  if (files.empty()) return make_error(ErrorKind::kNotFound, "kubeconfig: no file is named");
  return files;
}

/// The first entry of that name in `list` ("clusters") of any file; its content is under `member` ("cluster").
Result<Entry> find_entry(const std::vector<File>& files, const char* list, const char* member,
                         const std::string& name) {
  for (const File& file : files) {
    const YAML::Node entries = file.root[list];
    if (!entries.IsDefined() || !entries.IsSequence()) continue;
    for (const YAML::Node& entry : entries) {
      if (text_at(entry, "name") != name) continue;
      const std::string label = std::string(member) + " " + name + " of " + file.path;
      if (!has(entry, member)) return refuse(label, "is empty");
      return Entry{entry[member], file.folder, label};
    }
  }
  return refuse("kubeconfig", std::string("there is no ") + member + " named '" + name + "'");
}

std::string absolute_in(const std::string& folder, const std::string& path) {
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

/// `key` names a file, `key`-data holds base64; the data wins, as with kubectl.
Result<TextSource> read_source(const Entry& entry, const std::string& key) {
  TextSource source;
  std::string encoded = text_at(entry.node, (key + "-data").c_str());
  if (!encoded.empty()) {
    std::erase_if(encoded, [](unsigned char c) { return std::isspace(c) != 0; });
    auto decoded = base64_decode(encoded);
    if (!decoded) return refuse(entry.label, key + "-data is not base64");
    source.text = SecretString(std::move(*decoded));
    return source;
  }
  const std::string file = text_at(entry.node, key.c_str());
  if (!file.empty()) source.file = absolute_in(entry.folder, file);
  return source;
}

Status read_cluster(const Entry& cluster, ClusterConfig& config) {
  if (text_at(cluster.node, "insecure-skip-tls-verify") == "true") {
    return refuse(cluster.label,
                  "insecure-skip-tls-verify is not supported: set certificate-authority-data (and tls-server-name, "
                  "where the address is not in the certificate)");
  }
  if (!text_at(cluster.node, "proxy-url").empty()) {
    return refuse(cluster.label, "proxy-url is not supported: forward a local port to the API server instead");
  }
  PW_ASSIGN_OR_RETURN(const ServerUrl url, parse_server_url(text_at(cluster.node, "server")));
  config.server = url.text;
  config.server_name = text_at(cluster.node, "tls-server-name");
  PW_ASSIGN_OR_RETURN(config.ca, read_source(cluster, "certificate-authority"));
  if (url.is_tls && config.ca.empty()) {
    return refuse(cluster.label,
                  "has no certificate authority: set certificate-authority-data; the roots of the system are not "
                  "trusted here");
  }
  return ok();
}

Status refuse_unsupported(const Entry& user) {
  struct Unsupported {
    const char* key;
    const char* cause;
  };
  constexpr std::array kUnsupported = {
      Unsupported{"exec",
                  "exec plugins are not run by poolwright: use a client certificate or a token, for example of "
                  "`kubectl create token`, written to a file that tokenFile names"},
      Unsupported{"auth-provider", "auth providers are not supported: use a client certificate, token or tokenFile"},
      Unsupported{"username", "user name and password are not supported: use a client certificate, token or tokenFile"},
      Unsupported{"password", "user name and password are not supported: use a client certificate, token or tokenFile"},
      Unsupported{"as", "impersonation is not supported: use credentials of that user"},
      Unsupported{"as-groups", "impersonation is not supported: use credentials of that user"},
      Unsupported{"as-uid", "impersonation is not supported: use credentials of that user"},
      Unsupported{"as-user-extra", "impersonation is not supported: use credentials of that user"},
  };
  for (const Unsupported& unsupported : kUnsupported) {
    if (has(user.node, unsupported.key)) return refuse(user.label, unsupported.cause);
  }
  return ok();
}

Status read_user(const Entry& user, ClusterConfig& config) {
  PW_RETURN_IF_ERROR(refuse_unsupported(user));
  PW_ASSIGN_OR_RETURN(config.client_certificate, read_source(user, "client-certificate"));
  PW_ASSIGN_OR_RETURN(config.client_key, read_source(user, "client-key"));
  if (config.client_certificate.empty() != config.client_key.empty()) {
    return refuse(user.label, "client-certificate and client-key belong together: one of them is missing");
  }
  const std::string token_file = text_at(user.node, "tokenFile");
  if (!token_file.empty()) {
    config.token.file = absolute_in(user.folder, token_file);
  } else {
    config.token.text = SecretString(text_at(user.node, "token"));
  }
  return ok();
}

std::string current_context(const std::vector<File>& files) {
  for (const File& file : files) {
    std::string name = text_at(file.root, "current-context");
    if (!name.empty()) return name;
  }
  return {};
}

Result<ClusterConfig> read_files(const std::string& paths, const std::string& wanted_context) {
  PW_ASSIGN_OR_RETURN(const auto files, load_files(paths));
  const std::string name = wanted_context.empty() ? current_context(files) : wanted_context;
  if (name.empty()) {
    return refuse("kubeconfig " + paths, "current-context is not set: use --context NAME");
  }
  PW_ASSIGN_OR_RETURN(const Entry context, find_entry(files, "contexts", "context", name));
  PW_ASSIGN_OR_RETURN(const Entry cluster, find_entry(files, "clusters", "cluster", text_at(context.node, "cluster")));

  ClusterConfig config;
  config.namespace_name = text_at(context.node, "namespace");
  config.origin = context.label;
  PW_RETURN_IF_ERROR(read_cluster(cluster, config));
  const std::string user_name = text_at(context.node, "user");
  if (!user_name.empty()) {
    PW_ASSIGN_OR_RETURN(const Entry user, find_entry(files, "users", "user", user_name));
    PW_RETURN_IF_ERROR(read_user(user, config));
  }
  if (config.server.starts_with("http://") && (!config.token.empty() || !config.client_key.empty())) {
    return refuse(cluster.label, "credentials are not sent without TLS: use https");
  }
  return config;
}

}  // namespace

Result<ClusterConfig> load_kubeconfig(const std::string& paths, const std::string& context) {
  try {
    return read_files(paths, context);
  } catch (const YAML::Exception& error) {
    // The library's message names a position, not the content.
    return make_error(ErrorKind::kInvalid, "kubeconfig " + paths + ": " + error.what());
  }
}

}  // namespace poolwright::kube
