// JSON values as YAML that kubectl reads back to the same values. Thread rule: pure.
#pragma once

#include <string>

#include "api/object.h"

namespace poolwright::cli {

/// Block style; members in the order Kubernetes users expect at the top (apiVersion, kind, metadata, ...), else by
/// name; texts of several lines as literal blocks; everything that YAML would read as something else is quoted.
std::string yaml_text(const api::Json& object);

}  // namespace poolwright::cli
