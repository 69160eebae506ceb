// Command lines as a shell reads them.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace facetrain {

// `word` so that a POSIX shell reads exactly it: unchanged where no character is special, else in single
// quotes.
std::string shell_quoted(std::string_view word);

// The words, quoted, with spaces between.
std::string shell_line(std::span<const std::string> words);

}  // namespace facetrain
