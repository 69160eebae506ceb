// Reads LMDB's file format (data.mdb of liblmdb 0.9, 64 bits, little-endian): the B+tree of the main
// database. The layout is that of struct MDB_page, MDB_meta and MDB_node in
// https://github.com/LMDB/lmdb/blob/LMDB_0.9.31/libraries/liblmdb/mdb.c. Own code and not liblmdb, because
// liblmdb trusts what is in a file: a damaged one ends the process there. Here every number is checked before
// it is used.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dataservice/source/random_file.hpp"

namespace facetrain {

// The file itself: `path`, or data.mdb in the folder `path`.
std::string lmdb_data_file(const std::string& path);

class LmdbFile {
 public:
  struct Value {
    std::uint64_t offset = 0;  // in the file
    std::uint32_t size = 0;    // bytes
  };

  // `path`: the file, or the folder that holds data.mdb. Throws Error(kInput): not LMDB, another version,
  // damaged.
  explicit LmdbFile(const std::string& path);

  const std::string& path() const { return file_.path(); }
  std::uint64_t size() const { return file_.size(); }  // bytes

  // Calls visit(key, value) for every record, keys ascending (as bytes). The key's bytes live until visit
  // returns. Throws Error(kInput) where the tree is damaged or a value lies beyond the end of the file.
  void for_each(const std::function<void(std::string_view, const Value&)>& visit) const;

  // Replaces `buffer` by the first `most` bytes of a value (by all of it, when it has fewer).
  void read(const Value& value, std::vector<std::byte>& buffer, std::size_t most = SIZE_MAX) const;
  // Fills `bytes` from byte `at` of a value on.
  void read_part(const Value& value, std::uint32_t at, std::span<std::byte> bytes) const;

  void read_at_random() { file_.read_at_random(); }
  // RandomFile::will_need for values, in as few pieces as their places allow.
  void will_need(const std::vector<Value>& values) const;

 private:
  void walk(std::uint64_t page, unsigned depth, std::uint64_t& pages, std::uint64_t& records,
            const std::function<void(std::string_view, const Value&)>& visit) const;
  Value value_of(std::span<const std::byte> node_data, std::uint64_t offset, std::uint32_t size,
                 bool big) const;
  bool take_meta(std::uint64_t offset);

  RandomFile file_;
  std::uint32_t page_size_ = 0;  // bytes
  std::uint64_t transaction_ = 0;
  std::uint64_t root_ = 0;
  std::uint64_t records_ = 0;
  std::uint64_t last_page_ = 0;
  unsigned depth_ = 0;
};

}  // namespace facetrain
