#include "common/checkpoint/manifest.hpp"

#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <array>
#include <charconv>

#include "common/config/text_form.hpp"
#include "common/error.hpp"
#include "common/formatted.hpp"
#include "common/io/crc32c.hpp"

namespace facetrain {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::string_view kChecksumLine = "# crc32c ";
constexpr std::array<std::string_view, 3> kShares = {"replicated", "rank", "rows"};

std::string line(const char* key, std::int64_t value) {
  return std::string(key) + " = " + std::to_string(value) + "\n";
}

// Reads a manifest's values; the first one that is missing or of another kind ends it.
class ManifestReader {
 public:
  explicit ManifestReader(const std::string& where) : where_(where) {}

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(ErrorKind::kInput, where_ + ": " + why);
  }

  std::int64_t integer(const toml::table& table, const char* key) const {
    const auto* value = table.get_as<std::int64_t>(key);
    if (value == nullptr) fail(std::string("no whole number ") + key);
    return value->get();
  }
  std::uint64_t natural(const toml::table& table, const char* key, std::int64_t least = 0) const {
    const std::int64_t value = integer(table, key);
    if (value < least) fail(std::string(key) + " is " + std::to_string(value));
    return static_cast<std::uint64_t>(value);
  }
  double real(const toml::table& table, const char* key) const {
    const auto* value = table.get_as<double>(key);
    if (value == nullptr) fail(std::string("no number ") + key);
    return value->get();
  }
  std::string text(const toml::table& table, const char* key) const {
    const auto* value = table.get_as<std::string>(key);
    if (value == nullptr) fail(std::string("no text ") + key);
    return value->get();
  }
  const toml::array& list(const toml::table& table, const char* key) const {
    const auto* value = table.get_as<toml::array>(key);
    if (value == nullptr) fail(std::string("no list ") + key);
    return *value;
  }
  const toml::table& table(const toml::node& node) const {
    if (!node.is_table()) fail("a list holds something else than tables");
    return *node.as_table();
  }
  std::uint64_t from_hex(std::string_view digits) const {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
      fail("not a hexadecimal number: " + std::string(digits));
    return value;
  }

 private:
  const std::string& where_;
};

SavedTensor read_tensor(const ManifestReader& reader, const toml::table& table, std::uint64_t file_bytes) {
  SavedTensor tensor;
  tensor.name = reader.text(table, "name");
  tensor.type = reader.text(table, "type");
  for (const toml::node& size : reader.list(table, "shape")) {
    if (!size.is_integer() || size.as_integer()->get() < 0) reader.fail(tensor.name + ": wrong shape");
    tensor.shape.push_back(size.as_integer()->get());
  }
  const std::string share = reader.text(table, "share");
  std::size_t known = 0;
  while (known < kShares.size() && kShares[known] != share) ++known;
  if (known == kShares.size()) reader.fail(tensor.name + ": unknown share " + share);
  tensor.share = static_cast<Share>(known);
  tensor.offset = reader.natural(table, "offset");
  tensor.bytes = reader.natural(table, "bytes");
  if (tensor.offset > file_bytes || tensor.bytes > file_bytes - tensor.offset)
    reader.fail(tensor.name + " lies beyond the end of its file");
  return tensor;
}

SavedFile read_file_entry(const ManifestReader& reader, const toml::table& table) {
  SavedFile file;
  file.bytes = reader.natural(table, "bytes");
  std::string_view rest;
  const std::string checksums = reader.text(table, "crc32c");
  for (rest = checksums; !rest.empty();) {
    const std::size_t space = std::min(rest.find(' '), rest.size());
    file.checksums.push_back(static_cast<std::uint32_t>(reader.from_hex(rest.substr(0, space))));
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  if (file.checksums.size() != (file.bytes + kChecksumBlock - 1) / kChecksumBlock)
    reader.fail("a file of " + std::to_string(file.bytes) + " bytes has " +
                std::to_string(file.checksums.size()) + " checksums");
  for (const toml::node& node : reader.list(table, "tensors"))
    file.tensors.push_back(read_tensor(reader, reader.table(node), file.bytes));
  return file;
}

// The text before the last line, which is the checksum of it.
std::string_view checked(std::string_view text, const ManifestReader& reader) {
  const std::size_t at = text.rfind(kChecksumLine);
  if (at == text.npos || text.empty() || text.back() != '\n') reader.fail("cut off: no checksum at its end");
  std::string_view digits = text.substr(at + kChecksumLine.size());
  digits.remove_suffix(1);
  if (digits != hex(crc32c(text.substr(0, at)), 8)) reader.fail("damaged: its checksum is wrong");
  return text.substr(0, at);
}

}  // namespace

