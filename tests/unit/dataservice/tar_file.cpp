// Tar files: every form of a header that is read, and what is refused.
#include "dataservice/source/tar_file.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "dataservice/source/shard_reader.hpp"
#include "tests/packed_fixture.hpp"
#include "tests/tar_fixture.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::has;
using test::made_up_picture;
using test::tar_of;

constexpr std::size_t kChecksum = 148;

std::string octal(std::uint64_t value, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, static_cast<unsigned long long>(value));
  return text;
}

struct Edit {
  std::size_t at;
  std::string bytes;
};

// A header with other bytes at some places, and the checksum of all of it.
std::string header(const std::string& name, std::uint64_t size, const std::vector<Edit>& edits = {},
                   bool is_signed = false) {
  std::string text = tar_header(name, size);
  for (const Edit& edit : edits) text.replace(edit.at, edit.bytes.size(), edit.bytes);
  text.replace(kChecksum, 8, 8, ' ');
  int sum = 0;
  for (const char c : text) sum += is_signed ? static_cast<signed char>(c) : static_cast<unsigned char>(c);
  return text.replace(kChecksum, 7, octal(static_cast<std::uint64_t>(sum), "%06llo") + '\0');
}

std::string padded(std::string bytes) {
  bytes.resize((bytes.size() + 511) / 512 * 512);
  return bytes;
}

std::vector<TarSample> samples_of(const std::string& tar) {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "s.tar", tar);
  return read_shard(RandomFile(folder / "s.tar"));
}

std::string failure(const std::string& tar) {
  return error_of<Error>([&] { samples_of(tar); });
}

// A shard of one sample whose picture has this header, and 10 bytes.
std::string with_picture(const std::string& picture) {
  return header("a.cls", 1) + padded("3") + picture + padded("0123456789") + std::string(tar_end());
}

TEST_CASE("tars of GNU tar in its formats, with long names, folders and links inside") {
  const test::TemporaryFolder folder;
  const std::string root = folder.path().string();
  const std::string deep = std::string(60, 'd') + "/" + std::string(50, 'e') + "/" + std::string(30, 'f');
  fs::create_directories(root + "/in/" + deep);
  const std::string stem = root + "/in/" + deep + "/" + std::string(60, 'n');
  write_file_atomically(stem + ".jpg", made_up_picture(1, 700));
  write_file_atomically(stem + ".cls", "1\n");
  write_file_atomically(stem + "x.jpg", made_up_picture(2, 512));
  write_file_atomically(stem + "x.cls", " 0 ");
  fs::create_symlink("nowhere", root + "/in/zlink.jpg");
  for (const std::string format : {"gnu", "pax", "ustar"}) {
    CAPTURE(format);
    const std::string tar = root + "/" + format + ".tar";
    REQUIRE(std::system(
                ("tar --sort=name --format=" + format + " -C " + root + "/in -cf " + tar + " .").c_str()) ==
            0);
    const std::vector<TarSample> samples = read_shard(RandomFile(tar));
    REQUIRE(samples.size() == 2);
    CHECK(samples[0].key == "./" + deep + "/" + std::string(60, 'n'));
    CHECK(samples[0].label == 1);
    CHECK(samples[1].label == 0);
    std::string bytes(samples[0].size, '\0');
    RandomFile(tar).read(samples[0].offset, std::as_writable_bytes(std::span(bytes)));
    CHECK(bytes == made_up_picture(1, 700));
  }
}

TEST_CASE("the forms of a size") {
  const std::string nul(1, '\0');
  for (const std::string& size :
       std::vector<std::string>{"00000000012" + nul, "00000000012 ", std::string("000000000012"),
                                "         12 ", "12" + nul + "garbage77", "12 " + nul + "        ",
                                std::string("\x80\0\0\0\0\0\0\0\0\0\0\n", 12)}) {
    CAPTURE(size);
    const std::vector<TarSample> samples = samples_of(with_picture(header("a.jpg", 10, {{124, size}})));
    REQUIRE(samples.size() == 1);
    CHECK(samples[0].size == 10);
    CHECK(samples[0].offset == 3 * 512);
    CHECK(samples[0].label == 3);
    CHECK(samples[0].key == "a");
  }
  for (const std::string& size :
       std::vector<std::string>{std::string(12, ' '), std::string(12, '\0'), std::string("00000000-12 "),
                                "0000000001a" + nul, "00000 00012" + nul, "00000000018" + nul,
                                "\t0000000012" + nul, std::string("\x80\xff\0\0\0\0\0\0\0\0\0\n", 12)}) {
    CAPTURE(size);
    CHECK(has(failure(with_picture(header("a.jpg", 10, {{124, size}}))),
              "s.tar is damaged at byte 1024: a tar header without a size"));
  }
  CHECK(has(failure(with_picture(header("a.jpg", 1'000'000))),
            "s.tar is damaged at byte 3072: it is cut off here; copy or download it again"));
}

