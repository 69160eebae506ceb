// The order of training of pictures whose identity is the name of their folder (data_loader_train_lmdb.py):
// sorted by that name, pictures of one name in the order they came; labels count up in this order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace facetrain {

// 4 bytes an identity, and 4 a picture unless they came in this order.
class IdentityOrder {
 public:
  std::uint32_t size() const { return first_.back(); }
  std::uint32_t classes() const { return static_cast<std::uint32_t>(first_.size() - 1); }
  // Which of the pictures that were added is number i.
  std::uint32_t place(std::uint32_t i) const { return places_.empty() ? i : places_[i]; }
  std::uint32_t label(std::uint32_t i) const;

  std::uint64_t memory() const { return 4 * (first_.capacity() + places_.capacity()); }  // bytes it holds

 private:
  friend class IdentitySorter;
  std::vector<std::uint32_t> first_{0};  // of each class, in this order; and the number of pictures
  std::vector<std::uint32_t> places_;
};

// The folder of a picture's path; empty when its name would be (no folder in front of the file name).
std::string_view folder_of(std::string_view path);

// Takes the pictures' folders one by one. Of grouped ones it keeps 8 bytes a group. A few different folders
// wait and are then looked up together, so that of an ungrouped list the cache misses overlap.
class IdentitySorter {
 public:
  // folder: as folder_of gives it. At most 2^32 - 1 pictures, else Error(kInput).
  void add(std::string_view folder);

  IdentityOrder sorted();

  // At most one line: equal folder names under different roots, whose pictures share one label. `name` stands
  // for the list in it.
  std::vector<std::string> warnings(const std::string& name);

 private:
  // Texts numbered in order of appearance: an open-addressing hash table, for the two cache misses of a look
  // at it are all that an ungrouped list costs.
  class Names {
   public:
    std::uint32_t number_of(std::string_view name) { return number_of(name, hash_of(name)); }
    std::uint32_t number_of(std::string_view name, std::size_t hash);
    static std::size_t hash_of(std::string_view name) { return std::hash<std::string_view>()(name); }
    // number_of comes soon: has the processor fetch the slot; and, when it has that, the name.
    void prefetch_slot(std::size_t hash) const;
    void prefetch_name(std::size_t hash) const;
    const std::string& operator[](std::size_t i) const { return names_[i]; }
    std::size_t size() const { return names_.size(); }

   private:
    struct Slot {
      std::uint32_t hash = 0, number = kEmpty;
    };
    static constexpr std::uint32_t kEmpty = ~0u;
    Slot& slot_of(std::string_view name, std::size_t hash);

    std::vector<std::string> names_;
    std::vector<Slot> slots_;  // a power of two, at most half of them taken
  };
  struct Run {
    std::uint32_t identity = 0, pictures = 0;
  };
  struct Waiting {
    std::string folder;
    std::size_t start = 0, hash = 0;  // of the name in it
    std::uint32_t pictures = 0;
  };

  void settle();
  void take(const Waiting& group);

  Names names_, roots_;
  std::vector<std::uint32_t> root_;  // of each identity's first picture
  std::vector<Run> runs_;
  std::array<Waiting, 32> waiting_;
  std::size_t count_ = 0;  // of them
  std::uint32_t last_root_ = 0;
  std::uint64_t size_ = 0, merged_ = 0;
  std::string first_merge_;
};

}  // namespace facetrain
