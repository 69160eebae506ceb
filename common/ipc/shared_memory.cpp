#include "common/ipc/shared_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <utility>

#include "common/error.hpp"

namespace facetrain {
namespace {

[[noreturn]] void fail_memory(const std::string& what) {
  throw Error(ErrorKind::kInternal, with_errno("shared memory: " + what, errno));
}

}  // namespace

Fd create_sealed_memfd(const char* name, std::uint64_t bytes) {
  Fd memfd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memfd) fail_memory("memfd_create");
  if (::ftruncate(memfd.get(), static_cast<off_t>(bytes)) != 0) {
    fail_memory("cannot size it to " + std::to_string(bytes) + " bytes");
  }
  if (::fcntl(memfd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    fail_memory("cannot seal it");
  return memfd;
}

Mapping::Mapping(const Fd& memfd, std::uint64_t bytes) : size_(bytes) {
  struct stat status {};
  if (::fstat(memfd.get(), &status) != 0) fail_memory("fstat");
  const int seals = ::fcntl(memfd.get(), F_GET_SEALS);
  if (static_cast<std::uint64_t>(status.st_size) != bytes || seals < 0 || (seals & F_SEAL_SHRINK) == 0) {
    throw Error(ErrorKind::kInternal, "shared memory: got " + std::to_string(status.st_size) +
                                          " bytes, expected a sealed " + std::to_string(bytes) +
                                          "; are service and trainer of the same build?");
  }
  void* address = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, memfd.get(), 0);
  if (address == MAP_FAILED) fail_memory("mmap of " + std::to_string(bytes) + " bytes");
  data_ = static_cast<std::byte*>(address);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

void Mapping::prefault() {
#ifdef MADV_POPULATE_WRITE
  if (::madvise(data_, size_, MADV_POPULATE_WRITE) == 0) return;
#endif
  constexpr std::size_t kPage = 4096;  // kernels before 5.14: touch one byte a page
  for (std::size_t i = 0; i < size_; i += kPage) static_cast<volatile std::byte*>(data_)[i] = std::byte{0};
}

}  // namespace facetrain
