// Several sources as one, mask, label map and shrinking: what a configuration selects, and what it says of
// mistakes. (The reference's own order and labels: golden/dataservice/selection.cpp.)
#include "dataservice/source/selected_source.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "common/io/npy.hpp"
#include "dataservice/source/joined_source.hpp"
#include "dataservice/source/label_map.hpp"
#include "dataservice/source/make_source.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

using test::error_of;
using Labels = std::vector<std::int64_t>;
using namespace std::string_literals;

// Two lists: a has the identities p (0, 1), q (2), r (3, 4); b has p (5) and s (6, 7).
struct SelectedData {
  SelectedData() {
    write_file_atomically(folder / "a.txt", "x/p/0.jpg\nx/p/1.jpg\nx/q/2.jpg\nx/r/3.jpg\nx/r/4.jpg\n");
    write_file_atomically(folder / "b.txt", "y/p/5.jpg\ny/s/6.jpg\ny/s/7.jpg\n");
    config.data.train_source = {folder / "a.txt", folder / "b.txt"};
  }

  template <class Number>
  void mask(const std::string& dtype, const std::vector<Number>& numbers) {
    NpyWriter npy(folder / "mask.npy", dtype, {numbers.size()});
    npy.write(std::as_bytes(std::span(numbers)));
    npy.commit();
    config.data.mask = folder / "mask.npy";
  }
  void mask(const std::vector<std::int64_t>& numbers) { mask("<i8", numbers); }

  // dict: the pickle of a dict without its STOP, in the array that np.save writes around it.
  void label_map(const std::string& dict) {
    const std::string header =
        "{'descr': '|O', 'fortran_order': False, 'shape': (), }" + std::string(63, ' ') + "\n";
    const std::string pickle =
        "\x80\x03"s + "cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85"s + "C\x01"s +
        "b\x87R(K\x01)cnumpy\ndtype\nX\2\0\0\0"s +
        "O8K\0K\1\x87R(K\3X\1\0\0\0|NNNJ\377\377\377\377J\377\377\377\377K?tb\x89]"s + dict + "atb.";
    write_file_atomically(folder / "map.npy",
                          "\x93NUMPY\1\0"s + static_cast<char>(header.size()) + "\0"s + header + pickle);
    config.data.label_map = folder / "map.npy";
  }

  Labels labels() const {
    const OpenedSource opened = make_source(config);
    Labels all;
    for (std::uint32_t i = 0; i < opened.source->size(); ++i) all.push_back(opened.source->label(i));
    return all;
  }
  std::string error() const {
    return error_of<Error>([&] { make_source(config); });
  }
  bool fails_with(const std::string& text) const { return error().find(text) != std::string::npos; }

  test::TemporaryFolder folder;
  Config config;
};

TEST_CASE("several sources keep their identities apart, and names tell the source") {
  const SelectedData data;
  const OpenedSource opened = make_source(data.config);
  const Source& source = *opened.source;
  REQUIRE(source.size() == 8);
  CHECK(source.classes() == 5);
  CHECK(data.labels() == Labels{0, 0, 1, 2, 2, 3, 4, 4});
  CHECK(source.name(4) == (data.folder / "a.txt") + ": x/r/4.jpg");
  CHECK(source.name(5) == (data.folder / "b.txt") + ": y/p/5.jpg");
  CHECK(opened.warnings.empty());  // p twice is no mistake here
  std::vector<std::byte> bytes;
  CHECK(error_of<Error>([&] { source.read(7, bytes); }) == "open y/s/7.jpg: No such file or directory");
  SelectedData same;
  same.config.data.train_source = {same.folder / "b.txt", same.folder / "b.txt", same.folder / "a.txt"};
  CHECK(same.labels() == Labels{0, 1, 1, 2, 3, 3, 4, 4, 5, 6, 6});
  same.config.data.train_source = {same.folder / "b.txt", ""};
  CHECK(same.fails_with("data.train_source is not set"));
}

TEST_CASE("joined sources have no more identities than one may have") {
  struct Many final : Source {
    explicit Many(std::uint32_t number) : identities(number) {}
    std::uint32_t size() const override { return 1; }
    std::uint32_t classes() const override { return identities; }
    std::int64_t label(std::uint32_t) const override { return 0; }
    std::string name(std::uint32_t) const override { return "one"; }
    void read(std::uint32_t, std::vector<std::byte>&) const override {}
    std::uint32_t identities;
  };
  const auto join = [](std::uint32_t a, std::uint32_t b) {
    return error_of<Error>([&] {
      std::vector<JoinedSource::Part> parts;
      parts.push_back({"a.json", std::make_unique<Many>(a)});
      parts.push_back({"b.json", std::make_unique<Many>(b)});
      JoinedSource(std::move(parts));
    });
  };
  CHECK(join(60'000'000, 40'000'000).empty());
  CHECK(join(60'000'000, 40'000'001).starts_with("b.json: with it: 100000001 identities"));
  CHECK(join(60'000'000, 4294967295u).starts_with("b.json: with it: 4354967295 identities"));
}

