// What a configuration value may be: the checks that keys.def names. A check is a value that can both judge
// and describe itself, so that the error text, the reference and the judgement never differ.
#pragma once

#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace facetrain {

struct Check {
  enum class Kind { kAny, kRange, kChoice, kNotEmpty, kName };
  Kind kind = Kind::kAny;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  std::vector<std::string_view> choices;

  // What is allowed ("2 to 64", "at least 1", "iresnet or mobilefacenet"); empty when everything is.
  std::string allowed() const;
  // What is wrong with a value, or nothing. NaN and infinities are never in a range.
  std::optional<std::string> problem(double value) const;
  std::optional<std::string> problem(std::string_view value) const;
};

namespace config_checks {

inline Check any() {
  return {};
}
inline Check at_least(double low) {
  return {Check::Kind::kRange, low, std::numeric_limits<double>::infinity(), {}};
}
inline Check in(double low, double high) {
  return {Check::Kind::kRange, low, high, {}};
}
inline Check not_empty() {
  return {Check::Kind::kNotEmpty, 0, 0, {}};
}
// A name that becomes a folder's: not empty, no slash, no control character, neither "." nor "..".
inline Check name() {
  return {Check::Kind::kName, 0, 0, {}};
}
template <class... Choice>
Check one_of(Choice... choice) {
  return {Check::Kind::kChoice, 0, 0, {std::string_view(choice)...}};
}

}  // namespace config_checks
}  // namespace facetrain
