#include "common/scaling/paper_command.hpp"

#include <algorithm>
#include <limits>
#include <ostream>
#include <vector>

#include "common/cli/flags.hpp"
#include "common/config/parse.hpp"
#include "common/error.hpp"
#include "common/formatted.hpp"
#include "common/number.hpp"
#include "common/scaling/paper_plan.hpp"

namespace facetrain {
namespace {

constexpr double kGiga = 1e9;

std::vector<FlagSpec> paper_flags() {
  return {
      {{"CONFIG"}, "", "configuration (TOML): network, batch, precision, order", true},
      {{"--paper"}, "", "the plan of a large job, instead of its speed"},
      {{"--nodes"}, "N", "nodes (default 64)"},
      {{"--node-gpus"}, "N", "GPUs of a node (default 8)"},
      {{"--classes"}, "N ...", "identities to list (default 100000 1000000)"},
      {{"--images"}, "N ...", "images to list (default 5000000 50000000)"},
      {{"--image-kb"}, "KB", "of a packed picture (default 5)"},
      {{"--disk-gb"}, "GB", "free on a node's own disk (default 1000)"},
  };
}

std::vector<std::int64_t> numbers_of(const Flags& flags, const char* name,
                                     std::vector<std::int64_t> otherwise) {
  if (!flags.has(name)) return otherwise;
  std::vector<std::int64_t> numbers;
  for (const std::string& word : flags.texts(name)) {
    const auto number = parse_number<std::uint32_t>(word);
    if (!number || *number < 1)
      throw Error(ErrorKind::kConfig,
                  std::string(name) + " takes whole numbers from 1 to 4294967295, not " + word);
    numbers.push_back(*number);
  }
  return numbers;
}

using Rows = std::vector<std::vector<std::string>>;

// Columns as wide as their widest word, words to the right.
void print_table(std::ostream& out, const std::string& title, const Rows& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  out << "\n" << title << "\n";
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      out << std::string(widths[i] - row[i].size() + (i > 0 ? 2 : 0), ' ') << row[i];
    out << "\n";
  }
}

std::string fixed(double value, int digits) {
  return formatted("%.*f", digits, value);
}
std::string gigabytes(double bytes) {
  return fixed(bytes / kGiga, 2);
}

}  // namespace

void paper_command(std::span<const std::string> words, std::ostream& out) {
  const std::vector<FlagSpec> specs = paper_flags();
  for (const std::string& word : words) {
    if (word != "--help" && word != "-h") continue;
    out << "facetrain scale --paper: a large job's sampling plan, staging plan, head shards and memory, "
           "computed "
           "by the functions that a job uses\n"
        << describe_flags(specs);
    return;
  }
  const Flags flags = parse_flags("scale --paper", specs, words);
  Config config = load_config(flags.text("CONFIG"), {});
  const auto size = network_size(config);
  if (!size)
    throw Error(ErrorKind::kConfig,
                "the size of " + config.model.model + " is not known; give an iresnet or a vit");
  PaperCluster cluster;
  cluster.nodes = static_cast<int>(flags.integer("--nodes", cluster.nodes, 1, 100'000));
  cluster.node_gpus = static_cast<int>(flags.integer("--node-gpus", cluster.node_gpus, 1, 1024));
  cluster.disk_bytes = flags.real("--disk-gb", cluster.disk_bytes / kGiga, 0, 1e9) * kGiga;
  const double image_bytes = flags.real("--image-kb", 5, 0.001, 1e6) * 1e3;
  const auto images = numbers_of(flags, "--images", {5'000'000, 50'000'000});

  out << cluster.nodes << " nodes x " << cluster.node_gpus << " GPUs x batch " << config.train.batch_size
      << " = " << config.train.batch_size * cluster.gpus() << " pictures a step\n";
  Rows rows{{"images", "order", "steps", "left out", "repeated", "GB in a service", "CPU s"}};
  for (const std::int64_t count : images) {
    for (const char* order : {"exact", "chunked"}) {
      config.data.order = order;
      const PaperOrder paper = paper_order(config, static_cast<std::uint32_t>(count), cluster);
      rows.push_back({std::to_string(count), order, std::to_string(paper.steps),
                      std::to_string(paper.left_out), std::to_string(paper.repeated),
                      gigabytes(static_cast<double>(paper.service_bytes)), fixed(paper.seconds, 2)});
    }
  }
  print_table(out, "Sampling plan of an epoch: each data service computes its order", rows);
  rows = {{"images", "GB staged", "fits", "GB read an epoch", "pieces", "GB page cache"}};
  for (const std::int64_t count : images) {
    const PaperStaging paper = paper_staging(config, static_cast<std::uint32_t>(count), image_bytes, cluster);
    rows.push_back({std::to_string(count), gigabytes(paper.pack_bytes), paper.fits ? "yes" : "no",
                    gigabytes(paper.epoch_bytes), std::to_string(paper.reads),
                    gigabytes(paper.window_bytes)});
  }
  print_table(out,
              "Staging plan of a node: the whole pack (data.stage), or unstaged, order = chunked, its shards",
              rows);
  rows = {{"identities", "classes of a GPU", "GB head", "parameters", "activations", "GB in all"}};
  for (const std::int64_t classes : numbers_of(flags, "--classes", {100'000, 1'000'000})) {
    const PaperHead paper = paper_head(config, *size, classes, cluster);
    rows.push_back({std::to_string(classes),
                    std::to_string(paper.fewest) + " to " + std::to_string(paper.most),
                    gigabytes(paper.memory.head), gigabytes(paper.memory.parameters),
                    gigabytes(paper.memory.activations), gigabytes(paper.memory.total())});
  }
  print_table(out, "Head shards and memory of a GPU (common/check/training_memory.hpp says what is in it)",
              rows);
}

}  // namespace facetrain
