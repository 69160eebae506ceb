// The one way in which configuration values are written as TOML; the digest depends on it.
#pragma once

#include <string>
#include <string_view>

namespace facetrain {

// A number for people: "1", "0.05", "inf".
std::string number_text(double value);

// A TOML float: the shortest text that reads back as the same double, always with a '.' or an exponent.
std::string real_text(double value);

// A TOML basic string with its quotes.
std::string quoted_text(std::string_view value);

}  // namespace facetrain
