#include "dataservice/source/lmdb_source.hpp"

#include <algorithm>
#include <limits>
#include <optional>

#include "common/error.hpp"
#include "common/number.hpp"
#include "dataservice/decode/limits.hpp"
#include "dataservice/source/class_limit.hpp"
#include "dataservice/source/msgpack.hpp"
#include "dataservice/tools/parallel.hpp"

namespace facetrain {
namespace {

constexpr std::size_t kLabelBytes = 9;   // a label in MessagePack
constexpr std::size_t kFrontBytes = 16;  // more than what stands in front of a picture
constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();

}  // namespace

std::string LmdbPackRecord::encode() const {
  std::string packed, name, out;
  for (int shift = 0; shift < 64; shift += 8) name += static_cast<char>(digest >> shift);
  packed.reserve(4 * labels.size());
  for (const std::uint32_t label : labels)
    for (int shift = 0; shift < 32; shift += 8) packed += static_cast<char>(label >> shift);
  msgpack_array(out, 4);
  msgpack_integer(out, 1);
  msgpack_raw(out, name);
  msgpack_integer(out, pictures);
  msgpack_raw(out, packed);
  return out;
}

LmdbPackRecord LmdbPackRecord::decode(std::span<const std::byte> bytes, std::string_view where) {
  MsgpackReader reader(bytes, where);
  const bool known = reader.array() == 4 && reader.integer() == 1;
  const std::string_view digest = known ? reader.raw() : "";
  const std::int64_t pictures = known ? reader.integer() : -1;
  const std::string_view labels = known ? reader.raw() : "";
  if (digest.size() != 8 || pictures < 0 || pictures > kMost ||
      (!labels.empty() && labels.size() != 4 * static_cast<std::uint64_t>(pictures)))
    throw Error(ErrorKind::kInput,
                std::string(where) + " is not one that this facetrain can read; pack the data again");
  LmdbPackRecord record;
  record.digest = little_endian<std::uint64_t>(std::as_bytes(std::span(digest)), 0);
  record.pictures = static_cast<std::uint32_t>(pictures);
  record.labels.resize(labels.size() / 4);
  for (std::size_t i = 0; i < record.labels.size(); ++i)
    record.labels[i] = little_endian<std::uint32_t>(std::as_bytes(std::span(labels)), 4 * i);
  return record;
}

LmdbSource::LmdbSource(const std::string& path, std::uint32_t keep_from)
    : LmdbSource(path, keep_from, KeptIndex(path, "LMDB 1", {lmdb_data_file(path)})) {}

LmdbSource::LmdbSource(const std::string& path, std::uint32_t keep_from, KeptIndex index) : file_(path) {
  std::vector<std::uint32_t> numbers;
  const IndexPart parts[] = {IndexPart(numbers), IndexPart(images_), IndexPart(keys_), IndexPart(key_at_)};
  const bool known = index.load(parts, [&] { return numbers.size() == 1 && numbers[0] > 0 && is_inside(); });
  bool reads_labels = false;
  if (known)
    classes_ = numbers[0];
  else
    reads_labels = take_all();
  classes_ = classes_of_labels(*this, classes_, "classes (__classnum__)");
  numbers = {classes_};
  if (reads_labels && size() >= keep_from) index.keep(parts);
  warnings_ = index.warnings();
}

// Does an index that was kept speak of bytes that are there?
bool LmdbSource::is_inside() const {
  if (images_.empty() || images_.size() > static_cast<std::size_t>(kMost) ||
      (!key_at_.empty() && key_at_.size() != images_.size()))
    return false;
  for (std::uint32_t i = 0; i < size(); ++i)
    if (const LmdbFile::Value at = value(i); at.offset > file_.size() || at.size > file_.size() - at.offset)
      return false;
  return std::all_of(key_at_.begin(), key_at_.end(), [&](std::uint32_t at) { return at < keys_.size(); });
}

// Goes through the file. Were the labels read from the pictures' records?
bool LmdbSource::take_all() {
  const std::vector<std::byte> pack = take_tree();
  if (pack.empty()) {
    in_parallel(size(), [&](unsigned, std::uint64_t i) {
      images_[i].label = read_label(static_cast<std::uint32_t>(i));
    });
    return true;
  }
  const std::string where = file_.path() + ": the record " + std::string(LmdbPackRecord::kKey);
  const LmdbPackRecord record = LmdbPackRecord::decode(pack, where);
  if (record.labels.size() != images_.size())
    throw Error(ErrorKind::kInput, where + " does not fit the other records; pack the data again");
  digest_ = record.digest;
  for (std::uint32_t i = 0; i < size(); ++i) images_[i].label = record.labels[i];
  return false;
}

std::vector<std::byte> LmdbSource::take_tree() {
  std::optional<LmdbFile::Value> len, keys, classes, pack;
  const auto special = [&](std::string_view key) -> std::optional<LmdbFile::Value>* {
    return key == "__len__"              ? &len
           : key == "__keys__"           ? &keys
           : key == "__classnum__"       ? &classes
           : key == LmdbPackRecord::kKey ? &pack
                                         : nullptr;
  };
  file_.for_each([&](std::string_view key, const LmdbFile::Value& value) {
    if (auto* const place = special(key)) *place = value;
  });
  if (!len || !keys || !classes)
    throw Error(ErrorKind::kInput,
                file_.path() +
                    ": it does not hold __len__, __keys__ and __classnum__, so it is no data set as the "
                    "reference packs it (or its packing was cut short)");
  std::vector<std::byte> buffer;
  const auto number = [&](const LmdbFile::Value& value, const std::string& what, std::int64_t low) {
    file_.read(value, buffer);
    const std::string where = file_.path() + ": " + what;
    MsgpackReader reader(buffer, where);
    const std::int64_t n = reader.integer();
    if (n < low || n > kMost) throw Error(ErrorKind::kInput, where + " is " + std::to_string(n));
    return static_cast<std::uint32_t>(n);
  };
  const std::uint32_t count = number(*len, "__len__", 1);
  classes_ = number(*classes, "__classnum__", 1);

  file_.read(*keys, keys_);
  const std::string where = file_.path() + ": __keys__";
  MsgpackReader reader(keys_, where);
  if (reader.array() != count)
    throw Error(ErrorKind::kInput,
                where + " names more or fewer pictures than __len__ (" + std::to_string(count) + ")");
  if (count > keys_.size()) throw Error(ErrorKind::kInput, where + ": it ends too early");
  bool numbers = true;
  key_at_.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    key_at_[i] = static_cast<std::uint32_t>(reader.at());
    const std::string_view key = reader.raw();
    numbers = numbers && key == std::to_string(i);
  }
  images_.resize(count);
  if (numbers) {
    keys_ = std::vector<std::byte>();  // "= {}" would keep the memory
    key_at_ = std::vector<std::uint32_t>();
    take_numbered();
  } else {
    take_named();
  }
  if (pack) {
    file_.read(*pack, buffer);
    return buffer;
  }
  return {};
}

