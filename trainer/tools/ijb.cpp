// facetrain ijb: template verification on IJB-B and IJB-C from the features of their aligned pictures, as the
// parent's eval_ijb.py, from its step 3 on.
#include <cmath>
#include <filesystem>
#include <ostream>

#include "common/error.hpp"
#include "common/io/npy.hpp"
#include "trainer/tools/command.hpp"
#include "trainer/tools/ijb_meta.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

std::span<const float> values_of(const MappedNpy& features, const std::string& path, const IjbMeta& meta) {
  const std::vector<std::uint64_t> shape{0, 0};
  features.require("<f4", shape);
  const auto rows = features.shape()[0], length = features.shape()[1];
  if (rows != meta.names.size() || length == 0)
    throw Error(ErrorKind::kInput, path + " has " + std::to_string(rows) + " rows, but the meta files name " +
                                       std::to_string(meta.names.size()) +
                                       " pictures; it must hold a row for each, in their order");
  const auto* first = reinterpret_cast<const float*>(features.bytes().data());
  for (std::uint64_t i = 0; i < rows * length; ++i)
    if (!std::isfinite(first[i]))
      throw Error(ErrorKind::kInput, path + ": row " + std::to_string(i / length) + " (" +
                                         meta.names[i / length] +
                                         ") is not finite: its picture could not be used when the features "
                                         "were made");
  return {first, rows * length};
}

void run(const Flags& given, std::ostream& out) {
  const std::string target = given.text("--target", "IJBC");
  if (target != "IJBC" && target != "IJBB")
    throw Error(ErrorKind::kConfig, "--target must be IJBC or IJBB, not " + target);
  const std::string lower = target == "IJBC" ? "ijbc" : "ijbb";
  const IjbMeta meta = read_ijb_meta(given.text("--meta"), lower);
  const std::string path = given.text("--features");
  const MappedNpy features(path);
  const auto values = values_of(features, path, meta);
  const Templates templates = aggregate_templates(values, features.shape()[1], meta.pictures);
  const std::vector<double> scores = template_scores(templates, meta.pairs);
  const RocCurve curve = roc_curve(scores, meta.pairs.same);

  const fs::path folder = fs::path(given.text("--result-dir", ".")) / given.text("--job", "insightface");
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw Error(ErrorKind::kIo, "create folder " + folder.string() + ": " + error.message());
  NpyWriter file((folder / (lower + ".npy")).string(), "<f8", {scores.size()});
  file.write(std::as_bytes(std::span(scores)));
  file.commit();
  out << tar_table(lower + "-" + target, curve);
}

}  // namespace

Command ijb_command() {
  return {"ijb",
          "IJB-B/C template verification from features (facetrain align, then facetrain embed --add_flip)",
          {{{"--features"}, "FILE.npy", "a float32 row per picture of the meta files, in their order", true},
           {{"--meta"},
            "DIR",
            "folder of ijbc_face_tid_mid.txt, ijbc_name_5pts_score.txt, ijbc_template_pair_label.txt",
            true},
           {{"--target", "-target"}, "NAME", "IJBC or IJBB (default: IJBC)"},
           {{"--result-dir"}, "DIR", "where JOB/ijbc.npy, the pairs' scores, goes (default: .)"},
           {{"--job"}, "NAME", "folder of the result (default: insightface)"}},
          run};
}

}  // namespace facetrain