TEST_CASE("a mask keeps its samples in its order, and the number of classes") {
  SelectedData data;
  data.mask({7, 0, 5, 3});
  const OpenedSource opened = make_source(data.config);
  CHECK(opened.source->classes() == 5);
  CHECK(opened.source->name(0).ends_with("y/s/7.jpg"));
  CHECK(opened.source->name(3).ends_with("x/r/3.jpg"));
  CHECK(data.labels() == Labels{4, 0, 3, 2});
  REQUIRE(opened.warnings.size() == 1);
  CHECK(opened.warnings[0] ==
        "data.mask " + data.config.data.mask + " leaves 1 of 5 identities without a picture: 1 (" +
            (data.folder / "a.txt") + ": x/q/2.jpg); they stay classes (data.mask_shrink = true drops them)");
  data.mask<std::uint16_t>("<u2", {6, 1});
  CHECK(data.labels() == Labels{4, 0});
  data.mask({0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(make_source(data.config).warnings.empty());
}

TEST_CASE("shrinking numbers the identities that are left anew, in their order") {
  SelectedData data;
  data.config.data.mask_shrink = true;
  data.mask({7, 0, 3, 4});
  const OpenedSource opened = make_source(data.config);
  CHECK(opened.source->classes() == 3);
  CHECK(data.labels() == Labels{2, 0, 1, 1});
  REQUIRE(opened.warnings.size() == 1);
  CHECK(opened.warnings[0].find("leaves 2 of 5 identities without a picture: 1 (") != std::string::npos);
  CHECK(opened.warnings[0].find(", 3 (") != std::string::npos);
  CHECK(opened.warnings[0].ends_with("; data.mask_shrink numbers the others anew"));
}

TEST_CASE("a long row of identities without pictures is cut short") {
  SelectedData data;
  std::string list;
  for (int i = 10; i < 40; ++i) list += "x/" + std::to_string(i) + "/1.jpg\n";
  write_file_atomically(data.folder / "a.txt", list);
  data.config.data.train_source = {data.folder / "a.txt"};
  data.mask({0, 1, 2});
  const auto warnings = make_source(data.config).warnings;
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("leaves 27 of 30 identities without a picture: 3 (x/13/1.jpg), 4 (x/14/1.jpg), "
                         "5 (x/15/1.jpg), 6 (x/16/1.jpg), 7 (x/17/1.jpg), ...; they stay") !=
        std::string::npos);
}

TEST_CASE("a mask may name a sample twice, and says so") {
  SelectedData data;
  data.mask({0, 2, 3, 5, 6, 2, 2, 0});
  const auto warnings = make_source(data.config).warnings;
  CHECK(data.labels() == Labels{0, 1, 2, 3, 4, 1, 1, 0});
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("has 3 entries that repeat an earlier one, the first: 2 (") != std::string::npos);
}

TEST_CASE("masks that cannot be used are refused by name, place and number") {
  SelectedData data;
  data.mask({0, 8});
  CHECK(data.error() == "data.mask " + data.config.data.mask +
                            ": entry 1 is 8, but data.train_source has 8 samples (0 to 7)");
  data.mask({0, 1, -1});
  CHECK(data.fails_with("entry 2 is -1"));
  data.mask<std::uint64_t>("<u8", {0xFFFFFFFFFFFFFFFFull});
  CHECK(data.fails_with("entry 0 is -1"));
  data.mask(std::vector<std::int64_t>{});
  CHECK(data.fails_with("it is empty"));
  data.mask<float>("<f4", {1});
  CHECK(data.fails_with("its numbers are of type <f4"));
  data.mask<std::uint8_t>("|b1", {1, 0, 0, 1, 1, 1, 1, 1});
  CHECK(data.fails_with("np.flatnonzero"));
  NpyWriter npy(data.folder / "mask.npy", "|u1", {2, 2});
  npy.write(std::as_bytes(std::span("\0\1\2\3", 4)));
  npy.commit();
  CHECK(data.fails_with("it has 2 dimensions, not 1"));
  data.config.data.mask = "/no/mask.npy";
  CHECK(data.fails_with("/no/mask.npy"));
}

TEST_CASE("a label map gives other labels; what it does not name stays; the classes stay") {
  SelectedData data;
  data.label_map("}(X\1\0\0\0"s + "0K\4X\1\0\0\0"s + "3K\0u"s);
  CHECK(data.labels() == Labels{4, 4, 1, 2, 2, 0, 4, 4});
  CHECK(make_source(data.config).source->classes() == 5);
  data.mask({2, 0, 7});
  data.config.data.mask_shrink = true;
  CHECK(data.labels() == Labels{0, 1, 1});
  CHECK(make_source(data.config).source->classes() == 2);
}

TEST_CASE("keys that are no label change nothing and are counted; a later key wins") {
  SelectedData data;
  data.label_map("}(X\2\0\0\0"s + "01K\4X\1\0\0\0"s + "5K\x09X\1\0\0\0"s + "1K\2X\1\0\0\0"s + "1K\3u"s);
  CHECK(data.labels() == Labels{0, 0, 3, 2, 2, 3, 4, 4});
  const auto warnings = make_source(data.config).warnings;
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("has 2 keys that are no label") != std::string::npos);
}

TEST_CASE("label maps that cannot be used are refused") {
  SelectedData data;
  data.label_map("}(X\1\0\0\0"s + "0K\5u"s);
  CHECK(data.fails_with(
      "it maps label \"0\" to 5, but the 5 identities of data.train_source have the labels 0 to 4"));
  data.label_map("}(X\1\0\0\0"s + "0J\377\377\377\377u"s);
  CHECK(data.fails_with("to -1"));
  data.label_map("}(X\1\0\0\0"s + "0X\1\0\0\0"s + "1u"s);
  CHECK(data.fails_with("the new label of \"0\" is no whole number"));
  data.label_map("}(K\0K\1u"s);
  CHECK(data.fails_with("its keys must be texts"));
  data.label_map("]");
  CHECK(data.fails_with("it holds no dict"));
  data.label_map("cos\nsystem\nX\4\0\0\0"s + "true\x85R"s);
  CHECK(data.fails_with("refuses the global os.system"));
  data.mask({1, 2});
  data.config.data.label_map = data.config.data.mask;
  CHECK(data.fails_with("needed is one Python object"));
  data.config.data.label_map = "/no/map.npy";
  CHECK(data.fails_with("/no/map.npy"));
}

}  // namespace
}  // namespace facetrain
