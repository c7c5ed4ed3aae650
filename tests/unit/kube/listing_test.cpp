#include "kube/listing.h"

#include <gtest/gtest.h>

#include "kube/json_reader.h"
#include "kube/status_error.h"

namespace poolwright::kube {
namespace {

using api::Json;

const Selection kPods{.api_version = "v1", .kind = "Pod", .namespace_name = "shop"};
const Selection kSecrets{.api_version = "v1", .kind = "Secret", .namespace_name = "shop", .metadata_only = true};

TEST(ReadJson, HasALimitOfDepth) {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(read_json(nested(kJsonDepthMax)));
  const auto deep = read_json(nested(kJsonDepthMax + 1));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().kind, ErrorKind::kProtocol);
  EXPECT_FALSE(read_json(nested(100000)));
  EXPECT_TRUE(read_json("\"" + std::string(1000, '[') + "\\\"[\"")) << "brackets in a string are text";
}

TEST(ReadJson, NeverQuotesWhatItCannotRead) {
  const auto broken = read_json(R"({"password": "hunter2)");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().message.find("hunter2"), std::string::npos);
}

TEST(ListRequest, AsksForTheMostRecentStateInPages) {
  const auto first = list_request({.api_version = "v1", .kind = "Pod", .label_selector = "a=b,c"}, "");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->path, "/api/v1/pods");
  EXPECT_EQ(first->query, "limit=500&labelSelector=a%3Db%2Cc");
  EXPECT_EQ(first->query.find("resourceVersion"), std::string::npos) << "any version may be in the past";
  EXPECT_EQ(list_request(kPods, "tok/en=").value().query, "limit=500&continue=tok%2Fen%3D");
  EXPECT_NE(list_request(kSecrets, "").value().accept.find("PartialObjectMetadataList"), std::string::npos);
}

TEST(WatchRequest, SaysFromWhereForHowLongAndWantsBookmarks) {
  const auto request = watch_request(kPods, "42", 300);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->query, "watch=true&allowWatchBookmarks=true&resourceVersion=42&timeoutSeconds=300");
  EXPECT_NE(watch_request(kSecrets, "1", 300).value().accept.find("as=PartialObjectMetadata;"), std::string::npos);
}

TEST(ReadPage, GivesObjectsTheIdentityOfTheirCollection) {
  const auto page =
      read_page(kSecrets, R"({"kind":"PartialObjectMetadataList","metadata":{"resourceVersion":"7","continue":"c"},
      "items":[{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1",
                "metadata":{"name":"login","namespace":"shop","managedFields":[{"manager":"x"}]}}]})");
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->objects.size(), 1U);
  EXPECT_EQ(api::key_of(*page->objects[0]), (api::ObjectKey{"v1", "Secret", "shop", "login"}));
  EXPECT_FALSE(page->objects[0]->at("metadata").contains("managedFields"));
  EXPECT_EQ(page->version, "7");
  EXPECT_EQ(page->continue_token, "c");
}

TEST(ReadPage, OfNothingIsEmpty) {
  EXPECT_TRUE(read_page(kPods, R"({"metadata":{"resourceVersion":"7"},"items":null})").value().objects.empty());
  EXPECT_TRUE(read_page(kPods, R"({"metadata":{"resourceVersion":"7"},"items":[]})").value().objects.empty());
}

TEST(ReadPage, RefusesWhatIsNoList) {
  for (const char* body :
       {"", "[]", "null", "\"text\"", "{}", R"({"metadata":{"resourceVersion":"7"}})", R"({"metadata":{},"items":[]})",
        R"({"metadata":{"resourceVersion":"7"},"items":{}})", R"({"metadata":{"resourceVersion":"7"},"items":[1]})",
        R"({"metadata":{"resourceVersion":"7"},"items":[{"metadata":{}}]})",
        R"({"metadata":{"resourceVersion":7},"items":[]})", "{\"metadata\":"}) {
    const auto page = read_page(kPods, body);
    ASSERT_FALSE(page) << body;
    EXPECT_EQ(page.error().kind, ErrorKind::kProtocol) << body;
  }
}

TEST(ReadEvent, KnowsTheFiveTypes) {
  const auto event = [](const std::string& type) {
    return read_event(
        kPods, R"({"type":")" + type + R"(","object":{"kind":"Pod","metadata":{"name":"p","resourceVersion":"9"}}})");
  };
  EXPECT_EQ(event("ADDED").value().type, WatchEventType::kChanged);
  EXPECT_EQ(event("MODIFIED").value().type, WatchEventType::kChanged);
  EXPECT_EQ(event("DELETED").value().type, WatchEventType::kDeleted);
  EXPECT_EQ(event("BOOKMARK").value().type, WatchEventType::kBookmark);
  EXPECT_EQ(event("BOOKMARK").value().version, "9");
  EXPECT_EQ(event("SOMETHING").error().kind, ErrorKind::kProtocol);
}

