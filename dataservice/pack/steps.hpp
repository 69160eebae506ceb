// What packing takes whatever the format: reading in parallel, comparing, the final name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/ipc/fd.hpp"
#include "dataservice/source/source.hpp"

namespace facetrain {

struct Fingerprint {
  std::uint64_t hash = 0;  // FNV-1a
  std::uint64_t size = 0;  // bytes
  bool operator==(const Fingerprint&) const = default;
};
Fingerprint fingerprint(const std::vector<std::byte>& bytes);

// The pictures first .. first + pictures.size() - 1, read in parallel. Throws Error(kInput): unreadable,
// empty.
void read_block(const Source& source, std::uint32_t first, std::vector<std::vector<std::byte>>& pictures);

// Reads all of `packed` back, in parallel. `known[i]` is what was written; beyond its end the source is read
// again. Throws Error(kIo) naming the first picture that differs in label, size or bytes.
void compare(const Source& source, const Source& packed, std::uint32_t known_from,
             const std::vector<Fingerprint>& known);

// Creates `path` or opens it, and holds it against other runs. Throws Error(kInput) when another run has it.
Fd lock_work(const std::string& path);

// Renames on the disk, and syncs the folder.
void finish(const std::string& work, const std::string& path);

}  // namespace facetrain