TEST_CASE("a checksum is of all bytes, as numbers with or without a sign") {
  const std::string name = "\xc3\xa9\xff.jpg", begin = header("\xc3\xa9\xff.cls", 1) + padded("0");
  const std::string end = padded("picture") + std::string(tar_end());
  for (const bool is_signed : {false, true}) {
    const std::string good = header(name, 7, {}, is_signed);
    CHECK(samples_of(begin + good + end).size() == 1);
    for (std::size_t at = 0; at < 512; ++at) {
      if (at >= kChecksum && at < kChecksum + 8) continue;
      CAPTURE(at);
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] + 1);
      CHECK(has(failure(begin + bad + end), "s.tar is damaged at byte 1024: wrong checksum of a tar header"));
    }
  }
  const std::string good = header("a.jpg", 10);
  for (const std::string& form :
       std::vector<std::string>{good.substr(kChecksum, 6) + std::string(" \0", 2),
                                " " + good.substr(kChecksum, 6) + " ", "00" + good.substr(kChecksum, 6)}) {
    std::string other = good;
    CHECK(samples_of(with_picture(other.replace(kChecksum, form.size(), form))).size() == 1);
  }
  for (const char* form : {"        ", "00000000", "09", "7777777 "}) {
    std::string other = good;
    CHECK(has(failure(with_picture(other.replace(kChecksum, std::string(form).size(), form))),
              "wrong checksum of a tar header"));
  }
}

TEST_CASE("a name: all of its field, a prefix in front where the header is POSIX's") {
  const auto key = [](const std::string& label, const std::string& picture) {
    const auto samples =
        samples_of(label + padded("3") + picture + padded("0123456789") + std::string(tar_end()));
    return samples.size() == 1 ? samples[0].key : "";
  };
  const std::string longest(96, 'n'), folder(155, 'p');
  CHECK(key(header(longest + ".cls", 1), header(longest + ".jpg", 10)) == longest);
  CHECK(key(header("a.cls", 1, {{345, folder}}), header("a.jpg", 10, {{345, folder}})) == folder + "/a");
  const Edit gnu{257, std::string("ustar  \0", 8)};
  CHECK(key(header("a.cls", 1, {gnu, {345, folder}}), header("a.jpg", 10, {gnu, {345, "other"}})) == "a");
  const Edit old{257, std::string(8, '\0')};
  CHECK(key(header("a.cls", 1, {old}), header("a.jpg", 10, {old})) == "a");
}

// The header in front of the next one that says more of it.
std::string note(char kind, const std::string& text) {
  return header("note", text.size(), {{156, std::string(1, kind)}}) + padded(text);
}

TEST_CASE("long names and sizes in headers of their own, for the next file alone") {
  const std::string name = std::string(300, 'l') + ".jpg", zero(1, '\0');
  const auto pax = [](const std::string& record) {  // LENGTH counts itself
    return std::to_string(record.size() + (record.size() + 4 > 99 ? 5 : 4)) + " " + record + "\n";
  };
  const std::string tail = header(std::string(300, 'l').substr(0, 90) + ".cls", 1) + padded("1") +
                           header(std::string(90, 'l') + ".jpg", 1) + padded("P") + std::string(tar_end());
  for (const std::string& notes : std::vector<std::string>{
           note('L', name + zero), note('x', pax("path=" + name)),
           note('x', pax("mtime=1.5") + pax("path=" + name)), note('x', pax("path=" + name) + pax("size=10")),
           note('x', pax("path=" + name)) + note('g', pax("comment=all")),
           note('L', name + zero) + note('K', "a link" + zero)}) {
    const std::vector<TarSample> samples =
        samples_of(note('L', std::string(300, 'l') + ".cls" + zero) + header("c", 1) + padded("2") + notes +
                   header("short", 10) + padded("0123456789") + tail);
    REQUIRE(samples.size() == 2);
    CHECK(samples[0].key == std::string(300, 'l'));
    CHECK(samples[0].size == 10);
    CHECK(samples[1].key == std::string(90, 'l'));
    CHECK(samples[1].size == 1);
  }
  const std::string picture = header("a.jpg", 0) + padded("0123456789") + std::string(tar_end());
  CHECK(samples_of(header("a.cls", 1) + padded("1") + note('x', pax("size=10")) + picture)[0].size == 10);
  // A folder, a link: what was said was of them.
  CHECK(samples_of(with_picture(note('x', pax("path=other.jpg")) + header("folder", 0, {{156, "5"}}) +
                                header("a.jpg", 10)))[0]
            .key == "a");
  CHECK(has(failure(with_picture(note('x', "8 path=a\n") + picture)), "a pax header that cannot be read"));
  CHECK(has(failure(with_picture(note('x', pax("size=1a")) + picture)), "a pax header that cannot be read"));
  CHECK(has(failure(with_picture(note('L', std::string(1'048'577, 'n')))), "a name of more than 1 MiB"));
}

TEST_CASE("what follows the end of a tar is not looked at; a tar may end without it") {
  const std::string one = tar_of({{"a.cls", "1"}, {"a.jpg", "A"}});
  CHECK(samples_of(one + padded("no tar")).size() == 1);
  CHECK(samples_of(one.substr(0, one.size() - 1024)).size() == 1);
  CHECK(samples_of("").empty());
  CHECK(has(failure(one.substr(0, 100)), "s.tar is damaged at byte 100: it is cut off here"));
  CHECK(has(failure(padded("no tar")), "s.tar is damaged at byte 0: it does not begin as a tar file"));
}

}  // namespace
}  // namespace facetrain
