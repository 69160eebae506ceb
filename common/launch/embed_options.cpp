#include "common/launch/embed_options.hpp"
#include "common/io/path.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/cli/flags.hpp"
#include "common/config/text_form.hpp"
#include "common/error.hpp"
#include "common/launch/train_options.hpp"

namespace facetrain {
namespace {

std::vector<FlagSpec> flags() {
  return {
      {{"--model_path", "-model_path"}, "FILE", "the weights (.pth)", true},
      {{"--source", "--image_paths", "-i"}, "LIST", "a list of picture paths (.txt), or a folder", true},
      {{"--destination", "-dest"},
       "FILE.npy",
       "the (n, E) float32 array to write, names beside it as FILE.txt (default: features.npy); with "
       "--per_image a folder (default: ./features)"},
      {{"--per_image"},
       "",
       "also FOLDER/<folder>/<name>.npy for each picture, as the parent's feature_extractor.py"},
      {{"--add_flip", "-aflip"}, "", "add the mirrored picture's embedding"},
      {{"--bgr"}, "", "channels blue, green, red (AdaFace's and MagFace's own weights)"},
      {{"--mean"}, "M", "subtracted from the pixels in [0, 1] (default: 0.5; MagFace's own weights: 0)"},
      {{"--std"}, "S", "what they are divided by (default: 0.5; MagFace's own weights: 1)"},
      {{"--model", "-model"}, "NAME", "refuse weights of another backbone (default: read off the weights)"},
      {{"--depth", "-d"}, "N", "refuse weights of another depth"},
      {{"--mode", "-mode"}, "MODE", "refuse weights of another mode"},
      {{"--batch_size", "--batch", "-b"},
       "N",
       "pictures of a trainer at a time (default: 512 on a GPU, 32 on a CPU)"},
      {{"--precision"}, "NAME", "fp16, bf16, fp32 or fp64 (default: fp16; on a CPU fp32)"},
      {{"--workers", "-w"}, "N", "decoding threads of a node (default: its processors)"},
      {{"--threads"}, "N", "CPU threads of a trainer"},
      {{"--trainers"}, "N", "trainers of a node (default: one per GPU, or 1)"},
      {{"--gpus"}, "0,2", "use these GPUs, with one trainer each"},
      {{"--nodes"}, "N", "nodes of the job (default: 1)"},
      {{"--hostfile"}, "FILE", "mpirun's list of hosts"},
      {{"--dry-run"}, "", "print each process's place and the mpirun line, start nothing"},
  };
}

}  // namespace

EmbedOptions parse_embed_options(std::span<const std::string> words, int gpus) {
  EmbedOptions options;
  const auto is_help = [](const std::string& word) { return word == "--help" || word == "-h"; };
  options.help = std::any_of(words.begin(), words.end(), is_help);
  if (options.help) return options;
  const Flags given = parse_flags("embed", flags(), words);
  options.source = given.text("--source");
  options.model_path = given.text("--model_path");
  options.dry_run = given.has("--dry-run");
  if (given.has("--per_image")) {
    options.per_image = std::string(without_trailing_slashes(given.text("--destination", "./features")));
    if (options.per_image.ends_with(".npy"))
      throw Error(ErrorKind::kConfig,
                  "--per_image writes a folder; --destination " + options.per_image + " looks like a file");
    options.destination = options.per_image + "/features.npy";
  } else {
    options.destination = given.text("--destination", "features.npy");
    if (!options.destination.ends_with(".npy"))
      throw Error(ErrorKind::kConfig, "--destination " + options.destination + " must end in .npy");
  }

  auto& sets = options.request.sets;
  const auto set = [&](const std::string& key, const std::string& value) {
    sets.push_back(key + "=" + value);
  };
  const auto set_text = [&](const char* key, const std::string& value) { set(key, quoted_text(value)); };
  const auto set_given = [&](const char* key, const char* flag) {
    if (given.has(flag)) set_text(key, given.text(flag));
  };
  set_text("embed.model_path", options.model_path);
  set_text("embed.destination", options.destination);
  set_text("data.train_source", options.source);
  if (given.has("--add_flip")) set("embed.add_flip", "true");
  set_given("embed.model", "--model");
  set_given("embed.depth", "--depth");
  set_given("embed.mode", "--mode");
  for (const char* off : {"data.augment", "data.rand_erase", "data.flip"}) set(off, "false");
  if (given.has("--bgr")) set("data.bgr", "true");
  if (given.has("--mean")) set("data.pixel_mean", real_text(given.real("--mean", 0.5, -10, 10)));
  if (given.has("--std")) set("data.pixel_std", real_text(given.real("--std", 0.5, 1e-3, 1e3)));
  set("train.epochs", "1");
  set("train.batch_size", std::to_string(given.integer("--batch_size", gpus > 0 ? 512 : 32, 1, 100000)));
  set_given("train.precision", "--precision");
  if (given.has("--workers")) set("data.workers", std::to_string(given.integer("--workers", 0, 0, 1024)));
  if (given.has("--threads")) set("launch.threads", std::to_string(given.integer("--threads", 1, 1, 1024)));
  if (given.has("--gpus"))
    for (const std::string& one : gpu_overrides(given.text("--gpus"))) sets.push_back(one);
  if (given.has("--trainers"))
    set("launch.trainers", std::to_string(given.integer("--trainers", 1, 1, 1024)));
  options.request.config_path = "/dev/null";
  options.request.nodes = static_cast<int>(given.integer("--nodes", 1, 1, 100000));
  options.request.hostfile = given.text("--hostfile");
  return options;
}

std::string embed_usage() {
  return "usage: facetrain embed --model_path FILE --source LIST [options]\n"
         "Embeddings of a list or folder of pictures, as a job of a data service and trainers on each "
         "node.\n" +
         describe_flags(flags()) +
         "A picture that cannot be used becomes a row of NaN and is listed in FILE.bad_images.txt.\n";
}

}  // namespace facetrain
