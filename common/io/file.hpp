// Whole files, read and written so that a failure is an Error and never a half-written file: every return
// code is checked, a target appears (complete; synced, unless asked otherwise) or keeps its old content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/error.hpp"

namespace facetrain {

// What it means that a file could not be opened or read. kInput: it is this path that cannot be used (nothing
// is there, it may not be read, it is a folder). kIo: storage or this process is in trouble (a disk error, a
// server that does not answer, no descriptor left), of which the file says nothing and which the next one
// will meet too.
ErrorKind kind_of_read_failure(int error_number);

// A file being written: a temporary beside `path` that commit() syncs and renames over it. Without commit()
// the destructor removes the temporary. Throws Error(kIo) naming the path (disk full, no such folder, ...).
class CheckedFile {
 public:
  explicit CheckedFile(std::string path);
  ~CheckedFile();
  CheckedFile(CheckedFile&& other) noexcept;
  CheckedFile& operator=(CheckedFile&& other) noexcept;
  CheckedFile(const CheckedFile&) = delete;
  CheckedFile& operator=(const CheckedFile&) = delete;

  const std::string& path() const { return path_; }
  void write(std::span<const std::byte> bytes);  // buffered; small writes are cheap
  void write(std::string_view text) { write(std::as_bytes(std::span(text.data(), text.size()))); }
  void commit();  // flush, fsync, rename, fsync of the folder; nothing may be written after
  // The same without fsync, for many small files that can be made again: whole if this process dies, but
  // perhaps not if the machine does.
  void commit_unsynced();

 private:
  void flush();
  void rename_into_place();
  void discard() noexcept;

  std::string path_;
  std::string temporary_;
  int fd_ = -1;
  std::vector<std::byte> buffer_;
};

// Removes what CheckedFiles of processes that were killed have left in a folder that nobody writes into now.
void remove_temporaries(const std::string& folder);

// The file at `path` holds exactly `bytes` afterwards, or is as before and Error(kIo) is thrown.
void write_file_atomically(const std::string& path, std::span<const std::byte> bytes);
void write_file_atomically(const std::string& path, std::string_view text);

// Gives a folder its final name, durably: rename, then fsync of the folder that holds it. Throws Error(kIo).
void rename_folder(const std::string& from, const std::string& to);

// All bytes of a file. Throws an Error of kind_of_read_failure(), and Error(kInput) when they are more than
// `most`, without having given them memory.
std::vector<std::byte> read_file(const std::string& path, std::uint64_t most = ~std::uint64_t{0});

// Read-only mapping of a whole file (empty files map to an empty span). Throws an Error of
// kind_of_read_failure().
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace facetrain
