// Several sources one after the other, as one: identities stay separate, also where two sources use the same
// folder name.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataservice/source/source.hpp"

namespace facetrain {

class JoinedSource final : public Source {
 public:
  struct Part {
    std::string name;  // as in data.train_source
    std::unique_ptr<Source> source;
  };

  // Samples and classes of a part are numbered after those of the parts before it. Throws Error(kInput) when
  // there are more than 2^32 - 1 samples, or too many classes (class_limit.hpp).
  explicit JoinedSource(std::vector<Part> parts);

  std::uint32_t size() const override { return first_sample_.back(); }
  std::uint32_t classes() const override { return first_class_.back(); }
  std::int64_t label(std::uint32_t i) const override;
  std::string name(std::uint32_t i) const override;  // with the part's name in front: "a.txt: /faces/1.jpg"
  std::string place(std::uint32_t i) const override;
  std::uint64_t fingerprint(std::uint32_t i) const override {
    const std::size_t p = part_of(i);
    return parts_[p].source->fingerprint(i - first_sample_[p]);
  }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override;
  void will_need(std::uint32_t first, std::uint32_t count) const override;
  void read_at_random() override {
    for (const Part& part : parts_) part.source->read_at_random();
  }

 private:
  std::size_t part_of(std::uint32_t i) const;
  std::string with_part(std::size_t p, const std::string& name) const;

  std::vector<Part> parts_;
  std::vector<std::uint32_t> first_sample_, first_class_;  // of each part; one more: the totals
};

}  // namespace facetrain
