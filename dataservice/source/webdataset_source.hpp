// WebDataset tar shards with a `wids` index (wids_index.hpp), as the reference's
// data_loader_train_webdataset.py reads them: members KEY.cls (the label in digits) and KEY.jpg side by side
// make a sample; samples in the order of the shards. The number of identities is the index's "classes", or
// "ids:N" at the start of dataset_info.txt beside the index (the reference's way), or the largest label + 1.
// 16 bytes an image.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataservice/source/kept_index.hpp"
#include "dataservice/source/random_file.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

struct WidsIndex;

// dataset_info.txt beside an index, whether it is there or not.
std::string class_number_file(const std::string& index);

class WebDatasetSource final : public Source {
 public:
  // `index`: the .json. Looks at the header of every member, unless an index of these was kept
  // (kept_index.hpp), which is done from `keep_from` pictures on. Throws Error(kInput).
  explicit WebDatasetSource(const std::string& index, std::uint32_t keep_from = KeptIndex::kLeast);

  std::uint32_t size() const override { return static_cast<std::uint32_t>(images_.size()); }
  std::uint32_t classes() const override { return classes_; }
  std::int64_t label(std::uint32_t i) const override { return images_[i].label; }
  std::string name(std::uint32_t i) const override;   // SHARD:MEMBER, from the shard
  std::string place(std::uint32_t i) const override;  // SHARD:OFFSET
  std::uint64_t fingerprint(std::uint32_t i) const override {
    const Image& at = images_[i];
    return (std::uint64_t{at.size} << 32 | std::uint32_t{at.shard} << 16 | at.high) * 0x9E3779B97F4A7C15ull +
           at.low;
  }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override;
  void will_need(std::uint32_t first, std::uint32_t count) const override;
  void read_at_random() override {
    for (RandomFile& shard : shards_) shard.read_at_random();
  }

  // The folder in each sample's key, by label, when every key has one and labels and folders correspond one
  // to one; else empty.
  const std::vector<std::string>& folders() const { return folders_; }
  const std::vector<std::string>& warnings() const { return warnings_; }  // lines for the log

 private:
  struct Image {
    std::uint32_t low = 0;  // where the picture is in its shard: low + (high << 32)
    std::uint16_t high = 0;
    std::uint16_t shard = 0;
    std::uint32_t size = 0;
    std::uint32_t label = 0;
  };

  std::uint64_t offset(const Image& image) const {
    return static_cast<std::uint64_t>(image.high) << 32 | image.low;
  }
  std::vector<char> take_shards(const std::string& path, const WidsIndex& index);
  bool is_inside() const;

  std::vector<RandomFile> shards_;
  std::vector<Image> images_;
  std::vector<std::string> folders_;
  std::uint32_t classes_ = 0;
  std::vector<std::string> warnings_;
};

}  // namespace facetrain