TEST(ReadEvent, AnErrorIsWhatItsStatusSays) {
  const auto error = [](int code, const std::string& reason) {
    return read_event(
        kPods,
        Json{{"type", "ERROR"}, {"object", {{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", "m"}}}}
            .dump());
  };
  EXPECT_EQ(error(410, "Expired").error().kind, ErrorKind::kGone);
  EXPECT_EQ(error(500, "InternalError").error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(error(429, "TooManyRequests").error().kind, ErrorKind::kThrottled);
  EXPECT_EQ(read_event(kPods, R"({"type":"ERROR","object":{}})").error().kind, ErrorKind::kUnavailable);
}

TEST(ReadEvent, RefusesGarbage) {
  for (const char* line : {"", "null", "[]", "{", R"({"type":1,"object":{}})", R"({"type":"ADDED"})",
                           R"({"type":"ADDED","object":[]})", R"({"type":"ADDED","object":{"metadata":{"name":"p"}}})",
                           R"({"type":"ADDED","object":{"metadata":{"resourceVersion":"9"}}})",
                           R"({"type":"BOOKMARK","object":{"metadata":{}}})", "\xC3\x28"}) {
    const auto event = read_event(kPods, line);
    ASSERT_FALSE(event) << line;
    EXPECT_EQ(event.error().kind, ErrorKind::kProtocol) << line;
  }
}

TEST(ErrorOf, SaysWhatTheCallerMayDo) {
  struct Case {
    int status;
    const char* reason;
    ErrorKind kind;
  };
  const Case cases[] = {{400, "BadRequest", ErrorKind::kInvalid},
                        {400, "Expired", ErrorKind::kGone},
                        {401, "Unauthorized", ErrorKind::kUnauthorized},
                        {403, "Forbidden", ErrorKind::kForbidden},
                        {404, "NotFound", ErrorKind::kNotFound},
                        {405, "MethodNotAllowed", ErrorKind::kInvalid},
                        {409, "Conflict", ErrorKind::kConflict},
                        {409, "AlreadyExists", ErrorKind::kAlreadyExists},
                        {410, "Expired", ErrorKind::kGone},
                        {413, "RequestEntityTooLarge", ErrorKind::kInvalid},
                        {415, "UnsupportedMediaType", ErrorKind::kInvalid},
                        {422, "Invalid", ErrorKind::kInvalid},
                        {429, "TooManyRequests", ErrorKind::kThrottled},
                        {500, "InternalError", ErrorKind::kUnavailable},
                        {502, "", ErrorKind::kUnavailable},
                        {503, "ServiceUnavailable", ErrorKind::kUnavailable},
                        {504, "Timeout", ErrorKind::kUnavailable},
                        {302, "", ErrorKind::kProtocol}};
  for (const Case& expected : cases) {
    const std::string body = Json{{"reason", expected.reason}, {"message", "m"}}.dump();
    const Error error = error_of({expected.status, body, std::nullopt}, "get Pod shop/p", false);
    EXPECT_EQ(error.kind, expected.kind) << expected.status << " " << expected.reason;
    EXPECT_TRUE(error.message.starts_with("get Pod shop/p: ")) << error.message;
  }
}

TEST(ErrorOf, TakesTheWaitFromTheHeaderOrTheBody) {
  EXPECT_EQ(error_of({429, "", std::chrono::seconds{3}}, "x", false).retry_after, std::chrono::seconds{3});
  EXPECT_EQ(error_of({429, R"({"details":{"retryAfterSeconds":5}})", std::nullopt}, "x", false).retry_after,
            std::chrono::seconds{5});
  for (const char* body : {R"({"details":{"retryAfterSeconds":-1}})", R"({"details":{"retryAfterSeconds":"5"}})",
                           R"({"details":5})", "[]", "junk"}) {
    EXPECT_FALSE(error_of({429, body, std::nullopt}, "x", false).retry_after) << body;
  }
}

TEST(ErrorOf, DoesNotRepeatWordsThatCouldQuoteASecret) {
  const char* body = R"({"reason":"Invalid","message":"data[password]: Invalid value: \"hunter2\""})";
  EXPECT_EQ(error_of({422, body, std::nullopt}, "apply Secret shop/login", true).message,
            "apply Secret shop/login: the API server answered 422 Invalid");
  EXPECT_NE(error_of({422, body, std::nullopt}, "apply Pod shop/p", false).message.find("hunter2"), std::string::npos);
  const char* forbidden = R"({"reason":"Forbidden","message":"secrets is forbidden: User x cannot get resource"})";
  EXPECT_NE(error_of({403, forbidden, std::nullopt}, "get", true).message.find("User x cannot"), std::string::npos);
  const char* denied = R"({"reason":"Forbidden","message":"admission webhook denied: hunter2"})";
  EXPECT_EQ(error_of({403, denied, std::nullopt}, "apply", true).message.find("hunter2"), std::string::npos);
}

TEST(ErrorOf, KeepsMessagesBounded) {
  const std::string body = Json{{"message", std::string(100000, 'x')}}.dump();
  EXPECT_LT(error_of({500, body, std::nullopt}, "get", false).message.size(), 1100U);
}

}  // namespace
}  // namespace poolwright::kube
