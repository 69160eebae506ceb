#include "common/io/npy.hpp"

#include <cctype>
#include <cstring>

#include "common/error.hpp"

namespace facetrain {
namespace {

std::string describe(std::string_view dtype, std::span<const std::uint64_t> shape) {
  std::string text(dtype);
  text += " (";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + (shape[i] ? std::to_string(shape[i]) : std::string("n"));
  return text + ")";
}

// The header's text is a Python dict literal with the keys descr, fortran_order and shape.
class HeaderText {
 public:
  HeaderText(std::string_view text, const std::string& name) : rest_(text), name_(name) {}

  // Of numbers.
  NpyHeader parse() {
    NpyHeader header = parse_any();
    header.item_size = item_size(header.dtype);
    check_size(header);
    return header;
  }

  NpyHeader parse_any() {
    NpyHeader header;
    bool seen_descr = false, seen_order = false, seen_shape = false;
    expect('{');
    while (!take('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        seen_descr = true;
        if (peek() == '[') fail("it holds records; only plain arrays can be used");
        header.dtype = quoted();
      } else if (key == "fortran_order") {
        seen_order = true;
        if (word() != "False") fail("it is in Fortran order; save it with np.ascontiguousarray");
      } else if (key == "shape") {
        seen_shape = true;
        header.shape = tuple();
      } else {
        fail("its header has an unknown key " + key);
      }
      if (!take(',') && peek() != '}') fail("its header is damaged");
    }
    if (!seen_descr || !seen_order || !seen_shape) fail("its header is incomplete");
    return header;
  }

  [[noreturn]] void fail(const std::string& why) const { throw Error(ErrorKind::kInput, name_ + ": " + why); }

