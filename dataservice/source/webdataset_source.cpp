#include "dataservice/source/webdataset_source.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/number.hpp"
#include "dataservice/decode/limits.hpp"
#include "dataservice/source/class_limit.hpp"
#include "dataservice/source/shard_reader.hpp"
#include "dataservice/source/tar_file.hpp"
#include "dataservice/source/wids_index.hpp"
#include "dataservice/tools/parallel.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kInTurns = 4;  // shards that one thread goes through in turns

// "ids:N ..." as the reference's WebDataLoader reads it; 0 when there is no such file.
std::uint32_t classes_beside(const std::string& index) {
  const std::string path = class_number_file(index);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return 0;
  const std::vector<std::byte> bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::string_view word = text.substr(0, text.find_first_of(" \r\n"));
  const std::size_t colon = word.find(':');
  const auto classes = parse_number<std::uint32_t>(colon == word.npos ? "" : word.substr(colon + 1));
  if (!classes || *classes == 0) throw Error(ErrorKind::kInput, path + ": its first word is not ids:NUMBER");
  return *classes;
}

}  // namespace

std::string class_number_file(const std::string& index) {
  return (std::filesystem::path(index).parent_path() / "dataset_info.txt").string();
}

namespace {

// The folder of each label's samples, as long as each label has one, and one of its own.
class FolderNames {
 public:
  // Samples side by side mostly have one folder: those are one look.
  void add(std::string_view key, std::uint32_t label) {
    if (!named_) return;
    const std::size_t slash = key.rfind('/');
    named_ = slash != key.npos;
    if (!named_) return;
    const std::string_view folder = key.substr(0, slash);
    if (last_ == nullptr || label != last_label_) {
      last_ = &folder_of_.try_emplace(label, folder).first->second;
      last_label_ = label;
    }
    named_ = folder == *last_;
  }
  // Takes what others have; they have some of it, or nothing, afterwards.
  void take(FolderNames& others) {
    named_ = named_ && others.named_;
    folder_of_.merge(others.folder_of_);
    for (const auto& [label, folder] : others.folder_of_)  // those that were here already
      named_ = named_ && folder_of_.at(label) == folder;
    last_ = others.last_ = nullptr;
  }
  // By label, each with a NUL behind it; empty when some label up to the largest has none.
  std::vector<char> text() const {
    std::unordered_set<std::string_view> folders;
    folders.reserve(folder_of_.size());
    std::vector<char> text;
    for (std::uint32_t label = 0; named_ && label < folder_of_.size(); ++label) {
      const auto found = folder_of_.find(label);
      if (found == folder_of_.end() || !folders.insert(found->second).second) return {};
      text.insert(text.end(), found->second.begin(), found->second.end());
      text.push_back('\0');
    }
    return text;
  }

 private:
  std::unordered_map<std::uint32_t, std::string> folder_of_;
  const std::string* last_ = nullptr;  // of last_label_, which was added last
  std::uint32_t last_label_ = 0;
  bool named_ = true;
};

std::vector<std::string> names_in(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t end = 0; (end = text.find('\0')) != text.npos; text.remove_prefix(end + 1))
    names.emplace_back(text.substr(0, end));
  return names;
}

// The shards that one thread goes through in turns: some of about one size (TarReader says why), if every
// thread has enough to do. The largest first, so that none of those is left for the end.
std::vector<std::vector<std::size_t>> in_groups(const std::vector<RandomFile>& shards) {
  std::vector<std::size_t> order(shards.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return shards[a].size() > shards[b].size(); });
  const std::size_t together = std::clamp<std::size_t>(shards.size() / (2 * parallel_threads()), 1, kInTurns);
  std::vector<std::vector<std::size_t>> groups((shards.size() + together - 1) / together);
  for (std::size_t k = 0; k < order.size(); ++k) groups[k / together].push_back(order[k]);
  return groups;
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
  // A place for each sample that is promised, and of which there can be so many: a picture and a label are at
  // least two blocks each, but for the last one's padding, which a tar may end without.
  std::vector<std::uint64_t> first(shards_.size() + 1);
  for (std::size_t s = 0; s < shards_.size(); ++s)
    first[s + 1] = first[s] + std::min<std::uint64_t>(index.shards[s].samples,
                                                      shards_[s].size() / (4 * TarReader::kBlock) + 1);
  const std::uint64_t total = first.back();
  if (total <= std::numeric_limits<std::uint32_t>::max()) images_.resize(total);
  std::vector<FolderNames> names(shards_.size());
  struct Open {
    std::size_t shard;
    ShardReader reader;
    std::uint64_t samples = 0;
    FolderNames names;
  };
  const auto take = [&](Open& open) {
    const TarSample& sample = open.reader.sample();
    const std::uint64_t place = first[open.shard] + open.samples++;
    if (place < first[open.shard + 1] && place < images_.size())
      images_[place] = {static_cast<std::uint32_t>(sample.offset),
                        static_cast<std::uint16_t>(sample.offset >> 32),
                        static_cast<std::uint16_t>(open.shard), sample.size, sample.label};
    open.names.add(sample.key, sample.label);
  };
  const auto end = [&](Open& open) {
    const auto& [shard, promised] = index.shards[open.shard];
    if (open.samples != promised)
      throw Error(ErrorKind::kInput, shard + " holds " + std::to_string(open.samples) + " samples; " + path +
                                         " promises " + std::to_string(promised));
    names[open.shard] = std::move(open.names);
  };
  const auto groups = in_groups(shards_);
  in_parallel(groups.size(), [&](unsigned, std::uint64_t group) {
    std::vector<Open> open;
    for (const std::size_t s : groups[group]) open.push_back({s, ShardReader(shards_[s]), 0, {}});
    while (!open.empty())
      for (std::size_t k = 0; k < open.size();) {
        const ShardReader::Step step = open[k].reader.step();
        if (step == ShardReader::Step::kSample) take(open[k]);
        if (step != ShardReader::Step::kEnd) {
          ++k;
          continue;
        }
        end(open[k]);
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(k));
      }
  });
  if (total == 0 || total > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorKind::kInput, path + ": its shards hold " + std::to_string(total) + " samples");
  FolderNames all;
  for (FolderNames& shard : names) {
    all.take(shard);
    shard = FolderNames();
  }
  return all.text();
}

std::string WebDatasetSource::name(std::uint32_t i) const {
  const RandomFile& shard = shards_[images_[i].shard];
  try {
    return shard.path() + ":" + member_name_at(shard, offset(images_[i]));
  } catch (const Error&) {  // this is for a message, which may be about just that
    return place(i);
  }
}

std::string WebDatasetSource::place(std::uint32_t i) const {
  return shards_[images_[i].shard].path() + ":" + std::to_string(offset(images_[i]));
}

void WebDatasetSource::read(std::uint32_t i, std::vector<std::byte>& buffer) const {
  const Image& image = images_[i];
  require_encoded_size(image.size, [&] { return place(i); });
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
