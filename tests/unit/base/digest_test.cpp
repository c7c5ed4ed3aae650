#include "base/digest.h"

#include <gtest/gtest.h>

#include <random>

namespace poolwright {
namespace {

TEST(Digest, Sha256OfKnownInputs) {  // FIPS 180-2, appendix B
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, Base64OfKnownInputs) {  // RFC 4648 section 10
  for (const auto& [bytes, text] :
       {std::pair{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}}) {
    EXPECT_EQ(base64_encode(bytes), text);
    EXPECT_EQ(base64_decode(text), bytes);
  }
}

TEST(Digest, Base64RoundTripsAnyBytes) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::string bytes(random() % 70, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes) << "round " << round;
  }
}

TEST(Digest, Base64RefusesWhatItCouldNotHaveWritten) {
  for (const char* text : {"Zg", "Zg=", "Z===", "Zg==\n", " Zg==", "Zh==", "Z-8=", "Zm9v!A==", "===="}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace poolwright
