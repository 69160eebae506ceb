// Template verification on numbers small enough to check by hand, and what its files may not be.
#include "trainer/validation/template_verification.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <sstream>

#include "common/error.hpp"
#include "common/io/npy.hpp"
#include "tests/temporary_folder.hpp"
#include "trainer/tools/command.hpp"
#include "trainer/tools/ijb_meta.hpp"

using namespace facetrain;

TEST_CASE("a template: mean over a media's pictures, sum over medias, unit length") {
  // Template 9: media 4 has rows 0 and 2, media 1 has row 3. Template 5: row 1.
  const std::vector<float> rows{2, 0, 0, 5, 4, 0, 0, 4};
  const TemplatePictures pictures{{9, 5, 9, 9}, {4, 4, 4, 1}, {1, 1, 1, 0.5f}};
  const Templates templates = aggregate_templates(rows, 2, pictures);
  CHECK(templates.ids == std::vector<std::int64_t>{5, 9});
  const double norm = std::sqrt(3.0 * 3 + 2 * 2);  // (2 + 4) / 2 along x, 4 * 0.5 along y
  CHECK(templates.embeddings[0] == 0);
  CHECK(templates.embeddings[1] == 1);
  CHECK(templates.embeddings[2] == doctest::Approx(3 / norm));
  CHECK(templates.embeddings[3] == doctest::Approx(2 / norm));
  const auto scores = template_scores(templates, {{5, 9}, {9, 9}, {1, 1}});
  CHECK(scores[0] == doctest::Approx(2 / norm));
  CHECK(scores[1] == doctest::Approx(1));
  CHECK_THROWS_WITH_AS(template_scores(templates, {{5, 5}, {9, 6}, {1, 1}}),
                       doctest::Contains("pair 2 names template 6"), Error);
}

TEST_CASE("the curve drops points between neighbours, and the nearest FAR is read") {
  // Scores falling; 1 1 0 0 0 1 0: points (far/4, tar/3).
  const std::vector<double> scores{.9, .8, .7, .6, .5, .4, .3};
  const std::vector<std::uint8_t> same{1, 1, 0, 0, 0, 1, 0};
  const RocCurve curve = roc_curve(scores, same);
  const double third = 1.0 / 3;
  CHECK(curve.far == std::vector<double>{0, 0, 0, .75, .75, 1});
  CHECK(curve.tar == std::vector<double>{0, third, 2 * third, 2 * third, 1, 1});
  CHECK(tar_at_far(curve, 1e-6) == 2 * third);  // the largest TAR at FAR 0
  CHECK(tar_at_far(curve, 0.7) == 1);           // of the two at .75
  CHECK(tar_at_far(curve, 0.875) == 1);         // equally near: the larger FAR
  const std::vector<double> equal{.5, .5, .5};  // one point, whatever the order
  CHECK(roc_curve(equal, std::vector<std::uint8_t>{1, 0, 1}).far == std::vector<double>{0, 1});
  CHECK_THROWS_WITH_AS(roc_curve(equal, std::vector<std::uint8_t>{1, 1, 1}),
                       doctest::Contains("all of one kind"), Error);
}

TEST_CASE("the table is PrettyTable's") {
  CHECK(tar_table("ijbb-IJBB", {{0, 0, 1}, {0, 1, 1}}) ==
        "+-----------+--------+--------+--------+--------+--------+--------+\n"
        "|  Methods  | 1e-06  | 1e-05  | 0.0001 | 0.001  |  0.01  |  0.1   |\n"
        "+-----------+--------+--------+--------+--------+--------+--------+\n"
        "| ijbb-IJBB | 100.00 | 100.00 | 100.00 | 100.00 | 100.00 | 100.00 |\n"
        "+-----------+--------+--------+--------+--------+--------+--------+\n");
}

TEST_CASE("ijb names what does not fit together") {
  const test::TemporaryFolder folder;
  const auto write = [&](const char* name, const std::string& text) {
    write_file_atomically(folder / (std::string("ijbb_") + name + ".txt"), text);
  };
  const auto features = [&](std::vector<float> values, std::uint64_t rows) {
    NpyWriter file(folder / "f.npy", "<f4", {rows, values.size() / rows});
    file.write(std::as_bytes(std::span(values)));
    file.commit();
  };
  const auto complaint = [&]() -> std::string {
    const Command ijb = ijb_command();
    std::ostringstream out;
    try {
      ijb.run(parse_flags(
                  "ijb", ijb.flags,
                  std::vector<std::string>{"--features", folder / "f.npy", "--meta", folder.path().string(),
                                           "--target", "IJBB", "--result-dir", folder.path().string()}),
              out);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const auto complains = [&](const std::string& text) {
    const std::string said = complaint();
    CHECK_MESSAGE(said.find(text) != std::string::npos, said);
    CHECK_FALSE(std::filesystem::exists(folder / "insightface"));
  };
  const std::string marks = " 1 2 3 4 5 6 7 8 9 10 ";
  features({1, 0, 1, 1}, 2);
  complains("ijbb_face_tid_mid.txt");
  write("face_tid_mid", "a.jpg 1 7\nb.jpg 2 8\n");
  write("name_5pts_score", "a.jpg" + marks + "0.5\n");
  write("template_pair_label", "1 2 1\n1 1 0\n");
  complains("has 2 pictures, but");
  write("name_5pts_score", "a.jpg" + marks + "0.5\nc.jpg" + marks + "0.5\n");
  complains("ijbb_name_5pts_score.txt:2: picture c.jpg stands where");
  write("name_5pts_score", "a.jpg" + marks + "0.5\nb.jpg" + marks + "high\n");
  complains("ijbb_name_5pts_score.txt:2: \"high\" is not a number");
  write("name_5pts_score", "a.jpg" + marks + "0.5\nb.jpg" + marks + "1\n");
  write("template_pair_label", "1 2 3\n");
  complains("the label must be 1 (same) or 0, not 3");
  write("template_pair_label", "1 2\n");
  complains("ijbb_template_pair_label.txt:1: 2 fields, not 3");
  write("template_pair_label", "1 2 1\n1 1 0\n");
  features({1, 0, 1}, 3);
  complains("f.npy has 3 rows, but the meta files name 2 pictures");
  features({1, 0, std::numeric_limits<float>::quiet_NaN(), 1}, 2);
  complains("row 1 (b.jpg) is not finite");
  features({1, 0, 1, 1}, 2);
  CHECK(complaint().empty());
  CHECK(std::filesystem::exists(folder / "insightface/ijbb.npy"));
}
