#include "trainer/checkpoint/training_state.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string_view>
#include <utility>

#include "common/checkpoint/rank_file.hpp"
#include "common/checkpoint/reshard.hpp"
#include "common/error.hpp"
#include "trainer/head/head.hpp"

namespace facetrain {
namespace {

constexpr std::string_view kLossScale = "loss_scale/";
constexpr std::uint64_t kAlignment = 64;

struct TypeName {
  at::ScalarType type;
  std::string_view name;
};
constexpr std::array kTypes = {TypeName{at::kDouble, "f64"}, TypeName{at::kFloat, "f32"},
                               TypeName{at::kHalf, "f16"},   TypeName{at::kBFloat16, "bf16"},
                               TypeName{at::kLong, "i64"},   TypeName{at::kInt, "i32"},
                               TypeName{at::kByte, "u8"}};

std::string name_of(at::ScalarType type) {
  for (const TypeName& known : kTypes)
    if (known.type == type) return std::string(known.name);
  throw Error(ErrorKind::kInternal,
              std::string("checkpoints hold no tensors of type ") + c10::toString(type));
}

at::ScalarType type_of(const SavedTensor& tensor, const std::string& where) {
  for (const TypeName& known : kTypes)
    if (known.name == tensor.type) return known.type;
  throw Error(ErrorKind::kInput, where + ": " + tensor.name + " is of an unknown type " + tensor.type);
}

std::string described(const at::Tensor& tensor) {
  std::ostringstream text;
  text << name_of(tensor.scalar_type()) << " " << tensor.sizes();
  return text.str();
}

// A parameter that the optimiser trains.
struct Trained {
  std::string name;
  Share share;
};

std::span<std::byte> bytes_of(at::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.mutable_data_ptr()), tensor.nbytes()};
}

std::uint64_t size_of(const std::vector<std::int64_t>& shape, at::ScalarType type) {
  std::uint64_t bytes = c10::elementSize(type);
  for (const std::int64_t size : shape) bytes *= static_cast<std::uint64_t>(size);
  return bytes;
}

// The files of a checkpoint, opened when first read.
class Files {
 public:
  Files(const std::string& folder, const Manifest& manifest) : folder_(folder), manifest_(manifest) {
    files_.resize(manifest.files.size());
  }

  // Fills `out` from the tensor's byte `begin` on.
  void read(std::size_t file, const SavedTensor& tensor, std::uint64_t begin, std::span<std::byte> out) {
    const std::string path = folder_ + "/" + rank_file_name(file);
    if (begin + out.size() > tensor.bytes)
      throw Error(ErrorKind::kInput, path + ": " + tensor.name + " is shorter than its shape says");
    if (!files_[file]) files_[file].emplace(path, manifest_.files[file]);
    files_[file]->read(tensor.offset + begin, out);
  }

 private:
  const std::string& folder_;
  const Manifest& manifest_;
  std::vector<std::optional<RankFile>> files_;
};

}  // namespace

