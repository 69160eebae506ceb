// The members of a tar file: ustar and GNU headers, long names and sizes of GNU tar and pax. The format:
// POSIX.1-2001 pax (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html, "ustar Interchange
// Format", "pax Header Block") and https://www.gnu.org/software/tar/manual/html_node/Standard.html.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "dataservice/source/random_file.hpp"

namespace facetrain {

struct TarMember {
  std::string_view name;     // until the reader's next step
  std::uint64_t offset = 0;  // of its bytes in the tar file; its header is the 512 bytes in front
  std::uint64_t size = 0;
};

// Goes through a tar file. Where the next header stands is known when this one is read, and is mostly not in
// the processor's cache: next() asks for it and returns. Who goes through some tars in turns, a member of
// each, waits for memory in none of them.
class TarReader {
 public:
  // `tar` must live longer.
  explicit TarReader(const RandomFile& tar) : tar_(&tar) {}

  // Fills `member` with the next regular file; false behind the last. Throws Error(kInput): a header's
  // checksum is wrong, the file ends inside a member.
  bool next(TarMember& member);

  static constexpr std::size_t kBlock = 512;
  using Header = std::array<std::byte, kBlock>;

 private:
  // What headers in front of a file's own say of it.
  struct Note {
    bool read_pax(std::string_view text);  // false: it cannot be read
    std::string path;
    std::uint64_t size = 0;
    bool has_size = false;
  };
  void fetch();
  void take_note(char kind, std::uint64_t header_at, std::uint64_t size);

  const RandomFile* tar_;
  std::uint64_t at_ = 0;       // of the next header
  std::uint64_t fetched_ = 0;  // up to here the processor was asked
  Header header_{};
  Note note_;
  std::string name_, text_;  // kept for their memory
};

// The name in the header in front of `offset` (a long one is cut to 100 bytes), for messages; "" when there
// is none.
std::string member_name_at(const RandomFile& tar, std::uint64_t offset);

// A ustar header of 512 bytes for a file that anybody may read, without owner or time: the same members give
// the same tar. `name`: at most 100 bytes; `size`: less than 8 GiB.
std::string tar_header(std::string_view name, std::uint64_t size);

// Zeros that fill `size` bytes up to whole blocks; and the end of a tar file.
std::string_view tar_padding(std::uint64_t size);
std::string_view tar_end();

}  // namespace facetrain
