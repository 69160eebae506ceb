#include "dataservice/source/shard_reader.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

#include "common/error.hpp"
#include "common/number.hpp"

namespace facetrain {
namespace {

constexpr std::uint64_t kMostDigits = 32;  // bytes of a .cls member

// "a/b.c.jpg" is key "a/b" and ending ".c.jpg", as in wids.
std::size_t key_length(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return std::min(name.find('.', slash == name.npos ? 0 : slash + 1), name.size());
}

std::uint32_t read_label(const RandomFile& shard, const std::string& key, const FilePart& member) {
  char text[kMostDigits] = {};
  const std::string_view all(text, static_cast<std::size_t>(std::min(member.size, kMostDigits)));
  shard.read(member.offset, std::as_writable_bytes(std::span(text).first(all.size())));
  const std::size_t first = all.find_first_not_of(" \t\r\n"), last = all.find_last_not_of(" \t\r\n");
  const auto label =
      parse_number<std::uint32_t>(first == all.npos ? "" : all.substr(first, last + 1 - first));
  if (!label || *label == std::numeric_limits<std::uint32_t>::max() || member.size > kMostDigits)
    throw Error(ErrorKind::kInput,
                shard.path() + ":" + key + ".cls: not a label (a whole number, 0 or more)");
  return *label;
}

}  // namespace

// The sample that was begun, if any, is at its end: is there one?
bool ShardReader::close() {
  if (!open_) return false;
  if (picture_.size == 0 || label_.size == 0)
    throw Error(ErrorKind::kInput, shard_->path() + ":" + key_ + " has no " +
                                       (picture_.size > 0 ? ".cls (label)" : ".jpg (picture)") +
                                       " beside it");
  sample_.offset = picture_.offset;
  sample_.size = static_cast<std::uint32_t>(picture_.size);
  sample_.label = read_label(*shard_, key_, label_);
  sample_.key.swap(key_);
  open_ = false;
  picture_ = label_ = {};
  return true;
}

ShardReader::Step ShardReader::step() {
  TarMember member;
  if (!tar_.next(member)) return close() ? Step::kSample : Step::kEnd;
  const std::size_t length = key_length(member.name);
  const std::string_view key = member.name.substr(0, length), ending = member.name.substr(length);
  if (ending.empty()) return Step::kMember;  // wids ignores these
  FilePart* const place = ending == ".cls"                                            ? &label_
                          : ending == ".jpg" || ending == ".jpeg" || ending == ".png" ? &picture_
                                                                                      : nullptr;
  // A second picture under one key is another sample: the parent's tool names samples by file names, which
  // repeat.
  bool is_whole = false;
  if (!open_ || key_ != key || (place != nullptr && place->size > 0)) {
    is_whole = close();
    key_ = key;
    open_ = true;
  }
  if (place != nullptr) {
    if (member.size == 0 || member.size > std::numeric_limits<std::uint32_t>::max() ||
        member.offset >> 48 != 0)
      throw Error(ErrorKind::kInput, shard_->path() + ":" + std::string(member.name) + ": impossible size " +
                                         std::to_string(member.size));
    *place = {member.offset, member.size};
  }
  return is_whole ? Step::kSample : Step::kMember;
}

std::vector<TarSample> read_shard(const RandomFile& shard) {
  std::vector<TarSample> samples;
  ShardReader reader(shard);
  for (ShardReader::Step step; (step = reader.step()) != ShardReader::Step::kEnd;)
    if (step == ShardReader::Step::kSample) samples.push_back(reader.sample());
  return samples;
}

}  // namespace facetrain
