#include "common/migrate/python_lexer.hpp"

#include <algorithm>
#include <array>

#include "common/error.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

using Kind = PythonToken::Kind;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class Lexer {
 public:
  Lexer(std::string_view text, const std::string& name) : text_(text), name_(name) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
  }

  std::vector<PythonToken> tokens() {
    bool line_begins = true;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '\n') {
        if (depth_ == 0) add(Kind::kNewline, "");
        ++at_;
        ++line_;
        line_begins = depth_ == 0;
        continue;
      } else if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
        if (line_begins)
          skip_indentation();
        else
          ++at_;
      } else if (text_.substr(at_, 2) == "\\\n" || text_.substr(at_, 3) == "\\\r\n") {
        at_ = text_.find('\n', at_) + 1;
        ++line_;
      } else {
        word();
      }
      line_begins = false;
    }
    add(Kind::kNewline, "");
    add(Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorKind::kConfig, name_ + ":" + std::to_string(line_) + ": " + why);
  }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void add(Kind kind, std::string text, PythonValue literal = {}) {
    tokens_.push_back({kind, std::move(text), std::move(literal), line_});
  }

  // Blank and comment lines may be indented, statements not.
  void skip_indentation() {
    const std::size_t first = std::min(text_.find_first_not_of(" \t\r\f", at_), text_.size());
    if (first < text_.size() && text_[first] != '\n' && text_[first] != '#')
      fail("an indented statement is code; only assignments are read");
    at_ = first;
  }

  void word() {
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    const std::size_t prefix = text_.substr(at_, 3).find_first_of("'\"");
    if (prefix != text_.npos) {
      const std::string_view letters = text_.substr(at_, prefix);
      if (std::all_of(letters.begin(), letters.end(), starts_name)) return string(at_ + prefix);
    }
    if (starts_name(c)) {
      const std::size_t start = at_;
      while (starts_name(peek()) || is_digit(peek())) ++at_;
      return add(Kind::kName, std::string(text_.substr(start, at_ - start)));
    }
    symbol();
  }

  void number() {
    const std::size_t start = at_;
    while (is_digit(peek()) || peek() == '.' || starts_name(peek()) ||
           ((peek() == '+' || peek() == '-') && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E')))
      ++at_;
    const std::string written(text_.substr(start, at_ - start));
    std::string digits = written;
    std::erase(digits, '_');
    PythonValue value;
    if (digits.find_first_of(".eE") == digits.npos) {
      const auto integer = parse_number<std::int64_t>(digits);
      if (!integer) fail("the number " + written + " is not read");
      value = {*integer};
    } else {
      const auto real = parse_number<double>(digits);
      if (!real) fail("the number " + written + " is not read");
      value = {*real};
    }
    add(Kind::kLiteral, written, value);
  }

  void string(std::size_t quote) {
    std::string prefix(text_.substr(at_, quote - at_));
    std::transform(prefix.begin(), prefix.end(), prefix.begin(),
                   [](char c) { return static_cast<char>(c | 0x20); });
    if (!prefix.empty() && prefix != "r" && prefix != "u")
      fail("a string with the prefix " + prefix + " is not read");
    const std::string delimiter(text_.substr(quote, 3) == std::string(3, text_[quote]) ? 3 : 1, text_[quote]);
    const std::size_t start = at_;
    const int first_line = line_;
    std::string value;
    at_ = quote + delimiter.size();
    while (text_.substr(at_, delimiter.size()) != delimiter) {
      if (at_ >= text_.size() || (peek() == '\n' && delimiter.size() == 1)) {
        line_ = first_line;
        fail("a string that does not end");
      }
      if (peek() == '\n') ++line_;
      if (peek() == '\\' && prefix != "r") {
        ++at_;
        value += escaped();
      } else {
        value += text_[at_++];
      }
    }
    at_ += delimiter.size();
    add(Kind::kLiteral, std::string(text_.substr(start, at_ - start)), {value});
    tokens_.back().line = first_line;
  }

  std::string escaped() {
    constexpr std::string_view letters = "nt\\'\"", values = "\n\t\\'\"";
    if (peek() == '\n') {
      ++at_;
      ++line_;
      return "";
    }
    const std::size_t place = letters.find(peek());
    if (at_ >= text_.size() || place == letters.npos)
      fail(std::string("the escape \\") + peek() + " is not read");
    ++at_;
    return std::string(1, values[place]);
  }

  void symbol() {
    static constexpr std::array<std::string_view, 8> two{"//", "**", "+=", "-=", "*=", "/=", "==", "->"};
    std::string text(1, peek());
    for (const auto pair : two)
      if (text_.substr(at_, 2) == pair) text = pair;
    if (std::string_view("()[]{}").find(text[0]) != std::string_view::npos) {
      const bool opens = text == "(" || text == "[" || text == "{";
      depth_ += opens ? 1 : -1;
      if (depth_ < 0) fail("a closing " + text + " without an opening one");
    } else if (text.size() == 1 &&
               std::string_view("=.,+-*/%:;@<>|&").find(text[0]) == std::string_view::npos) {
      fail("the character " + text + " is not read");
    }
    add(Kind::kSymbol, text);
    at_ += text.size();
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t at_ = 0;
  int line_ = 1;
  int depth_ = 0;
  std::vector<PythonToken> tokens_;
};

}  // namespace

std::vector<PythonToken> python_tokens(std::string_view text, const std::string& name) {
  return Lexer(text, name).tokens();
}

}  // namespace facetrain
