#include <cstdint>
#include <cstring>

#include "trainer/weights/pickle.hpp"

namespace facetrain {
namespace {

// The opcodes of protocol 2 that a state_dict takes. All integers are little-endian, as this machine's.
struct PickleWriter {
  std::string out = "\x80\x02";

  void op(const char* bytes) { out += bytes; }
  template <typename T>
  void raw(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
  }
  void text(std::string_view s) {
    out += 'X';
    raw(static_cast<std::uint32_t>(s.size()));
    out += s;
  }
  void global(const char* module, const char* name) { out += std::string("c") + module + "\n" + name + "\n"; }
  void integer(std::int64_t value) {
    if (value >= 0 && value <= INT32_MAX) {
      out += 'J';
      raw(static_cast<std::int32_t>(value));
    } else {
      out += "\x8a\x08";  // LONG1, eight bytes
      raw(value);
    }
  }
  void integers(at::IntArrayRef values) {
    out += '(';
    for (const std::int64_t value : values) integer(value);
    out += 't';
  }
  void ordered_dict() {
    global("collections", "OrderedDict");
    op(")R");
  }
  // _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)
  void tensor(const at::Tensor& t, std::size_t record) {
    global("torch._utils", "_rebuild_tensor_v2");
    op("((");
    text("storage");
    global("torch", t.scalar_type() == at::kLong ? "LongStorage" : "FloatStorage");
    text(std::to_string(record));
    text("cpu");
    integer(t.numel());
    op("tQ");  // a tuple, taken as a persistent id
    integer(0);
    integers(t.sizes());
    integers(t.strides());
    op("\x89");  // False
    ordered_dict();
    op("tR");
  }
};

}  // namespace

std::string write_state_dict_pickle(const std::vector<NamedTensor>& state) {
  PickleWriter writer;
  writer.ordered_dict();
  writer.op("(");
  for (std::size_t i = 0; i < state.size(); ++i) {
    writer.text(state[i].name);
    writer.tensor(state[i].tensor, i);
  }
  writer.op("u.");
  return std::move(writer.out);
}

}  // namespace facetrain
