#include "trainer/weights/weights.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/GradMode.h>
#include <caffe2/serialize/inline_container.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "trainer/backbones/registry.hpp"
#include "trainer/weights/pickle.hpp"

namespace facetrain {
namespace {

// As they go into the file: on the CPU, contiguous, float32 or int64.
std::vector<NamedTensor> file_tensors(const std::vector<NamedTensor>& state) {
  std::vector<NamedTensor> result;
  for (const NamedTensor& entry : state) {
    const at::ScalarType type = entry.tensor.is_floating_point() ? at::kFloat : at::kLong;
    result.push_back({entry.name, entry.tensor.detach().to(at::kCPU).to(type).contiguous()});
  }
  return result;
}

void require_zip(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorKind::kInput, with_errno("open weights " + path, errno));
  char magic[4] = {};
  file.read(magic, sizeof magic);
  if (file.gcount() == 4 && magic[0] == 'P' && magic[1] == 'K' && magic[2] == 3 && magic[3] == 4) return;
  if (file.gcount() >= 2 && magic[0] == '\x80') {
    throw Error(
        ErrorKind::kInput,
        path + ": in the format from before PyTorch 1.6; save it anew in Python: torch.save(torch.load('" +
            path + "', map_location='cpu', weights_only=True), 'new.pth')");
  }
  throw Error(ErrorKind::kInput, path + ": not a .pth file (neither torch.save's zip nor a pickle)");
}

std::vector<NamedTensor> without_module_prefix(std::vector<NamedTensor> state) {
  constexpr std::string_view kPrefix = "module.";
  for (NamedTensor& entry : state) {
    if (entry.name.starts_with(kPrefix)) entry.name.erase(0, kPrefix.size());
  }
  return state;
}

std::string shape_text(const at::Tensor& t) {
  std::ostringstream text;
  text << t.sizes();
  return text.str();
}

}  // namespace

void save_state_dict(const std::string& path, const std::vector<NamedTensor>& state) {
  const std::vector<NamedTensor> tensors = file_tensors(state);
  std::string bytes;
  {
    caffe2::serialize::PyTorchStreamWriter writer([&](const void* data, std::size_t size) {
      bytes.append(static_cast<const char*>(data), size);
      return size;
    });
    const std::string pickle = write_state_dict_pickle(tensors);
    writer.writeRecord("data.pkl", pickle.data(), pickle.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const at::Tensor& t = tensors[i].tensor;
      writer.writeRecord("data/" + std::to_string(i), t.const_data_ptr(), t.nbytes());
    }
    writer.writeEndOfFile();
  }
  write_file_atomically(path, bytes);
  // What a disk took without a complaint is not always what it gives back.
  const MappedFile written(path);
  const auto content = written.bytes();
  if (content.size() == bytes.size() && std::memcmp(content.data(), bytes.data(), bytes.size()) == 0) return;
  std::remove(path.c_str());
  throw Error(ErrorKind::kIo, "read back " + path + ": it is not what was written");
}

std::vector<NamedTensor> load_state_dict(const std::string& path) {
  require_zip(path);
  try {
    caffe2::serialize::PyTorchStreamReader reader(path);
    if (!reader.hasRecord("data.pkl") || reader.hasRecord("constants.pkl")) {
      throw Error(ErrorKind::kInput,
                  path + ": holds no state_dict (TorchScript? save model.state_dict() with torch.save)");
    }
    if (reader.hasRecord("byteorder")) {
      const auto [order, size] = reader.getRecord("byteorder");
      if (std::string_view(static_cast<const char*>(order.get()), size) != "little") {
        throw Error(ErrorKind::kInput, path + ": written by a big-endian machine");
      }
    }
    std::map<std::string, at::Tensor> cache;
    const StorageReader storage = [&](const std::string& key, at::ScalarType type, std::int64_t count) {
      const std::string record = "data/" + key;
      if (const auto found = cache.find(key); found != cache.end()) {
        if (found->second.scalar_type() == type && found->second.numel() == count) return found->second;
        throw Error(ErrorKind::kInput, path + ": record " + record + " is used with two types");
      }
      if (!reader.hasRecord(record))
        throw Error(ErrorKind::kInput, path + ": record " + record + " is missing");
      auto [data, size] = reader.getRecord(record);
      if (size % c10::elementSize(type) != 0 ||
          static_cast<std::int64_t>(size / c10::elementSize(type)) != count) {
        throw Error(ErrorKind::kInput, path + ": record " + record + " has " + std::to_string(size) +
                                           " bytes for " + std::to_string(count) + " values");
      }
      void* address = data.get();
      auto owner = std::make_shared<at::DataPtr>(std::move(data));
      at::Tensor t = count == 0 ? at::empty({0}, type)
                                : at::from_blob(
                                      address, {count}, [owner](void*) {}, at::TensorOptions(type));
      cache.emplace(key, t);
      return t;
    };
    const auto [pickle, size] = reader.getRecord("data.pkl");
    return read_state_dict_pickle({static_cast<const char*>(pickle.get()), size}, storage, path);
  } catch (const c10::Error& e) {
    throw Error(ErrorKind::kInput, path + ": damaged: " + e.what_without_backtrace());
  }
}

void load_into(Backbone& backbone, const std::vector<NamedTensor>& given) {
  const std::vector<NamedTensor> state = without_module_prefix(given);
  std::string missing, shapes, unexpected;
  std::set<std::string> known;
  for (const NamedTensor& own : backbone.state()) {
    known.insert(own.name);
    const at::Tensor* found = find_tensor(state, own.name);
    if (found == nullptr) {
      missing += " " + own.name;
    } else if (found->sizes() != own.tensor.sizes()) {
      shapes += " " + own.name + " " + shape_text(*found) + " for " + shape_text(own.tensor);
    }
  }
  for (const NamedTensor& entry : state) {
    if (!known.contains(entry.name)) unexpected += " " + entry.name;
  }
  if (!missing.empty() || !shapes.empty() || !unexpected.empty()) {
    throw Error(ErrorKind::kInput,
                "the weights do not fit the network:" + (missing.empty() ? "" : " missing:" + missing + ";") +
                    (unexpected.empty() ? "" : " unexpected:" + unexpected + ";") +
                    (shapes.empty() ? "" : " shape differs:" + shapes + ";") +
                    " check model.model, depth, mode, width and embedding_size");
  }
  const c10::AutoGradMode no_gradient(false);
  for (const NamedTensor& own : backbone.state()) at::Tensor(own.tensor).copy_(*find_tensor(state, own.name));
}

BackboneSpec spec_from_state(const std::vector<NamedTensor>& given) {
  const std::vector<NamedTensor> state = without_module_prefix(given);
  std::string names;
  for (const BackboneEntry& entry : backbone_registry()) {
    if (const auto spec = entry.kind->recognise(state)) return *spec;
    names += (names.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw Error(ErrorKind::kInput, "the weights are of no network that facetrain builds (" + names + ")");
}

}  // namespace facetrain
