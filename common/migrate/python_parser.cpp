#include <algorithm>
#include <map>
#include <numbers>
#include <set>
#include <utility>

#include "common/error.hpp"
#include "common/migrate/python_config.hpp"
#include "common/migrate/python_lexer.hpp"

namespace facetrain {
namespace {

using Kind = PythonToken::Kind;

// Recursive descent over the tokens of one file.
class Parser {
 public:
  Parser(std::string_view text, const std::string& name, const PythonConfig& base)
      : name_(name), base_(base), tokens_(python_tokens(text, name)) {}

  PythonConfig parse() {
    while (now().kind != Kind::kEnd) {
      if (now().kind != Kind::kNewline) statement();
      if (now().kind != Kind::kNewline) refuse();
      ++at_;
    }
    const auto config = dictionaries_.find("config");
    if (config == dictionaries_.end())
      throw Error(ErrorKind::kConfig,
                  name_ + ": no `config = EasyDict()`: not a configuration of the reference");
    return config->second;
  }

 private:
  const PythonToken& now() const { return tokens_[at_]; }
  bool is_symbol(std::string_view text) const { return now().kind == Kind::kSymbol && now().text == text; }
  bool is_name(std::string_view text) const { return now().kind == Kind::kName && now().text == text; }
  bool take(std::string_view symbol) {
    if (!is_symbol(symbol)) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view symbol) {
    if (!take(symbol)) refuse();
  }
  std::string take_name() {
    if (now().kind != Kind::kName) refuse();
    return tokens_[at_++].text;
  }
  [[noreturn]] void fail(int line, const std::string& why) const {
    throw Error(ErrorKind::kConfig, name_ + ":" + std::to_string(line) + ": " + why);
  }
  [[noreturn]] void refuse() const {
    const bool ends = now().kind == Kind::kNewline || now().kind == Kind::kEnd;
    fail(now().line, "cannot read this as data at " +
                         (ends ? "the end of the line" : "`" + now().text + "`") +
                         "; only assignments of numbers, texts, lists and arithmetic on them are read");
  }
  // Runs a piece of arithmetic, and gives its errors a place.
  template <class Call>
  PythonValue at_line(int line, const Call& call) const {
    try {
      return call();
    } catch (const Error& error) {
      fail(line, error.what());
    }
  }

  void statement() {
    if (is_name("from") || is_name("import")) return import();
    if (now().kind == Kind::kLiteral && std::holds_alternative<std::string>(now().literal.value)) {
      ++at_;  // a docstring
      return;
    }
    const int line = now().line;
    const std::string name = take_name();
    if (take("=")) {
      if (now().kind == Kind::kName && makers_.contains(now().text)) {
        ++at_;
        expect("(");
        expect(")");
        dictionaries_[name] = {};
      } else {
        variables_[name] = expression();
      }
      return;
    }
    const auto dictionary = dictionaries_.find(name);
    if (dictionary == dictionaries_.end()) {
      --at_;
      refuse();
    }
    const std::string key = key_after_dictionary();
    expect("=");
    PythonValue value = expression();
    assign(dictionary->second, {key, std::move(value), name_, line});
  }

  // `.key` or `["key"]`
  std::string key_after_dictionary() {
    if (take(".")) return take_name();
    expect("[");
    const auto* key = std::get_if<std::string>(&now().literal.value);
    if (now().kind != Kind::kLiteral || key == nullptr) refuse();
    ++at_;
    expect("]");
    return *key;
  }

  void import() {
    const int line = now().line;
    std::string words;  // "from easydict import EasyDict"
    std::string last, alias;
    for (; now().kind != Kind::kNewline; ++at_) {
      const bool joins = is_symbol(".") || words.ends_with('.');
      if (is_name("as")) {
        ++at_;
        alias = take_name();
        break;
      }
      last = now().text;
      words += (words.empty() || joins ? "" : " ") + last;
    }
    const std::string local = alias.empty() ? last : alias;
    if (words == "from easydict import EasyDict") {
      makers_.emplace(local);
    } else if (words == "import math" && alias.empty()) {
      has_math_ = true;
    } else if (words == "from configs.base import config" || words == "from.base import config" ||
               words == "from base import config") {
      dictionaries_[local] = base_;
    } else {
      fail(line, "`" + words + "` is not read: only easydict, math and configs.base may be imported");
    }
  }

