#include "common/io/file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/error.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 16;

[[noreturn]] void fail(const std::string& action, const std::string& path, int error_number) {
  throw Error(ErrorKind::kIo, with_errno(action + " " + path, error_number));
}

[[noreturn]] void fail_to_read(const std::string& action, const std::string& path, int error_number) {
  throw Error(kind_of_read_failure(error_number), with_errno(action + " " + path, error_number));
}

// NAME.tmp.PID.ATTEMPT, as CheckedFile makes them.
bool is_temporary(std::string_view name) {
  for (int number = 0; number < 2; ++number) {
    const auto end = name.find_last_not_of("0123456789");
    if (end == name.npos || end + 1 == name.size() || name[end] != '.') return false;
    name = name.substr(0, end);
  }
  return name.ends_with(".tmp");
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

void sync_folder(const std::string& path) {
  const std::string folder = folder_of(path);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail("open folder", folder, errno);
  const int failed = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  // Some network file systems cannot sync a folder and say EINVAL; the rename itself has succeeded there.
  if (failed != 0 && failed != EINVAL) fail("sync folder", folder, failed);
}

class Descriptor {
 public:
  explicit Descriptor(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (fd_ < 0) fail_to_read("open", path, errno);
  }
  ~Descriptor() { close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

  std::size_t size(const std::string& path) const {
    struct stat status {};
    if (fstat(fd_, &status) != 0) fail("stat", path, errno);
    if (S_ISDIR(status.st_mode))
      throw Error(ErrorKind::kInput, "open " + path + ": it is a folder, not a file");
    return static_cast<std::size_t>(status.st_size);
  }

 private:
  int fd_;
};

}  // namespace

ErrorKind kind_of_read_failure(int error_number) {
  switch (error_number) {
    case ENOENT:
    case EACCES:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
    case ENAMETOOLONG:
      return ErrorKind::kInput;
    default:
      return ErrorKind::kIo;
  }
}

CheckedFile::CheckedFile(std::string path) : path_(std::move(path)) {
  const std::string stem = path_ + ".tmp." + std::to_string(getpid()) + ".";
  for (int attempt = 0; fd_ < 0; ++attempt) {
    temporary_ = stem + std::to_string(attempt);
    fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && (errno != EEXIST || attempt == 100)) fail("create", path_, errno);
  }
}

CheckedFile::~CheckedFile() {
  discard();
}

CheckedFile::CheckedFile(CheckedFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      fd_(std::exchange(other.fd_, -1)),
      buffer_(std::move(other.buffer_)) {}

CheckedFile& CheckedFile::operator=(CheckedFile&& other) noexcept {
  if (this != &other) {
    discard();
    path_ = std::move(other.path_);
    temporary_ = std::move(other.temporary_);
    fd_ = std::exchange(other.fd_, -1);
    buffer_ = std::move(other.buffer_);
  }
  return *this;
}

void CheckedFile::discard() noexcept {
  if (fd_ < 0) return;
  close(fd_);
  unlink(temporary_.c_str());
  fd_ = -1;
}

void CheckedFile::write(std::span<const std::byte> bytes) {
  if (fd_ < 0) throw Error(ErrorKind::kInternal, "write after commit: " + path_);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  if (buffer_.size() >= kBuffer) flush();
}

void CheckedFile::flush() {
  std::size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t n = ::write(fd_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail("write", path_, errno);
    done += static_cast<std::size_t>(n);
  }
  buffer_.clear();
}

void CheckedFile::commit() {
  if (fd_ < 0) throw Error(ErrorKind::kInternal, "second commit: " + path_);
  flush();
  if (fsync(fd_) != 0) fail("sync", path_, errno);
  rename_into_place();
  sync_folder(path_);
}

void CheckedFile::commit_unsynced() {
  if (fd_ < 0) throw Error(ErrorKind::kInternal, "second commit: " + path_);
  flush();
  rename_into_place();
}

void CheckedFile::rename_into_place() {
  const int fd = std::exchange(fd_, -1);
  if (close(fd) != 0 || rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error_number = errno;
    unlink(temporary_.c_str());
    fail("finish", path_, error_number);
  }
}

void remove_temporaries(const std::string& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored))
    if (entry.is_regular_file(ignored) && is_temporary(entry.path().filename().string()))
      std::filesystem::remove(entry.path(), ignored);
}

void write_file_atomically(const std::string& path, std::span<const std::byte> bytes) {
  CheckedFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file_atomically(const std::string& path, std::string_view text) {
  write_file_atomically(path, std::as_bytes(std::span(text.data(), text.size())));
}

void rename_folder(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) fail("rename " + from + " to", to, errno);
  sync_folder(to);
}

std::vector<std::byte> read_file(const std::string& path, std::uint64_t most) {
  const Descriptor file(path);
  const auto limit = [&](std::size_t size) {
    if (size > most)
      throw Error(ErrorKind::kInput,
                  path + ": a file of more than " + std::to_string(most) + " bytes is refused");
    return size;
  };
  std::vector<std::byte> bytes(limit(file.size(path)) +
                               1);  // one more, so that the end is seen without growing
  std::size_t have = 0;
  while (true) {
    if (have == bytes.size()) bytes.resize(2 * have + kBuffer);  // the file grew, or is a pipe without a size
    const ssize_t n = ::read(file.get(), bytes.data() + have, bytes.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_to_read("read", path, errno);
    if (n == 0) break;
    have = limit(have + static_cast<std::size_t>(n));
  }
  bytes.resize(have);
  return bytes;
}

MappedFile::MappedFile(const std::string& path) {
  const Descriptor file(path);
  size_ = file.size(path);
  if (size_ == 0) return;
  void* address = mmap(nullptr, size_, PROT_READ, MAP_SHARED, file.get(), 0);
  if (address == MAP_FAILED && errno == ENOMEM)
    throw Error(
        ErrorKind::kIo,
        with_errno("map " + path, ENOMEM) +
            ": of a set of very many files this is the number of mappings that a process may have; raise "
            "it (sysctl -w vm.max_map_count=262144), or pack the set in fewer, larger files");
  if (address == MAP_FAILED) fail("map", path, errno);
  data_ = static_cast<const std::byte*>(address);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace facetrain
