#include <iostream>

#include "cli/cli.h"
#include "inspect/inspect.h"

namespace poolwright::cli {

int inspect(const InspectUrlOptions& options) {
  std::string text = options.url;
  if (text == "-") std::getline(std::cin, text);
  const auto url = inspect::parse_database_url(text);
  if (!url) {
    std::cerr << "poolwright inspect: " << url.error().message << "\n";
    return kExitFailed;
  }
  const inspect::Inspection result = inspect::inspect_url(*url, {.client = *inspect::client_from_name(options.client),
                                                                 .for_migrations = options.for_migrations,
                                                                 .instances = options.instances,
                                                                 .pool_clients = options.pool_clients});
  std::cout << (result.pooled ? "Through PgBouncer (" + result.pooled_because + ")"
                              : std::string("Direct to PostgreSQL"))
            << ": " << url->host << ":" << url->port << ", database \"" << url->database << "\", user \"" << url->user
            << "\"\n";
  for (const std::string& sentence : result.summary) std::cout << sentence << "\n";
  bool problems = false;
  for (const inspect::Finding& finding : result.findings) {
    std::cout << (finding.problem ? "problem: " : "note: ") << finding.text << "\n";
    problems = problems || finding.problem;
  }
  return problems ? kExitFailed : kExitOk;
}

}  // namespace poolwright::cli
