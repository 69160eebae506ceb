// The stack, the memo and the containers; literals.cpp has strings and numbers.
#include "common/error.hpp"
#include "dataservice/pickle/machine.hpp"

namespace facetrain {

void PickleMachine::fail(const std::string& why) const {
  throw Error(ErrorKind::kInput, name_ + ": byte " + std::to_string(at_) + " of the pickle: " + why);
}

std::string_view PickleMachine::take(std::uint64_t n) {
  if (n > input_.size() - at_) fail("cut off or damaged");
  const std::string_view part = input_.substr(at_, n);
  at_ += n;
  return part;
}

std::string_view PickleMachine::line() {
  const std::size_t end = input_.find('\n', at_);
  if (end == std::string_view::npos) fail("cut off or damaged");
  const std::string_view text = input_.substr(at_, end - at_);
  at_ = end + 1;
  return text.ends_with('\r') ? text.substr(0, text.size() - 1) : text;
}

std::uint64_t PickleMachine::number(int bytes) {
  const std::string_view raw = take(static_cast<std::uint64_t>(bytes));
  std::uint64_t n = 0;
  for (int i = bytes; i-- > 0;) n = n << 8 | static_cast<unsigned char>(raw[static_cast<std::size_t>(i)]);
  return n;
}

Pickle::Ref PickleMachine::make(Value v) {
  out_.values_.push_back(std::move(v));
  return static_cast<Ref>(out_.values_.size() - 1);
}

void PickleMachine::push_string(Kind kind, std::string_view bytes) {
  Value v;
  v.kind = kind;
  v.bytes = bytes;
  push(std::move(v));
}

void PickleMachine::charge(std::size_t bytes) {
  // A real pickle rewrites each string and list once; one that makes much more of its own bytes is an attack.
  copied_bytes_ += bytes;
  if (copied_bytes_ > 8 * input_.size() + 4096) fail("it blows itself up");
}

std::string_view PickleMachine::own(std::string text) {
  charge(text.size());
  return out_.owned_.emplace_back(std::move(text));
}

Pickle::Ref PickleMachine::top() {
  if (stack_.empty()) fail("damaged: a value is missing");
  return stack_.back();
}

Pickle::Ref PickleMachine::pop() {
  const Ref ref = top();
  if (value(ref).kind == Kind::kMark) fail("damaged: a value is missing");
  stack_.pop_back();
  return ref;
}

std::vector<Pickle::Ref> PickleMachine::pop_to_mark() {
  auto mark = stack_.end();
  while (mark != stack_.begin() && value(*(mark - 1)).kind != Kind::kMark) --mark;
  if (mark == stack_.begin()) fail("damaged: a mark is missing");
  std::vector<Ref> items(mark, stack_.end());
  stack_.erase(mark - 1, stack_.end());
  return items;
}

void PickleMachine::remember(std::uint64_t key) {
  const Ref ref = top();
  if (value(ref).kind == Kind::kMark) fail("damaged: a value is missing");
  memo_[key] = ref;
}

void PickleMachine::recall(std::uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end()) fail("damaged: it refers to a value that is not there");
  stack_.push_back(found->second);
}

