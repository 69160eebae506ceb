#include "dataservice/source/identity_order.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "common/error.hpp"

namespace facetrain {

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == path.npos || slash == 0 || path[slash - 1] == '/') return {};
  return path.substr(0, slash);
}

std::uint32_t IdentityOrder::label(std::uint32_t i) const {
  return static_cast<std::uint32_t>(std::upper_bound(first_.begin(), first_.end(), i) - first_.begin() - 1);
}

// The slot of `name`, or the empty one where it belongs.
IdentitySorter::Names::Slot& IdentitySorter::Names::slot_of(std::string_view name, std::size_t hash) {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.number == kEmpty || (slot.hash == hash >> 32 && names_[slot.number] == name)) return slot;
  }
}

void IdentitySorter::Names::prefetch_slot(std::size_t hash) const {
  if (!slots_.empty()) __builtin_prefetch(&slots_[hash & (slots_.size() - 1)]);
}

void IdentitySorter::Names::prefetch_name(std::size_t hash) const {
  if (slots_.empty()) return;
  const Slot& slot = slots_[hash & (slots_.size() - 1)];
  if (slot.number != kEmpty) __builtin_prefetch(&names_[slot.number]);
}

std::uint32_t IdentitySorter::Names::number_of(std::string_view name, std::size_t hash) {
  if (2 * (names_.size() + 1) > slots_.size()) {
    slots_.assign(std::max<std::size_t>(64, 2 * slots_.size()), {});
    for (std::uint32_t i = 0; i < names_.size(); ++i) {
      const std::size_t its = hash_of(names_[i]);
      slot_of(names_[i], its) = {static_cast<std::uint32_t>(its >> 32), i};
    }
  }
  Slot& slot = slot_of(name, hash);
  if (slot.number == kEmpty) {
    slot = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(names_.size())};
    names_.emplace_back(name);
  }
  return slot.number;
}

// Lists are mostly grouped, so the picture before answers most questions.
void IdentitySorter::add(std::string_view folder) {
  if (++size_ > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorKind::kInput, "more than 2^32 - 1 pictures");
  if (count_ > 0 && folder == waiting_[count_ - 1].folder) {
    ++waiting_[count_ - 1].pictures;
    return;
  }
  if (count_ == waiting_.size()) settle();
  Waiting& group = waiting_[count_++];
  group.folder = folder;
  const std::size_t slash = folder.rfind('/');
  group.start = slash == folder.npos ? 0 : slash + 1;
  group.hash = Names::hash_of(folder.substr(group.start));
  group.pictures = 1;
  names_.prefetch_slot(group.hash);
}

void IdentitySorter::settle() {
  for (std::size_t k = 0; k < count_; ++k) names_.prefetch_name(waiting_[k].hash);
  for (std::size_t k = 0; k < count_; ++k) take(waiting_[k]);
  count_ = 0;
}

void IdentitySorter::take(const Waiting& group) {
  const std::string_view root = std::string_view(group.folder).substr(0, group.start);
  const std::uint32_t identity =
      names_.number_of(std::string_view(group.folder).substr(group.start), group.hash);
  if (runs_.empty() || root != roots_[last_root_]) last_root_ = roots_.number_of(root);
  if (identity == root_.size()) {
    root_.push_back(last_root_);
  } else if (root_[identity] != last_root_ && merged_++ == 0) {
    first_merge_ = roots_[root_[identity]] + names_[identity] + " and " + group.folder;
  }
  runs_.push_back({identity, group.pictures});
}

// The identities are sorted, not the pictures (bytes of UTF-8 compare like Python's code points); then a
// counting sort.
IdentityOrder IdentitySorter::sorted() {
  settle();
  std::vector<std::uint32_t> by_name(names_.size()), label_of(names_.size());
  std::iota(by_name.begin(), by_name.end(), 0u);
  std::sort(by_name.begin(), by_name.end(), [&](auto a, auto b) { return names_[a] < names_[b]; });
  for (std::uint32_t label = 0; label < by_name.size(); ++label) label_of[by_name[label]] = label;

  IdentityOrder order;
  order.first_.assign(names_.size() + 1, 0);
  bool is_sorted = true;
  for (std::size_t r = 0; r < runs_.size(); ++r) {
    order.first_[label_of[runs_[r].identity] + 1] += runs_[r].pictures;
    is_sorted = is_sorted && (r == 0 || label_of[runs_[r - 1].identity] <= label_of[runs_[r].identity]);
  }
  std::partial_sum(order.first_.begin(), order.first_.end(), order.first_.begin());
  if (is_sorted) return order;

  order.places_.resize(size_);
  std::vector<std::uint32_t> next = order.first_;
  std::uint32_t place = 0;
  for (const Run& run : runs_)
    for (std::uint32_t k = 0; k < run.pictures; ++k) order.places_[next[label_of[run.identity]]++] = place++;
  return order;
}

std::vector<std::string> IdentitySorter::warnings(const std::string& name) {
  settle();
  if (merged_ == 0) return {};
  return {name + ": the same folder name under different roots becomes one identity, as in the reference: " +
          first_merge_ + (merged_ > 1 ? ", and more" : "") +
          "; rename the folders if these are different people"};
}

}  // namespace facetrain
