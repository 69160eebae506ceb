#include "common/migrate/python_value.hpp"

#include <cmath>
#include <optional>

#include "common/config/text_form.hpp"
#include "common/error.hpp"

namespace facetrain {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::kConfig, why);
}

template <class T>
bool is(const PythonValue& value) {
  return std::holds_alternative<T>(value.value);
}

// True and False are the integers 1 and 0 in arithmetic.
std::optional<std::int64_t> as_integer(const PythonValue& value) {
  if (is<bool>(value)) return std::get<bool>(value.value) ? 1 : 0;
  if (is<std::int64_t>(value)) return std::get<std::int64_t>(value.value);
  return {};
}

double as_real(const PythonValue& value, std::string_view where) {
  if (const auto integer = as_integer(value)) return static_cast<double>(*integer);
  if (is<double>(value)) return std::get<double>(value.value);
  refuse(std::string(where) + " of " + python_text(value) + ", which is not a number");
}

PythonValue real(double value) {
  if (!std::isfinite(value)) refuse("the result is not a finite number");
  return {value};
}

std::int64_t floor_divided(std::int64_t a, std::int64_t b) {
  if (a == INT64_MIN && b == -1) refuse("an integer beyond 64 bits");
  const std::int64_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

PythonValue integer_power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) return real(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  std::int64_t result = 1;
  for (std::int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) refuse("an integer beyond 64 bits");
    if (result == 0 || (result == 1 && base == 1)) break;
    if (base == -1) return {exponent % 2 == 0 ? std::int64_t{1} : std::int64_t{-1}};
  }
  return {result};
}

PythonValue integer_operation(std::string_view op, std::int64_t a, std::int64_t b) {
  if (b == 0 && (op == "/" || op == "//" || op == "%")) refuse("a division by zero");
  std::int64_t result = 0;
  bool overflow = false;
  if (op == "+") overflow = __builtin_add_overflow(a, b, &result);
  if (op == "-") overflow = __builtin_sub_overflow(a, b, &result);
  if (op == "*") overflow = __builtin_mul_overflow(a, b, &result);
  if (op == "/") return real(static_cast<double>(a) / static_cast<double>(b));
  if (op == "//") result = floor_divided(a, b);
  if (op == "%") result = b == -1 ? 0 : a - floor_divided(a, b) * b;
  if (op == "**") return integer_power(a, b);
  if (overflow) refuse("an integer beyond 64 bits");
  return {result};
}

PythonValue real_operation(std::string_view op, double a, double b) {
  if (b == 0 && (op == "/" || op == "//" || op == "%")) refuse("a division by zero");
  if (op == "+") return real(a + b);
  if (op == "-") return real(a - b);
  if (op == "*") return real(a * b);
  if (op == "/") return real(a / b);
  if (op == "**") return real(std::pow(a, b));
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  return real(op == "%" ? rest : std::round((a - rest) / b));
}

}  // namespace

std::string python_text(const PythonValue& value) {
  struct Writer {
    std::string operator()(std::monostate) const { return "None"; }
    std::string operator()(bool flag) const { return flag ? "True" : "False"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const { return real_text(number); }
    std::string operator()(const std::string& text) const { return "'" + text + "'"; }
    std::string operator()(const PythonList& list) const {
      std::string text = "[";
      for (const PythonValue& one : list) text += (text.size() > 1 ? ", " : "") + python_text(one);
      return text + "]";
    }
  };
  return std::visit(Writer{}, value.value);
}

PythonValue python_operation(std::string_view op, const PythonValue& a, const PythonValue& b) {
  if (op == "+" && is<std::string>(a) && is<std::string>(b))
    return {std::get<std::string>(a.value) + std::get<std::string>(b.value)};
  if (op == "+" && is<PythonList>(a) && is<PythonList>(b)) {
    PythonList joined = std::get<PythonList>(a.value);
    const auto& more = std::get<PythonList>(b.value);
    joined.insert(joined.end(), more.begin(), more.end());
    return {joined};
  }
  const auto left = as_integer(a), right = as_integer(b);
  if (left && right) return integer_operation(op, *left, *right);
  const std::string where = "`" + std::string(op) + "`";
  return real_operation(op, as_real(a, where), as_real(b, where));
}

PythonValue python_negated(const PythonValue& value) {
  if (is<double>(value)) return {-std::get<double>(value.value)};
  return python_operation("-", {std::int64_t{0}}, value);
}

PythonValue python_call(std::string_view function, const std::vector<PythonValue>& arguments) {
  const auto x = [&](std::size_t i) { return as_real(arguments[i], function); };
  if (arguments.size() == 2 && function == "math.log") {
    if (x(0) <= 0 || x(1) <= 0 || x(1) == 1) refuse("math.log is not defined there");
    return real(std::log(x(0)) / std::log(x(1)));
  }
  if (arguments.size() == 1) {
    if (function == "math.log" && x(0) <= 0) refuse("math.log is not defined there");
    if (function == "math.log") return real(std::log(x(0)));
    if (function == "math.exp") return real(std::exp(x(0)));
    if (function == "math.sqrt") return real(std::sqrt(x(0)));
    if (function == "float") return real(x(0));
    if (function == "int" && std::abs(x(0)) < 9e18)
      return {as_integer(arguments[0]).value_or(static_cast<std::int64_t>(x(0)))};
  }
  refuse("`" + std::string(function) + "` with " + std::to_string(arguments.size()) +
         " arguments is not read (math.log, math.exp, math.sqrt, int and float of numbers are)");
}

}  // namespace facetrain