void LmdbSource::take(std::uint32_t i, const LmdbFile::Value& value) {
  images_[i] = {static_cast<std::uint32_t>(value.offset), static_cast<std::uint32_t>(value.offset >> 32),
                value.size, 0};
}

void LmdbSource::missing(std::uint32_t i) const {
  throw Error(ErrorKind::kInput, file_.path() + ": the record of key " +
                                     std::string(key_of(i).substr(0, 100)) +
                                     " is missing, or the tree is not in order");
}

// Keys 0, 1, 2, ... say themselves which picture they are.
void LmdbSource::take_numbered() {
  file_.for_each([&](std::string_view key, const LmdbFile::Value& value) {
    const auto i = parse_number<std::uint32_t>(key);
    if (!i || *i >= size() || (key.size() > 1 && key.starts_with('0'))) return;
    take(*i, value);
  });
  for (std::uint32_t i = 0; i < size(); ++i)
    if (value(i).offset == 0) missing(i);  // no value is at the start of the file
}

// The records come sorted by key and b"__keys__" in the order of training: both sorted, they are matched in
// one go. Most comparisons are decided by the eight bytes behind what all keys have in common.
void LmdbSource::take_named() {
  const std::string first = key_of(0);
  std::size_t common = first.size();
  bool is_sorted = true;
  std::string_view before = first;
  for (std::uint32_t i = 1; i < size(); ++i) {
    const std::string_view key = key_view(i);
    is_sorted = is_sorted && before <= key;
    while (!key.starts_with(std::string_view(first).substr(0, common))) --common;
    before = key;
  }
  struct Entry {
    std::uint64_t start;
    std::uint32_t picture;
  };
  std::vector<Entry> order(size());
  for (std::uint32_t i = 0; i < size(); ++i) {
    const std::string_view key = key_view(i).substr(common);
    std::uint64_t start = 0;
    for (std::size_t k = 0; k < 8; ++k)
      start = start << 8 | (k < key.size() ? static_cast<unsigned char>(key[k]) : 0u);
    order[i] = {start, i};
  }
  if (!is_sorted)
    std::sort(order.begin(), order.end(), [&](const Entry& a, const Entry& b) {
      return a.start != b.start ? a.start < b.start : key_view(a.picture) < key_view(b.picture);
    });
  std::uint32_t next = 0;
  file_.for_each([&](std::string_view key, const LmdbFile::Value& value) {
    for (; next < size() && key_view(order[next].picture) == key; ++next) take(order[next].picture, value);
  });
  if (next < size()) missing(order[next].picture);
}

