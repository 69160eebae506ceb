#include "dataservice/source/webdataset_source.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>
#include <string_view>
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

std::uint32_t read_label(const RandomFile& shard, const std::string& key, const FilePart& member) {
  char text[kMostDigits] = {};
  const std::string_view all(text, static_cast<std::size_t>(std::min(member.size, kMostDigits)));
  shard.read(member.offset, std::as_writable_bytes(std::span(text).first(all.size())));
  const std::size_t first = all.find_first_not_of(" \t\r\n"), last = all.find_last_not_of(" \t\r\n");
  std::uint32_t label = 0;
  const char* const begin = text + (first == all.npos ? 0 : first);
  const char* const end = text + (last == all.npos ? 0 : last + 1);
  const auto [stop, error] = std::from_chars(begin, end, label);
  if (begin == end || error != std::errc{} || stop != end ||
      label == std::numeric_limits<std::uint32_t>::max() || member.size > kMostDigits)
    throw Error(ErrorKind::kInput,
                shard.path() + ":" + key + ".cls: not a label (a whole number, 0 or more)");
  return label;
}

// "ids:N ..." as the reference's WebDataLoader reads it; 0 when there is no such file.
std::uint32_t classes_beside(const std::string& index) {
  const std::string path = class_number_file(index);
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

std::string class_number_file(const std::string& index) {
  return (std::filesystem::path(index).parent_path() / "dataset_info.txt").string();
}

void for_each_sample(const RandomFile& shard, const std::function<void(const TarSample&)>& visit) {
  TarSample sample;
  bool open = false;        // is a sample begun?
  FilePart picture, label;  // of it; empty ones are not there yet
  const auto close = [&] {
    if (open && (picture.size == 0 || label.size == 0))
      throw Error(ErrorKind::kInput, shard.path() + ":" + sample.key + " has no " +
                                         (picture.size > 0 ? ".cls (label)" : ".jpg (picture)") +
                                         " beside it");
    if (open) {
      sample.offset = picture.offset;
      sample.size = static_cast<std::uint32_t>(picture.size);
      sample.label = read_label(shard, sample.key, label);
      visit(sample);
    }
    open = false;
    picture = label = {};
  };
  for_each_member(shard, [&](const TarMember& member) {
    const std::size_t length = key_length(member.name);
    const std::string_view key = std::string_view(member.name).substr(0, length);
    const std::string_view ending = std::string_view(member.name).substr(length);
    if (ending.empty()) return;  // wids ignores these
    FilePart* const place = ending == ".cls"                                            ? &label
                            : ending == ".jpg" || ending == ".jpeg" || ending == ".png" ? &picture
                                                                                        : nullptr;
    // A second picture under one key is another sample: the parent's tool names samples by file names, which
    // repeat.
    if (!open || sample.key != key || (place != nullptr && place->size > 0)) close();
    sample.key = key;
    open = true;
    if (place == nullptr) return;
    if (member.size == 0 || member.size > std::numeric_limits<std::uint32_t>::max() ||
        member.offset >> 48 != 0)
      throw Error(ErrorKind::kInput,
                  shard.path() + ":" + member.name + ": impossible size " + std::to_string(member.size));
    *place = {member.offset, member.size};
  });
  close();
}

std::vector<TarSample> read_shard(const RandomFile& shard) {
  std::vector<TarSample> samples;
  for_each_sample(shard, [&](const TarSample& sample) { samples.push_back(sample); });
  return samples;
}

namespace {

// The folders of samples' keys and their labels, as pairs: as long as each label has one folder of its own.
class FolderNames {
 public:
  // Samples side by side mostly have one folder: those are one look.
  void add(std::string_view key, std::uint32_t label) {
    const std::size_t slash = key.rfind('/');
    named_ = named_ && slash != key.npos;
    if (!named_) return;
    const std::string_view folder = key.substr(0, slash);
    if (!last_.empty() && folder == last_ && label == last_label_) return;
    last_ = folder;
    last_label_ = label;
    named_ = label_of_.try_emplace(last_, label).first->second == label &&
             folder_of_.try_emplace(label, last_).first->second == last_;
  }
  void add(const FolderNames& others) {
    named_ = named_ && others.named_;
    for (const auto& [label, folder] : others.folder_of_)
      if (named_) add(folder + "/", label);
  }
  // By label, each with a NUL behind it; empty when some label up to the largest has none.
  std::vector<char> text() const {
    std::vector<char> text;
    for (std::uint32_t label = 0; named_ && label < folder_of_.size(); ++label) {
      const auto found = folder_of_.find(label);
      if (found == folder_of_.end()) return {};
      text.insert(text.end(), found->second.begin(), found->second.end());
      text.push_back('\0');
    }
    return text;
  }

 private:
  std::unordered_map<std::string, std::uint32_t> label_of_;
  std::unordered_map<std::uint32_t, std::string> folder_of_;
  std::string last_;
  std::uint32_t last_label_ = 0;
  bool named_ = true;
};

std::vector<std::string> names_in(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t end = 0; (end = text.find('\0')) != text.npos; text.remove_prefix(end + 1))
    names.emplace_back(text.substr(0, end));
  return names;
}

}  // namespace

