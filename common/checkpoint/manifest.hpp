// What a checkpoint says of itself: <run>/checkpoints/step_N/manifest.toml, written last, so that a folder
// with a manifest is a whole checkpoint. Beside it lies one file of raw tensors for each trainer rank
// (rank_00000.bin). The manifest's last line is the CRC-32C of all that stands before it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace facetrain {

// Whose a tensor is, and so what another number of ranks does with it.
enum class Share {
  kReplicated,  // equal on all ranks, written by one of them
  kRank,        // each rank's own (BatchNorm buffers): another world takes rank 0's
  kRows,  // rows of a matrix over all classes, by common/plan/class_shard.hpp: another world takes its own
};

struct SavedTensor {
  std::string name;  // "backbone/conv1.weight"
  std::string type;  // f64, f32, f16, bf16, i64, i32, u8
  std::vector<std::int64_t> shape;
  Share share = Share::kReplicated;
  std::uint64_t offset = 0;  // in its rank's file: contiguous, row-major, little-endian
  std::uint64_t bytes = 0;
};

constexpr std::uint64_t kChecksumBlock = 4u << 20;  // bytes that share a CRC

struct SavedFile {
  std::uint64_t bytes = 0;
  std::vector<std::uint32_t>
      checksums;  // CRC-32C of each kChecksumBlock bytes; the last block may be shorter
  std::vector<SavedTensor> tensors;
};

// Where in the training plan a run stands: the next update is number `step` of epoch `epoch`. An update
// spends train.accumulate batches of every rank.
struct PlanPosition {
  std::int64_t updates = 0;          // done in the whole run
  std::int64_t epoch = 0, step = 0;  // from 0
  std::int64_t steps_per_epoch = 1;  // updates
  std::int64_t world = 1, nodes = 1;
  std::int64_t global_batch = 1;  // samples of an update: world x batch x accumulate
};

// The data set as the data service sees it.
struct DataIdentity {
  std::int64_t samples = 0, classes = 0;
  std::uint64_t digest = 0;  // dataservice/source/digest.hpp
  bool operator==(const DataIdentity&) const = default;
};

struct Manifest {
  PlanPosition position;
  DataIdentity data;
  double accuracy = -1;       // of the validation at this step; below 0: there was none
  double best_accuracy = -1;  // so far
  std::int64_t best_step = 0;
  std::string config;            // canonical TOML
  std::vector<SavedFile> files;  // by rank
};

constexpr const char* kManifestName = "manifest.toml";
// Which identity each class is, "label<TAB>name of its first picture" lines: the data service writes it into
// the run's folder, and each checkpoint holds it too.
constexpr const char* kClassMapName = "classes.txt";
std::string rank_file_name(std::size_t rank);  // "rank_00003.bin"

// The text in two halves: each rank prints its own file, one of them puts all together.
std::string print_file(const SavedFile& file);
std::string print_manifest(const Manifest& header, const std::vector<std::string>& files);

// Throws Error(kInput), beginning with `where`, for a text that is damaged, of another format or
// inconsistent.
Manifest parse_manifest(std::string_view text, const std::string& where);

}  // namespace facetrain
