#include "kube/config.h"

#include <filesystem>
#include <fstream>

namespace poolwright::kube {

namespace {

bool is_file(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

std::string first_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

bool is_in_pod(const ConfigSearch& search) {
  return !search.service_host.empty() && is_file(search.service_account_folder + "/token");
}

}  // namespace

Result<ClusterConfig> in_cluster_config(const ConfigSearch& search) {
  const std::string& folder = search.service_account_folder;
  if (search.service_host.empty()) {
    return make_error(ErrorKind::kNotFound, "not in a pod: KUBERNETES_SERVICE_HOST is not set");
  }
  for (const char* name : {"/token", "/ca.crt"}) {
    if (!is_file(folder + name)) {
      return make_error(ErrorKind::kNotFound, folder + name +
                                                  " is missing: give the pod a service account and set "
                                                  "automountServiceAccountToken: true");
    }
  }
  // The HTTP library cannot dial IPv6 literals; the service's name is in the API server's certificate, too.
  const bool is_ipv6 = search.service_host.find(':') != std::string::npos;
  const std::string host = is_ipv6 ? "kubernetes.default.svc" : search.service_host;
  const std::string port = search.service_port.empty() ? "443" : search.service_port;
  ClusterConfig config;
  config.server = "https://" + host + ":" + port;
  config.ca.file = folder + "/ca.crt";
  config.token.file = folder + "/token";
  config.namespace_name = first_word(folder + "/namespace");
  config.origin = "service account of the pod";
  return config;
}

Result<ClusterConfig> find_cluster(const ConfigSearch& search) {
  if (!search.path.empty()) return load_kubeconfig(search.path, search.context);
  if (!search.kubeconfig.empty()) return load_kubeconfig(search.kubeconfig, search.context);
  if (is_in_pod(search)) return in_cluster_config(search);
  const std::string home_file = search.home + "/.kube/config";
  if (!search.home.empty() && is_file(home_file)) return load_kubeconfig(home_file, search.context);
  return make_error(ErrorKind::kNotFound, "no API server: use --kubeconfig FILE, set KUBECONFIG, create " + home_file +
                                              ", or run in a pod with a service account");
}

}  // namespace poolwright::kube
