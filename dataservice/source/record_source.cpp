#include "dataservice/source/record_source.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <utility>

#include "common/error.hpp"
#include "dataservice/decode/limits.hpp"
#include "dataservice/source/class_limit.hpp"
#include "dataservice/source/line_reader.hpp"
#include "dataservice/tools/parallel.hpp"

namespace facetrain {
namespace {

constexpr std::uint32_t kRecordMagic = 0xced7230a;
constexpr std::uint32_t kLength = (1u << 29) - 1;
constexpr std::size_t kPartHeader = 8;
constexpr std::size_t kImageHeader = 24;
constexpr std::uint32_t kMostLabels = 1u << 20;
constexpr float kMostPictures = 4e9f;

struct IndexLine {
  std::uint64_t key = 0, offset = 0;
};

std::vector<IndexLine> read_index(const std::string& path) {
  LineReader reader(path);
  std::vector<IndexLine> lines;
  for (std::string_view text; reader.next_filled(text);) {
    const char* const last = text.data() + text.size();
    IndexLine line;
    const auto key = std::from_chars(text.data(), last, line.key);
    const bool tab = key.ec == std::errc{} && key.ptr < last && *key.ptr == '\t';
    const auto place = std::from_chars(tab ? key.ptr + 1 : last, last, line.offset);
    if (!tab || place.ec != std::errc{} || place.ptr != last)
      reader.fail("not a line KEY<tab>OFFSET of a RecordIO index", text);
    lines.push_back(line);
  }
  if (lines.empty()) throw Error(ErrorKind::kInput, path + " is empty");
  return lines;
}

// A label as a whole number; throws through `fail` when it is none.
template <class Fail>
std::uint32_t whole(float label, const Fail& fail) {
  if (!(label >= 0 && label < kMostPictures) ||
      label != static_cast<float>(static_cast<std::uint32_t>(label)))
    fail("label " + std::to_string(label) + " is not a whole number of 0 or more");
  return static_cast<std::uint32_t>(label);
}

}  // namespace

std::string record_index_of(const std::string& rec_path) {
  if (!rec_path.ends_with(".rec"))
    throw Error(ErrorKind::kInput, rec_path + ": a RecordIO file is named something.rec");
  return rec_path.substr(0, rec_path.size() - 4) + ".idx";
}

RecordSource::RecordSource(const std::string& path, std::uint32_t keep_from)
    : RecordSource(path, keep_from, KeptIndex(path, "RecordIO 1", {path, record_index_of(path)})) {}

RecordSource::RecordSource(const std::string& path, std::uint32_t keep_from, KeptIndex index) : file_(path) {
  std::vector<std::uint64_t> numbers;
  const IndexPart parts[] = {IndexPart(numbers), IndexPart(images_), IndexPart(keys_)};
  const bool known = index.load(parts, [&] {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    return numbers.size() == 2 && numbers[1] <= kMost && !images_.empty() && images_.size() <= kMost &&
           (keys_.empty() || keys_.size() == images_.size()) && is_inside();
  });
  if (known) {
    first_key_ = numbers[0];
    classes_ = static_cast<std::uint32_t>(numbers[1]);
  } else {
    take_records(record_index_of(path));
    take_labels();
    numbers = {first_key_, classes_};
  }
  classes_ = classes_of_labels(*this, classes_, "identities (record 0)");
  if (!known && size() >= keep_from) index.keep(parts);
  warnings_ = index.warnings();
}

bool RecordSource::is_inside() const {
  return std::all_of(images_.begin(), images_.end(), [&](const Image& image) {
    return (static_cast<std::uint64_t>(image.high) << 32 | image.low) < file_.size();
  });
}

void RecordSource::take_records(const std::string& index) {
  const std::vector<IndexLine> lines = read_index(index);
  const auto add = [&](std::uint64_t offset) {
    images_.push_back({static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(offset >> 32), 0});
  };
  const auto zero =
      std::find_if(lines.begin(), lines.end(), [](const IndexLine& line) { return line.key == 0; });
  const Head head = zero == lines.end() ? Head{} : read_head(zero->offset);
  if (head.labels > 0) {
    const auto fail = [&](const std::string& why) { file_.damaged(zero->offset, "record 0: " + why); };
    if (head.labels < 2) fail("one label instead of two (first record of an identity, last)");
    const std::uint32_t end = whole(head.first_two[0], fail), last = whole(head.first_two[1], fail);
    if (end < 2 || last < end) fail("it promises " + std::to_string(end) + ", " + std::to_string(last));
    if (end > lines.size())
      fail("it promises " + std::to_string(end - 1) + " pictures; the index names fewer");
    classes_ = last - end;
    constexpr std::uint64_t kNone = ~std::uint64_t{0};
    std::vector<std::uint64_t> offsets(end, kNone);
    images_.reserve(end - 1);
    for (const IndexLine& line : lines)
      if (line.key < end) offsets[line.key] = line.offset;
    for (std::uint32_t key = 1; key < end; ++key) {
      if (offsets[key] == kNone)
        throw Error(ErrorKind::kInput, index + ": record " + std::to_string(key) + " is missing");
      add(offsets[key]);
    }
  } else {
    if (lines.size() > std::numeric_limits<std::uint32_t>::max())
      throw Error(ErrorKind::kInput, index + ": too many lines");
    images_.reserve(lines.size());
    first_key_ = lines[0].key;
    bool in_sequence = true;
    for (const IndexLine& line : lines) {
      in_sequence = in_sequence && line.key == first_key_ + images_.size();
      add(line.offset);
    }
    if (!in_sequence)
      for (const IndexLine& line : lines) keys_.push_back(line.key);
  }
}

void RecordSource::take_labels() {
  in_parallel(size(), [&](unsigned, std::uint64_t k) {
    const auto i = static_cast<std::uint32_t>(k);
    images_[i].label = whole(read_head(offset(i)).first_two[0], [&](const std::string& why) {
      throw Error(ErrorKind::kInput, name(i) + ": " + why);
    });
  });
}

// Joins the parts, with the magic number that was left out between them.
void RecordSource::read_record(std::uint64_t offset, std::vector<std::byte>& record) const {
  record.clear();
  for (std::uint32_t part = 0;;) {
    std::byte header[kPartHeader];
    file_.read(offset, header);
    const auto word = little_endian<std::uint32_t>(header, 4);
    const std::uint32_t kind = word >> 29, length = word & kLength;
    const bool first = record.empty() && part == 0;
    if (little_endian<std::uint32_t>(header, 0) != kRecordMagic ||
        (first ? kind != 0 && kind != 1 : kind != 2 && kind != 3))
      file_.damaged(offset, "no record of RecordIO begins here");
    if (length > file_.size() - offset - kPartHeader)
      file_.damaged(file_.size(), "it is cut off here; copy or download it again");
    if (!first)
      for (int shift = 0; shift < 32; shift += 8)
        record.push_back(static_cast<std::byte>(kRecordMagic >> shift & 0xff));
    const std::size_t have = record.size();
    require_encoded_size(have + length, [&] { return file_.path() + " at byte " + std::to_string(offset); });
    record.resize(have + length);
    file_.read(offset + kPartHeader, std::span(record).subspan(have));
    if (kind == 0 || kind == 3) return;
    part = kind;
    offset += kPartHeader + (length + 3) / 4 * 4;
  }
}

// `record`: at least its start, up to the second label.
RecordSource::Head RecordSource::head_of(std::uint64_t offset, std::span<const std::byte> record) const {
  if (record.size() < kImageHeader) file_.damaged(offset, "a record too short for a picture's header");
  const auto number = [&](std::size_t at) {
    return std::bit_cast<float>(little_endian<std::uint32_t>(record, at));
  };
  Head head;
  head.labels = little_endian<std::uint32_t>(record, 0);
  if (head.labels > kMostLabels) file_.damaged(offset, "impossible number of labels");
  head.size = kImageHeader + 4 * std::size_t{head.labels};
  if (head.labels == 0) head.first_two[0] = number(4);
  for (std::size_t k = 0; k < std::min<std::size_t>(head.labels, 2); ++k) {
    const std::size_t at = kImageHeader + 4 * k;
    if (at + 4 > record.size()) file_.damaged(offset, "a record too short for its labels");
    head.first_two[k] = number(at);
  }
  return head;
}

RecordSource::Head RecordSource::read_head(std::uint64_t offset) const {
  std::byte start[kPartHeader + kImageHeader + 8];
  const std::uint64_t left = offset < file_.size() ? file_.size() - offset : 0;
  const auto bytes =
      std::span(start).first(static_cast<std::size_t>(std::min<std::uint64_t>(sizeof start, left)));
  file_.read(offset, bytes);
  const std::uint32_t word = bytes.size() < kPartHeader ? 0 : little_endian<std::uint32_t>(bytes, 4);
  if (bytes.size() >= kPartHeader && little_endian<std::uint32_t>(bytes, 0) == kRecordMagic &&
      word >> 29 == 0) {
    const auto rest = bytes.subspan(kPartHeader);
    if ((word & kLength) > left - kPartHeader)
      file_.damaged(file_.size(), "it is cut off here; copy or download it again");
    return head_of(offset, rest.first(std::min<std::size_t>(rest.size(), word & kLength)));
  }
  std::vector<std::byte> record;  // in parts, or damaged
  read_record(offset, record);
  return head_of(offset, record);
}

std::string RecordSource::name(std::uint32_t i) const {
  return file_.path() + ":" + std::to_string(key(i));
}

void RecordSource::read(std::uint32_t i, std::vector<std::byte>& buffer) const {
  file_.expect(offset(i), usual_size(i));
  read_record(offset(i), buffer);
  const Head head = head_of(offset(i), buffer);
  if (head.size >= buffer.size()) file_.damaged(offset(i), "a record without a picture");
  buffer.erase(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(head.size));
}

// Sizes are not kept: up to the next record, where it comes next in the file.
std::uint64_t RecordSource::usual_size(std::uint32_t i) const {
  constexpr std::uint64_t kUsual = 16 * 1024, kMost = 1024 * 1024;
  const std::uint64_t next = i + 1 < size() ? offset(i + 1) : file_.size();
  return next > offset(i) && next - offset(i) <= kMost ? next - offset(i) : kUsual;
}

void RecordSource::will_need(std::uint32_t first, std::uint32_t count) const {
  std::vector<FilePart> parts;
  parts.reserve(count);
  for (std::uint32_t k = 0; k < count; ++k) parts.push_back({offset(first + k), usual_size(first + k)});
  file_.will_need(std::move(parts));
}

}  // namespace facetrain
