// Validation sets on disk: what is read, and what is refused with which words; pictures as numbers and
// embeddings.
#include "trainer/validation/validation_set.hpp"

#include "common/error.hpp"
#include "tests/validation_fixture.hpp"
#include "trainer/validation/embed.hpp"
#include "trainer/validation/picture_rows.hpp"

// After ATen, whose logging header defines a CHECK of its own.
#include <doctest/doctest.h>

using namespace facetrain;

namespace {

void open(const test::TemporaryFolder& folder) {
  ValidationSet(folder.path(), "lfw");
}

}  // namespace

TEST_CASE("issame.txt is read as np.loadtxt reads it") {
  const std::vector<std::uint8_t> expected{1, 0, 1, 0};
  CHECK(parse_issame("1\n0\n1\n0\n", "f") == expected);
  CHECK(parse_issame("1.000e+00\r\n0.0\r\n\r\n# note\n1 0", "f") == expected);
  CHECK_THROWS_WITH_AS(parse_issame("1\nTrue\n", "dir/issame.txt"),
                       doctest::Contains("dir/issame.txt:2: \"True\""), Error);
}

TEST_CASE("a set is mapped and its pictures are found") {
  const test::TemporaryFolder folder;
  test::write_set(folder.path(), "lfw", 12);
  const ValidationSet set(folder.path(), "lfw");
  CHECK(set.pictures() == 24);
  CHECK(set.same()[1] == 1);
  CHECK(set.same()[2] == 0);
  const auto expected = test::tiled_pictures(12);
  const auto got = set.bytes(23, 1);
  REQUIRE(got.size() == kPictureBytes);
  CHECK(std::to_integer<int>(got[kPictureBytes - 1]) == expected.back());
}

TEST_CASE("what is wrong with a set is said, with the file and the remedy") {
  const test::TemporaryFolder folder;
  CHECK_THROWS_WITH_AS(open(folder), doctest::Contains("lfw/lfw.npy: no such file"), Error);
  CHECK_THROWS_WITH_AS(open(folder), doctest::Contains("facetrain prepare"), Error);

  test::write_set(folder.path(), "lfw", 9);
  CHECK_THROWS_WITH_AS(open(folder), doctest::Contains("9 pairs; 10-fold verification needs at least 10"),
                       Error);

  test::write_set(folder.path(), "lfw", 12);
  std::ofstream(folder.path() / "lfw" / "issame.txt", std::ios::app) << "1\n";
  CHECK_THROWS_WITH_AS(open(folder),
                       doctest::Contains("lfw.npy has 24 pictures, but issame.txt has 13 pairs"), Error);

  test::write_set(folder.path(), "lfw", 12, "|i1");
  CHECK_THROWS_WITH_AS(open(folder), doctest::Contains("lfw.npy"), Error);

  test::write_set(folder.path(), "lfw", 12);
  std::filesystem::remove(folder.path() / "lfw" / "issame.txt");
  CHECK_THROWS_WITH_AS(open(folder), doctest::Contains("issame.txt: no such file"), Error);
}

TEST_CASE("bytes become float64's numbers, not float32's") {
  const auto table = normalised_bytes();
  CHECK(table[0] == -1.0f);
  CHECK(table[255] == 1.0f);
  int differ = 0;
  for (int b = 0; b < 256; ++b) {
    const volatile float unit = static_cast<float>(b) / 255.0f;  // as ToTensor and Normalize do
    differ += table[static_cast<std::size_t>(b)] != (unit - 0.5f) / 0.5f;
  }
  CHECK(differ == 128);
}

TEST_CASE("flipping reverses each row") {
  const std::vector<std::byte> rows{std::byte{0}, std::byte{1}, std::byte{2}, std::byte{3}};
  std::array<float, 256> table{};
  for (std::size_t b = 0; b < 256; ++b) table[b] = static_cast<float>(b);
  std::vector<float> out(4);
  normalise_pictures(rows, 2, true, table, out);
  CHECK(out == std::vector<float>{1, 0, 3, 2});
  normalise_pictures(rows, 2, false, table, out);
  CHECK(out == std::vector<float>{0, 1, 2, 3});
}

TEST_CASE("BGR, mean and std reach the network") {
  const test::TemporaryFolder folder;
  test::write_set(folder.path(), "hadrian", 10);
  const ValidationSet set(folder.path(), "hadrian");
  test::TileMeans network(0.0);
  const auto bytes = set.bytes(0, 20);
  const at::Tensor rgb = embed_pictures(network, bytes, Fusion::kAdd, 7);
  const at::Tensor bgr = embed_pictures(network, bytes, Fusion::kAdd, 7, {.bgr = true});
  const auto planes = [](const at::Tensor& t) { return t.reshape({20, 3, 16}); };
  CHECK(at::allclose(planes(bgr), planes(rgb).flip({1}), 0, 1e-6));
  CHECK_FALSE(at::allclose(bgr, rgb, 0, 1e-2));
  const at::Tensor magface = embed_pictures(network, bytes, Fusion::kAdd, 7, {true, 0.0, 1.0});
  CHECK(at::allclose(magface, bgr / 2 + 1, 0, 1e-6));  // twice: (x - .5) / .5 against x
}

TEST_CASE("embeddings: batches make no difference, flips are added") {
  const test::TemporaryFolder folder;
  test::write_set(folder.path(), "lfw", 10);
  const ValidationSet set(folder.path(), "lfw");
  test::TileMeans network(0.0);
  const auto bytes = set.bytes(0, 20);
  const at::Tensor plain = embed_pictures(network, bytes, Fusion::kNone, 7);
  CHECK(plain.sizes() == at::IntArrayRef({20, 48}));
  CHECK(network.largest_batch == 7);
  CHECK(at::allclose(plain, embed_pictures(network, bytes, Fusion::kNone, 100), 0, 1e-6));
  // The mirrored picture has its tiles in reverse order.
  const at::Tensor mirrored = plain.reshape({20, 3, 4, 4}).flip({3}).reshape({20, 48});
  CHECK(at::allclose(embed_pictures(network, bytes, Fusion::kAdd, 7), plain + mirrored, 0, 1e-6));
  CHECK(at::allclose(embed_pictures(network, bytes, Fusion::kNorm, 7), plain + mirrored, 0, 1e-6));
  CHECK(fusion_of(true, true) == Fusion::kAdd);
  CHECK(fusion_of(false, true) == Fusion::kNorm);
  CHECK(fusion_of(false, false) == Fusion::kNone);
}
