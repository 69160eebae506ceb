#include "dataservice/source/webdataset_source.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <optional>
#include <unordered_map>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "dataservice/source/class_limit.hpp"
#include "dataservice/source/tar_file.hpp"
#include "dataservice/source/wids_index.hpp"
#include "dataservice/tools/parallel.hpp"

namespace facetrain {
namespace {

constexpr std::uint64_t kMostDigits = 32;  // bytes of a .cls member

// "a/b.c.jpg" is key "a/b" and ending ".c.jpg", as in wids.
std::size_t key_length(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return std::min(name.find('.', slash == name.npos ? 0 : slash + 1), name.size());
}

std::uint32_t read_label(const RandomFile& shard, const TarMember& member) {
  std::string text(static_cast<std::size_t>(std::min(member.size, kMostDigits)), '\0');
  shard.read(member.offset, std::as_writable_bytes(std::span(text)));
  const std::size_t first = text.find_first_not_of(" \t\r\n"), last = text.find_last_not_of(" \t\r\n");
  std::uint32_t label = 0;
  const char* const begin = text.data() + (first == text.npos ? 0 : first);
  const char* const end = text.data() + (last == text.npos ? 0 : last + 1);
  const auto [stop, error] = std::from_chars(begin, end, label);
  if (begin == end || error != std::errc{} || stop != end ||
      label == std::numeric_limits<std::uint32_t>::max() || member.size > kMostDigits)
    throw Error(ErrorKind::kInput,
                shard.path() + ":" + member.name + ": not a label (a whole number, 0 or more)");
  return label;
}

// "ids:N ..." as the reference's WebDataLoader reads it; 0 when there is no such file.
std::uint32_t classes_beside(const std::string& index) {
  const std::string path = (std::filesystem::path(index).parent_path() / "dataset_info.txt").string();
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return 0;
  const std::vector<std::byte> bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string_view word = text.substr(0, text.find_first_of(" \r\n"));
  const std::size_t colon = word.find(':');
  std::uint32_t classes = 0;
  const char* const begin = word.data() + (colon == word.npos ? word.size() : colon + 1);
  const auto [stop, wrong] = std::from_chars(begin, word.data() + word.size(), classes);
  if (wrong != std::errc{} || stop != word.data() + word.size() || classes == 0)
    throw Error(ErrorKind::kInput, path + ": its first word is not ids:NUMBER");
  return classes;
}

}  // namespace

std::vector<TarSample> read_shard(const RandomFile& shard) {
  std::vector<TarSample> samples;
  std::string key;
  bool open = false;  // is a sample begun?
  std::optional<TarMember> picture, label;
  const auto close = [&] {
    if (open && picture && label)
      samples.push_back(
          {key, picture->offset, static_cast<std::uint32_t>(picture->size), read_label(shard, *label)});
    else if (open)
      throw Error(ErrorKind::kInput, shard.path() + ":" + key + " has no " +
                                         (picture ? ".cls (label)" : ".jpg (picture)") + " beside it");
    open = false;
    picture.reset();
    label.reset();
  };
  for_each_member(shard, [&](const TarMember& member) {
    const std::size_t length = key_length(member.name);
    const std::string_view ending = std::string_view(member.name).substr(length);
    if (ending.empty()) return;  // wids ignores these
    auto* const place = ending == ".cls"                                            ? &label
                        : ending == ".jpg" || ending == ".jpeg" || ending == ".png" ? &picture
                                                                                    : nullptr;
    const std::string_view its_key = std::string_view(member.name).substr(0, length);
    // A second picture under one key is another sample: the parent's tool names samples by file names, which
    // repeat.
    if (!open || key != its_key || (place != nullptr && *place)) close();
    key = its_key;
    open = true;
    if (place == nullptr) return;
    if (member.size == 0 || member.size > std::numeric_limits<std::uint32_t>::max() ||
        member.offset >> 48 != 0)
      throw Error(ErrorKind::kInput,
                  shard.path() + ":" + member.name + ": impossible size " + std::to_string(member.size));
    *place = member;
  });
  close();
  return samples;
}

WebDatasetSource::WebDatasetSource(const std::string& path) {
  const WidsIndex index = read_wids_index(path);
  shards_.reserve(index.shards.size());
  for (const auto& shard : index.shards) shards_.emplace_back(shard.path);
  std::vector<std::vector<TarSample>> samples(index.shards.size());
  in_parallel(index.shards.size(), [&](unsigned, std::uint64_t s) {
    const auto& [shard, promised] = index.shards[s];
    samples[s] = read_shard(shards_[s]);
    if (samples[s].size() != promised)
      throw Error(ErrorKind::kInput, shard + " holds " + std::to_string(samples[s].size()) + " samples; " +
                                         path + " promises " + std::to_string(promised));
  });
  std::uint64_t total = 0;
  for (const auto& shard : samples) total += shard.size();
  if (total == 0 || total > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorKind::kInput, path + ": its shards hold " + std::to_string(total) + " samples");
  images_.reserve(total);
  std::unordered_map<std::string, std::uint32_t> label_of;
  std::unordered_map<std::uint32_t, std::string> folder_of;
  bool named = true;
  for (std::size_t s = 0; s < samples.size(); ++s) {
    for (const TarSample& sample : samples[s]) {
      images_.push_back({static_cast<std::uint32_t>(sample.offset),
                         static_cast<std::uint16_t>(sample.offset >> 32), static_cast<std::uint16_t>(s),
                         sample.size, sample.label});
      const std::size_t slash = sample.key.rfind('/');
      named = named && slash != sample.key.npos;
      if (!named) continue;
      const std::string folder = sample.key.substr(0, slash);
      named = label_of.try_emplace(folder, sample.label).first->second == sample.label &&
              folder_of.try_emplace(sample.label, folder).first->second == folder;
    }
    samples[s] = std::vector<TarSample>();  // "= {}" would keep the memory
  }
  take_classes(path, index.classes);
  folders_.resize(named && folder_of.size() == classes_ ? classes_ : 0);
  for (std::size_t label = 0; label < folders_.size(); ++label)
    folders_[label] = folder_of.at(static_cast<std::uint32_t>(label));
}

void WebDatasetSource::take_classes(const std::string& index, std::uint32_t told) {
  classes_ = classes_of_labels(*this, told != 0 ? told : classes_beside(index), "classes");
}

std::string WebDatasetSource::name(std::uint32_t i) const {
  const RandomFile& shard = shards_[images_[i].shard];
  try {
    return shard.path() + ":" + member_name_at(shard, offset(images_[i]));
  } catch (const Error&) {  // this is for a message, which may be about just that
    return shard.path() + ":" + std::to_string(offset(images_[i]));
  }
}

void WebDatasetSource::read(std::uint32_t i, std::vector<std::byte>& buffer) const {
  const Image& image = images_[i];
  buffer.resize(image.size);
  shards_[image.shard].read(offset(image), buffer);
}

// Samples are in the order of the shards, so a range of them is one piece of each shard that it touches.
void WebDatasetSource::will_need(std::uint32_t first, std::uint32_t count) const {
  for (std::uint32_t k = 0; k < count;) {
    const std::uint16_t shard = images_[first + k].shard;
    std::vector<FilePart> parts;
    for (; k < count && images_[first + k].shard == shard; ++k)
      parts.push_back({offset(images_[first + k]), images_[first + k].size});
    shards_[shard].will_need(std::move(parts));
  }
}

}  // namespace facetrain
