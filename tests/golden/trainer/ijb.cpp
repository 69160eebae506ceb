// Template verification against the parent's eval_ijb.py, run as it is on a small set in IJB-C's layout
// (tests/golden/record_ijb.py): every pair's score, and the printed table letter by letter.
#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <sstream>

#include "common/error.hpp"
#include "common/io/npy.hpp"
#include "tests/file_text.hpp"
#include "tests/larger.hpp"
#include "tests/temporary_folder.hpp"
#include "trainer/tools/command.hpp"
#include "trainer/tools/ijb_meta.hpp"

using namespace facetrain;

namespace {

const std::string kFolder = FACETRAIN_SOURCE_DIR "/tests/golden/data/ijb";

}  // namespace

TEST_CASE("scores and table equal the parent's") {
  const test::TemporaryFolder folder;
  std::ostringstream out;
  const Command ijb = ijb_command();
  ijb.run(parse_flags("ijb", ijb.flags,
                      std::vector<std::string>{"--features", kFolder + "/features.npy", "--meta", kFolder,
                                               "--result-dir", folder.path().string(), "--job", "job"}),
          out);
  CHECK(out.str() == test::file_text(kFolder + "/table.txt"));

  const MappedNpy scores(folder / "job/ijbc.npy");
  const std::vector<std::uint64_t> shape{780};
  scores.require("<f8", shape);
  std::ifstream file(kFolder + "/scores.txt");
  double largest = 0;
  for (std::size_t i = 0; i < 780; ++i) {
    double expected = 0, got = 0;
    REQUIRE(static_cast<bool>(file >> expected));
    std::memcpy(&got, scores.row(i).data(), sizeof got);
    largest = test::larger(largest, std::abs(got - expected));
  }
  MESSAGE("largest difference of a score: " << largest);
  CHECK(largest < 1e-14);  // the norm's sum has another order
}

TEST_CASE("the detector's score and the medias weigh in") {
  const IjbMeta meta = read_ijb_meta(kFolder, "ijbc");
  CHECK(meta.names.size() == 120);
  CHECK(meta.pairs.same.size() == 780);
  const MappedNpy features(kFolder + "/features.npy");
  const std::span<const float> values(reinterpret_cast<const float*>(features.bytes().data()), 120 * 512);
  const auto scores_of = [&](const TemplatePictures& pictures) {
    return template_scores(aggregate_templates(values, 512, pictures), meta.pairs);
  };
  const auto plain = scores_of(meta.pictures);
  TemplatePictures changed = meta.pictures;
  changed.detector_scores.assign(120, 1);
  CHECK(scores_of(changed) != plain);
  changed = meta.pictures;
  for (std::size_t i = 0; i < 120; ++i) changed.medias[i] = static_cast<std::int64_t>(i);
  CHECK(scores_of(changed) != plain);
}
