// The values that a Python configuration may hold, and Python's arithmetic on them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace facetrain {

struct PythonValue;
using PythonList = std::vector<PythonValue>;  // a list or a tuple

struct PythonValue {
  std::variant<std::monostate, bool, std::int64_t, double, std::string, PythonList> value;  // monostate: None
  bool operator==(const PythonValue&) const = default;
};

// The value as Python would write it: None, True, 3, 0.5, 'text', [1, 2].
std::string python_text(const PythonValue& value);

// a OP b with OP of + - * / // % **, by Python's rules: / is always a float, // and % round down, + also
// joins texts and lists. Throws Error(kConfig), without a place, for other types, a division by zero and
// integers beyond 64 bits.
PythonValue python_operation(std::string_view op, const PythonValue& a, const PythonValue& b);

PythonValue python_negated(const PythonValue& value);

// math.log(x), math.log(x, base), math.exp, math.sqrt, int, float of numbers. Throws Error(kConfig), without
// a place, for another function, or numbers that it does not take.
PythonValue python_call(std::string_view function, const std::vector<PythonValue>& arguments);

}  // namespace facetrain
