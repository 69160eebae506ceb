// Alignment: known transforms, borders, and what facetrain align refuses.
#include "dataservice/align/similarity.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "common/io/file.hpp"
#include "dataservice/align/encode_png.hpp"
#include "dataservice/align/warp_affine.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

using namespace facetrain;

TEST_CASE("a similarity is found again, and never a reflection") {
  const double c = 0.7 * std::cos(0.4), s = 0.7 * std::sin(0.4);
  FivePoints from{{{3, 1}, {60, 4}, {30, 30}, {10, 70}, {55, 66}}}, to;
  for (std::size_t i = 0; i < 5; ++i)
    to[i] = {c * from[i].x - s * from[i].y + 9, s * from[i].x + c * from[i].y - 4};
  const auto matrix = similarity_transform(from, to);
  REQUIRE(matrix.has_value());
  const AffineMatrix expected{c, -s, 9, s, c, -4};
  for (std::size_t i = 0; i < 6; ++i) CHECK((*matrix)[i] == doctest::Approx(expected[i]));
  for (Point& point : to) point.x = -point.x;
  const auto mirrored = similarity_transform(from, to);
  CHECK((*mirrored)[0] * (*mirrored)[4] - (*mirrored)[1] * (*mirrored)[3] >= 0);
  CHECK_FALSE(similarity_transform(FivePoints{}, to).has_value());
  from[2].x = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(similarity_transform(from, to).has_value());
}

TEST_CASE("warping: identity, a shift by whole and half pixels, black outside") {
  Image source, target;
  source.resize(3, 2);
  for (std::size_t i = 0; i < source.pixels.size(); ++i)
    source.pixels[i] = static_cast<std::uint8_t>(10 * i + 1);
  warp_affine(source, {1, 0, 0, 0, 1, 0}, 3, 2, target);
  CHECK(target.pixels == source.pixels);
  warp_affine(source, {1, 0, 1, 0, 1, 1}, 3, 2, target);  // one to the right, one down
  CHECK(target.row(1)[3] == 1);
  CHECK(target.row(1)[6] == 31);
  for (int i = 0; i < 9; ++i) CHECK(target.row(0)[i] == 0);
  CHECK(target.row(1)[0] == 0);
  warp_affine(source, {1, 0, -0.5, 0, 1, 0}, 3, 2, target);
  CHECK(target.row(0)[0] == 16);  // between 1 and 31
  CHECK(target.row(0)[6] == 31);  // between 61 and the black outside, rounded up
}

TEST_CASE("align names the line or the picture that cannot be used") {
  const test::TemporaryFolder folder;
  const auto check = [&](const std::string& lines, const std::string& message) {
    write_file_atomically(folder / "marks.txt", lines);
    const auto run =
        test::run_tool("facetrain-data align --landmarks " + (folder / "marks.txt") + " --images " +
                       folder.path().string() + " --destination " + (folder / "out"));
    CHECK(run.code == 66);
    CHECK_MESSAGE(run.output.find(message) != std::string::npos, run.output);
    CHECK_FALSE(std::filesystem::exists(folder / "out/aligned.txt"));
  };
  const std::string marks = " 1 2 30 2 15 20 5 30 25 30 0.9\n";
  check("a.png 1 2 3\n", "marks.txt:1: 4 fields");
  check("\na.png 1 2 30 2 15 x 5 30 25 30\n", "marks.txt:2: \"x\" is not a number");
  check("a.png 1 2 1 2 1 2 1 2 1 2\n", "the five points are one");
  check("", "names no picture");
  check("a.png" + marks + "a.jpg" + marks, "two pictures would become");
  check("a.png" + marks + "../b.png" + marks, "marks.txt:2: ../b.png leads out of --images");
  check("/tmp/b.png" + marks, "marks.txt:1: /tmp/b.png leads out of");
  check("none.png" + marks, "none.png");
  write_file_atomically(folder / "text.png", "no picture");
  check("text.png" + marks, "text.png");
}

TEST_CASE("align writes a picture aside and renames it") {
  const test::TemporaryFolder folder;
  Image grey;
  grey.resize(40, 40);
  std::fill(grey.pixels.begin(), grey.pixels.end(), std::uint8_t{128});
  write_file_atomically(folder / "a.png", encode_png(grey));
  write_file_atomically(folder / "marks.txt", "a.png 1 2 30 2 15 20 5 30 25 30\n");
  std::filesystem::create_directories(folder / "out");
  // A link in the place of the target: what it leads to is not written through it.
  write_file_atomically(folder / "mine.png", "mine");
  std::filesystem::create_symlink(folder / "mine.png", folder / "out/a.png");
  const auto run =
      test::run_tool("facetrain-data align --landmarks " + (folder / "marks.txt") + " --images " +
                     folder.path().string() + " --destination " + (folder / "out"));
  CHECK_MESSAGE(run.code == 0, run.output);
  CHECK(read_file(folder / "mine.png").size() == 4);
  CHECK(std::filesystem::is_regular_file(std::filesystem::symlink_status(folder / "out/a.png")));
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "out"), {}) == 2);  // and aligned.txt
}
