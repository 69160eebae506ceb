// Python configurations read as data: values, arithmetic, defaults, and the place of what is refused.
#include "common/migrate/python_config.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "common/error.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;

namespace {

const std::string kPythonStart = "from easydict import EasyDict\nimport math\nconfig = EasyDict()\n";

PythonConfig parsed(const std::string& text, const PythonConfig& base = {}) {
  return parse_python_config(kPythonStart + text, "x.py", base);
}

// The value of `expression` as Python writes it.
std::string value(const std::string& expression) {
  const PythonConfig config = parsed("config.lr = 0.5\nconfig.epochs = 45\nconfig.k = " + expression + "\n");
  return python_text(find_entry(config, "k")->value);
}

std::string refusal(const std::string& text) {
  try {
    parsed(text);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kConfig);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("literals") {
  CHECK(value("3") == "3");
  CHECK(value("1_000") == "1000");
  CHECK(value("5e-4  # a comment") == "0.0005");
  CHECK(value(".5") == "0.5");
  CHECK(value("1.") == "1.0");
  CHECK(value("1E+2") == "100.0");
  CHECK(value("True") == "True");
  CHECK(value("None") == "None");
  CHECK(value("\"a # 'b'\"") == "'a # 'b''");
  CHECK(value("'a' \"b\"") == "'ab'");
  CHECK(value("r'a\\n'") == "'a\\n'");
  CHECK(value("'a\\\\b\\t'") == "'a\\b\t'");
  CHECK(value("[1, 'x', (2, 3.5),]") == "[1, 'x', [2, 3.5]]");
  CHECK(value("(7)") == "7");
  CHECK(value("(7,)") == "[7]");
  CHECK(value("()") == "[]");
  CHECK(value("[12,  # first\n\n   20]") == "[12, 20]");
  CHECK(value("1 + \\\n 2") == "3");
}

TEST_CASE("arithmetic has Python's precedence and rounding") {
  CHECK(value("config.epochs // 10") == "4");
  CHECK(value("-config.epochs // 10") == "-5");
  CHECK(value("45 % -10") == "-5");
  CHECK(value("-7 % 4") == "1");
  CHECK(value("-7.5 // 2") == "-4.0");
  CHECK(value("-7.5 % 2") == "0.5");
  CHECK(value("6 / 3") == "2.0");
  CHECK(value("1 + 2 * 3 - 4") == "3");
  CHECK(value("(1 + 2) * 3") == "9");
  CHECK(value("-2 ** 2") == "-4");
  CHECK(value("2 ** -1") == "0.5");
  CHECK(value("2 ** 3 ** 2") == "512");
  CHECK(value("config.lr * 512 / 256") == "1.0");
  CHECK(value("config['lr'] + 1") == "1.5");
  CHECK(value("True + 1") == "2");
  CHECK(value("'./' + 'x'") == "'./x'");
  CHECK(value("[1] + [2]") == "[1, 2]");
  CHECK(value("int(2.9)") == "2");
  CHECK(value("float(2)") == "2.0");
  CHECK(value("math.sqrt(16.0)") == "4.0");
  const PythonConfig uniface =
      parsed("config.num_ims = 5822653\nconfig.margin = (0.4, math.log(config.num_ims*10))\n");
  const auto& margin = std::get<PythonList>(find_entry(uniface, "margin")->value.value);
  CHECK(margin[1] == PythonValue{std::log(58226530.0)});
}

TEST_CASE("later assignments, plain names, docstrings, other names of EasyDict") {
  const PythonConfig config = parse_python_config(
      "\"\"\"About\nthis.\"\"\"\nfrom easydict import EasyDict as edict\n\nn = 4\nconfig = edict()\n"
      "config.a = n\nconfig.b = 'x'\nconfig['a'] = config.a * 2",
      "x.py", {});
  REQUIRE(config.size() == 2);
  CHECK(config[0].key == "a");
  CHECK(python_text(config[0].value) == "8");
  CHECK(config[0].line == 9);
  CHECK(config[1].line == 8);
}

TEST_CASE("what is not data is refused with its place") {
  CHECK(refusal("config.a = open('x')\n").starts_with("x.py:4: `open` with 1 arguments is not read"));
  CHECK(refusal("import os\n").starts_with("x.py:4: `import os` is not read"));
  CHECK(refusal("\nconfig.a = __import__\n").starts_with("x.py:5: cannot read this as data at `__import__`"));
  CHECK(refusal("if True: config.a = 1\n").starts_with("x.py:4: cannot read this as data at `if`"));
  CHECK(refusal("if True:\n  config.a = 1\n").starts_with("x.py:5: an indented statement is code"));
  CHECK(refusal("  config.a = 1\n").starts_with("x.py:4: an indented statement is code"));
  CHECK(refusal("config.a = 1 if config.b else 2\n").starts_with("x.py:4: cannot read this as data at `if`"));
  CHECK(refusal("config.a = {1: 2}\n").starts_with("x.py:4: cannot read this as data at `{`"));
  CHECK(refusal("config.a = [x for x in y]\n").starts_with("x.py:4: cannot read this as data at `x`"));
  CHECK(refusal("config.a = f'{x}'\n").starts_with("x.py:4: a string with the prefix f is not read"));
  CHECK(refusal("config.a += 1\n").starts_with("x.py:4: cannot read this as data at `+=`"));
  CHECK(refusal("config.a.b = 1\n").starts_with("x.py:4: cannot read this as data at `.`"));
  CHECK(refusal("config.a = \n").starts_with("x.py:4: cannot read this as data at the end of the line"));
  CHECK(refusal("config.a = 'x\n").starts_with("x.py:4: a string that does not end"));
  CHECK(refusal("config.a = '\\x41'\n").starts_with("x.py:4: the escape \\x is not read"));
  CHECK(refusal("config.a = config.b + 1\n").starts_with("x.py:4: `config.b` is used before it has a value"));
  CHECK(refusal("config.a = 1 / 0\n") == "x.py:4: a division by zero");
  CHECK(refusal("config.a = 'x' * 2\n") == "x.py:4: `*` of 'x', which is not a number");
  CHECK(refusal("config.a = 2 ** 63\n") == "x.py:4: an integer beyond 64 bits");
  CHECK(refusal("config.a = 0x10\n") == "x.py:4: the number 0x10 is not read");
  CHECK(refusal("config.a = 99999999999999999999\n") ==
        "x.py:4: the number 99999999999999999999 is not read");
  CHECK(refusal("config.a = ]\n") == "x.py:4: a closing ] without an opening one");
  CHECK(refusal("config.a = 1 $ 2\n") == "x.py:4: the character $ is not read");
  CHECK(refusal("config.a = " + std::string(100000, '(') + "\n") ==
        "x.py:4: brackets or powers nested deeper than 100");
  std::string powers = "1";
  for (int k = 0; k < 10'000; ++k) powers += "**1";
  CHECK(refusal("config.a = " + powers + "\n") == "x.py:4: brackets or powers nested deeper than 100");
  CHECK(refusal("config.a = 2 ** -2 ** 2 ** 1\n").empty());
  CHECK(refusal("config.a = " + std::string(100000, '-') + "1\n").empty());
  CHECK(refusal("config.update({})\n").starts_with("x.py:4: cannot read this as data at `(`"));
  CHECK_THROWS_WITH_AS(parse_python_config("x = 1\n", "y.py", {}),
                       doctest::Contains("y.py: no `config = EasyDict()`"), Error);
}

TEST_CASE("a file cut anywhere is read or refused") {
  const std::string whole =
      kPythonStart + "config.a = (1, -2.5e-3,\n  'x\\n' \"y\")  # z\nconfig['b'] = math.log(config.a[0]\n";
  int refused = 0;
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    try {
      parse_python_config(whole.substr(0, length), "x.py", {});
    } catch (const Error& error) {
      CHECK(std::string(error.what()).starts_with("x.py:"));
      ++refused;
    }
  }
  CHECK(refused > 60);
}

TEST_CASE("the defaults of configs/base.py lie below the file's values") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "configs/mine");
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return folder / name;
  };
  const std::string base = write("configs/base.py", kPythonStart + "config.lr = 0.1\nconfig.epochs = 20\n");
  const std::string own =
      write("configs/mine/a.py", kPythonStart + "config.epochs = 40\nconfig.w = config.epochs // 10\n");
  CHECK(base_of(own) == base);
  CHECK(base_of(base) == "");
  CHECK(base_of(write("elsewhere.py", kPythonStart)) == "");
  const PythonConfig config = load_python_config(own, base);
  CHECK(python_text(find_entry(config, "lr")->value) == "0.1");
  CHECK(find_entry(config, "lr")->file == base);
  CHECK(python_text(find_entry(config, "epochs")->value) == "40");
  CHECK(python_text(find_entry(config, "w")->value) == "4");
  // A file that goes on from base's own object may read its values.
  const std::string imports =
      write("configs/b.py", "from configs.base import config\nconfig.lr = config.lr / 2\n");
  CHECK(python_text(find_entry(load_python_config(imports, base), "lr")->value) == "0.05");
  CHECK_THROWS_AS(load_python_config(folder / "configs/none.py", ""), Error);
}