std::string rank_file_name(std::size_t rank) {
  return formatted("rank_%05zu.bin", rank);
}

std::string print_file(const SavedFile& file) {
  std::string text = "\n[[file]]\n" + line("bytes", static_cast<std::int64_t>(file.bytes)) + "crc32c = \"";
  for (std::size_t i = 0; i < file.checksums.size(); ++i)
    text += (i > 0 ? " " : "") + hex(file.checksums[i], 8);
  text += "\"\ntensors = [\n";
  for (const SavedTensor& tensor : file.tensors) {
    std::string shape;
    for (const std::int64_t size : tensor.shape) shape += (shape.empty() ? "" : ", ") + std::to_string(size);
    text += "  {name = " + quoted_text(tensor.name) + ", type = " + quoted_text(tensor.type) + ", shape = [" +
            shape + "], share = \"" + std::string(kShares[static_cast<std::size_t>(tensor.share)]) +
            "\", offset = " + std::to_string(tensor.offset) + ", bytes = " + std::to_string(tensor.bytes) +
            "},\n";
  }
  return text + "]\n";
}

std::string print_manifest(const Manifest& m, const std::vector<std::string>& files) {
  const PlanPosition& at = m.position;
  std::string text =
      line("format", kFormat) + line("updates", at.updates) + line("epoch", at.epoch) +
      line("step", at.step) + line("steps_per_epoch", at.steps_per_epoch) + line("world", at.world) +
      line("nodes", at.nodes) + line("global_batch", at.global_batch) + line("samples", m.data.samples) +
      line("classes", m.data.classes) + "data_digest = \"" + hex(m.data.digest) + "\"\n" +
      "accuracy = " + real_text(m.accuracy) + "\nbest_accuracy = " + real_text(m.best_accuracy) + "\n" +
      line("best_step", m.best_step) + "config = " + quoted_text(m.config) + "\n";
  for (const std::string& file : files) text += file;
  return text + std::string(kChecksumLine) + hex(crc32c(text), 8) + "\n";
}

Manifest parse_manifest(std::string_view text, const std::string& where) {
  const ManifestReader reader(where);
  const toml::parse_result parsed = toml::parse(checked(text, reader));
  if (!parsed) reader.fail("damaged: " + std::string(parsed.error().description()));
  const toml::table& table = parsed.table();
  if (const std::int64_t format = reader.integer(table, "format"); format != kFormat)
    reader.fail("of format " + std::to_string(format) + ", this build reads format " +
                std::to_string(kFormat));
  Manifest m;
  PlanPosition& at = m.position;
  at.updates = static_cast<std::int64_t>(reader.natural(table, "updates"));
  at.epoch = static_cast<std::int64_t>(reader.natural(table, "epoch"));
  at.step = static_cast<std::int64_t>(reader.natural(table, "step"));
  at.steps_per_epoch = static_cast<std::int64_t>(reader.natural(table, "steps_per_epoch", 1));
  at.world = static_cast<std::int64_t>(reader.natural(table, "world", 1));
  at.nodes = static_cast<std::int64_t>(reader.natural(table, "nodes", 1));
  at.global_batch = static_cast<std::int64_t>(reader.natural(table, "global_batch", 1));
  m.data.samples = static_cast<std::int64_t>(reader.natural(table, "samples"));
  m.data.classes = static_cast<std::int64_t>(reader.natural(table, "classes"));
  m.data.digest = reader.from_hex(reader.text(table, "data_digest"));
  m.accuracy = reader.real(table, "accuracy");
  m.best_accuracy = reader.real(table, "best_accuracy");
  m.best_step = reader.integer(table, "best_step");
  m.config = reader.text(table, "config");
  for (const toml::node& node : reader.list(table, "file"))
    m.files.push_back(read_file_entry(reader, reader.table(node)));
  if (static_cast<std::int64_t>(m.files.size()) != at.world)
    reader.fail("of " + std::to_string(at.world) + " ranks, but it lists " + std::to_string(m.files.size()) +
                " files");
  return m;
}

}  // namespace facetrain
