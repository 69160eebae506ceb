// The rules of facetrain check about lists, identities and pictures.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/io/file.hpp"
#include "dataservice/check/identities.hpp"
#include "dataservice/check/list_text.hpp"
#include "dataservice/check/picture_header.hpp"
#include "dataservice/check/pictures.hpp"
#include "dataservice/check/validation_sets.hpp"
#include "dataservice/decode/decoder.hpp"
#include "dataservice/source/list_source.hpp"
#include "tests/temporary_folder.hpp"

using namespace facetrain;
namespace fs = std::filesystem;

namespace {

const std::string kDecodeFolder = FACETRAIN_SOURCE_DIR "/tests/golden/data/decode/";

bool has(const Findings& findings, Severity severity, const std::string& text) {
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
    return finding.severity == severity && finding_line(finding).find(text) != std::string::npos;
  });
}

// Samples in memory, with their labels.
struct FakeSource : Source {
  std::vector<std::int64_t> labels;
  std::vector<std::vector<std::byte>> contents;
  std::uint32_t classes_ = 0;
  std::uint32_t size() const override { return static_cast<std::uint32_t>(labels.size()); }
  std::uint32_t classes() const override { return classes_; }
  std::int64_t label(std::uint32_t i) const override { return labels[i]; }
  std::string name(std::uint32_t i) const override { return "sample " + std::to_string(i); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override { buffer = contents[i]; }
};

PictureCensus of(std::vector<std::pair<PictureHeader, std::uint64_t>> shapes, std::uint64_t bad = 0) {
  PictureCensus census;
  for (const auto& [header, count] : shapes) {
    census.shapes[{header}] = count;
    census.pictures += count;
  }
  census.pictures += bad;
  for (std::uint32_t i = 0; i < bad; ++i)
    census.bad.push_back({i, "a/" + std::to_string(i) + ".jpg", "the file is empty"});
  return census;
}

constexpr PictureHeader kFace{PictureHeader::Format::kJpeg, 112, 112, 3};

}  // namespace

TEST_CASE("a list's text") {
  CHECK(has(list_text_findings("/d/a/1.jpg\n/d/a/2.jpg\n/d/b/1.jpg\n", "l.txt"), Severity::kOk,
            "l.txt: 3 paths"));
  CHECK(has(list_text_findings("\xEF\xBB\xBF/d/a/1.jpg\r\n", "l.txt"), Severity::kOk, "1 paths"));
  CHECK(has(list_text_findings(" \n", "l.txt"), Severity::kRefused, "it names no picture"));
  const Findings bad = list_text_findings(
      "/d/a/1.jpg\n\n/d/a/1.jpg\n/e/a/3.jpg\n/e/a/4.jpg\n/d/a/5.jpg\n/f/a/6.jpg\n\n/d/b/x,y.jpg\nlone.jpg\n",
      "l.txt");
  CHECK(has(bad, Severity::kWarning, "l.txt:2 and 1 more: a blank line"));
  CHECK(has(bad, Severity::kWarning, "l.txt:3: the same path twice"));
  CHECK(has(bad, Severity::kNote, "l.txt:9: a comma"));
  CHECK(has(bad, Severity::kRefused, "l.txt:10: no folder in front of the file name"));
  CHECK(bad.size() == 4);
}

TEST_CASE("identities: gaps, single pictures, labels that cannot be") {
  FakeSource source;
  source.classes_ = 4;
  source.labels = {0, 0, 3, 3, 3, 2};
  const auto counts = pictures_of_identities(source);
  CHECK(counts == std::vector<std::uint32_t>{2, 0, 1, 3});
  const Findings findings = identity_findings(counts, "s");
  CHECK(has(findings, Severity::kWarning, "1 of 4 labels have no picture (the first: 1)"));
  CHECK(has(findings, Severity::kWarning, "1 of 4 identities have one picture (the first: label 2)"));
  CHECK(has(identity_findings(std::vector<std::uint32_t>{2, 5}, "s"), Severity::kOk,
            "s: 2, each of 2 to 5 pictures"));
  CHECK(has(identity_findings(std::vector<std::uint32_t>{5, 0}, "s"), Severity::kRefused,
            "fewer than two identities"));
  source.labels[2] = 4;
  CHECK_THROWS_WITH_AS(pictures_of_identities(source), doctest::Contains("sample 2 has the label 4"), Error);
  source.labels[2] = -1;
  CHECK_THROWS_AS(pictures_of_identities(source), Error);
}

TEST_CASE("storage that fails is no bad picture of the census") {
  struct Fails final : FakeSource {
    void read(std::uint32_t, std::vector<std::byte>&) const override {
      throw Error(ErrorKind::kIo, "stale file handle");
    }
  } source;
  source.labels = {0, 1};
  CHECK_THROWS_WITH_AS(census(source, true), "stale file handle", Error);
}

TEST_CASE("headers say what the decoder finds, for every kind of picture") {
  const auto decoder = make_decoder();
  int seen = 0;
  for (const auto& entry : fs::directory_iterator(kDecodeFolder)) {
    const std::string ending = entry.path().extension();
    if (ending != ".jpg" && ending != ".png") continue;
    CAPTURE(entry.path().string());
    const auto bytes = read_file(entry.path());
    Image image;
    decoder->decode(bytes, image);
    const auto header = read_picture_header(bytes);
    REQUIRE(header);
    CHECK(header->width == static_cast<std::uint32_t>(image.width));
    CHECK(header->height == static_cast<std::uint32_t>(image.height));
    CHECK(header->format == (ending == ".jpg" ? PictureHeader::Format::kJpeg : PictureHeader::Format::kPng));
    ++seen;
  }
  CHECK(seen > 50);
  CHECK(read_picture_header(read_file(kDecodeFolder + "face_gray.jpg"))->channels == 1);
  CHECK(read_picture_header(read_file(kDecodeFolder + "cmyk_adobe.jpg"))->channels == 4);
  CHECK(read_picture_header(read_file(kDecodeFolder + "rgba8.png"))->channels == 4);
  CHECK(read_picture_header(read_file(kDecodeFolder + "gray_alpha8.png"))->channels == 2);
  CHECK(read_picture_header(read_file(kDecodeFolder + "palette8.png"))->channels == 3);
}

