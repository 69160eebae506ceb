#include "common/config/checks.hpp"

#include <algorithm>
#include <cmath>

#include "common/config/suggest.hpp"
#include "common/config/text_form.hpp"

namespace facetrain {

std::string Check::allowed() const {
  switch (kind) {
    case Kind::kAny:
      return "";
    case Kind::kRange:
      if (std::isinf(high)) return "at least " + number_text(low);
      return number_text(low) + " to " + number_text(high);
    case Kind::kChoice: {
      std::string text;
      for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i > 0) text += i + 1 == choices.size() ? " or " : ", ";
        text += choices[i];
      }
      return text;
    }
    case Kind::kNotEmpty:
      return "not empty";
    case Kind::kName:
      return "a name without /";
  }
  return "";
}

std::optional<std::string> Check::problem(double value) const {
  if (!std::isfinite(value)) return number_text(value) + " is not a finite number";
  if (kind == Kind::kRange && !(value >= low && value <= high))
    return number_text(value) + " is out of range (" + allowed() + ")";
  return {};
}

std::optional<std::string> Check::problem(std::string_view value) const {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  const std::string quoted = quoted_text(value);
  if (kind == Kind::kNotEmpty && value.empty()) return "must not be empty";
  if (kind == Kind::kName &&
      (value.empty() || value == "." || value == ".." || value.find('/') != value.npos ||
       std::any_of(value.begin(), value.end(), control)))
    return quoted + " is not " + allowed();
  if (kind == Kind::kChoice && std::find(choices.begin(), choices.end(), value) == choices.end())
    return quoted + " is not " + allowed() + suggestion(value, choices);
  return {};
}

}  // namespace facetrain
