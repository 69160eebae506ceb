// The words of a Python file, as far as a configuration needs them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/migrate/python_value.hpp"

namespace facetrain {

struct PythonToken {
  enum class Kind { kName, kLiteral, kSymbol, kNewline, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;     // of a name or symbol; of a literal as it stands in the file
  PythonValue literal;  // a number or a text
  int line = 0;
};

// Comments are dropped; a statement ends in kNewline, which does not appear inside brackets or after a
// backslash. `name` stands for the file in messages. Throws Error(kConfig) "file:line: ..." for an indented
// statement (code, not data), f-strings and byte strings, and characters that belong to no word.
std::vector<PythonToken> python_tokens(std::string_view text, const std::string& name);

}  // namespace facetrain
