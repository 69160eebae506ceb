// InsightFace's train.rec and train.idx (MXNet's RecordIO), as arcface_torch's MXFaceDataset reads them.
//   .idx: lines "KEY<tab>OFFSET".  .rec at OFFSET: u32 0xced7230a, u32 (part << 29 | length), then `length`
//   bytes, padded to 4. A record that holds the magic number at a multiple of 4 is cut there into parts 1
//   (first), 2, 3 (last); 0 is a whole one. (dmlc-core's include/dmlc/recordio.h, python/mxnet/recordio.py)
//   A record: IRHeader {u32 flag, f32 label, u64 id, u64 id2}; flag > 0: that many f32 labels follow instead,
//   the first counts; then the picture. Record 0 may have labels (n + 1, m): then the pictures are records 1
//   .. n, and n + 1 .. m - 1 stand for identities.
// 12 bytes an image (20, when its keys are not in sequence).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dataservice/source/kept_index.hpp"
#include "dataservice/source/random_file.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

// The .idx that belongs to a .rec. Throws Error(kInput) for another ending.
std::string record_index_of(const std::string& rec_path);

class RecordSource final : public Source {
 public:
  // `path`: the .rec; its .idx is beside it. Reads each record's header, unless an index of it was kept
  // (kept_index.hpp), which is done from `keep_from` pictures on. Throws Error(kInput).
  explicit RecordSource(const std::string& path, std::uint32_t keep_from = KeptIndex::kLeast);

  std::uint32_t size() const override { return static_cast<std::uint32_t>(images_.size()); }
  std::uint32_t classes() const override { return classes_; }
  std::int64_t label(std::uint32_t i) const override { return images_[i].label; }
  std::string name(std::uint32_t i) const override;                       // PATH:KEY
  const std::vector<std::string>& warnings() const { return warnings_; }  // lines for the log
  std::uint64_t fingerprint(std::uint32_t i) const override { return offset(i) + (key(i) << 40); }
  std::uint64_t key(std::uint32_t i) const { return keys_.empty() ? first_key_ + i : keys_[i]; }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override;
  void will_need(std::uint32_t first, std::uint32_t count) const override;
  void read_at_random() override { file_.read_at_random(); }

 private:
  struct Image {
    std::uint32_t low = 0, high = 0;  // where its record is in the file: low + (high << 32)
    std::uint32_t label = 0;
  };

  // What stands in front of a picture.
  struct Head {
    std::uint32_t labels = 0;          // 0: one, inside the IRHeader
    std::array<float, 2> first_two{};  // of them
    std::size_t size = 0;              // bytes
  };

  std::uint64_t offset(std::uint32_t i) const {
    return static_cast<std::uint64_t>(images_[i].high) << 32 | images_[i].low;
  }
  std::uint64_t usual_size(std::uint32_t i) const;
  void read_record(std::uint64_t offset, std::vector<std::byte>& record) const;
  Head head_of(std::uint64_t offset, std::span<const std::byte> record) const;
  Head read_head(std::uint64_t offset) const;
  RecordSource(const std::string& path, std::uint32_t keep_from, KeptIndex index);
  void take_records(const std::string& index_path);
  void take_labels();
  bool is_inside() const;

  RandomFile file_;
  std::vector<Image> images_;
  std::uint64_t first_key_ = 1;
  std::vector<std::uint64_t> keys_;  // empty when each is the one before plus one
  std::uint32_t classes_ = 0;        // 0 while not known
  std::vector<std::string> warnings_;
};

}  // namespace facetrain
