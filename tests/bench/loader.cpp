// Row 5: the whole chain from files (read, decode, augment, to float16) beside the reference's own DataLoader
// on as many cores (loader.py; its pixels float32, as the reference's). FACETRAIN_PYTHON and
// FACETRAIN_REFERENCE name its Python and its clone.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "common/cpu.hpp"
#include "common/error.hpp"
#include "common/io/file.hpp"
#include "dataservice/source/make_source.hpp"
#include "tests/bench/interleave.hpp"
#include "tests/bench/peer_process.hpp"
#include "tests/bench/pictures.hpp"
#include "tests/bench/service_process.hpp"

using namespace facetrain;
using namespace facetrain::bench;

namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kBatch = 128;
constexpr std::uint64_t kBatches = 8;  // in a round
constexpr const char* kWhat = "whole chain / the reference's own DataLoader on as many cores";

// The pictures as files, 16 of a person, and their list.
std::string write_files(const std::string& folder) {
  const Pictures pictures(Quality::k90);
  std::string list;
  for (std::size_t i = 0; i < pictures.all().size(); ++i) {
    char path[64];
    std::snprintf(path, sizeof path, "/id_%05zu/%04zu.jpg", i / 16, i % 16);
    fs::create_directories(fs::path(folder + path).parent_path());
    CheckedFile file(folder + path);
    file.write(pictures.all()[i]);
    file.commit_unsynced();
    list += folder + path + "\n";
  }
  write_file_atomically(folder + "/list.txt", list);
  return folder + "/list.txt";
}

// Our rows of the first samples, without the random steps, beside the peer's, bit for bit.
void compare(const Source& source, const std::string& samples_file) {
  Config config = whole_chain(kBatch, 1);
  config.data.augment = config.data.flip = config.data.rand_erase = false;
  const auto decoder = make_decoder();
  const auto augmenter = make_augmenter(config, Dtype::kF16);
  const std::vector<std::byte> theirs = read_file(samples_file);
  std::vector<std::byte> bytes, row(std::size_t{112} * 112 * 3 * 2);
  Image image;
  for (std::uint32_t i = 0; i < theirs.size() / row.size(); ++i) {
    source.read(i, bytes);
    decoder->decode(bytes, image);
    augmenter->apply(image, RandomStream(0, Purpose::kAugment, 0, i), row);
    if (!std::equal(row.begin(), row.end(), theirs.begin() + static_cast<std::ptrdiff_t>(i * row.size())))
      throw Error(ErrorKind::kInput, "the reference's pixels of " + source.name(i) + " are not ours");
  }
  std::printf("pixels: the first %zu samples, without the random steps, are the reference's bit for bit\n",
              theirs.size() / row.size());
}

void row_5() {
  const char* python = std::getenv("FACETRAIN_PYTHON");
  const char* reference = std::getenv("FACETRAIN_REFERENCE");
  if (python == nullptr || *python == '\0') return print_not_run(5, 5, kWhat, "FACETRAIN_PYTHON is not set");
  if (reference == nullptr || *reference == '\0')
    return print_not_run(5, 5, kWhat,
                         "FACETRAIN_REFERENCE names no clone of HaiyuWu/iccv2025-fr-competition");
  const std::string folder = Pictures::pictures_folder() + "/loader_files", samples = folder + "/peer.f16";
  const std::string list = write_files(folder);
  const int workers = usable_processors();
  PeerProcess peer({python, std::string(FACETRAIN_BENCH_SOURCE_DIR) + "/loader.py", reference, list,
                    std::to_string(workers), std::to_string(kBatch), samples});
  for (std::string said = peer.line(); said != "ready"; said = peer.line())
    std::printf("peer: %s\n", said.c_str());
  const OpenedSource opened = open_source(list);
  compare(*opened.source, samples);
  MemoryPipeline ours(whole_chain(kBatch, 1), workers, *opened.source, 6);
  const auto timings = interleave(7, kBatches * kBatch,
                                  {[&] { return measure(Clock::kProcess, [&] { ours.fill(kBatches); }); },
                                   [&] { return peer.cost_of(std::to_string(kBatches)); }});
  std::printf("%d workers each\n", workers);
  std::puts(describe("ours", timings[0]).c_str());
  std::puts(describe("the reference's", timings[1]).c_str());
  print_row(5, cpu_ratio(timings[0], timings[1]), 5, kWhat);
  fs::remove_all(folder);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (wanted({argv, static_cast<std::size_t>(argc)}, 5)) row_5();
    return 0;
  } catch (...) {
    std::cerr << "loader: " << current_failure().text << "\n";
    return 1;
  }
}