WebDatasetSource::WebDatasetSource(const std::string& path, std::uint32_t keep_from) {
  KeptIndex kept(path, "WebDataset 1", {path});
  const WidsIndex index = read_wids_index(path);
  std::vector<std::string> files;
  for (const auto& shard : index.shards) files.push_back(shard.path);
  kept.add_files(files);
  shards_.reserve(files.size());
  for (const std::string& file : files) shards_.emplace_back(file);
  std::vector<char> folders;
  const IndexPart parts[] = {IndexPart(images_), IndexPart(folders)};
  const bool known = kept.load(parts, [&] { return is_inside(); });
  if (!known) folders = take_shards(path, index);
  classes_ = classes_of_labels(*this, index.classes != 0 ? index.classes : classes_beside(path), "classes");
  folders_ = names_in({folders.data(), folders.size()});
  if (folders_.size() != classes_) folders_.clear();
  if (!known && size() >= keep_from) kept.keep(parts);
  warnings_ = kept.warnings();
}

// Does an index that was kept speak of bytes that are there?
bool WebDatasetSource::is_inside() const {
  return !images_.empty() && images_.size() <= std::numeric_limits<std::uint32_t>::max() &&
         std::all_of(images_.begin(), images_.end(), [&](const Image& image) {
           if (image.shard >= shards_.size()) return false;
           const std::uint64_t end = shards_[image.shard].size();
           return offset(image) <= end && image.size <= end - offset(image);
         });
}

// Goes through all shards. Returns FolderNames::text().
std::vector<char> WebDatasetSource::take_shards(const std::string& path, const WidsIndex& index) {
  std::vector<std::vector<Image>> images(shards_.size());
  std::vector<FolderNames> names(shards_.size());
  in_parallel(shards_.size(), [&](unsigned, std::uint64_t s) {
    const auto& [shard, promised] = index.shards[s];
    for_each_sample(shards_[s], [&](const TarSample& sample) {
      images[s].push_back({static_cast<std::uint32_t>(sample.offset),
                           static_cast<std::uint16_t>(sample.offset >> 32), static_cast<std::uint16_t>(s),
                           sample.size, sample.label});
      names[s].add(sample.key, sample.label);
    });
    if (images[s].size() != promised)
      throw Error(ErrorKind::kInput, shard + " holds " + std::to_string(images[s].size()) + " samples; " +
                                         path + " promises " + std::to_string(promised));
  });
  std::uint64_t total = 0;
  for (const auto& shard : images) total += shard.size();
  if (total == 0 || total > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorKind::kInput, path + ": its shards hold " + std::to_string(total) + " samples");
  images_.reserve(total);
  FolderNames all;
  for (std::size_t s = 0; s < images.size(); ++s) {
    images_.insert(images_.end(), images[s].begin(), images[s].end());
    images[s] = std::vector<Image>();  // "= {}" would keep the memory
    all.add(names[s]);
    names[s] = FolderNames();
  }
  return all.text();
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
  shards_[image.shard].expect(offset(image), image.size);
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
