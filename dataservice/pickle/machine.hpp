// The stack machine of a pickle: opcodes in opcodes.cpp and literals.cpp, the known globals and what calling
// them means in globals.cpp.
#pragma once

#include <unordered_map>

#include "dataservice/pickle/pickle.hpp"

namespace facetrain {

class PickleMachine {
 public:
  PickleMachine(Pickle& out, std::span<const std::byte> bytes, const std::string& name)
      : out_(out), input_(reinterpret_cast<const char*>(bytes.data()), bytes.size()), name_(name) {}

  Pickle::Ref run();

 private:
  using Value = Pickle::Value;
  using Kind = Pickle::Kind;
  using Ref = Pickle::Ref;

  // Input.
  std::string_view take(std::uint64_t n);
  std::string_view line();
  std::uint64_t number(int bytes);  // little-endian, unsigned
  [[noreturn]] void fail(const std::string& why) const;

  // Stack and values.
  Value& value(Ref ref) { return out_.values_[ref]; }
  Ref make(Value v);
  void push(Value v) { stack_.push_back(make(std::move(v))); }
  void push_bytes(std::string_view bytes) { push_string(Kind::kBytes, bytes); }
  void push_string(Kind kind, std::string_view bytes);
  Ref pop();
  Ref top();
  std::vector<Ref> pop_to_mark();
  std::string_view own(std::string text);  // keeps a rewritten string, within bounds
  void charge(std::size_t bytes);          // fails when copies outgrow the input by far

  bool step(unsigned char opcode);          // false at STOP
  bool step_strings(unsigned char opcode);  // these four say whether the opcode was theirs
  bool step_numbers(unsigned char opcode);
  bool step_containers(unsigned char opcode);
  bool step_memo(unsigned char opcode);
  void remember(std::uint64_t key);
  void recall(std::uint64_t key);
  void push_escaped(std::string_view quoted);       // 'S': Python 2's repr of a byte string
  void push_raw_unicode(std::string_view escaped);  // 'V'
  std::int64_t decimal(std::string_view digits) const;
  std::int64_t long_integer(std::string_view little_endian) const;

  // Globals.
  void push_global(std::string_view module, std::string_view name);
  void call();   // REDUCE
  void build();  // BUILD
  std::string_view text_argument(const std::vector<Ref>& arguments, std::size_t i);
  Value latin1(const std::vector<Ref>& arguments);
  Value dtype(const std::vector<Ref>& arguments);
  Value scalar(const std::vector<Ref>& arguments);
  Value from_buffer(const std::vector<Ref>& arguments);
  void fill_array(Value& array, Ref shape, Ref dtype, Ref elements);

  Pickle& out_;
  std::string_view input_;
  const std::string& name_;
  std::size_t at_ = 0;
  std::size_t copied_bytes_ = 0;
  std::vector<Ref> stack_;
  std::unordered_map<std::uint64_t, Ref> memo_;
};

}  // namespace facetrain
