// Appending to a file that somebody reads while it grows, on a disk that may be full for a while.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>

namespace facetrain {

// Whether all of `text` is in the file (opened to append, and unbuffered). If not, errno says why, and the
// file ends as it did before: without half a line or record.
inline bool append_whole(std::FILE* file, std::string_view text) {
  struct stat before {};
  const bool is_known = ::fstat(::fileno(file), &before) == 0 && S_ISREG(before.st_mode);
  if (std::fwrite(text.data(), 1, text.size(), file) == text.size()) return true;
  const int reason = errno;
  std::clearerr(file);
  if (is_known) (void)!::ftruncate(::fileno(file), before.st_size);
  errno = reason;
  return false;
}

}  // namespace facetrain
