// DCFace's layout: record/file.rec, file.idx and list.txt.
#include "dataservice/source/listed_records.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "common/error.hpp"
#include "dataservice/source/make_source.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

using namespace facetrain;

namespace {

void put32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift & 0xff);
}

// Writes what DCFace's Writer writes: IRHeader(0, 0, key, 0) and the picture, keys from 0.
struct DcFace {
  test::TemporaryFolder folder;
  std::string rec = folder / "file.rec";

  explicit DcFace(const std::vector<std::string>& pictures) {
    std::string records, index;
    for (std::size_t key = 0; key < pictures.size(); ++key) {
      index += std::to_string(key) + "\t" + std::to_string(records.size()) + "\n";
      put32(records, 0xced7230a);
      put32(records, static_cast<std::uint32_t>(24 + pictures[key].size()));
      put32(records, 0);
      put32(records, 0);
      put32(records, static_cast<std::uint32_t>(key));
      put32(records, 0);
      put32(records, 0);
      put32(records, 0);
      records += pictures[key];
      records.resize((records.size() + 3) / 4 * 4);
    }
    std::ofstream(rec, std::ios::binary) << records;
    std::ofstream(folder / "file.idx") << index;
  }
  std::string list(const std::string& text) const {
    std::ofstream(folder / "list.txt") << text;
    return folder / "list.txt";
  }
  std::string complaint(const std::string& text) const {
    const std::string path = list(text);
    return test::error_of<Error>([&] { ListedRecords(RecordSource(rec), path); });
  }
};

}  // namespace

TEST_CASE("identities and order come from the list") {
  const DcFace set({"p0", "p1", "p2", "p3", "p4"});
  CHECK(record_list_of(set.rec).empty());
  set.list(
      "0\timages/b/0.jpg\n1\timages/10/0.jpg\r\n2\timages/b/1.jpg\n3\timages/10/1.jpg\n4\timages/a/"
      "0.jpg\n\n");
  CHECK(record_list_of(set.rec) == set.folder / "list.txt");
  Config config;
  config.data.train_source = {set.rec};
  const OpenedSource opened = make_source(config);
  const Source& source = *opened.source;
  REQUIRE(source.size() == 5);
  CHECK(source.classes() == 3);
  std::string order;
  std::vector<std::byte> buffer;
  for (std::uint32_t i = 0; i < 5; ++i) {
    source.read(i, buffer);
    order += std::to_string(source.label(i)) + ":" +
             std::string(reinterpret_cast<const char*>(buffer.data()), buffer.size()) + " ";
  }
  CHECK(order == "0:p1 0:p3 1:p4 2:p0 2:p2 ");
  CHECK(source.name(0) == set.rec + ":1");
}

TEST_CASE("a list that does not fit its records is refused with its line") {
  const DcFace set({"p0", "p1"});
  CHECK(set.complaint("0\ta/0.jpg\n1\ta/1.jpg\n").empty());
  CHECK(set.complaint("0\ta/0.jpg\n2\ta/1.jpg\n")
            .ends_with("list.txt:2: the record file has no such record: 2\ta/1.jpg"));
  CHECK(set.complaint("0\ta/0.jpg\n0\ta/1.jpg\n").find("list.txt:2: this record was named before") !=
        std::string::npos);
  CHECK(set.complaint("0\ta/0.jpg\n").find("list.txt does not name " + set.rec + ":1") != std::string::npos);
  CHECK(set.complaint("0 a/0.jpg\n").find("list.txt:1: not a line KEY<tab>PATH") != std::string::npos);
  CHECK(set.complaint("x\ta/0.jpg\n").find("not a line KEY<tab>PATH") != std::string::npos);
  CHECK(set.complaint("0\t0.jpg\n").find("no folder in front of the file name") != std::string::npos);
  CHECK(set.complaint("0\t/0.jpg\n").find("no folder in front") != std::string::npos);
  CHECK(set.complaint("").find("does not name") != std::string::npos);
}
