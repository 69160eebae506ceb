// facetrain prepare: verification sets as they are distributed (a pickle of JPEG bytes and issame, in .bin or
// .xz) become NAME/NAME.npy (uint8, N x 3 x 112 x 112, RGB) and NAME/issame.txt. The reference's
// utils/prepare_test_images.py, without running what is in the pickle.
#include <filesystem>
#include <ostream>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/io/npy.hpp"
#include "dataservice/augment/opencv_resize.hpp"
#include "dataservice/decode/decoder.hpp"
#include "dataservice/pickle/pickle.hpp"
#include "dataservice/tools/command.hpp"
#include "dataservice/tools/parallel.hpp"
#include "dataservice/tools/xz.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

constexpr int kSide = 112;
constexpr std::size_t kPlane = static_cast<std::size_t>(kSide) * kSide;
constexpr std::size_t kPicture = 3 * kPlane;
constexpr std::size_t kBlock = 512;                           // pictures decoded between two writes
constexpr std::size_t kLargest = (std::size_t{1} << 31) - 1;  // bytes of a pickle

// What one thread needs to turn encoded bytes into planes.
struct Worker {
  std::unique_ptr<Decoder> decoder = make_decoder();
  OpenCvResize resizer;
  Image decoded, resized;

  void planes(std::string_view bytes, std::byte* out) {
    decoder->decode(std::as_bytes(std::span(bytes.data(), bytes.size())), decoded);
    const bool fits = decoded.width == kSide && decoded.height == kSide;
    if (!fits) resizer.resize(decoded, kSide, kSide, Interpolation::kLinear, resized);
    const Image& image = fits ? decoded : resized;
    for (std::size_t i = 0; i < kPlane; ++i)
      for (std::size_t c = 0; c < 3; ++c)
        out[c * kPlane + i] = static_cast<std::byte>(image.pixels[i * 3 + c]);
  }
};

std::vector<std::byte> read_set(const fs::path& folder, const std::string& name, std::string& path) {
  std::error_code error;
  for (const char* ending : {".xz", ".bin"}) {
    path = (folder / (name + ending)).string();
    if (fs::exists(path, error))
      return std::string_view(ending) == ".xz" ? read_xz(path, kLargest) : read_file(path);
  }
  throw Error(ErrorKind::kInput,
              "prepare: neither " + name + ".xz nor " + name + ".bin is in " + folder.string());
}

void prepare(const fs::path& folder, const std::string& name, const fs::path& destination,
             std::ostream& out) {
  std::string path;
  const std::vector<std::byte> bytes = read_set(folder, name, path);
  const Pickle pickle(bytes, path);
  const PairsPickle pairs = read_pairs(pickle, path);

  std::error_code error;
  const fs::path own = destination / name;
  fs::create_directories(own, error);
  if (error) throw Error(ErrorKind::kIo, "create folder " + own.string() + ": " + error.message());
  NpyWriter npy((own / (name + ".npy")).string(), "|u1", {pairs.pictures.size(), 3, kSide, kSide});
  std::vector<Worker> workers(parallel_threads());
  std::vector<std::byte> block(kBlock * kPicture);
  for (std::size_t start = 0; start < pairs.pictures.size(); start += kBlock) {
    const std::size_t count = std::min(kBlock, pairs.pictures.size() - start);
    in_parallel(count, [&](unsigned thread, std::uint64_t i) {
      try {
        workers[thread].planes(pairs.pictures[start + i], block.data() + i * kPicture);
      } catch (const Error& bad) {
        throw Error(bad.kind(), path + ": picture " + std::to_string(start + i) + ": " + bad.what());
      }
    });
    npy.write({block.data(), count * kPicture});
  }
  std::string answers;
  for (const bool same : pairs.issame) answers += same ? "1\n" : "0\n";
  write_file_atomically((own / "issame.txt").string(), answers);
  npy.commit();
  out << (own / (name + ".npy")).string() << ": " << pairs.issame.size() << " pairs\n";
}

void run(const Flags& flags, std::ostream& out) {
  std::vector<std::string> names = flags.texts("--datasets");
  if (names.empty()) names = {"lfw", "cfp_fp", "agedb_30", "calfw", "cplfw", "hadrian", "eclipse"};
  for (const std::string& name : names)
    prepare(flags.text("--xz_folder"), name, flags.text("--destination"), out);
}

}  // namespace

Command prepare_command() {
  return {
      "prepare",
      "Turn verification sets (NAME.xz or NAME.bin) into NAME/NAME.npy and NAME/issame.txt",
      {{{"--xz_folder", "-f"}, "DIR", "folder of NAME.xz or NAME.bin", true},
       {{"--destination", "-d"}, "DIR", "folder for NAME/NAME.npy; name it in validation.val_source", true},
       {{"--datasets", "-l"},
        "NAME ...",
        "the sets (default: lfw cfp_fp agedb_30 calfw cplfw hadrian eclipse)"}},
      run};
}

}  // namespace facetrain
