#include "tests/bench/big_set.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include "common/error.hpp"
#include "common/fnv.hpp"
#include "common/io/file.hpp"
#include "dataservice/synth/face.hpp"
#include "dataservice/synth/write_jpeg.hpp"
#include "dataservice/tools/parallel.hpp"
#include "tests/bench/vary.hpp"

namespace facetrain::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kFaces = 4000, kBlock = 8192;
constexpr std::uint64_t kSeed = 100'000;
constexpr std::uint64_t kMostBytes =
    5500;  // a record, on average, for the question whether the disk has room
constexpr std::uint32_t kMagic = 0xced7230a;

template <class T>
void append(std::vector<std::byte>& bytes, T value) {
  const auto* first = reinterpret_cast<const std::byte*>(&value);  // little endian, as all we run on
  bytes.insert(bytes.end(), first, first + sizeof value);
}

// A whole record: header, IRHeader, labels (when there are several), picture, padding to 4.
void append_record(std::vector<std::byte>& out, std::uint64_t id, const std::vector<float>& labels,
                   std::span<const std::byte> picture) {
  const bool single = labels.size() == 1;
  const std::size_t length = 24 + (single ? 0 : 4 * labels.size()) + picture.size();
  append(out, kMagic);
  append(out, static_cast<std::uint32_t>(length));
  append(out, single ? 0u : static_cast<std::uint32_t>(labels.size()));
  append(out, single ? labels[0] : 0.0f);
  append(out, id);
  append(out, std::uint64_t{0});
  if (!single)
    for (const float label : labels) append(out, label);
  out.insert(out.end(), picture.begin(), picture.end());
  out.resize((out.size() + 3) / 4 * 4);
}

void require_room(const std::string& folder, std::uint64_t images) {
  const double need = static_cast<double>(images * kMostBytes),
               have = static_cast<double>(fs::space(folder).available);
  if (have >= need) return;
  char text[200];
  std::snprintf(text, sizeof text,
                ": %.1f GB free, %.1f GB needed for %llu pictures; name another folder with --dir",
                have / 1e9, need / 1e9, static_cast<unsigned long long>(images));
  throw Error(ErrorKind::kIo, folder + text);
}

}  // namespace

BigSet write_big_set(const std::string& folder, std::uint32_t images, std::uint32_t identities) {
  fs::create_directories(folder);
  require_room(folder, images);
  const auto start = std::chrono::steady_clock::now();
  std::vector<Image> faces(std::clamp(images / 100, 1u, kFaces));
  in_parallel(faces.size(), [&](unsigned, std::uint64_t person) {
    draw_face(draw_identity(kSeed, person), draw_shot(kSeed, person, 0), faces[person]);
  });
  BigSet set{folder + "/big.rec", images, identities};
  CheckedFile records(set.path), index(folder + "/big.idx");
  std::uint64_t offset = 0;
  const auto add = [&](std::uint64_t key, std::span<const std::byte> record) {
    char line[48];
    const int length = std::snprintf(line, sizeof line, "%llu\t%llu\n", static_cast<unsigned long long>(key),
                                     static_cast<unsigned long long>(offset));
    index.write(std::string_view(line, static_cast<std::size_t>(length)));
    records.write(record);
    offset += record.size();
  };
  // Record 0, as in train.rec: the pictures are records 1 .. images, the numbers above stand for identities.
  std::vector<std::byte> head;
  append_record(head, 0, {static_cast<float>(images + 1), static_cast<float>(images + 1 + identities)}, {});
  add(0, head);
  const std::uint32_t per_identity = images / identities;
  std::vector<std::vector<std::byte>> block(kBlock);
  std::vector<std::uint64_t> hashes(images);
  std::vector<std::uint32_t> sizes(kBlock);
  std::vector<Image> scratch(parallel_threads());
  for (std::uint32_t first = 0; first < images; first += kBlock) {
    const std::uint32_t count = std::min(kBlock, images - first);
    in_parallel(count, [&](unsigned thread, std::uint64_t k) {
      const std::uint64_t picture = first + k;
      // The pictures of an identity are of one face.
      vary(faces[picture / per_identity % faces.size()], picture, scratch[thread]);
      const std::vector<std::byte> jpeg = write_jpeg(scratch[thread], 90);
      hashes[picture] = fnv1a_64({reinterpret_cast<const char*>(jpeg.data()), jpeg.size()});
      sizes[k] = static_cast<std::uint32_t>(jpeg.size());
      block[k].clear();
      append_record(block[k], picture + 1, {static_cast<float>(picture / per_identity)}, jpeg);
    });
    for (std::uint32_t k = 0; k < count; ++k) {
      add(first + k + 1, block[k]);
      set.jpeg_bytes += sizes[k];
    }
  }
  records.commit();
  index.commit();
  std::sort(hashes.begin(), hashes.end());
  if (std::adjacent_find(hashes.begin(), hashes.end()) != hashes.end())
    throw Error(ErrorKind::kInternal, "two of the pictures made for the big run are the same");
  set.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return set;
}

}  // namespace facetrain::bench
