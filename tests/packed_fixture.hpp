// For the tests of packed formats: a list of made-up pictures (bytes of no format), and what a damaged file
// may do.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "dataservice/source/source.hpp"
#include "tests/temporary_folder.hpp"

namespace facetrain::test {

// Bytes that differ from picture to picture; sizes from 1 byte to some pages.
inline std::string made_up_picture(std::uint32_t number, std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = number * 2654435761u + 1;
  for (char& byte : bytes) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

// Pictures of identities c, a, b, c, a, ...: an ungrouped list, in list.txt of its folder.
struct ListedPictures {
  ListedPictures(std::uint32_t pictures, const std::function<std::size_t(std::uint32_t)>& size) {
    std::string text;
    for (std::uint32_t i = 0; i < pictures; ++i) {
      const std::string identity = folder / (std::string("faces/") + "cab"[i % 3]);
      std::filesystem::create_directories(identity);
      const std::string path = identity + "/" + std::to_string(i) + ".jpg";
      std::ofstream(path) << made_up_picture(i, size(i));
      text += path + "\n";
    }
    write_file_atomically(folder / "list.txt", text);
  }
  std::string list() const { return folder / "list.txt"; }
  TemporaryFolder folder;
};

inline std::string picture_of(const Source& source, std::uint32_t i) {
  std::vector<std::byte> buffer(7);
  source.read(i, buffer);
  return {reinterpret_cast<const char*>(buffer.data()), buffer.size()};
}

// A CHECK that `part` stands in `text`.
inline bool has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK(text.find(part) != text.npos);
  return true;
}

// Same size, classes, labels and bytes.
inline bool same_pictures(const Source& a, const Source& b) {
  bool same = a.size() == b.size() && a.classes() == b.classes();
  for (std::uint32_t i = 0; same && i < a.size(); ++i)
    same = a.label(i) == b.label(i) && picture_of(a, i) == picture_of(b, i);
  return same;
}

// The same, read by four threads at once, each in another order.
inline bool same_from_threads(const Source& a, const Source& b) {
  std::atomic<bool> same{a.size() == b.size()};
  {
    std::vector<std::jthread> threads;
    for (std::uint32_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (std::uint32_t k = 0; same && k < a.size(); ++k) {
          const std::uint32_t i = t % 2 == 0 ? (k + t * a.size() / 4) % a.size() : a.size() - 1 - k;
          if (picture_of(a, i) != picture_of(b, i)) same = false;
        }
      });
  }
  return same;
}

// Opens and reads damaged copies of `file` (at `work`). Cut off anywhere, it must be one Error(kInput), or
// whole all the same; with a byte changed, an Error(kInput) or a source that reads to its end. Anything else,
// a crash above all, fails.
struct Damage {
  int of_cuts = 0, of_changes = 0;  // errors
};

// `block`: bytes; at the start of each stand the format's own numbers, where every second change is made.
inline Damage damage_file(const std::string& file, const std::string& work, const Source& whole,
                          const std::function<std::unique_ptr<Source>()>& open, std::size_t cuts,
                          std::size_t changes, std::size_t block) {
  const auto read = [&](bool must_be_same) {
    try {
      const auto source = open();
      for (std::uint32_t i = 0; i < source->size(); ++i) picture_of(*source, i);
      if (must_be_same) CHECK(same_pictures(*source, whole));
      return 0;
    } catch (const Error& error) {
      CHECK_MESSAGE(error.kind() == ErrorKind::kInput, error.what());
      return 1;
    }
  };
  Damage damage;
  const std::size_t size = std::filesystem::file_size(file);
  std::filesystem::copy_file(file, work, std::filesystem::copy_options::overwrite_existing);
  std::uint64_t state = 1;
  for (std::size_t k = 0; k < changes; ++k) {
    CAPTURE(k);
    state = state * 6364136223846793005u + 1442695040888963407u;
    std::size_t at = static_cast<std::size_t>(state >> 20) % size;
    if (k % 2 == 0) at = std::min(size - 1, at / block * block + at % 48);
    std::fstream stream(work, std::ios::binary | std::ios::in | std::ios::out);
    const auto put = [&](char byte) {
      stream.seekp(static_cast<std::streamoff>(at));
      stream.put(byte).flush();
    };
    stream.seekg(static_cast<std::streamoff>(at));
    const auto byte = static_cast<char>(stream.get());
    put(static_cast<char>(byte ^ (1 + (state >> 8) % 255)));
    damage.of_changes += read(false);
    put(byte);
  }
  CHECK(read_file(work) == read_file(file));
  for (std::size_t k = cuts; k-- > 0;) {
    CAPTURE(k);
    std::filesystem::resize_file(work, size * k / cuts);
    damage.of_cuts += read(true);
  }
  return damage;
}

}  // namespace facetrain::test
