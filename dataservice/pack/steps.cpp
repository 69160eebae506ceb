#include "dataservice/pack/steps.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "common/error.hpp"
#include "common/fnv.hpp"
#include "dataservice/pack/pack.hpp"
#include "dataservice/tools/parallel.hpp"

namespace facetrain {

std::uint64_t source_digest(const Source& source) {
  std::uint64_t digest = source.classes();
  for (std::uint32_t i = 0; i < source.size(); ++i) {
    const std::uint64_t one = fnv1a_64(source.name(i) + '\0' + std::to_string(source.label(i)));
    digest = (digest ^ one) * 0x100000001b3u + (digest >> 31);
  }
  return digest;
}

Fingerprint fingerprint(const std::vector<std::byte>& bytes) {
  return {fnv1a_64({reinterpret_cast<const char*>(bytes.data()), bytes.size()}), bytes.size()};
}

void read_block(const Source& source, std::uint32_t first, std::vector<std::vector<std::byte>>& pictures) {
  in_parallel(pictures.size(), [&](unsigned, std::uint64_t k) {
    const std::uint32_t i = first + static_cast<std::uint32_t>(k);
    source.read(i, pictures[k]);
    if (pictures[k].empty()) throw Error(ErrorKind::kInput, source.name(i) + " is empty");
  });
}

void compare(const Source& source, const Source& packed, std::uint32_t known_from,
             const std::vector<Fingerprint>& known) {
  if (packed.size() != source.size() || packed.classes() != source.classes())
    throw Error(ErrorKind::kIo, "pack: reads back as " + std::to_string(packed.size()) + " pictures of " +
                                    std::to_string(packed.classes()) + " identities, not " +
                                    std::to_string(source.size()) + " of " +
                                    std::to_string(source.classes()));
  struct Buffers {
    std::vector<std::byte> source, packed;
  };
  std::vector<Buffers> buffers(parallel_threads());
  in_parallel(source.size(), [&](unsigned thread, std::uint64_t k) {
    const auto i = static_cast<std::uint32_t>(k);
    auto& [original, copy] = buffers[thread];
    packed.read(i, copy);
    bool same = packed.label(i) == source.label(i);
    if (i >= known_from && i - known_from < known.size()) {
      same = same && fingerprint(copy) == known[i - known_from];
    } else {
      source.read(i, original);
      same = same && original == copy;
    }
    if (!same)
      throw Error(ErrorKind::kIo, "pack: " + packed.name(i) + " reads back otherwise than " + source.name(i) +
                                      "; the disk may be failing, or the picture changed meanwhile");
  });
}

namespace {

bool is_at(const Fd& fd, const std::string& path) {
  struct stat held, named;
  return fstat(fd.get(), &held) == 0 && stat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

}  // namespace

Fd lock_work(const std::string& path) {
  while (true) {
    Fd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (!fd) throw Error(ErrorKind::kIo, with_errno("create " + path, errno));
    if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0)
      throw Error(ErrorKind::kInput, errno == EWOULDBLOCK ? "pack: another run is writing " + path
                                                          : with_errno("lock " + path, errno));
    if (is_at(fd, path)) return fd;  // else the run that had it removed or renamed it before our lock
  }
}

void finish(const std::string& work, const std::string& path) {
  if (rename(work.c_str(), path.c_str()) != 0)
    throw Error(ErrorKind::kIo, with_errno("finish " + path, errno));
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  const Fd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd && fsync(fd.get()) != 0 && errno != EINVAL)  // some network file systems cannot
    throw Error(ErrorKind::kIo, with_errno("sync folder " + folder, errno));
}

}  // namespace facetrain
