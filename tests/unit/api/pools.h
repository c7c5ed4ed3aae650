// What several tests of the room need: files of the repository as JSON, and a good pool to change.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "api/connection_pool.h"
#include "api/parse.h"
#include "api/yaml.h"

namespace poolwright::api {

inline std::string file_text(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The only document of a YAML file.
inline Json yaml_file(const std::string& path) {
  auto documents = read_yaml(file_text(path));
  if (!documents || documents->size() != 1) {
    ADD_FAILURE() << path << ": " << (documents ? "not one document" : documents.error().message);
    return {};
  }
  return std::move(documents->front().json);
}

inline Json pool_with_spec(Json spec) {
  return {{"apiVersion", kApiVersion},
          {"kind", kKind},
          {"metadata", {{"name", "bad"}, {"namespace", "default"}}},
          {"spec", std::move(spec)}};
}

inline Json good_pool_json() {
  return pool_with_spec(
      {{"postgres", {{"host", "orders-db.shop.svc"}}},
       {"databases", Json::array({{{"name", "orders"}, {"credentialsSecretRef", {{"name", "orders-app"}}}}})}});
}

inline std::string all(const std::vector<FieldError>& errors) {
  std::string text;
  for (const FieldError& error : errors) text += "\n  " + to_string(error);
  return text.empty() ? " none" : text;
}

}  // namespace poolwright::api
