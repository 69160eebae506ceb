#include "common/checkpoint/rank_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/error.hpp"
#include "common/io/crc32c.hpp"
#include "common/io/file.hpp"

namespace facetrain {

std::vector<std::uint32_t> write_rank_file(const std::string& path, std::span<const std::byte> bytes) {
  std::vector<std::uint32_t> checksums;
  CheckedFile file(path);
  for (std::size_t at = 0; at < bytes.size(); at += kChecksumBlock) {
    const auto block = bytes.subspan(at, std::min<std::size_t>(kChecksumBlock, bytes.size() - at));
    checksums.push_back(crc32c(block));
    file.write(block);
  }
  file.commit();
  const SavedFile saved{bytes.size(), checksums, {}};
  RankFile(path, saved).verify();
  return checksums;
}

RankFile::RankFile(std::string path, const SavedFile& saved)
    : path_(std::move(path)), saved_(saved), number_(saved.checksums.size()) {
  fd_ = Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd_) throw Error(kind_of_read_failure(errno), with_errno("open " + path_, errno));
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) throw Error(ErrorKind::kIo, with_errno("stat " + path_, errno));
  if (static_cast<std::uint64_t>(status.st_size) != saved.bytes)
    throw Error(ErrorKind::kInput, path_ + " has " + std::to_string(status.st_size) + " bytes, not " +
                                       std::to_string(saved.bytes) + ": it was cut off");
}

void RankFile::load(std::uint64_t block) {
  const std::uint64_t begin = block * kChecksumBlock;
  number_ = saved_.checksums.size();
  block_.resize(std::min(kChecksumBlock, saved_.bytes - begin));
  std::size_t have = 0;
  while (have < block_.size()) {
    const ssize_t n =
        ::pread(fd_.get(), block_.data() + have, block_.size() - have, static_cast<off_t>(begin + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(ErrorKind::kIo, with_errno("read " + path_, errno));
    if (n == 0) throw Error(ErrorKind::kInput, path_ + " was cut off while it was read");
    have += static_cast<std::size_t>(n);
  }
  if (crc32c(block_) != saved_.checksums[block])
    throw Error(ErrorKind::kInput, path_ + " is damaged: bytes " + std::to_string(begin) + " to " +
                                       std::to_string(begin + block_.size() - 1) + " have a wrong checksum");
  number_ = block;
}

void RankFile::read(std::uint64_t offset, std::span<std::byte> out) {
  while (!out.empty()) {
    const std::uint64_t block = offset / kChecksumBlock;
    if (number_ != block) load(block);
    const std::uint64_t inside = offset - block * kChecksumBlock;
    const std::size_t count = std::min<std::size_t>(out.size(), block_.size() - inside);
    std::copy_n(block_.begin() + static_cast<std::ptrdiff_t>(inside), count, out.begin());
    out = out.subspan(count);
    offset += count;
  }
}

void RankFile::verify() {
  // Synced pages that the cache drops are read from the disk. Only a hint: tmpfs keeps them.
  static_cast<void>(::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED));
  for (std::uint64_t block = 0; block < saved_.checksums.size(); ++block) load(block);
}

}  // namespace facetrain
