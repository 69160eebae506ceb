// facetrain synth: pictures of identities that do not exist, to try the whole job without any download.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <ostream>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/io/npy.hpp"
#include "dataservice/synth/canvas.hpp"
#include "dataservice/synth/face.hpp"
#include "dataservice/synth/write_jpeg.hpp"
#include "dataservice/tools/command.hpp"
#include "dataservice/tools/parallel.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

constexpr int kQuality = 90;
constexpr std::uint32_t kMostPictures = 1u << 20;  // of an identity; see draw_shot

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw Error(ErrorKind::kIo, "create folder " + path.string() + ": " + error.message());
}

std::string numbered(const char* format, std::uint64_t number) {
  char text[64];
  std::snprintf(text, sizeof text, format, static_cast<unsigned long long>(number));
  return text;
}

// A training picture: not worth an fsync each; a whole data set that is cut short is drawn again.
void write_picture(const fs::path& path, std::span<const std::byte> bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wbe");
  const bool opened = file != nullptr;
  const bool written = opened && std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const bool closed = opened && std::fclose(file) == 0;
  if (!written || !closed) throw Error(ErrorKind::kIo, with_errno("write " + path.string(), errno));
}

void draw_training(std::uint64_t seed, std::uint64_t ids, std::uint32_t per_id, const fs::path& folder) {
  for (std::uint64_t id = 0; id < ids; ++id) make_folder(folder / numbered("id_%05llu", id + 1));
  in_parallel(ids, [&](unsigned, std::uint64_t id) {
    const Identity identity = draw_identity(seed, id);
    const fs::path own = folder / numbered("id_%05llu", id + 1);
    Image image;
    for (std::uint32_t k = 0; k < per_id; ++k) {
      draw_face(identity, draw_shot(seed, id, k), image);
      write_picture(own / numbered("%04llu.jpg", k + 1), write_jpeg(image, kQuality));
    }
  });
}

// Verification pairs of people numbered from `first`: odd pairs show one person twice, even pairs two people,
// so every one of the ten folds is balanced. Pictures as the prepared sets hold them: N x 3 x 112 x 112 uint8
// RGB.
void draw_pairs(std::uint64_t seed, std::uint64_t first, std::uint64_t pairs, const fs::path& images,
                const fs::path& issame) {
  constexpr std::size_t kPlane = static_cast<std::size_t>(kCanvasSide) * kCanvasSide;
  const std::uint64_t people = std::max<std::uint64_t>(2, pairs / 4);
  std::vector<std::byte> planes(pairs * 2 * 3 * kPlane);
  std::string answers;
  for (std::uint64_t pair = 0; pair < pairs; ++pair) answers += pair % 2 == 0 ? "1\n" : "0\n";
  in_parallel(pairs, [&](unsigned, std::uint64_t pair) {
    Image image;
    for (std::uint64_t side = 0; side < 2; ++side) {
      const std::uint64_t who =
          first + (pair / 2 + (pair % 2) * side * (1 + pair / 2 % (people - 1))) % people;
      draw_face(draw_identity(seed, who), draw_shot(seed, who, static_cast<std::uint32_t>(pair * 2 + side)),
                image);
      std::byte* out = planes.data() + (pair * 2 + side) * 3 * kPlane;
      for (std::size_t i = 0; i < kPlane; ++i)
        for (std::size_t c = 0; c < 3; ++c)
          out[c * kPlane + i] = static_cast<std::byte>(image.pixels[i * 3 + c]);
    }
  });
  make_folder(images.parent_path());
  NpyWriter npy(images.string(), "|u1", {pairs * 2, 3, kCanvasSide, kCanvasSide});
  npy.write(planes);
  npy.commit();
  write_file_atomically(issame.string(), answers);
}

void run(const Flags& flags, std::ostream& out) {
  const auto ids = static_cast<std::uint64_t>(flags.integer("--ids", 0, 1, 10'000'000));
  const auto per_id = static_cast<std::uint32_t>(flags.integer("--per-id", 0, 1, kMostPictures));
  const auto pairs = static_cast<std::uint64_t>(flags.integer("--val", 0, 0, kMostPictures / 2));
  const auto seed =
      static_cast<std::uint64_t>(flags.integer("--seed", 42, 0, std::numeric_limits<std::int64_t>::max()));
  const fs::path folder = flags.text("--out");
  const fs::path train = folder / "train";
  std::error_code error;
  if (fs::exists(train, error))
    throw Error(ErrorKind::kInput, "synth: " + train.string() + " exists; remove it or name another --out");
  // Drawn under another name first, so that a cut-short run is not taken for a data set.
  const fs::path drawing = folder / "train.drawing";
  fs::remove_all(drawing, error);
  draw_training(seed, ids, per_id, drawing);
  if (pairs > 0) {
    const fs::path val = folder / "val" / "synth", test = folder / "test";
    draw_pairs(seed, ids, pairs, val / "synth.npy", val / "issame.txt");
    draw_pairs(seed, ids + pairs, pairs, test / "images.npy", test / "issame.txt");
  }
  fs::rename(drawing, train, error);
  if (error) throw Error(ErrorKind::kIo, "rename " + drawing.string() + ": " + error.message());
  out << ids * per_id << " pictures of " << ids << " identities that do not exist: " << train.string()
      << "\n";
  if (pairs > 0)
    out << pairs << " pairs of other identities for validation: " << (folder / "val").string()
        << ", and for submission: " << (folder / "test" / "images.npy").string() << "\n";
}

}  // namespace

Command synth_command() {
  return {"synth",
          "Draw a data set of people who do not exist, to try everything without a download",
          {{{"--ids"}, "N", "identities to train on", true},
           {{"--per-id"}, "M", "pictures of each", true},
           {{"--out"}, "DIR", "folder for train/, and with --val: val/synth/ and test/images.npy", true},
           {{"--val"}, "PAIRS", "verification pairs of further identities, half of them of one person"},
           {{"--seed"}, "S", "another seed draws other people (default: 42)"}},
          run};
}

}  // namespace facetrain