TEST_CASE("Huffman tables before the frame are not the frame") {
  std::vector<std::byte> bytes;
  for (const int value :
       {0xFF, 0xD8, 0xFF, 0xC4, 0, 8, 1, 2, 3, 4, 5, 6, 0xFF, 0xC0, 0, 17, 8, 0, 112, 0, 96, 3})
    bytes.push_back(static_cast<std::byte>(value));
  CHECK(read_picture_header(bytes) == PictureHeader{PictureHeader::Format::kJpeg, 96, 112, 3});
}

TEST_CASE("no beginning of a picture makes the header reader read beyond it") {
  for (const char* name : {"stray_bytes_between_markers.jpg", "face_progressive.jpg", "rgb8.png"}) {
    const auto bytes = read_file(kDecodeFolder + name);
    const auto whole = read_picture_header(bytes);
    bool found = false;
    for (std::size_t length = 0; length < std::min<std::size_t>(bytes.size(), 2000); ++length) {
      const std::vector<std::byte> head(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
      const auto header = read_picture_header(head);
      if (found || header) CHECK(header == whole);
      found = found || header.has_value();
    }
    CHECK(found);
  }
  CHECK_FALSE(read_picture_header({}));
}

TEST_CASE("what a census of pictures means") {
  CHECK(
      has(picture_findings(of({{kFace, 100}}), "s"), Severity::kOk, "100 x JPEG 112 x 112 with 3 channels"));
  const PictureHeader large{PictureHeader::Format::kPng, 128, 128, 3},
      tiny{PictureHeader::Format::kPng, 20, 128, 3}, grey{PictureHeader::Format::kPng, 112, 112, 1};
  CHECK(has(picture_findings(of({{large, 9}}), "s"), Severity::kNote, "all are PNG 128 x 128"));
  CHECK(has(picture_findings(of({{kFace, 9}, {large, 1}}), "s"), Severity::kWarning, "2 different sizes"));
  CHECK(has(picture_findings(of({{tiny, 3}}), "s"), Severity::kWarning, "3 have a side below 32 pixels"));
  CHECK(has(picture_findings(of({{grey, 4}}), "s"), Severity::kNote, "4 are not of three channels"));
  CHECK(has(picture_findings(of({{kFace, 100}}, 10), "s"), Severity::kWarning,
            "10 of 110 cannot be used, the first: a/0.jpg: the file is empty"));
  CHECK(has(picture_findings(of({{kFace, 100}}, 11), "s"), Severity::kRefused, "training stops above 10"));
}

TEST_CASE("a census reads files' heads, packed records, and with --deep every pixel") {
  const test::TemporaryFolder folder;
  fs::create_directories(folder / "a");
  fs::copy(kDecodeFolder + "face_444.jpg", folder / "a/1.jpg");
  fs::copy(kDecodeFolder + "rgb8.png", folder / "a/2.png");
  auto cut = read_file(kDecodeFolder + "face_444.jpg");
  cut.resize(cut.size() / 2);
  write_file_atomically(folder / "a/cut.jpg", cut);
  std::ofstream(folder / "a/page.jpg") << "<html>";
  std::ofstream list(folder / "l.txt");
  for (const char* name : {"1.jpg", "2.png", "cut.jpg", "gone.jpg", "page.jpg"})
    list << (folder / "a/") << name << "\n";
  list.close();
  const ListSource source(folder / "l.txt");
  const PictureCensus heads = census(source, false);
  CHECK(heads.pictures == 5);
  REQUIRE(heads.bad.size() == 2);
  CHECK(heads.bad[0].name.ends_with("gone.jpg"));
  CHECK(heads.bad[1].why.find("a web page") != std::string::npos);
  const PictureCensus deep = census(source, true);
  REQUIRE(deep.bad.size() == 3);
  CHECK(deep.bad[0].name.ends_with("cut.jpg"));

  FakeSource packed;
  packed.classes_ = 1;
  packed.labels = {0, 0};
  packed.contents = {read_file(kDecodeFolder + "face_444.jpg"), {}};
  const PictureCensus records = census(packed, false);
  CHECK(records.shapes.size() == 1);
  REQUIRE(records.bad.size() == 1);
  CHECK(records.bad[0].why == "the file is empty");
}

TEST_CASE("validation sets") {
  const test::TemporaryFolder folder;
  Config config;
  config.validation.val_source = folder.path();
  config.validation.val_list = {"lfw"};
  CHECK(validation_findings(config).size() == 2);
  CHECK(
      has(validation_findings(config), Severity::kRefused, "lfw/lfw.npy: no such file; `facetrain prepare`"));
  fs::create_directories(folder / "lfw");
  std::ofstream(folder / "lfw/lfw.npy") << "x";
  std::ofstream(folder / "lfw/issame.txt") << "x";
  CHECK(has(validation_findings(config), Severity::kOk, "lfw"));
}