std::vector<StateTensor> training_state(TrainState& state) {
  std::vector<StateTensor> all;
  std::vector<Trained> trained;
  for (const NamedTensor& entry : state.backbone.state()) {
    const std::string name = "backbone/" + entry.name;
    all.push_back({name, entry.tensor, entry.is_buffer ? Share::kRank : Share::kReplicated});
    if (!entry.is_buffer && entry.trainable) trained.push_back({name, Share::kReplicated});
  }
  ShardedClassifier& classifier = state.classifier;
  SparseRows* const sparse = classifier.sparse_centres();
  const std::vector<at::Tensor> parameters = classifier.parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const bool is_centres = sparse == nullptr && i == 0;
    const std::size_t number = i - (sparse == nullptr ? 1 : 0);
    const Trained own = is_centres ? Trained{"head/weight", Share::kRows}
                                   : Trained{"head/parameter." + std::to_string(number), Share::kRank};
    all.push_back({own.name, parameters[i], own.share});
    trained.push_back(own);
  }
  if (sparse != nullptr) {
    SparseRows::State rows = sparse->state();
    all.push_back({"head/weight", rows.values, Share::kRows});
    all.push_back({"momentum_buffer/head/weight", rows.velocities, Share::kRows});
    all.push_back({"head/marks", rows.marks, Share::kRows});
    all.push_back({"head/products", rows.products, Share::kReplicated});
    all.push_back({"head/last_mark", rows.last_mark, Share::kReplicated});
  }
  const std::vector<at::Tensor> statistics = classifier.head().statistics();
  for (std::size_t i = 0; i < statistics.size(); ++i)
    all.push_back({"head/statistic." + std::to_string(i), statistics[i], Share::kRank});
  for (const OptimizerState& memory : state.optimizer.state()) {
    if (memory.tensors.size() == trained.size() && memory.name != "step") {
      for (std::size_t i = 0; i < trained.size(); ++i)
        all.push_back({memory.name + "/" + trained[i].name, memory.tensors[i], trained[i].share});
    } else if (memory.tensors.size() == 1) {
      all.push_back({"optimizer/" + memory.name, memory.tensors[0], Share::kReplicated});
    } else {
      throw Error(ErrorKind::kInternal, "the optimiser's " + memory.name + " is of " +
                                            std::to_string(memory.tensors.size()) + " tensors, not of " +
                                            std::to_string(trained.size()));
    }
  }
  if (state.loss_scale != nullptr) {
    all.push_back({std::string(kLossScale) + "value", state.loss_scale->value(), Share::kReplicated});
    all.push_back(
        {std::string(kLossScale) + "steps", state.loss_scale->steps_since_change(), Share::kReplicated});
  }
  return all;
}

std::vector<int> writers(const std::vector<std::uint64_t>& bytes, int world) {
  std::uint64_t total = 0, before = 0;
  for (const std::uint64_t size : bytes) total += size;
  std::vector<int> ranks;
  for (const std::uint64_t size : bytes) {
    ranks.push_back(
        total == 0 ? 0 : static_cast<int>(static_cast<double>(before) / static_cast<double>(total) * world));
    before += size;
  }
  return ranks;
}

CheckpointImage capture(const std::vector<StateTensor>& state, int rank, int world) {
  const at::NoGradGuard no_grad;
  std::vector<std::uint64_t> replicated;
  for (const StateTensor& entry : state)
    if (entry.share == Share::kReplicated) replicated.push_back(entry.tensor.nbytes());
  const std::vector<int> writer = writers(replicated, world);

  CheckpointImage image;
  std::vector<const at::Tensor*> sources;
  std::uint64_t end = 0;
  std::size_t shared = 0;
  for (const StateTensor& entry : state) {
    if (entry.share == Share::kReplicated && writer[shared++] != rank) continue;
    SavedTensor saved;
    saved.name = entry.name;
    saved.type = name_of(entry.tensor.scalar_type());
    saved.shape = entry.tensor.sizes().vec();
    saved.share = entry.share;
    saved.offset = end;
    saved.bytes = size_of(saved.shape, entry.tensor.scalar_type());
    end = (end + saved.bytes + kAlignment - 1) / kAlignment * kAlignment;
    image.tensors.push_back(std::move(saved));
    sources.push_back(&entry.tensor);
  }
  image.bytes.resize(end);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const SavedTensor& saved = image.tensors[i];
    if (saved.bytes == 0) continue;
    at::from_blob(image.bytes.data() + saved.offset, saved.shape, sources[i]->scalar_type())
        .copy_(sources[i]->detach());
  }
  return image;
}

