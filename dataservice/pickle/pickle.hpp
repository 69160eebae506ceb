// A data-only reader of Python pickles, protocols 0-5, Python 2's included. A pickle is a program; this
// reader runs only what builds lists, tuples, dicts, numbers and byte strings, plus the few calls by which
// Python 2, bytes and NumPy arrays are written down (it computes their meaning itself). Every other global is
// refused by its name: nothing is looked up. Opcodes:
// https://github.com/python/cpython/blob/main/Lib/pickletools.py
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace facetrain {

class Pickle {
 public:
  enum class Kind : std::uint8_t {
    kNone,
    kBool,
    kInt,
    kFloat,
    kBytes,
    kText,
    kTuple,
    kList,
    kDict,
    kArray,  // NumPy: dtype, shape (items holds the elements of an object array)
    kDtype,
    kGlobal,
    kMark,  // only inside the pickle's program
  };
  using Ref = std::uint32_t;  // index of a value

  struct Value {
    Kind kind = Kind::kNone;
    std::int64_t number = 0;  // bool, int; a global's place in the table of known ones
    double real = 0;
    std::string_view bytes;  // bytes; text as UTF-8; an array's elements in C order
    std::string_view dtype;  // "b1", "u1", "i8", ..., "O"
    std::vector<std::uint64_t> shape;
    std::vector<Ref> items;  // tuple, list, object array; dict: key, value, key, value, ... as written
  };

  // `bytes` must outlive the result (strings are views into it). `name` is for messages.
  // Throws Error(kInput): damaged or cut off, an opcode or a global that is not data (named).
  Pickle(std::span<const std::byte> bytes, const std::string& name);

  const Value& root() const { return at(root_); }
  const Value& at(Ref ref) const { return values_[ref]; }

 private:
  friend class PickleMachine;
  std::vector<Value> values_;
  std::deque<std::string> owned_;  // strings that had to be rewritten
  Ref root_ = 0;
};

// What a verification set's pickle holds: (pictures, issame), two encoded pictures a pair.
struct PairsPickle {
  std::vector<std::string_view> pictures;
  std::vector<bool> issame;
};

// Reads the pair of lists out of a pickle: pictures as bytes, byte strings or uint8 arrays; answers as bools,
// numbers, or one NumPy array. Throws Error(kInput) when the pickle is something else or the counts do not
// match.
PairsPickle read_pairs(const Pickle& pickle, const std::string& name);

}  // namespace facetrain
