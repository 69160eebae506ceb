#include "tests/bench/pictures.hpp"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "common/error.hpp"
#include "dataservice/synth/face.hpp"
#include "dataservice/synth/write_jpeg.hpp"
#include "dataservice/tools/parallel.hpp"
#include "tests/bench/vary.hpp"

namespace facetrain::bench {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[8] = {'F', 'T', 'P', 'I', 'C', 'S', '0', '1'};
constexpr std::uint64_t kSeed = 5;
constexpr std::size_t kFaces = 512, kLeastPictures = 4096, kBlock = 1024;

// A quarter more than the last cache. (sysconf's answer is the whole processor's, not this machine's share.)
std::size_t enough_bytes() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");
  std::size_t kibibytes = 0;
  if (!(file >> kibibytes)) kibibytes = 64 << 10;
  return kibibytes * 1024 / 4 * 5;
}

void draw(Quality quality, const std::string& path, std::size_t enough) {
  std::vector<Image> faces(kFaces);
  in_parallel(kFaces, [&](unsigned, std::uint64_t person) {
    draw_face(draw_identity(kSeed, person), draw_shot(kSeed, person, 0), faces[person]);
  });
  std::vector<std::vector<std::byte>> jpegs;
  std::size_t bytes = 0;
  while (jpegs.size() < kLeastPictures || bytes < enough) {
    const std::size_t first = jpegs.size();
    jpegs.resize(first + kBlock);
    in_parallel(kBlock, [&](unsigned, std::uint64_t k) {
      Image picture;
      vary(faces[(first + k) % kFaces], first + k, picture);
      jpegs[first + k] = quality == Quality::k90 ? write_jpeg(picture, 90, Chroma::k420)
                                                 : write_jpeg(picture, 95, Chroma::k444);
    });
    for (std::size_t i = first; i < jpegs.size(); ++i) bytes += jpegs[i].size();
  }
  CheckedFile file(path);
  const auto number = [&](std::uint64_t value) { file.write(std::as_bytes(std::span(&value, 1))); };
  file.write(std::as_bytes(std::span(kMagic)));
  number(jpegs.size());
  for (const auto& jpeg : jpegs) number(jpeg.size());
  for (const auto& jpeg : jpegs) file.write(jpeg);
  file.commit_unsynced();
}

}  // namespace

std::string name_of(Quality quality) {
  return quality == Quality::k90 ? "q90_420" : "q95_444";
}

std::string Pictures::pictures_folder() {
  const char* given = std::getenv("FACETRAIN_BENCH_DIR");
  return given != nullptr && *given != '\0' ? given
                                            : (fs::temp_directory_path() / "facetrain-bench").string();
}

Pictures::Pictures(Quality quality, const std::string& folder) {
  const std::size_t enough = enough_bytes();
  path_ = folder + "/pictures_" + name_of(quality) + "_" + std::to_string(enough >> 20) + "MiB.bin";
  std::error_code error;
  fs::create_directories(folder, error);  // the write tells what is wrong
  if (!fs::exists(path_, error)) draw(quality, path_, enough);
  bytes_ = MappedFile(path_);
  const std::span<const std::byte> bytes = bytes_.bytes();
  const auto damaged = [&] {
    return Error(ErrorKind::kInput, path_ + " is damaged; remove it, and it is drawn again");
  };
  const auto number = [&](std::size_t i) {
    std::uint64_t value = 0;
    if ((i + 2) * 8 > bytes.size()) throw damaged();
    std::memcpy(&value, bytes.data() + (i + 1) * 8, 8);
    return value;
  };
  if (bytes.size() < 16 || std::memcmp(bytes.data(), kMagic, 8) != 0) throw damaged();
  const std::uint64_t count = number(0);
  if (count > bytes.size() / 8) throw damaged();
  std::size_t at = 16 + count * 8;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t size = number(i + 1);
    if (at > bytes.size() || size > bytes.size() - at) throw damaged();
    pictures_.push_back(bytes.subspan(at, size));
    at += size;
  }
}

}  // namespace facetrain::bench