std::vector<LoadedTensor> read_checkpoint(const std::string& folder, const Manifest& manifest, int rank,
                                          int world) {
  const std::string where = folder + "/" + kManifestName;
  const auto old_world = static_cast<int>(manifest.position.world);
  const auto own_file = static_cast<std::size_t>(old_world == world ? rank : 0);
  Files files(folder, manifest);
  std::vector<LoadedTensor> loaded;
  const auto whole = [&](std::size_t file, const SavedTensor& saved) {
    at::Tensor tensor = at::empty(saved.shape, type_of(saved, where));
    files.read(file, saved, 0, bytes_of(tensor));
    loaded.push_back({saved.name, std::move(tensor)});
  };
  std::map<std::string, std::vector<const SavedTensor*>> rows;  // by name, then by rank
  for (std::size_t file = 0; file < manifest.files.size(); ++file)
    for (const SavedTensor& saved : manifest.files[file].tensors) {
      if (saved.share == Share::kRows) {
        rows[saved.name].push_back(&saved);
      } else if (saved.share == Share::kReplicated || file == own_file) {
        whole(file, saved);
      }
    }
  const ClassShard mine = class_shard(manifest.data.classes, rank, world);
  for (const auto& [name, parts] : rows) {
    if (parts.size() != manifest.files.size() || parts[0]->shape.empty())
      throw Error(ErrorKind::kInput, where + ": " + name + " is not in every rank's file");
    std::vector<std::int64_t> shape = parts[0]->shape;
    shape[0] = mine.count;
    const at::ScalarType type = type_of(*parts[0], where);
    at::Tensor tensor = at::empty(shape, type);
    const std::uint64_t row_bytes = size_of({shape.begin() + 1, shape.end()}, type);
    for (const RowRange& range : rows_to_read(manifest.data.classes, old_world, mine))
      files.read(static_cast<std::size_t>(range.file), *parts[static_cast<std::size_t>(range.file)],
                 static_cast<std::uint64_t>(range.first) * row_bytes,
                 bytes_of(tensor).subspan(static_cast<std::uint64_t>(range.place) * row_bytes,
                                          static_cast<std::uint64_t>(range.count) * row_bytes));
    loaded.push_back({name, std::move(tensor)});
  }
  return loaded;
}

void restore(const std::vector<StateTensor>& state, const std::vector<LoadedTensor>& loaded) {
  std::map<std::string_view, const at::Tensor*> by_name;
  for (const LoadedTensor& entry : loaded) by_name.emplace(entry.name, &entry.tensor);
  std::string missing, different, left_over;
  std::size_t used = 0;
  for (const StateTensor& entry : state) {
    const auto found = by_name.find(entry.name);
    if (found == by_name.end()) {
      if (!entry.name.starts_with(kLossScale)) missing += " " + entry.name;
      continue;
    }
    ++used;
    const at::Tensor& saved = *found->second;
    if (saved.sizes() != entry.tensor.sizes() || saved.scalar_type() != entry.tensor.scalar_type())
      different += " " + entry.name + " (" + described(saved) + " for " + described(entry.tensor) + ")";
  }
  if (used != by_name.size())
    for (const LoadedTensor& entry : loaded) {
      const bool is_known = std::any_of(state.begin(), state.end(),
                                        [&](const StateTensor& own) { return own.name == entry.name; });
      if (!is_known && !entry.name.starts_with(kLossScale)) left_over += " " + entry.name;
    }
  if (!missing.empty() || !different.empty() || !left_over.empty())
    throw Error(
        ErrorKind::kConfig,
        "the checkpoint does not fit this run:" + (missing.empty() ? "" : " it lacks" + missing + ";") +
            (left_over.empty() ? "" : " it has besides" + left_over + ";") +
            (different.empty() ? "" : " others are" + different + ";") + " --fresh starts a new run");
  const at::NoGradGuard no_grad;
  for (const StateTensor& entry : state)
    if (const auto found = by_name.find(entry.name); found != by_name.end())
      at::Tensor(entry.tensor).copy_(*found->second);
}

}  // namespace facetrain
