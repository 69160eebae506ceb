// The three text encodings inside pickles. Each returns false for damaged input.
#pragma once

#include <string>
#include <string_view>

namespace facetrain {

// Python 2's repr of a str, without the quotes: \n \r \t \\ \' \" \xHH and octal become bytes.
bool unescape_repr(std::string_view text, std::string& bytes);

// Python's raw-unicode-escape: bytes are Latin-1, \uXXXX and \UXXXXXXXX are code points.
bool raw_unicode_to_utf8(std::string_view text, std::string& utf8);

// The code points of UTF-8, all below 256, as bytes.
bool utf8_to_latin1(std::string_view utf8, std::string& bytes);

}  // namespace facetrain
