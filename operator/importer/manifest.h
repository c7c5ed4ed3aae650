// An import as what a person applies and reads: objects without what is default anyway, and the report.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "api/object.h"
#include "importer/compare.h"
#include "importer/import.h"

namespace poolwright::importer {

/// The ConnectionPools, with only what differs from the defaults.
std::vector<api::Json> pool_objects(const Import& import);

/// The Secrets with `stringData`. Where `with_values` is false, and for what is not known, the placeholder.
std::vector<api::Json> secret_objects(const Import& import, const std::string& namespace_name, bool with_values);

/// What was carried with a change, what stays behind and why, and what renders back differently.
std::string report_text(const Import& import, const Comparison& comparison);

}  // namespace poolwright::importer
