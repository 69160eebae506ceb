// The members of a tar file: ustar and GNU headers, long names and sizes of GNU tar and pax. The format:
// POSIX.1-2001 pax (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html, "ustar Interchange
// Format", "pax Header Block") and https://www.gnu.org/software/tar/manual/html_node/Standard.html.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dataservice/source/random_file.hpp"

namespace facetrain {

struct TarMember {
  std::string name;
  std::uint64_t offset = 0;  // of its bytes in the tar file; its header is the 512 bytes in front
  std::uint64_t size = 0;
};

// Calls visit for every regular file, in order. Throws Error(kInput): a header's checksum is wrong, the file
// ends inside a member.
void for_each_member(const RandomFile& tar, const std::function<void(const TarMember&)>& visit);

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
