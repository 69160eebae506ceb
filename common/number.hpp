// A number written in decimal digits, read from the whole of a text.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace facetrain {

// Nothing where `text` is empty, is not the number alone (blanks too), or does not fit `Number`: an integer,
// or a floating-point number, for which "inf" and "nan" are numbers.
template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last) return {};
  return value;
}

}  // namespace facetrain