  // Sums, products, signs and powers, by Python's precedence.
  PythonValue expression() {
    ++depth_;
    PythonValue value = chain({"+", "-"}, &Parser::product);
    --depth_;
    return value;
  }
  PythonValue product() { return chain({"*", "/", "//", "%"}, &Parser::signed_value); }
  PythonValue chain(std::vector<std::string_view> ops, PythonValue (Parser::*next)()) {
    PythonValue left = (this->*next)();
    while (now().kind == Kind::kSymbol && std::find(ops.begin(), ops.end(), now().text) != ops.end()) {
      const PythonToken op = tokens_[at_++];
      const PythonValue right = (this->*next)();
      left = at_line(op.line, [&] { return python_operation(op.text, left, right); });
    }
    return left;
  }
  PythonValue signed_value() {
    const int line = now().line;
    bool negative = false;
    for (; is_symbol("+") || is_symbol("-"); ++at_) negative ^= now().text == "-";
    PythonValue value = power();
    return negative ? at_line(line, [&] { return python_negated(value); }) : value;
  }
  PythonValue power() {
    const int line = now().line;
    PythonValue base = atom();
    if (!take("**")) return base;
    ++depth_;  // 2 ** 3 ** 4: a power's exponent is inside of it
    const PythonValue exponent = signed_value();
    --depth_;
    return at_line(line, [&] { return python_operation("**", base, exponent); });
  }

  PythonValue atom() {
    const PythonToken token = now();
    if (depth_ > 100) fail(token.line, "brackets or powers nested deeper than 100");
    if (token.kind == Kind::kLiteral) {
      ++at_;
      PythonValue value = token.literal;
      // Neighbouring texts are one text.
      while (now().kind == Kind::kLiteral && std::holds_alternative<std::string>(value.value) &&
             std::holds_alternative<std::string>(now().literal.value))
        value = python_operation("+", value, tokens_[at_++].literal);
      return value;
    }
    if (take("[")) return {elements("]")};
    if (take("(")) {
      PythonList values = elements(")");
      // (x) is x, (x,) is a tuple
      const bool has_comma = values.size() != 1 || tokens_[at_ - 2].text == ",";
      return has_comma ? PythonValue{values} : values[0];
    }
    if (token.kind == Kind::kName) return named();
    refuse();
  }

  PythonList elements(std::string_view close) {
    PythonList values;
    while (!take(close)) {
      values.push_back(expression());
      if (!is_symbol(close)) expect(",");
    }
    return values;
  }

  // True, None, an earlier key or name, math.pi, or a call.
  PythonValue named() {
    const int line = now().line;
    const std::string name = take_name();
    if (name == "True" || name == "False") return {name == "True"};
    if (name == "None") return {};
    if (const auto dictionary = dictionaries_.find(name); dictionary != dictionaries_.end()) {
      const std::string key = key_after_dictionary();
      const PythonEntry* entry = find_entry(dictionary->second, key);
      if (entry == nullptr) fail(line, "`" + name + "." + key + "` is used before it has a value");
      return entry->value;
    }
    if (const auto variable = variables_.find(name); variable != variables_.end()) return variable->second;
    std::string function = name;
    if (name == "math" && has_math_) {
      expect(".");
      function += "." + take_name();
    }
    if (function == "math.pi") return {std::numbers::pi};
    if (!is_symbol("(")) {
      --at_;
      refuse();
    }
    ++at_;
    const PythonList arguments = elements(")");
    return at_line(line, [&] { return python_call(function, arguments); });
  }

  const std::string& name_;
  const PythonConfig& base_;
  std::vector<PythonToken> tokens_;
  std::size_t at_ = 0;
  std::map<std::string, PythonConfig> dictionaries_;
  std::map<std::string, PythonValue> variables_;
  std::set<std::string> makers_;  // the local names of EasyDict
  bool has_math_ = false;
  int depth_ = 0;  // of nested expressions and powers
};

}  // namespace

PythonConfig parse_python_config(std::string_view text, const std::string& name, const PythonConfig& base) {
  return Parser(text, name, base).parse();
}

}  // namespace facetrain
