// A view of a source: which of its samples are used, in which order, and under which labels. data.mask,
// data.label_map and data.mask_shrink, as the reference's LMDB class does it (data_loader_train_lmdb.py).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/config/config.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

class SelectedSource final : public Source {
 public:
  // samples: the source's samples to use, in this order; empty: all. labels: by the source's label, the one
  // to use, below `classes`; empty: the same.
  SelectedSource(std::unique_ptr<Source> source, std::vector<std::uint32_t> samples,
                 std::vector<std::uint32_t> labels, std::uint32_t classes);

  std::uint32_t size() const override;
  std::uint32_t classes() const override { return classes_; }
  std::int64_t label(std::uint32_t i) const override;
  std::string name(std::uint32_t i) const override { return source_->name(number(i)); }
  std::string place(std::uint32_t i) const override { return source_->place(number(i)); }
  std::uint64_t fingerprint(std::uint32_t i) const override { return source_->fingerprint(number(i)); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override {
    source_->read(number(i), buffer);
  }
  void will_need(std::uint32_t first, std::uint32_t count) const override {
    for_each_run(
        first, count, [&](std::uint32_t i) { return number(i); },
        [&](std::uint32_t begin, std::uint32_t length) { source_->will_need(begin, length); });
  }
  void read_at_random() override { source_->read_at_random(); }

 private:
  // In the source behind.
  std::uint32_t number(std::uint32_t i) const { return samples_.empty() ? i : samples_[i]; }

  std::unique_ptr<Source> source_;
  std::vector<std::uint32_t> samples_, labels_;
  std::uint32_t classes_;
};

// The samples that a mask names: a .npy of whole numbers (any type, one dimension), each below `samples`. One
// that is named twice is used twice, as in the reference. Throws Error(kInput): not such a file, no entry, or
// an entry out of range.
std::vector<std::uint32_t> read_mask(const std::string& path, std::uint32_t samples);

// The opened source with what the configuration's [data] table selects of it. The number of classes stays
// that of the source, as in the reference, but with data.mask_shrink, which numbers the labels that are left
// anew, in their order. Warns of identities that a mask leaves without pictures and of samples named twice.
// Throws Error(kInput) for a mask or label map that cannot be used.
OpenedSource select_samples(OpenedSource opened, const Config& config);

}  // namespace facetrain
