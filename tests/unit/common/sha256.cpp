// SHA-256 against the examples of FIPS 180-4 and sha256sum.
#include "common/sha256.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "common/error.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;

namespace {

std::string hex(const std::string& text) {
  return sha256_hex(std::as_bytes(std::span(text.data(), text.size())));
}

}  // namespace

TEST_CASE("published examples") {
  CHECK(hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hex(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("pieces of any length give the digest of the whole") {
  const std::string text(200, 'x');
  for (std::size_t length = 0; length <= text.size(); ++length) {
    const std::string part = text.substr(0, length);
    Sha256 pieces;
    for (std::size_t at = 0; at < length; at += 7)
      pieces.add(
          std::as_bytes(std::span(part.data(), length)).subspan(at, std::min<std::size_t>(7, length - at)));
    CHECK(pieces.hex() == hex(part));
  }
}

TEST_CASE("a file") {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "a") << "abc";
  std::ofstream(folder / "empty").close();
  CHECK(sha256_of_file(folder / "a") == hex("abc"));
  CHECK(sha256_of_file(folder / "empty") == hex(""));
  CHECK_THROWS_AS(sha256_of_file(folder / "none"), Error);
}
