#include "dataservice/tools/xz.hpp"

#include <lzma.h>

#include "common/error.hpp"
#include "common/io/file.hpp"

namespace facetrain {
namespace {

constexpr std::uint64_t kMemory = std::uint64_t{1} << 30;  // xz -9 needs 65 MiB
constexpr std::size_t kChunk = std::size_t{1} << 20;

class Decoder {
 public:
  Decoder() {
    if (lzma_auto_decoder(&stream_, kMemory, LZMA_CONCATENATED) != LZMA_OK)
      throw Error(ErrorKind::kInternal, "liblzma cannot start");
  }
  ~Decoder() { lzma_end(&stream_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  lzma_stream& stream() { return stream_; }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

const char* meaning(lzma_ret code) {
  switch (code) {
    case LZMA_FORMAT_ERROR:
      return "it is not an .xz file";
    case LZMA_BUF_ERROR:
      return "it is cut off; fetch it again";
    case LZMA_DATA_ERROR:
      return "it is corrupt; fetch it again";
    case LZMA_OPTIONS_ERROR:
      return "it uses an option that this liblzma does not know";
    case LZMA_MEMLIMIT_ERROR:
      return "its dictionary needs more than 1 GiB";
    case LZMA_MEM_ERROR:
      return "out of memory";
    default:
      return "liblzma failed";
  }
}

}  // namespace

void decompress_xz(const std::string& path, const std::function<void(std::span<const std::byte>)>& sink) {
  const MappedFile file(path);
  Decoder decoder;
  lzma_stream& stream = decoder.stream();
  stream.next_in = reinterpret_cast<const std::uint8_t*>(file.bytes().data());
  stream.avail_in = file.bytes().size();
  std::vector<std::byte> chunk(kChunk);
  lzma_ret code = LZMA_OK;
  while (code == LZMA_OK) {
    stream.next_out = reinterpret_cast<std::uint8_t*>(chunk.data());
    stream.avail_out = chunk.size();
    code = lzma_code(&stream, LZMA_FINISH);
    if (code == LZMA_OK || code == LZMA_STREAM_END) sink({chunk.data(), chunk.size() - stream.avail_out});
  }
  if (code != LZMA_STREAM_END) throw Error(ErrorKind::kInput, path + ": " + meaning(code));
}

std::vector<std::byte> read_xz(const std::string& path, std::size_t limit) {
  std::vector<std::byte> all;
  decompress_xz(path, [&](std::span<const std::byte> part) {
    if (part.size() > limit - all.size())
      throw Error(ErrorKind::kInput, path + ": it holds more than " + std::to_string(limit >> 20) + " MiB");
    all.insert(all.end(), part.begin(), part.end());
  });
  return all;
}

}  // namespace facetrain
