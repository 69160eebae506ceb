// The globals that mean data, and what calling them makes.
#include <algorithm>
#include <array>

#include "common/error.hpp"
#include "dataservice/pickle/machine.hpp"
#include "dataservice/pickle/unicode.hpp"

namespace facetrain {
namespace {

enum class Meaning { kEncode, kBytes, kReconstruct, kScalar, kFromBuffer, kArrayType, kDtypeType };

struct KnownGlobal {
  std::string_view module, name;
  Meaning meaning;
};

constexpr std::array kKnown = {
    KnownGlobal{"_codecs", "encode", Meaning::kEncode},
    KnownGlobal{"__builtin__", "bytes", Meaning::kBytes},
    KnownGlobal{"builtins", "bytes", Meaning::kBytes},
    KnownGlobal{"__builtin__", "bytearray", Meaning::kBytes},
    KnownGlobal{"builtins", "bytearray", Meaning::kBytes},
    KnownGlobal{"numpy.core.multiarray", "_reconstruct", Meaning::kReconstruct},
    KnownGlobal{"numpy._core.multiarray", "_reconstruct", Meaning::kReconstruct},
    KnownGlobal{"numpy.core.multiarray", "scalar", Meaning::kScalar},
    KnownGlobal{"numpy._core.multiarray", "scalar", Meaning::kScalar},
    KnownGlobal{"numpy.core.numeric", "_frombuffer", Meaning::kFromBuffer},
    KnownGlobal{"numpy._core.numeric", "_frombuffer", Meaning::kFromBuffer},
    KnownGlobal{"numpy", "ndarray", Meaning::kArrayType},
    KnownGlobal{"numpy", "dtype", Meaning::kDtypeType},
};

constexpr std::array<std::string_view, 9> kDtypes = {"b1", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"};

}  // namespace

void PickleMachine::push_global(std::string_view module, std::string_view name) {
  const auto known = std::find_if(kKnown.begin(), kKnown.end(),
                                  [&](const KnownGlobal& g) { return g.module == module && g.name == name; });
  if (known == kKnown.end())
    fail("refuses the global " + std::string(module.substr(0, 100)) + "." + std::string(name.substr(0, 100)) +
         ": only data is read");
  Value v;
  v.kind = Kind::kGlobal;
  v.number = known - kKnown.begin();
  push(std::move(v));
}

std::string_view PickleMachine::text_argument(const std::vector<Ref>& arguments, std::size_t i) {
  if (i >= arguments.size()) fail("damaged: a call without arguments");
  const Value& v = value(arguments[i]);
  if (v.kind != Kind::kText && v.kind != Kind::kBytes) fail("damaged: a call with a wrong argument");
  return v.bytes;
}

// _codecs.encode(text, "latin1"), and bytes(...), bytearray(...) of the same: how older protocols write
// bytes.
Pickle::Value PickleMachine::latin1(const std::vector<Ref>& arguments) {
  Value v;
  v.kind = Kind::kBytes;
  if (arguments.empty()) return v;  // bytes()
  const std::string_view text = text_argument(arguments, 0);
  v.bytes = text;
  if (value(arguments[0]).kind == Kind::kText) {
    const std::string_view codec = text_argument(arguments, 1);
    if (codec != "latin1" && codec != "latin-1")
      fail("the text encoding " + std::string(codec.substr(0, 50)) + " is not known");
    std::string bytes;
    if (!utf8_to_latin1(text, bytes)) fail("damaged text");
    v.bytes = own(std::move(bytes));
  }
  return v;
}

Pickle::Value PickleMachine::dtype(const std::vector<Ref>& arguments) {
  Value v;
  v.kind = Kind::kDtype;
  std::string_view name = text_argument(arguments, 0);
  if (!name.empty() && (name[0] == '|' || name[0] == '<')) name.remove_prefix(1);
  if (name == "O" || name == "O8" || name == "O4") {
    v.dtype = "O";
    return v;
  }
  const auto known = std::find(kDtypes.begin(), kDtypes.end(), name);
  if (known == kDtypes.end()) fail("the array type " + std::string(name.substr(0, 50)) + " is not supported");
  v.dtype = *known;
  return v;
}

namespace {

std::int64_t element(std::string_view dtype, std::string_view bytes, std::size_t i) {
  const auto size = static_cast<std::size_t>(dtype[1] - '0');
  std::uint64_t n = dtype[0] == 'i' && (bytes[(i + 1) * size - 1] & 0x80) ? ~std::uint64_t{0} : 0;
  for (std::size_t k = size; k-- > 0;) n = n << 8 | static_cast<unsigned char>(bytes[i * size + k]);
  return static_cast<std::int64_t>(n);
}

}  // namespace

Pickle::Value PickleMachine::scalar(const std::vector<Ref>& arguments) {
  if (arguments.size() != 2 || value(arguments[0]).kind != Kind::kDtype || value(arguments[0]).dtype == "O")
    fail("damaged: a NumPy number that is none");
  const std::string_view dtype = value(arguments[0]).dtype, bytes = text_argument(arguments, 1);
  if (bytes.size() != static_cast<std::size_t>(dtype[1] - '0'))
    fail("damaged: a NumPy number of a wrong size");
  Value v;
  v.kind = dtype == "b1" ? Kind::kBool : Kind::kInt;
  v.number = element(dtype, bytes, 0);
  return v;
}

void PickleMachine::fill_array(Value& array, Ref shape, Ref dtype, Ref elements) {
  if (value(shape).kind != Kind::kTuple || value(dtype).kind != Kind::kDtype)
    fail("damaged: an array without shape");
  std::uint64_t count = 1;
  array.shape.clear();
  for (const Ref ref : value(shape).items) {
    const Value& n = value(ref);
    if (n.kind != Kind::kInt || n.number < 0 ||
        __builtin_mul_overflow(count, static_cast<std::uint64_t>(n.number), &count))
      fail("damaged: an array's shape");
    array.shape.push_back(static_cast<std::uint64_t>(n.number));
  }
  array.dtype = value(dtype).dtype;
  if (array.dtype == "O") {
    if (value(elements).kind != Kind::kList || value(elements).items.size() != count)
      fail("damaged: an array's elements");
    charge(value(elements).items.size() * sizeof(Ref));
    array.items = value(elements).items;
    return;
  }
  const auto size = static_cast<std::uint64_t>(array.dtype[1] - '0');
  if (value(elements).kind != Kind::kBytes || count > input_.size() * 4 ||
      value(elements).bytes.size() != count * size)
    fail("damaged: an array's elements");
  array.bytes = value(elements).bytes;
}

// _frombuffer(bytes, dtype, shape, order): protocol 5's way of writing an array.
Pickle::Value PickleMachine::from_buffer(const std::vector<Ref>& arguments) {
  Value array;
  array.kind = Kind::kArray;
  if (arguments.size() != 4) fail("damaged: an array");
  if (text_argument(arguments, 3) != "C") fail("an array in Fortran order");
  fill_array(array, arguments[2], arguments[1], arguments[0]);
  return array;
}

void PickleMachine::call() {
  const Ref arguments_ref = pop(), callee = pop();
  if (value(callee).kind != Kind::kGlobal || value(arguments_ref).kind != Kind::kTuple)
    fail("damaged: a call of what is no function");
  const std::vector<Ref> arguments = value(arguments_ref).items;
  switch (kKnown[static_cast<std::size_t>(value(callee).number)].meaning) {
    case Meaning::kEncode:
      if (arguments.empty()) fail("damaged: a call without arguments");
      return push(latin1(arguments));
    case Meaning::kBytes:
      return push(latin1(arguments));
    case Meaning::kDtypeType:
      return push(dtype(arguments));
    case Meaning::kScalar:
      return push(scalar(arguments));
    case Meaning::kFromBuffer:
      return push(from_buffer(arguments));
    case Meaning::kReconstruct: {  // an empty array that BUILD fills
      Value array;
      array.kind = Kind::kArray;
      array.dtype = "u1";
      array.shape = {0};
      return push(std::move(array));
    }
    case Meaning::kArrayType:
      break;
  }
  fail("refuses to make an object of numpy.ndarray");
}

void PickleMachine::build() {
  const Ref state = pop(), target = top();
  if (value(state).kind != Kind::kTuple) fail("refuses to set the state of an object");
  const std::vector<Ref> items = value(state).items;
  if (value(target).kind == Kind::kDtype && items.size() >= 2) {  // (version, byte order, ...)
    if (text_argument(items, 1) == ">" && value(target).dtype[1] != '1') fail("a big-endian array");
    return;
  }
  if (value(target).kind == Kind::kArray &&
      items.size() == 5) {  // (version, shape, dtype, Fortran order, elements)
    const std::size_t dimensions = value(items[1]).items.size();
    if (value(items[3]).number != 0 && dimensions > 1) fail("an array in Fortran order");
    Value filled;
    filled.kind = Kind::kArray;
    fill_array(filled, items[1], items[2], items[4]);
    value(target) = std::move(filled);
    return;
  }
  fail("refuses to set the state of an object");
}

PairsPickle read_pairs(const Pickle& pickle, const std::string& name) {
  using Kind = Pickle::Kind;
  const auto fail = [&](const std::string& why) -> void {
    throw Error(ErrorKind::kInput,
                name + ": " + why + "; a verification set is a pickle of (pictures, issame)");
  };
  const auto is_sequence = [](const Pickle::Value& v) {
    return v.kind == Kind::kList || v.kind == Kind::kTuple || (v.kind == Kind::kArray && v.dtype == "O");
  };
  const Pickle::Value& root = pickle.root();
  if (!is_sequence(root) || root.items.size() != 2) fail("its pickle is not a pair");
  const Pickle::Value &pictures = pickle.at(root.items[0]), &answers = pickle.at(root.items[1]);
  PairsPickle pairs;
  if (!is_sequence(pictures)) fail("its pictures are not a list");
  for (const Pickle::Ref ref : pictures.items) {
    const Pickle::Value& v = pickle.at(ref);
    const bool raw = v.kind == Kind::kArray && v.dtype == "u1";
    if (v.kind != Kind::kBytes && !raw)
      fail("picture " + std::to_string(pairs.pictures.size()) + " is not a string of bytes");
    pairs.pictures.push_back(v.bytes);
  }
  if (answers.kind == Kind::kArray && answers.dtype != "O") {
    const std::size_t size = static_cast<std::size_t>(answers.dtype[1] - '0');
    for (std::size_t i = 0; i < answers.bytes.size() / size; ++i)
      pairs.issame.push_back(element(answers.dtype, answers.bytes, i) != 0);
  } else {
    if (!is_sequence(answers)) fail("issame is not a list");
    for (const Pickle::Ref ref : answers.items) {
      const Pickle::Value& v = pickle.at(ref);
      if (v.kind != Kind::kBool && v.kind != Kind::kInt)
        fail("issame holds something else than True and False");
      pairs.issame.push_back(v.number != 0);
    }
  }
  if (pairs.issame.empty() || pairs.pictures.size() != 2 * pairs.issame.size())
    fail(std::to_string(pairs.pictures.size()) + " pictures do not make " +
         std::to_string(pairs.issame.size()) + " pairs");
  return pairs;
}

}  // namespace facetrain
