#include "dataservice/source/joined_source.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/error.hpp"
#include "dataservice/source/class_limit.hpp"

namespace facetrain {

JoinedSource::JoinedSource(std::vector<Part> parts)
    : parts_(std::move(parts)), first_sample_{0}, first_class_{0} {
  for (const Part& part : parts_) {
    if (part.source->size() > std::numeric_limits<std::uint32_t>::max() - first_sample_.back())
      throw Error(ErrorKind::kInput, part.name + ": with it there are more than 2^32 - 1 pictures");
    check_classes(std::uint64_t{first_class_.back()} + part.source->classes(), part.name + ": with it");
    first_sample_.push_back(first_sample_.back() + part.source->size());
    first_class_.push_back(first_class_.back() + part.source->classes());
  }
}

std::size_t JoinedSource::part_of(std::uint32_t i) const {
  const auto next = std::upper_bound(first_sample_.begin(), first_sample_.end(), i);
  return static_cast<std::size_t>(next - first_sample_.begin()) - 1;
}

std::int64_t JoinedSource::label(std::uint32_t i) const {
  const std::size_t p = part_of(i);
  return parts_[p].source->label(i - first_sample_[p]) + first_class_[p];
}

std::string JoinedSource::name(std::uint32_t i) const {
  const std::size_t p = part_of(i);
  return with_part(p, parts_[p].source->name(i - first_sample_[p]));
}

std::string JoinedSource::place(std::uint32_t i) const {
  const std::size_t p = part_of(i);
  return with_part(p, parts_[p].source->place(i - first_sample_[p]));
}

// A packed source's own names may begin with its path.
std::string JoinedSource::with_part(std::size_t p, const std::string& name) const {
  return name.starts_with(parts_[p].name) ? name : parts_[p].name + ": " + name;
}

void JoinedSource::read(std::uint32_t i, std::vector<std::byte>& buffer) const {
  const std::size_t p = part_of(i);
  parts_[p].source->read(i - first_sample_[p], buffer);
}

void JoinedSource::will_need(std::uint32_t first, std::uint32_t count) const {
  for (std::size_t p = 0; p < parts_.size(); ++p) {
    const std::uint64_t begin = std::max(first, first_sample_[p]);
    const std::uint64_t end = std::min(std::uint64_t{first} + count, std::uint64_t{first_sample_[p + 1]});
    if (begin < end)
      parts_[p].source->will_need(static_cast<std::uint32_t>(begin - first_sample_[p]),
                                  static_cast<std::uint32_t>(end - begin));
  }
}

}  // namespace facetrain
