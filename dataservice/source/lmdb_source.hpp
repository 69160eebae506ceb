// The reference's LMDB (utils/imagelist2lmdb.py of the parent writes it, class LMDB of
// data_loader_train_lmdb.py reads it): b"__len__", b"__keys__" and b"__classnum__" as MessagePack, and for
// each key an array (encoded picture, label). One that `facetrain pack` wrote holds b"__facetrain__" beside,
// so that it opens without a look at each picture. 16 bytes an image (and its key, unless the keys are the
// numbers from 0 on).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataservice/source/kept_index.hpp"
#include "dataservice/source/lmdb_file.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

// What b"__facetrain__" holds: array(version 1, digest of the packed source, number of pictures, labels as
// bin of 4 little-endian bytes each).
struct LmdbPackRecord {
  static constexpr std::string_view kKey = "__facetrain__";
  std::uint64_t digest = 0;
  std::uint32_t pictures = 0;
  std::vector<std::uint32_t> labels;  // empty while a pack goes on

  std::string encode() const;
  static LmdbPackRecord decode(std::span<const std::byte> bytes,
                               std::string_view where);  // throws Error(kInput)
};

class LmdbSource final : public Source {
 public:
  // `path`: the file, or the folder with data.mdb. Of one that another tool wrote an index is kept
  // (kept_index.hpp) from `keep_from` pictures on. Throws Error(kInput): not LMDB, damaged, not in the
  // reference's layout.
  explicit LmdbSource(const std::string& path, std::uint32_t keep_from = KeptIndex::kLeast);

  std::uint32_t size() const override { return static_cast<std::uint32_t>(images_.size()); }
  std::uint32_t classes() const override { return classes_; }
  std::int64_t label(std::uint32_t i) const override { return images_[i].label; }
  std::string name(std::uint32_t i) const override;  // PATH:KEY
  std::uint64_t fingerprint(std::uint32_t i) const override {
    return (std::uint64_t{images_[i].size} << 32 | images_[i].high) * 0x9E3779B97F4A7C15ull + images_[i].low;
  }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override;
  void will_need(std::uint32_t first, std::uint32_t count) const override;
  void read_at_random() override { file_.read_at_random(); }

  std::uint64_t digest() const {
    return digest_;
  }  // of the source it was packed from; 0: another tool wrote it
  const std::vector<std::string>& warnings() const { return warnings_; }  // lines for the log

 private:
  struct Image {
    std::uint32_t low = 0, high = 0;  // where the value is in the file: low + (high << 32)
    std::uint32_t size = 0;
    std::uint32_t label = 0;
  };

  LmdbSource(const std::string& path, std::uint32_t keep_from, KeptIndex index);
  bool take_all();
  bool is_inside() const;
  void take_numbered();
  void take_named();
  void take(std::uint32_t i, const LmdbFile::Value& value);
  [[noreturn]] void missing(std::uint32_t i) const;
  std::string key_of(std::uint32_t i) const;
  std::string_view key_view(std::uint32_t i) const;  // only when the keys are no numbers
  LmdbFile::Value value(std::uint32_t i) const;
  template <class Call>
  void with_name(std::uint32_t i, const Call& call) const;
  std::uint32_t read_label(std::uint32_t i) const;
  std::vector<std::byte> take_tree();  // finds every record; returns the value of b"__facetrain__"

  LmdbFile file_;
  std::vector<Image> images_;  // in the order of b"__keys__"
  std::uint32_t classes_ = 0;
  std::uint64_t digest_ = 0;
  std::vector<std::byte> keys_;        // the value of b"__keys__"; empty when the keys are 0, 1, 2, ...
  std::vector<std::uint32_t> key_at_;  // where each key is in it
  std::vector<std::string> warnings_;
};

}  // namespace facetrain
