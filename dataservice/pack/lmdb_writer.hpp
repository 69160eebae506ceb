// Writes an LMDB file (the file itself, no folder and no lock file) with liblmdb. One thread.
#pragma once

#include <lmdb.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace facetrain {

// Every method throws Error(kIo) naming the file when liblmdb fails. What was not committed is gone when the
// writer goes.
class LmdbWriter {
 public:
  explicit LmdbWriter(std::string path);  // creates the file, or opens it to add records
  ~LmdbWriter();
  LmdbWriter(const LmdbWriter&) = delete;
  LmdbWriter& operator=(const LmdbWriter&) = delete;

  // Makes room for `records` records of `bytes` bytes together, for the put()s to come.
  void reserve(std::uint64_t records, std::uint64_t bytes);
  void put(std::string_view key, std::string_view value);     // replaces a value that is there
  void commit();                                              // what was put is on the disk afterwards
  std::uint64_t uncommitted() const { return uncommitted_; }  // bytes

 private:
  void check(int code, const char* what) const;

  std::string path_;
  MDB_env* environment_ = nullptr;
  MDB_txn* transaction_ = nullptr;
  MDB_dbi database_ = 0;
  std::uint64_t uncommitted_ = 0;
  std::uint64_t room_ = 0;  // bytes that this transaction may still take
};

}  // namespace facetrain