 private:
  char peek() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\n')) rest_.remove_prefix(1);
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool take(char c) {
    if (peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail("its header is damaged");
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("its header is damaged");
    const auto end = rest_.find(quote, 1);
    if (end == std::string_view::npos) fail("its header is damaged");
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }
  std::string word() {
    peek();
    std::size_t n = 0;
    while (n < rest_.size() && std::isalpha(static_cast<unsigned char>(rest_[n]))) ++n;
    std::string text(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return text;
  }
  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> values;
    expect('(');
    while (!take(')')) {
      std::uint64_t value = 0;
      int digits = 0;
      for (char c = peek(); c >= '0' && c <= '9'; c = rest_.empty() ? '\0' : rest_.front(), ++digits) {
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
        rest_.remove_prefix(1);
      }
      if (digits == 0 || digits > 18 || values.size() == 32) fail("its shape cannot be read");
      take('L');  // Python 2 wrote 3L
      values.push_back(value);
      if (!take(',') && peek() != ')') fail("its shape cannot be read");
    }
    return values;
  }
  std::size_t item_size(const std::string& dtype) const {
    if (dtype.size() >= 2 && dtype[1] == 'O') fail("it holds Python objects, which are never loaded");
    if (dtype.size() < 3 || dtype.size() > 4 || !std::strchr("biufc", dtype[1]))
      fail("its dtype " + dtype + " is not supported");
    std::size_t size = 0;
    for (const char c : dtype.substr(2)) {
      if (c < '0' || c > '9') fail("its dtype " + dtype + " is not supported");
      size = size * 10 + static_cast<std::size_t>(c - '0');
    }
    if (size != 1 && size != 2 && size != 4 && size != 8 && size != 16)
      fail("its dtype " + dtype + " is not supported");
    if (dtype[0] == '>') fail("its numbers are big-endian (" + dtype + "); save it little-endian");
    if (dtype[0] != '<' && !(size == 1 && dtype[0] == '|')) fail("its dtype " + dtype + " is not supported");
    return size;
  }
  void check_size(const NpyHeader& header) const {
    std::uint64_t bytes = header.item_size;
    for (const std::uint64_t n : header.shape)
      if (__builtin_mul_overflow(bytes, n, &bytes) || bytes >> 62) fail("its shape is impossibly large");
  }

  std::string_view rest_;
  const std::string& name_;
};

}  // namespace

std::uint64_t NpyHeader::elements() const {
  std::uint64_t count = 1;
  for (const std::uint64_t n : shape) count *= n;
  return count;
}

namespace {

// The header's text. Throws Error(kInput) when `file` does not begin as a .npy.
std::string_view header_text(std::span<const std::byte> file, const std::string& name) {
  const auto* text = reinterpret_cast<const char*>(file.data());
  if (file.size() < 10 || std::memcmp(text, "\x93NUMPY", 6) != 0)
    throw Error(ErrorKind::kInput, name + ": it is not a .npy file");
  const int version = static_cast<unsigned char>(text[6]);
  if (version < 1 || version > 3)
    throw Error(ErrorKind::kInput,
                name + ": .npy version " + std::to_string(version) + " is not known (1 to 3 are)");
  const std::size_t prefix = version == 1 ? 10 : 12;
  std::size_t length = 0;
  for (std::size_t i = std::min(prefix, file.size()); i-- > 8;)
    length = length << 8 | static_cast<unsigned char>(text[i]);
  if (file.size() < prefix || file.size() - prefix < length)
    throw Error(ErrorKind::kInput, name + ": its header is cut off");
  return {text + prefix, length};
}

std::size_t end_of(std::string_view header, std::span<const std::byte> file) {
  return static_cast<std::size_t>(header.data() + header.size() - reinterpret_cast<const char*>(file.data()));
}

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> file, const std::string& name) {
  const std::string_view text = header_text(file, name);
  NpyHeader header = HeaderText(text, name).parse();
  header.data_offset = end_of(text, file);
  return header;
}

std::span<const std::byte> npy_object_pickle(std::span<const std::byte> file, const std::string& name) {
  const std::string_view text = header_text(file, name);
  HeaderText reader(text, name);
  const NpyHeader header = reader.parse_any();
  if (header.dtype != "|O" || header.elements() != 1)
    reader.fail("it holds " + describe(header.dtype, header.shape) +
                ", needed is one Python object, as np.save(FILE, {...}) writes it");
  return file.subspan(end_of(text, file));
}

std::string format_npy_header(std::string_view dtype, std::span<const std::uint64_t> shape) {
  std::string dict = "{'descr': '" + std::string(dtype) + "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) dict += (i ? ", " : "") + std::to_string(shape[i]);
  dict += shape.size() == 1 ? ",), }" : "), }";
  dict.resize((10 + dict.size() + 1 + 63) / 64 * 64 - 10 - 1, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += static_cast<char>(dict.size() & 0xFF);
  header += static_cast<char>(dict.size() >> 8);
  return header + dict;
}

MappedNpy::MappedNpy(const std::string& path)
    : path_(path), file_(path), header_(parse_npy_header(file_.bytes(), path)) {
  const std::uint64_t need = header_.data_offset + header_.data_bytes();
  if (file_.bytes().size() < need)
    throw Error(ErrorKind::kInput, path + ": truncated: its header promises " + std::to_string(need) +
                                       " bytes, there are " + std::to_string(file_.bytes().size()));
}

std::span<const std::byte> MappedNpy::bytes() const {
  return file_.bytes().subspan(header_.data_offset, header_.data_bytes());
}

std::span<const std::byte> MappedNpy::row(std::uint64_t i) const {
  if (header_.shape.empty() || i >= header_.shape[0])
    throw Error(ErrorKind::kInternal, path_ + ": row " + std::to_string(i) + " does not exist");
  const std::uint64_t size = header_.data_bytes() / header_.shape[0];
  return bytes().subspan(i * size, size);
}

void MappedNpy::require(std::string_view dtype, std::span<const std::uint64_t> shape) const {
  bool same = header_.dtype == dtype && header_.shape.size() == shape.size();
  for (std::size_t i = 0; same && i < shape.size(); ++i) same = shape[i] == 0 || shape[i] == header_.shape[i];
  if (!same)
    throw Error(ErrorKind::kInput, path_ + ": it holds " + describe(header_.dtype, header_.shape) +
                                       ", needed is " + describe(dtype, shape));
}

NpyWriter::NpyWriter(std::string path, std::string_view dtype, std::vector<std::uint64_t> shape)
    : file_(std::move(path)) {
  const std::string header = format_npy_header(dtype, shape);
  missing_ =
      parse_npy_header(std::as_bytes(std::span(header.data(), header.size())), file_.path()).data_bytes();
  file_.write(header);
}

void NpyWriter::write(std::span<const std::byte> elements) {
  if (elements.size() > missing_)
    throw Error(ErrorKind::kInternal, file_.path() + ": more elements than announced");
  file_.write(elements);
  missing_ -= elements.size();
}

void NpyWriter::commit() {
  if (missing_ != 0)
    throw Error(ErrorKind::kInternal,
                file_.path() + ": " + std::to_string(missing_) + " bytes were not written");
  file_.commit();
}

}  // namespace facetrain
