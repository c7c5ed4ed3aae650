// What both kinds of `poolwright run` make of the options that they share. Thread rule: pure.
#pragma once

#include <string>
#include <vector>

#include "cli/cli.h"
#include "run/record_files.h"
#include "run/web.h"

namespace poolwright::cli {

/// `server_names` stand in the certificate that is made at the start.
run::WebSettings web_settings(const RunOptions& options, std::vector<std::string> server_names);

run::RecordSettings record_settings(const RunOptions& options);

}  // namespace poolwright::cli
