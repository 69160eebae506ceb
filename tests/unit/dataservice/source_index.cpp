// What a source keeps of each image: small, exact, and in the reference's order.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "dataservice/source/line_reader.hpp"
#include "dataservice/source/list_source.hpp"
#include "dataservice/source/record_source.hpp"
#include "dataservice/source/text_store.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

using namespace facetrain;
using test::error_of;
using test::TemporaryFolder;

namespace {

struct Sample {
  std::string path;
  std::int64_t label;
};

std::string identity_of(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/'));
  return folder.substr(folder.rfind('/') + 1);
}

// As the reference does it: sorted(names, key=lambda x: x.split("/")[-2]), labels by first appearance.
std::vector<Sample> naive(std::vector<std::string> paths) {
  std::stable_sort(paths.begin(), paths.end(),
                   [](const auto& a, const auto& b) { return identity_of(a) < identity_of(b); });
  std::map<std::string, std::int64_t> labels;
  std::vector<Sample> samples;
  for (const std::string& path : paths) {
    const auto next = static_cast<std::int64_t>(labels.size());
    samples.push_back({path, labels.emplace(identity_of(path), next).first->second});
  }
  return samples;
}

void check_same(const Source& source, const std::vector<Sample>& samples) {
  REQUIRE(source.size() == samples.size());
  bool same = true;
  for (std::uint32_t i = 0; i < source.size(); ++i)
    same = same && source.name(i) == samples[i].path && source.label(i) == samples[i].label;
  CHECK(same);
  CHECK(source.classes() == static_cast<std::uint32_t>(samples.back().label + 1));
}

std::string faces_list(int images, int identities, bool grouped) {
  std::string text;
  for (int i = 0; i < images; ++i) {
    const int identity = grouped ? i / (images / identities) : i % identities;
    char line[100];
    std::snprintf(line, sizeof line, "/data/face_sets/hsface/%07d/%07d_%03d.jpg\n", identity, identity, i);
    text += line;
  }
  return text;
}

}  // namespace

TEST_CASE("order and labels of random lists are the reference's") {
  std::mt19937 random(7);
  const auto below = [&](std::uint32_t n) { return random() % n; };
  const TemporaryFolder folder;
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    // Names whose order as texts is not that of numbers, some under two roots, some a start of another.
    std::vector<std::string> folders, paths;
    const std::uint32_t identities = 1 + below(30);
    for (std::uint32_t k = 0; k < identities; ++k)
      folders.push_back((below(2) ? "/a/b/" : "/a/longer root/") + std::to_string(below(40)) +
                        (below(4) ? "" : "\xC3\xA9"));
    const bool grouped = below(2) == 0;
    const std::uint32_t images = 1 + below(300);
    for (std::uint32_t i = 0; i < images; ++i)
      paths.push_back(folders[grouped ? i * identities / images : below(identities)] + "/" +
                      std::to_string(below(1000)) + ", x.jpg");
    if (below(8) == 0) paths.push_back("/a/b/long/" + std::string(5000, 'x') + ".jpg");
    const std::string end = below(2) ? "\r\n" : "\n";
    std::string text = below(2) ? "\xEF\xBB\xBF" : "";
    for (const std::string& path : paths) {
      if (below(5) == 0) text += (below(2) ? " \t" : "") + end;
      text += path + end;
    }
    if (below(2)) text.resize(text.size() - end.size());
    write_file_atomically(folder / "l.txt", text);
    check_same(ListSource(folder / "l.txt"), naive(paths));
  }
}