bool PickleMachine::step_containers(unsigned char opcode) {
  const auto collect = [&](Kind kind, std::vector<Ref> items) {
    Value v;
    v.kind = kind;
    v.items = std::move(items);
    push(std::move(v));
  };
  const auto extend = [&](const std::vector<Ref>& items) {
    Value& list = value(top());
    if (list.kind != Kind::kList) fail("damaged: it appends to what is not a list");
    list.items.insert(list.items.end(), items.begin(), items.end());
  };
  const auto set = [&](const std::vector<Ref>& items) {
    if (items.size() % 2 != 0) fail("damaged: a key without a value");
    Value& dict = value(top());
    if (dict.kind != Kind::kDict) fail("damaged: it sets a key of what is not a dict");
    dict.items.insert(dict.items.end(), items.begin(), items.end());
  };
  switch (opcode) {
    case '(': {
      Value mark;
      mark.kind = Kind::kMark;
      push(std::move(mark));
      return true;
    }
    case '0':
      if (value(top()).kind == Kind::kMark)
        stack_.pop_back();
      else
        pop();
      return true;
    case '1':
      pop_to_mark();
      return true;
    case '2': {
      const Ref ref = pop();
      stack_.push_back(ref);
      stack_.push_back(ref);
      return true;
    }
    case ')':
      collect(Kind::kTuple, {});
      return true;
    case ']':
      collect(Kind::kList, {});
      return true;
    case 't':
      collect(Kind::kTuple, pop_to_mark());
      return true;
    case 'l':
      collect(Kind::kList, pop_to_mark());
      return true;
    case 'a': {
      const Ref item = pop();
      extend({item});
      return true;
    }
    case 'e':
      extend(pop_to_mark());
      return true;
    case '}':
      collect(Kind::kDict, {});
      return true;
    case 'd': {
      const std::vector<Ref> items = pop_to_mark();
      collect(Kind::kDict, {});
      set(items);
      return true;
    }
    case 's': {
      const Ref item = pop(), key = pop();
      set({key, item});
      return true;
    }
    case 'u':
      set(pop_to_mark());
      return true;
    case 0x85:
    case 0x86:
    case 0x87: {
      std::vector<Ref> items(opcode - 0x84u);
      for (std::size_t i = items.size(); i-- > 0;) items[i] = pop();
      collect(Kind::kTuple, std::move(items));
      return true;
    }
    default:
      return false;
  }
}

bool PickleMachine::step_memo(unsigned char opcode) {
  const auto key = [&] {
    const std::int64_t n = decimal(line());
    if (n < 0) fail("damaged number");
    return static_cast<std::uint64_t>(n);
  };
  switch (opcode) {
    case 'p':
      remember(key());
      return true;
    case 'q':
      remember(number(1));
      return true;
    case 'r':
      remember(number(4));
      return true;
    case 0x94:
      remember(memo_.size());
      return true;
    case 'g':
      recall(key());
      return true;
    case 'h':
      recall(number(1));
      return true;
    case 'j':
      recall(number(4));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::step(unsigned char opcode) {
  if (opcode == '.') return false;
  if (step_strings(opcode) || step_numbers(opcode) || step_containers(opcode) || step_memo(opcode))
    return true;
  switch (opcode) {
    case 0x80:
      if (const auto protocol = number(1); protocol > 5)
        fail("protocol " + std::to_string(protocol) + " is not known (0 to 5 are)");
      return true;
    case 0x95:
      number(8);
      return true;  // FRAME: a hint for buffered readers
    case 'c': {
      const std::string_view module = line();
      push_global(module, line());
      return true;
    }
    case 0x93: {
      const Ref name = pop(), module = pop();
      if (value(name).kind != Kind::kText || value(module).kind != Kind::kText)
        fail("damaged: a global without a name");
      push_global(value(module).bytes, value(name).bytes);
      return true;
    }
    case 'R':
      call();
      return true;
    case 'b':
      build();
      return true;
    case 'i': {  // INST names its class in the stream
      const std::string_view module = line();
      fail("refuses to make an object of " + std::string(module.substr(0, 100)) + "." +
           std::string(line().substr(0, 100)));
    }
    default:
      break;
  }
  fail("opcode " + std::to_string(opcode) + " is not data");
}

Pickle::Ref PickleMachine::run() {
  while (step(static_cast<unsigned char>(take(1)[0]))) {
  }
  return pop();
}

Pickle::Pickle(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.size() >> 31) throw Error(ErrorKind::kInput, name + ": a pickle of 2 GiB or more cannot be read");
  root_ = PickleMachine(*this, bytes, name).run();
}

}  // namespace facetrain
