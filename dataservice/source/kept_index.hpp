// What opening a packed source learns by going through all of its files (where each picture is, its label),
// kept in a file of our own: the next opening of 5,000,000 pictures reads 80 MB in 0.1 s instead of touching
// every page of 25 GB. The file is SOURCE.facetrain-index, or, where that folder takes none,
// $XDG_CACHE_HOME/facetrain/DIGEST.facetrain-index (~/.cache without the variable).
//
// It is not needed and not trusted: one that is of other files (name, size or time differ), of another
// layout, of a user who has no say over the source, cut off or changed is put aside with one line for the log
// and made anew; what is in it is checked against the files all the same.
//   Format, little-endian u64 throughout: magic, version, identity (of the files and the layout), number of
//   parts, bytes of each part; the parts, each filled up with zeros to 8 bytes; the checksum of all before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace facetrain {

// One vector of a source, to be written or to be filled.
class IndexPart {
 public:
  template <class T>
  explicit IndexPart(std::vector<T>& values)
      : element_(sizeof(T)),
        bytes_([&values] { return std::as_writable_bytes(std::span(values)); }),
        resize_([&values](std::size_t n) {
          values = std::vector<T>(n);  // frees the memory when n is 0
        }) {
    static_assert(std::is_trivially_copyable_v<T> && std::has_unique_object_representations_v<T>);
  }

  std::size_t element() const { return element_; }  // bytes
  std::span<std::byte> bytes() const { return bytes_(); }
  void resize(std::size_t elements) const { resize_(elements); }

 private:
  std::size_t element_;
  std::function<std::span<std::byte>()> bytes_;
  std::function<void(std::size_t)> resize_;
};

class KeptIndex {
 public:
  // A source of fewer pictures is gone through as fast as anybody wishes, and gets no file beside it.
  static constexpr std::uint32_t kLeast = 65'536;

  // source: its path. layout: names the parts and their version. files: those that will be gone through, at
  // least one. To be made before these are opened: an index is kept only when none of them changed until
  // then.
  KeptIndex(const std::string& source, std::string_view layout, const std::vector<std::string>& files);
  void add_files(const std::vector<std::string>& files);

  // Fills the parts from a kept index of these files. False, and the parts empty: there is none, or it is not
  // usable, which `fits` (asked when the parts are filled) may say too.
  bool load(std::span<const IndexPart> parts, const std::function<bool()>& fits);
  // Keeps the parts for the next opening. Throws nothing: where there is no place, a warning says so.
  void keep(std::span<const IndexPart> parts);

  const std::vector<std::string>& warnings() const { return warnings_; }  // lines for the log

 private:
  std::uint64_t identity() const;
  std::vector<std::string> places() const;

  std::string source_, layout_;
  std::vector<std::string> files_;
  std::string states_;  // of files_, when they were given
  std::vector<std::string> warnings_;
};

// A line "SIZE TIME" for a file, the time of its last change in nanoseconds, by which a changed file is
// known. Throws Error(kInput) when it cannot be looked at.
std::string file_state(const std::string& path);

}  // namespace facetrain
