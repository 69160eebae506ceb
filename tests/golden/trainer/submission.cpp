// The submission text of tests/golden/data/submission.txt, recorded from the reference, equal byte by byte.
#include "trainer/tools/submission.hpp"

#include <fstream>
#include <sstream>

#include "embedding_formula.hpp"
#include "trainer/validation/picture_rows.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;

TEST_CASE("the submission's text equals the reference's") {
  // Each "picture" is one row of 512 bytes, its embedding the normalised row.
  constexpr std::size_t kRows = 400;
  std::vector<std::byte> pictures;
  for (const std::int64_t value : golden::noise(5000, kRows * golden::kLength))
    pictures.push_back(static_cast<std::byte>(value & 255));
  const auto table = normalised_bytes();
  std::vector<float> original(pictures.size()), flip(pictures.size());
  normalise_pictures(pictures, golden::kLength, false, table, original);
  normalise_pictures(pictures, golden::kLength, true, table, flip);
  for (std::size_t i = 0; i < original.size(); ++i) original[i] += flip[i];

  std::ifstream file(FACETRAIN_SOURCE_DIR "/tests/golden/data/submission.txt");
  std::ostringstream expected;
  expected << file.rdbuf();
  REQUIRE(expected.str().size() == 200 * 25);
  CHECK(submission_text(pair_distances(original, golden::kLength)) == expected.str());
}
