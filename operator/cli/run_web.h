// What both kinds of `poolwright run` make of the options of their web server. Thread rule: pure.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.h"
#include "run/web.h"

namespace poolwright::cli {

/// `server_names` stand in the certificate that is made at the start.
run::WebSettings web_settings(const RunOptions& options, std::vector<std::string> server_names);

}  // namespace poolwright::cli