std::string_view LmdbSource::key_view(std::uint32_t i) const {
  return MsgpackReader(std::span(keys_).subspan(key_at_[i]), "__keys__").raw();
}

std::string LmdbSource::key_of(std::uint32_t i) const {
  return key_at_.empty() ? std::to_string(i) : std::string(key_view(i));
}

std::string LmdbSource::name(std::uint32_t i) const {
  return file_.path() + ":" + key_of(i);
}

LmdbFile::Value LmdbSource::value(std::uint32_t i) const {
  return {static_cast<std::uint64_t>(images_[i].high) << 32 | images_[i].low, images_[i].size};
}

// Does `call`, whose errors that begin with ':' are about picture i: its name costs an allocation, too much
// to be made for each.
template <class Call>
void LmdbSource::with_name(std::uint32_t i, const Call& call) const {
  try {
    call();
  } catch (const Error& error) {
    const std::string why = error.what();
    throw Error(error.kind(), why.starts_with(':') ? name(i) + why : why);
  }
}

// Reads a record's two ends, not the picture between them.
std::uint32_t LmdbSource::read_label(std::uint32_t i) const {
  const LmdbFile::Value at = value(i);
  std::byte bytes[kFrontBytes];
  const std::span<std::byte> front = std::span(bytes).first(std::min<std::size_t>(kFrontBytes, at.size));
  file_.read_part(at, 0, front);
  std::int64_t value = 0;
  with_name(i, [&] {
    MsgpackReader reader(front, "");
    if (reader.array() != 2) throw Error(ErrorKind::kInput, ": not an array (picture, label)");
    const std::uint64_t end = std::uint64_t{reader.raw_size()} + reader.at();
    if (end >= at.size || at.size - end > kLabelBytes)
      throw Error(ErrorKind::kInput, ": its picture's size is damaged");
    const std::span<std::byte> tail = std::span(bytes).first(static_cast<std::size_t>(at.size - end));
    file_.read_part(at, static_cast<std::uint32_t>(end), tail);
    MsgpackReader label(tail, "");
    value = label.integer();
    label.end();
    if (value < 0 || value >= kMost)
      throw Error(ErrorKind::kInput, ": impossible label " + std::to_string(value));
  });
  return static_cast<std::uint32_t>(value);
}

void LmdbSource::read(std::uint32_t i, std::vector<std::byte>& buffer) const {
  require_encoded_size(value(i).size, [&] { return name(i); });
  file_.read(value(i), buffer);
  std::size_t size = 0, start = 0;
  with_name(i, [&] {
    MsgpackReader reader(buffer, "");
    if (reader.array() != 2) throw Error(ErrorKind::kInput, ": not an array (picture, label)");
    size = reader.raw_size();
    start = reader.at();
    reader.skip(size);
    if (reader.integer() != label(i))
      throw Error(ErrorKind::kInput, ": another label than when it was packed");
    reader.end();
  });
  buffer.resize(start + size);
  buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(start));
}

void LmdbSource::will_need(std::uint32_t first, std::uint32_t count) const {
  std::vector<LmdbFile::Value> values;
  values.reserve(count);
  for (std::uint32_t k = 0; k < count; ++k) values.push_back(value(first + k));
  file_.will_need(values);
}

}  // namespace facetrain
