#include <array>
#include <cstdint>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "common/error.hpp"
#include "trainer/weights/pickle.hpp"

namespace facetrain {
namespace {

enum class Kind { kMark, kNone, kInteger, kReal, kText, kTuple, kList, kDict, kGlobal, kStorage, kTensor };

// A value is an index into the reader's pool of its kind (integers: the number itself). So no value owns
// another, and neither cycles nor deep nesting in a hostile file can leak or overflow the stack.
struct Value {
  Kind kind = Kind::kNone;
  std::int64_t n = 0;
};

enum Callable : std::int64_t { kOrderedDict, kRebuildTensor, kRebuildParameter, kFirstStorageType };

struct KnownGlobal {
  const char* name;
  Callable callable;
};
constexpr std::array<KnownGlobal, 3> kGlobals = {{{"collections.OrderedDict", kOrderedDict},
                                                  {"torch._utils._rebuild_tensor_v2", kRebuildTensor},
                                                  {"torch._utils._rebuild_parameter", kRebuildParameter}}};
struct StorageType {
  const char* name;
  at::ScalarType type;
};
constexpr std::array<StorageType, 10> kStorageTypes = {{{"torch.FloatStorage", at::kFloat},
                                                        {"torch.DoubleStorage", at::kDouble},
                                                        {"torch.HalfStorage", at::kHalf},
                                                        {"torch.BFloat16Storage", at::kBFloat16},
                                                        {"torch.LongStorage", at::kLong},
                                                        {"torch.IntStorage", at::kInt},
                                                        {"torch.ShortStorage", at::kShort},
                                                        {"torch.CharStorage", at::kChar},
                                                        {"torch.ByteStorage", at::kByte},
                                                        {"torch.BoolStorage", at::kBool}}};

class PickleReader {
 public:
  PickleReader(std::string_view bytes, const StorageReader& storage, const std::string& where)
      : bytes_(bytes), storage_(storage), where_(where) {}

  std::vector<NamedTensor> read() {
    while (step()) {
    }
    const Value top = pop();
    if (top.kind != Kind::kDict) fail("it holds no dictionary of tensors");
    std::vector<NamedTensor> state;
    const std::vector<Value>& items = sequences_[index(top)];
    for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
      const std::string& name = text(items[i]);
      if (items[i + 1].kind != Kind::kTensor) {
        fail("entry '" + name +
             "' is no tensor; save the state_dict alone: torch.save(model.state_dict(), path)");
      }
      state.push_back({name, tensors_[index(items[i + 1])]});
    }
    return state;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::kInput, where_ + ": " + what);
  }
  static std::size_t index(Value v) { return static_cast<std::size_t>(v.n); }

