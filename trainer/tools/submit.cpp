// facetrain submit: the challenge's submission file from a model and the test pictures, as the reference's
// get_submission_file.py writes it, and the .zip of it to upload.
#include <ATen/ATen.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "trainer/tools/command.hpp"
#include "trainer/tools/submission.hpp"
#include "trainer/tools/submission_record.hpp"
#include "trainer/tools/trained_network.hpp"
#include "trainer/validation/embed.hpp"
#include "trainer/validation/validation_set.hpp"

namespace facetrain {
namespace {

std::vector<FlagSpec> flags() {
  std::vector<FlagSpec> all = network_flags();
  all.push_back(
      {{"--image_paths", "-i"}, "FILE", "the test pictures: DIR/images.npy (facetrain extract)", true});
  all.push_back({{"--dataset_scale", "-scale"}, "SCALE", "size of the training set: 10K, 20K or 100K", true});
  const std::vector<FlagSpec> pictures = picture_flags();
  all.insert(all.end(), pictures.begin(), pictures.end());
  return all;
}

std::string scale_of(const Flags& given) {
  std::string scale = given.text("--dataset_scale");
  if (scale != "10K" && scale != "20K" && scale != "100K")
    throw Error(ErrorKind::kConfig, "--dataset_scale must be 10K, 20K or 100K, not " + scale);
  return scale;
}

MappedNpy pictures_of(const std::string& path) {
  MappedNpy pictures = map_pictures(path, "; make it with `facetrain extract FILE.xz DIR`");
  const auto count = pictures.shape().front();
  if (count == 0 || count % 2 != 0)
    throw Error(ErrorKind::kInput, path + " has " + std::to_string(count) +
                                       " pictures, which are not pairs (pictures 2i and 2i + 1 are one)");
  return pictures;
}

// All embeddings, original + flip, row by row; tells a terminal how far it is.
std::vector<float> embed_all(const TrainedNetwork& network, std::span<const std::byte> pictures,
                             const PictureFormat& format) {
  const bool terminal = isatty(STDERR_FILENO);
  const std::size_t step = network.batch * kPictureBytes;
  std::vector<float> embeddings;
  for (std::size_t start = 0; start < pictures.size(); start += step) {
    const auto part = pictures.subspan(start, std::min(step, pictures.size() - start));
    const at::Tensor rows = embed_pictures(*network.backbone, part, Fusion::kAdd, network.batch, format)
                                .to(at::kCPU, at::kFloat)
                                .contiguous();
    const float* values = rows.data_ptr<float>();
    embeddings.insert(embeddings.end(), values, values + rows.numel());
    if (terminal)
      std::cerr << "\r" << (start + part.size()) / kPictureBytes << "/" << pictures.size() / kPictureBytes
                << std::flush;
  }
  if (terminal) std::cerr << "\r\x1b[K" << std::flush;
  return embeddings;
}

void run(const Flags& given, std::ostream& out) {
  const std::string path = given.text("--image_paths");
  const std::string scale = scale_of(given);
  const std::string stem = submission_stem(path, scale);
  const PictureFormat format = picture_format_of(given);
  const MappedNpy pictures = pictures_of(path);
  const TrainedNetwork network = load_network(given);
  if (network.on_gpu) out << "Model will use 1 GPUs!" << std::endl;
  std::vector<float> embeddings = embed_all(network, pictures.bytes(), format);
  const std::size_t length = embeddings.size() / pictures.shape().front();
  const std::vector<float> distances = pair_distances(embeddings, length);
  for (std::size_t i = 0; i < distances.size(); ++i)
    if (!std::isfinite(distances[i]))
      throw Error(ErrorKind::kInput, given.text("--model_path") + ": the distance of pair " +
                                         std::to_string(i) +
                                         " is not a finite number; the weights are of a run that diverged");
  write_submission(stem, submission_text(distances));
  SubmissionRecord record = make_record(given.text("--model_path"), path, stem + ".txt", scale);
  record.format = format;
  record.precision = network.precision;
  write_file_atomically(stem + ".json", record_text(record));
  out << "./" << stem << ".txt" << std::endl;
}

}  // namespace

Command submit_command() {
  return {"submit", "write the challenge's submission file", flags(), run};
}

}  // namespace facetrain
