#include "dataservice/source/random_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/error.hpp"

namespace facetrain {

RandomFile::RandomFile(std::string path)
    : path_(std::move(path)), fd_(open(path_.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_.get() < 0) throw Error(ErrorKind::kInput, with_errno("open " + path_, errno));
  struct stat status {};
  if (fstat(fd_.get(), &status) != 0) throw Error(ErrorKind::kInput, with_errno("stat " + path_, errno));
  if (!S_ISREG(status.st_mode)) throw Error(ErrorKind::kInput, "open " + path_ + ": it is not a file");
  size_ = static_cast<std::uint64_t>(status.st_size);
}

void RandomFile::read(std::uint64_t offset, std::span<std::byte> bytes) const {
  if (offset > size_ || bytes.size() > size_ - offset)
    damaged(size_, "it is cut off here; copy or download it again");
  for (std::size_t have = 0; have < bytes.size();) {
    const ssize_t n =
        pread(fd_.get(), bytes.data() + have, bytes.size() - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(ErrorKind::kInput, with_errno("read " + path_, errno));
    if (n == 0) damaged(offset + have, "it became shorter while it was read");
    have += static_cast<std::size_t>(n);
  }
}

void RandomFile::damaged(std::uint64_t offset, const std::string& why) const {
  throw Error(ErrorKind::kInput, path_ + " is damaged at byte " + std::to_string(offset) + ": " + why);
}

}  // namespace facetrain
