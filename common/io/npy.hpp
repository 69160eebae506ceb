// NumPy's .npy files: read through a memory map, written row by row.
// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html (versions 1, 2 and 3).
// Only what facetrain needs: little-endian or single-byte numbers and bools in C order, never Python objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/io/file.hpp"

namespace facetrain {

struct NpyHeader {
  std::string dtype;  // as in the file: "|u1", "<f4", "<i8", "|b1", ...
  std::vector<std::uint64_t> shape;
  std::size_t item_size = 0;    // bytes of one element
  std::size_t data_offset = 0;  // bytes before the first element

  std::uint64_t elements() const;  // product of shape (1 for a scalar)
  std::uint64_t data_bytes() const { return elements() * item_size; }
};

// `file` holds at least the header; `name` is for messages. Throws Error(kInput) for what is not a .npy,
// Fortran order, big-endian numbers, Python objects, records, and shapes whose byte count does not fit 63
// bits.
NpyHeader parse_npy_header(std::span<const std::byte> file, const std::string& name);

// The pickle in a .npy that holds one Python object (dtype "|O", one element: np.save of a dict), for a
// reader of data-only pickles. Nothing is loaded here. Throws Error(kInput): any other .npy, or none.
std::span<const std::byte> npy_object_pickle(std::span<const std::byte> file, const std::string& name);

// The header of a version 1 file, padded to a multiple of 64 bytes as np.save writes it.
std::string format_npy_header(std::string_view dtype, std::span<const std::uint64_t> shape);

// A .npy mapped read-only: nothing is read until touched, and the processes of a node share the pages.
class MappedNpy {
 public:
  // Throws Error(kInput): missing, not a .npy (see parse_npy_header), or shorter than its header says.
  explicit MappedNpy(const std::string& path);

  const std::vector<std::uint64_t>& shape() const { return header_.shape; }
  const std::string& dtype() const { return header_.dtype; }
  std::span<const std::byte> bytes() const;               // all elements
  std::span<const std::byte> row(std::uint64_t i) const;  // elements of index i of the first dimension
  // Throws Error(kInput) naming both unless the dtype is `dtype` and the shape matches; 0 in `shape` matches
  // any size.
  void require(std::string_view dtype, std::span<const std::uint64_t> shape) const;

 private:
  std::string path_;
  MappedFile file_;
  NpyHeader header_;
};

// A .npy being written in C order; see CheckedFile for what happens on failure. commit() checks that all was
// written.
class NpyWriter {
 public:
  NpyWriter(std::string path, std::string_view dtype, std::vector<std::uint64_t> shape);
  void write(std::span<const std::byte> elements);
  void commit();

 private:
  CheckedFile file_;
  std::uint64_t missing_ = 0;  // bytes that are still to come
};

}  // namespace facetrain
