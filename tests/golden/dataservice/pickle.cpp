// Golden: one tiny verification set pickled by Python in every way (tests/golden/record_data_tools.py).
#include "dataservice/pickle/pickle.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "common/error.hpp"
#include "common/plan/philox.hpp"

namespace facetrain {
namespace {

std::map<std::string, std::string> golden_pickles() {
  std::ifstream file(FACETRAIN_SOURCE_DIR "/tests/golden/data/pickles.txt");
  std::map<std::string, std::string> pickles;
  for (std::string name, hex; file >> name >> hex;) {
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2)
      bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    pickles[name] = bytes;
  }
  return pickles;
}

std::vector<std::string> expected_pictures() {
  using namespace std::string_literals;
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  return {"\xff\xd8 picture\n0 \\ \x00"s, "\xff\xd8'\"\r\t1\x7f\x80"s, every, std::string(300, 'x')};
}

PairsPickle read(const std::string& bytes) {
  const Pickle pickle(std::as_bytes(std::span(bytes.data(), bytes.size())), "golden");
  PairsPickle pairs = read_pairs(pickle, "golden");
  return pairs;
}

TEST_CASE("protocols 0 to 5, Python 2, NumPy 1 and 2: always the same set") {
  const auto pickles = golden_pickles();
  CHECK(pickles.size() > 60);
  const auto pictures = expected_pictures();
  for (const auto& [name, bytes] : pickles) {
    CAPTURE(name);
    const Pickle pickle(std::as_bytes(std::span(bytes.data(), bytes.size())), name);
    const PairsPickle pairs = read_pairs(pickle, name);
    CHECK(pairs.issame == std::vector<bool>{true, false});
    REQUIRE(pairs.pictures.size() == pictures.size());
    for (std::size_t i = 0; i < pictures.size(); ++i) CHECK((pairs.pictures[i] == pictures[i]));
  }
}

// Run under ASan + UBSan by the asan preset: an out-of-bounds read fails there.
TEST_CASE("every truncation and thousands of flipped bits are an Error or a valid set, never worse") {
  RandomStream random(7, Purpose::kSample, 0, 0);
  int refused = 0, accepted = 0;
  const auto attempt = [&](const std::string& bytes) {
    try {
      read(bytes);
      ++accepted;
    } catch (const Error&) {
      ++refused;
    }
  };
  for (const auto& [name, bytes] : golden_pickles()) {
    for (std::size_t n = 0; n < bytes.size(); ++n) CHECK_THROWS_AS(read(bytes.substr(0, n)), Error);
    for (int i = 0; i < 400; ++i) {
      std::string bad = bytes;
      const std::uint32_t flips = 1 + random.below(3);
      for (std::uint32_t f = 0; f < flips; ++f)
        bad[random.below(static_cast<std::uint32_t>(bad.size()))] ^= static_cast<char>(1u << random.below(8));
      attempt(bad);
    }
  }
  CHECK(refused > 1000);
  CHECK(accepted > 1000);  // flips inside a picture's bytes
}

}  // namespace
}  // namespace facetrain