TEST_CASE("a list in pieces larger than the reader's window") {
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  std::string text;
  for (int i = 0; i < 300; ++i) {  // 10 MB; lines that straddle every window's end
    paths.push_back("/r/" + std::to_string(i % 7) + "/" +
                    std::string(static_cast<std::size_t>(i) * 211, 'p') + std::to_string(i));
    text += paths.back() + "\n";
  }
  write_file_atomically(folder / "l.txt", text);
  check_same(ListSource(folder / "l.txt"), naive(paths));

  write_file_atomically(folder / "l.txt", "/r/a/1.jpg\n/r/a/" + std::string(70'000, 'x') + "\n");
  CHECK(error_of<Error>([&] {
          ListSource(folder / "l.txt");
        }).find("l.txt:2: this path is too long: /r/a/xx") != std::string::npos);
  write_file_atomically(folder / "l.txt", "/r/a/1.jpg\n" + std::string(2'000'000, 'x'));
  CHECK(error_of<Error>([&] { ListSource(folder / "l.txt"); }).find("l.txt:2: a line of more than 1 MiB") !=
        std::string::npos);
}

TEST_CASE("lines: what ends them, and their numbers") {
  LineReader lines(
      "\xEF\xBB\xBF"
      "a\r\n\r\n \n\xEF\xBB\xBF"
      "b",
      "name");
  std::vector<std::string> all;
  for (std::string_view line; lines.next(line);) all.emplace_back(line);
  CHECK(all == std::vector<std::string>{"a", "", " ",
                                        "\xEF\xBB\xBF"
                                        "b"});
  CHECK(lines.number() == 4);
  CHECK(error_of<Error>([&] { lines.fail("why", "b"); }) == "name:4: why: b");
  // As long as a line of a file may be, and one byte more.
  const std::string longest(1'048'575, 'x');
  const std::string text = "a\n" + longest + "\n" + longest + "x";
  LineReader long_lines(text, "name");
  std::string_view line;
  CHECK((long_lines.next(line) && long_lines.next(line) && line == longest));
  CHECK(error_of<Error>([&] { long_lines.next(line); }).find("name:3: a line of more than 1 MiB") == 0);
  CHECK(error_of<Error>([] { LineReader("/no/file"); }).find("open /no/file") == 0);
  CHECK(error_of<Error>([] { LineReader("/tmp"); }).find("open /tmp: it is a folder") == 0);
}

TEST_CASE("texts come back as they went in") {
  std::mt19937 random(3);
  TextStore store;
  std::vector<std::string> texts;
  for (int i = 0; i < 5000; ++i) {
    std::string text = texts.empty() || random() % 10 == 0 ? "" : texts.back();
    text.resize(random() % (text.size() + 1));
    for (std::uint32_t k = random() % (i % 500 == 0 ? 65'535u : 40u);
         k > 0 && text.size() < TextStore::kLongest; --k)
      text += static_cast<char>(random());
    texts.push_back(text);
    store.add(text);
  }
  REQUIRE(store.size() == texts.size());
  bool same = true;
  for (std::size_t i = 0; i < texts.size(); ++i) same = same && store.get(i) == texts[i];
  CHECK(same);
  CHECK_THROWS_AS(store.add(std::string(TextStore::kLongest + 1, 'x')), Error);
}

TEST_CASE("an image of a list takes less than 100 bytes, of a grouped list less than its path") {
  constexpr int kImages = 200'000;
  const TemporaryFolder folder;
  for (const bool grouped : {true, false}) {
    const std::string text = faces_list(kImages, 4000, grouped);
    write_file_atomically(folder / "l.txt", text);
    const ListSource list(folder / "l.txt");
    REQUIRE(list.size() == kImages);
    const auto bytes = static_cast<double>(list.memory()) / kImages;
    MESSAGE(std::string(grouped ? "grouped: " : "ungrouped: "), bytes, " bytes an image, path included");
    CHECK(bytes < (grouped ? 25 : 80));
  }
}

TEST_CASE("records beyond 4 GiB are found") {
  const TemporaryFolder folder;
  const std::uint64_t far = (std::uint64_t{5} << 30) + 8;
  std::string record(8 + 24, '\0');
  record.replace(0, 8, std::string("\x0a\x23\xd7\xce\x1c\x00\x00\x00", 8));  // magic, 28 bytes
  record += "jpeg";
  std::ofstream(folder / "train.idx") << "7\t0\n8\t" << far << "\n";
  std::ofstream rec(folder / "train.rec", std::ios::binary);
  rec << record;
  rec.seekp(static_cast<std::streamoff>(far));  // a hole takes no room on the disk
  rec << record;
  rec.close();
  const RecordSource source(folder / "train.rec");
  REQUIRE(source.size() == 2);
  CHECK(source.key(1) == 8);
  std::vector<std::byte> bytes;
  source.read(1, bytes);
  CHECK(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()) == "jpeg");
}
