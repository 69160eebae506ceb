#include "dataservice/source/text_store.hpp"

#include <algorithm>
#include <cstring>

#include "common/error.hpp"

namespace facetrain {
namespace {

constexpr std::uint64_t kTextBlock = 16;
constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::size_t kRoom = 4096;  // for a block of paths as they are; a longer one lets its piece grow

void put_number(std::vector<char>& out, std::size_t n) {
  for (; n > 127; n >>= 7) out.push_back(static_cast<char>(n | 128));
  out.push_back(static_cast<char>(n));
}

std::size_t take_number(const char*& at) {
  std::size_t n = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    n |= static_cast<std::size_t>(byte & 127) << shift;
    if (byte < 128) return n;
  }
}

// How many bytes two texts begin with alike, eight at a time.
std::size_t shared_start(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t shared = 0;
  for (; shared + 8 <= most; shared += 8)
    if (std::memcmp(a.data() + shared, b.data() + shared, 8) != 0) break;
  while (shared < most && a[shared] == b[shared]) ++shared;
  return shared;
}

}  // namespace

void TextStore::add(std::string_view text) {
  if (text.size() > kLongest) throw Error(ErrorKind::kInternal, "TextStore: a text of more than 65535 bytes");
  const bool starts = size_++ % kTextBlock == 0;
  if (starts) {
    if (pieces_.empty() || pieces_.back().size() > kPiece - kRoom) pieces_.emplace_back().reserve(kPiece);
    blocks_.push_back(
        {static_cast<std::uint32_t>(pieces_.size() - 1), static_cast<std::uint32_t>(pieces_.back().size())});
  }
  std::vector<char>& bytes = pieces_.back();
  const std::size_t shared = shared_start(text, last_);
  const std::string_view rest = text.substr(starts ? 0 : shared);
  put_number(bytes, starts ? 0 : shared);
  put_number(bytes, rest.size());
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  last_.replace(shared, last_.npos, text.substr(shared));
}

std::string_view TextStore::get(std::uint64_t i, std::span<char> buffer) const {
  const Place place = blocks_[i / kTextBlock];
  const char* at = pieces_[place.piece].data() + place.offset;
  std::size_t size = 0;
  for (std::uint64_t k = 0; k <= i % kTextBlock; ++k) {
    const std::size_t shared = take_number(at), rest = take_number(at);
    std::memcpy(buffer.data() + shared, at, rest);
    at += rest;
    size = shared + rest;
  }
  return {buffer.data(), size};
}

std::string TextStore::get(std::uint64_t i) const {
  char buffer[kLongest];
  return std::string(get(i, buffer));
}

std::uint64_t TextStore::memory() const {
  std::uint64_t bytes = blocks_.capacity() * sizeof(Place) + last_.capacity();
  for (const std::vector<char>& piece : pieces_) bytes += sizeof(std::vector<char>) + piece.capacity();
  return bytes;
}

}  // namespace facetrain
