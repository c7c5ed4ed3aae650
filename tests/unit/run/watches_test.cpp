#include "run/watches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace poolwright::run {
namespace {

using api::Json;
using testing::ElementsAre;
using testing::IsEmpty;

api::Object pool(const char* namespace_name, const Json& databases) {
  return std::make_shared<const Json>(
      Json{{"metadata", {{"namespace", namespace_name}, {"name", "p"}}}, {"spec", {{"databases", databases}}}});
}

Json counting(const char* kind) { return {{"application", {{"instancesFrom", {{"kind", kind}, {"name", "w"}}}}}}; }

/// "Secret shop (metadata)", "Deployment shop app.kubernetes.io/managed-by!=poolwright".
std::vector<std::string> words_of(const std::set<kube::Selection>& selections) {
  std::vector<std::string> words;
  for (const kube::Selection& selection : selections) {
    words.push_back(selection.kind + " " + selection.namespace_name + (selection.metadata_only ? " (metadata)" : "") +
                    (selection.label_selector.empty() ? "" : " " + selection.label_selector));
  }
  std::sort(words.begin(), words.end());
  return words;
}

TEST(Watches, OneSetForTheClusterOrForEachNamespace) {
  const auto cluster = fixed_selections({});
  ASSERT_EQ(cluster.size(), 8U);
  EXPECT_EQ(cluster[0].kind, "ConnectionPool");
  for (const kube::Selection& selection : cluster) {
    EXPECT_EQ(selection.namespace_name, "");
    EXPECT_NE(selection.kind, "Secret") << "Secrets are never watched for the whole cluster";
    EXPECT_EQ(selection.label_selector.empty(), selection.kind == "ConnectionPool") << selection.kind;
  }
  EXPECT_EQ(fixed_selections({.namespaces = {"a", "b"}}).size(), 16U);
}

TEST(Watches, SecretsByMetadataInNamespacesThatHavePools) {
  const std::vector<api::Object> pools = {pool("a", Json::array()), pool("a", Json::array()), pool("b", Json::array())};
  EXPECT_THAT(words_of(dynamic_selections({}, pools)), ElementsAre("Secret a (metadata)", "Secret b (metadata)"));
  EXPECT_THAT(words_of(dynamic_selections({.watch_secrets = false}, pools)), IsEmpty());
  EXPECT_THAT(words_of(dynamic_selections({}, {})), IsEmpty());
}

TEST(Watches, WorkloadsOnlyWhereTheyAreCounted) {
  const WatchScope polled{.watch_secrets = false};
  const std::string others = " app.kubernetes.io/managed-by!=poolwright";
  EXPECT_THAT(
      words_of(dynamic_selections(polled, {pool("a", Json::array({counting("Deployment"), counting("Deployment")})),
                                           pool("b", Json::array({counting("StatefulSet")}))})),
      ElementsAre("Deployment a" + others, "StatefulSet b" + others));
  EXPECT_THAT(words_of(dynamic_selections(polled, {pool("a", Json::array({counting("Secret")}))})), IsEmpty())
      << "whatever is stored, no other kind is ever watched";
  EXPECT_THAT(words_of(dynamic_selections(polled, {pool("a", "nonsense")})), IsEmpty());
}

}  // namespace
}  // namespace poolwright::run