  std::string_view take(std::size_t count) {
    if (count > bytes_.size() - at_) fail("the pickle is cut off at byte " + std::to_string(at_));
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) fail("the pickle is cut off in a name");
    const std::string_view result = bytes_.substr(at_, end - at_);
    at_ = end + 1;
    return result;
  }

  Value pop() {
    if (stack_.empty() || stack_.back().kind == Kind::kMark) fail("malformed pickle (empty stack)");
    const Value v = stack_.back();
    stack_.pop_back();
    return v;
  }
  Value top() const {
    if (stack_.empty() || stack_.back().kind == Kind::kMark) fail("malformed pickle (empty stack)");
    return stack_.back();
  }
  std::vector<Value> pop_to_mark() {
    std::size_t mark = stack_.size();
    while (mark > 0 && stack_[mark - 1].kind != Kind::kMark) --mark;
    if (mark == 0) fail("malformed pickle (no mark)");
    std::vector<Value> items(stack_.begin() + static_cast<std::ptrdiff_t>(mark), stack_.end());
    stack_.resize(mark - 1);
    return items;
  }
  void push(Kind kind, std::int64_t n = 0) { stack_.push_back({kind, n}); }
  void push_sequence(Kind kind, std::vector<Value> items) {
    push(kind, static_cast<std::int64_t>(sequences_.size()));
    sequences_.push_back(std::move(items));
  }
  void push_tuple(std::size_t count) {
    std::vector<Value> items(count);
    for (std::size_t i = count; i-- > 0;) items[i] = pop();
    push_sequence(Kind::kTuple, std::move(items));
  }
  void push_text(std::string_view s) {
    push(Kind::kText, static_cast<std::int64_t>(texts_.size()));
    texts_.emplace_back(s);
  }
  void push_global(const std::string& name) {
    for (const KnownGlobal& known : kGlobals) {
      if (name == known.name) return push(Kind::kGlobal, known.callable);
    }
    for (std::size_t i = 0; i < kStorageTypes.size(); ++i) {
      if (name == kStorageTypes[i].name) {
        return push(Kind::kGlobal, kFirstStorageType + static_cast<std::int64_t>(i));
      }
    }
    fail("refused: it asks for '" + name + "', which weights do not need");
  }
  void add_items(Kind kind, const std::vector<Value>& items) {
    const Value container = top();
    if (container.kind != kind || (kind == Kind::kDict && items.size() % 2 != 0))
      fail("malformed pickle (items)");
    auto& pool = sequences_[index(container)];
    pool.insert(pool.end(), items.begin(), items.end());
  }

  const std::string& text(Value v) const {
    if (v.kind != Kind::kText) fail("malformed pickle (a name that is no text)");
    return texts_[index(v)];
  }
  std::int64_t integer(Value v) const {
    if (v.kind != Kind::kInteger || v.n < 0) fail("malformed pickle (a size that is no number from 0 up)");
    return v.n;
  }
  const std::vector<Value>& tuple(Value v, std::size_t at_least) const {
    if (v.kind != Kind::kTuple || sequences_[index(v)].size() < at_least)
      fail("malformed pickle (arguments)");
    return sequences_[index(v)];
  }
  std::vector<std::int64_t> integers(Value v) const {
    std::vector<std::int64_t> result;
    for (const Value item : tuple(v, 0)) result.push_back(integer(item));
    return result;
  }

  void push_tensor(at::Tensor t) {
    push(Kind::kTensor, static_cast<std::int64_t>(tensors_.size()));
    tensors_.push_back(std::move(t));
  }

  // ("storage", type, key, location, count)
  void persistent_id() {
    const std::vector<Value> id = tuple(pop(), 5);
    if (text(id[0]) != "storage" || id[1].kind != Kind::kGlobal || id[1].n < kFirstStorageType) {
      fail("malformed pickle (storage)");
    }
    const at::ScalarType type = kStorageTypes[static_cast<std::size_t>(id[1].n - kFirstStorageType)].type;
    push(Kind::kStorage, static_cast<std::int64_t>(storages_.size()));
    storages_.push_back(storage_(text(id[2]), type, integer(id[4])));
  }

  void reduce() {
    const std::vector<Value> arguments = tuple(pop(), 0);
    const Value callable = pop();
    if (callable.kind != Kind::kGlobal) fail("malformed pickle (call)");
    if (callable.n == kOrderedDict && arguments.empty()) {
      push_sequence(Kind::kDict, {});
    } else if (callable.n == kRebuildParameter && !arguments.empty() && arguments[0].kind == Kind::kTensor) {
      stack_.push_back(arguments[0]);
    } else if (callable.n == kRebuildTensor && arguments.size() >= 4 && arguments[0].kind == Kind::kStorage) {
      rebuild_tensor(storages_[index(arguments[0])], integer(arguments[1]), integers(arguments[2]),
                     integers(arguments[3]));
    } else {
      fail("malformed pickle (arguments of a call)");
    }
  }

  void rebuild_tensor(const at::Tensor& flat, std::int64_t offset, const std::vector<std::int64_t>& size,
                      const std::vector<std::int64_t>& stride) {
    bool bad = size.size() != stride.size() || size.size() > 16, empty = false;
    std::int64_t last = offset;  // the farthest element
    for (std::size_t i = 0; !bad && i < size.size(); ++i) {
      std::int64_t reach = 0;
      empty = empty || size[i] == 0;
      bad = size[i] > 0 && (__builtin_mul_overflow(size[i] - 1, stride[i], &reach) ||
                            __builtin_add_overflow(last, reach, &last));
    }
    if (bad || offset > flat.numel() || (!empty && last >= flat.numel()))
      fail("a tensor reaches outside its storage");
    push_tensor(flat.as_strided(size, stride, offset));
  }

  // LONG1: a little-endian two's complement number of up to 8 bytes.
  void push_long() {
    const std::string_view bytes = take(number<std::uint8_t>());
    if (bytes.size() > 8) fail("malformed pickle (number)");
    std::uint64_t value = !bytes.empty() && (bytes.back() & 0x80) ? ~std::uint64_t{0} : 0;
    std::memcpy(&value, bytes.data(), bytes.size());
    push(Kind::kInteger, static_cast<std::int64_t>(value));
  }

  void get(std::uint32_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail("malformed pickle (memo)");
    stack_.push_back(found->second);
  }

  // clang-format off
  bool step() {
    const char op = take(1)[0];
    switch (op) {
      case '\x80': take(1); break;                                    // PROTO
      case '\x95': take(8); break;                                    // FRAME
      case '.': return false;                                         // STOP
      case '(': push(Kind::kMark); break;
      case '0': pop(); break;
      case 'N': push(Kind::kNone); break;
      case '\x88': push(Kind::kInteger, 1); break;                    // True
      case '\x89': push(Kind::kInteger, 0); break;
      case 'J': push(Kind::kInteger, number<std::int32_t>()); break;
      case 'K': push(Kind::kInteger, number<std::uint8_t>()); break;
      case 'M': push(Kind::kInteger, number<std::uint16_t>()); break;
      case '\x8a': push_long(); break;
      case 'G': take(8), push(Kind::kReal); break;
      case 'X': push_text(take(number<std::uint32_t>())); break;
      case '\x8c': push_text(take(number<std::uint8_t>())); break;
      case ')': push_sequence(Kind::kTuple, {}); break;
      case '\x85': push_tuple(1); break;
      case '\x86': push_tuple(2); break;
      case '\x87': push_tuple(3); break;
      case 't': push_sequence(Kind::kTuple, pop_to_mark()); break;
      case ']': push_sequence(Kind::kList, {}); break;
      case 'a': { const Value v = pop(); add_items(Kind::kList, {v}); break; }
      case 'e': add_items(Kind::kList, pop_to_mark()); break;
      case '}': push_sequence(Kind::kDict, {}); break;
      case 's': { const Value v = pop(), k = pop(); add_items(Kind::kDict, {k, v}); break; }
      case 'u': add_items(Kind::kDict, pop_to_mark()); break;
      case 'q': memo_[number<std::uint8_t>()] = top(); break;
      case 'r': memo_[number<std::uint32_t>()] = top(); break;
      case '\x94': memo_[static_cast<std::uint32_t>(memo_.size())] = top(); break;
      case 'h': get(number<std::uint8_t>()); break;
      case 'j': get(number<std::uint32_t>()); break;
      case 'c': { const std::string module(line()); push_global(module + "." + std::string(line())); break; }
      case '\x93': { const std::string name = text(pop()); push_global(text(pop()) + "." + name); break; }
      case 'R': reduce(); break;
      case 'Q': persistent_id(); break;
      case 'b':  // BUILD: the state of an OrderedDict is its _metadata, which weights do without
        pop();
        if (top().kind != Kind::kDict) fail("malformed pickle (state)");
        break;
      default: fail("malformed pickle (unknown opcode " + std::to_string(static_cast<unsigned char>(op)) + ")");
    }
    return true;
  }
  // clang-format on

  std::string_view bytes_;
  const StorageReader& storage_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::vector<Value> stack_;
  std::unordered_map<std::uint32_t, Value> memo_;
  std::vector<std::string> texts_;
  std::vector<std::vector<Value>> sequences_;
  std::vector<at::Tensor> storages_, tensors_;
};

}  // namespace

std::vector<NamedTensor> read_state_dict_pickle(std::string_view pickle, const StorageReader& storage,
                                                const std::string& where) {
  return PickleReader(pickle, storage, where).read();
}

}  // namespace facetrain
