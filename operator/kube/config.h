// Where the API server is and who we are: from a kubeconfig file or from the pod that we run in.
// Thread rule: plain values and functions without state. Errors are Invalid (with what to change) or NotFound.
#pragma once

#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace poolwright::kube {

/// PEM text or a token: given directly, or in a file that is read again from time to time.
struct TextSource {
  SecretString text;
  std::string file;  // wins over text

  bool empty() const { return text.empty() && file.empty(); }
  friend bool operator==(const TextSource&, const TextSource&) = default;
};

struct ClusterConfig {
  std::string server;       // "https://10.96.0.1:443", without a slash at the end; may have a path prefix
  std::string server_name;  // the name that the server's certificate must carry; "" = the host of `server`
  TextSource ca;            // who may sign for the server; nobody else is trusted
  TextSource client_certificate;
  TextSource client_key;
  TextSource token;
  std::string namespace_name;  // of the context, or of the pod; "" where none is named
  std::string origin;          // "context lab of /home/me/.kube/config", for messages
};

/// Everything that decides where to look. The command line fills it from flags and the environment.
struct ConfigSearch {
  std::string path = {};          // --kubeconfig
  std::string context = {};       // --context; "" = current-context
  std::string kubeconfig = {};    // $KUBECONFIG: files, separated by ':'
  std::string home = {};          // $HOME
  std::string service_host = {};  // $KUBERNETES_SERVICE_HOST
  std::string service_port = {};  // $KUBERNETES_SERVICE_PORT
  std::string service_account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";
};

/// In this order: `path`, `kubeconfig`, the pod's service account, ~/.kube/config. NotFound names all places.
Result<ClusterConfig> find_cluster(const ConfigSearch& search);

/// The pod's own service account. An IPv6 address of the service is replaced by its DNS name, which the HTTP library
/// can dial.
Result<ClusterConfig> in_cluster_config(const ConfigSearch& search);

/// Kubeconfig files, the first mention of a name wins. Refused, with a word on what to do instead: exec plugins, auth
/// providers, insecure-skip-tls-verify, proxy-url, user name and password, a missing CA.
Result<ClusterConfig> load_kubeconfig(const std::string& paths, const std::string& context);

}  // namespace poolwright::kube
