// A text file a line at a time, through a window of it: a list of five million paths is read without being
// held. The one place that knows how lists of all kinds may look: \r\n, a UTF-8 byte-order mark, a last line
// without its end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/ipc/fd.hpp"

namespace facetrain {

class LineReader {
 public:
  explicit LineReader(std::string path);                // throws Error(kInput) when it cannot be opened
  LineReader(std::string_view text, std::string name);  // of a text in memory, which must live on

  // Puts the next line, without its end, into `line`, where it stays until the next call; false when there
  // is none. Throws Error(kInput) for a line of 1 MiB or more, Error(kIo) when reading fails.
  bool next(std::string_view& line);
  // The same, without lines of nothing but spaces and tabs.
  bool next_filled(std::string_view& line);

  std::uint64_t number() const { return number_; }  // of the line that next() gave, from 1

  // Throws Error(kInput): "NAME:NUMBER: WHY: the line's first 200 bytes".
  [[noreturn]] void fail(const std::string& why, std::string_view line) const;

 private:
  bool refill();

  std::string name_;
  Fd fd_;
  std::vector<char> window_;
  std::string_view rest_;  // of the window or the text: not yet given
  bool is_read_ = false;   // is all of the file in the window?
  std::uint64_t number_ = 0;
};

}  // namespace facetrain
