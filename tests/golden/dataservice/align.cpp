// Alignment against what the parent's eval_ijb.py did on 120 pictures (tests/golden/record_ijb.py): the
// matrix that skimage estimated, and the pixels that cv2.warpAffine (OpenCV 4.10) made.
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "common/io/file.hpp"
#include "dataservice/align/encode_png.hpp"
#include "dataservice/align/similarity.hpp"
#include "dataservice/align/warp_affine.hpp"
#include "dataservice/decode/decoder.hpp"
#include "tests/golden/dataservice/pixels.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

using namespace facetrain;

namespace {

const std::string kFolder = FACETRAIN_SOURCE_DIR "/tests/golden/data/ijb/";

struct Recorded {
  std::string name, kind, crc;
  std::uint32_t seed = 0;
  int width = 0, height = 0;
  AffineMatrix matrix{};
  Image picture() const { return golden::pattern(kind, seed, width, height); }
};

std::vector<Recorded> recorded() {
  std::vector<Recorded> all;
  std::ifstream file(kFolder + "align.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream fields(line);
    Recorded one;
    fields >> one.name >> one.kind >> one.seed >> one.width >> one.height;
    for (double& value : one.matrix) fields >> value;
    fields >> one.crc;
    all.push_back(one);
  }
  return all;
}

std::map<std::string, FivePoints> landmarks() {
  std::map<std::string, FivePoints> all;
  std::ifstream file(kFolder + "ijbc_name_5pts_score.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string name;
    fields >> name;
    for (Point& point : all[name]) fields >> point.x >> point.y;
  }
  return all;
}

}  // namespace

TEST_CASE("the transform of five points is skimage's, up to its float32 sums") {
  const auto points = landmarks();
  const auto all = recorded();
  CHECK(all.size() == 120);
  for (const Recorded& one : all) {
    CAPTURE(one.name);
    const auto matrix = similarity_transform(points.at(one.name), arcface_points());
    REQUIRE(matrix.has_value());
    for (std::size_t i = 0; i < 6; ++i) CHECK((*matrix)[i] == doctest::Approx(one.matrix[i]).epsilon(1e-5));
  }
}

TEST_CASE("warped pixels are cv2's, bit for bit") {
  Image aligned;
  for (const Recorded& one : recorded()) {
    CAPTURE(one.name);
    warp_affine(one.picture(), one.matrix, 112, 112, aligned);
    CHECK(golden::crc(aligned) == one.crc);
  }
}

TEST_CASE("facetrain align: every picture, in order, almost everywhere the parent's pixels") {
  const test::TemporaryFolder folder;
  const auto all = recorded();
  std::filesystem::create_directories(folder / "crops");
  for (const Recorded& one : all)
    write_file_atomically(folder / ("crops/" + one.name), encode_png(one.picture()));
  const auto run =
      test::run_tool("facetrain-data align --landmarks " + kFolder + "ijbc_name_5pts_score.txt --images " +
                     (folder / "crops") + " --destination " + (folder / "aligned"));
  REQUIRE_MESSAGE(run.code == 0, run.output);
  std::ifstream list(folder / "aligned/aligned.txt");
  const auto decoder = make_decoder();
  Image got, expected;
  std::size_t different = 0, equal_pictures = 0;
  for (const Recorded& one : all) {
    std::string path;
    REQUIRE(std::getline(list, path));
    CHECK(path == folder / ("aligned/" + one.name));
    decoder->decode(read_file(path), got);
    warp_affine(one.picture(), one.matrix, 112, 112, expected);  // the parent's pixels (the case above)
    REQUIRE(got.pixels.size() == expected.pixels.size());
    std::size_t here = 0;
    for (std::size_t i = 0; i < got.pixels.size(); ++i) here += got.pixels[i] != expected.pixels[i];
    different += here;
    equal_pictures += here == 0;
  }
  // skimage sums the points in float32: a place may fall into the next 1/32 pixel.
  MESSAGE(equal_pictures << " of 120 pictures are equal, " << different << " values differ");
  CHECK(different < 2000);  // of 4,515,840; measured: 536
  CHECK(equal_pictures > 30);
}
