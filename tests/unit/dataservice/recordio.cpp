// The source of InsightFace's train.rec. tests/golden/dataservice/packed.cpp reads what MXNet wrote.
#include <doctest/doctest.h>

#include <cstring>

#include "dataservice/source/make_source.hpp"
#include "dataservice/source/record_source.hpp"
#include "tests/packed_fixture.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

using test::damage_file;
using test::error_of;
using test::made_up_picture;
using test::picture_of;

std::string bytes_of(std::uint32_t value) {
  std::string out;
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(value >> shift);
  return out;
}

std::string bytes_of(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, 4);
  return bytes_of(bits);
}

// IRHeader, labels, picture. One label stands in the IRHeader; more behind it.
std::string record(const std::vector<float>& labels, const std::string& picture) {
  std::string out = bytes_of(labels.size() == 1 ? 0u : static_cast<std::uint32_t>(labels.size())) +
                    bytes_of(labels.size() == 1 ? labels[0] : 0.f) + std::string(16, '\0');
  for (const float label : labels)
    if (labels.size() > 1) out += bytes_of(label);
  return out + picture;
}

// A .rec and its .idx, written part by part.
struct Records {
  void part(std::uint32_t kind, const std::string& bytes) {
    rec += bytes_of(0xced7230au) + bytes_of(kind << 29 | static_cast<std::uint32_t>(bytes.size())) + bytes;
    rec += std::string((4 - bytes.size() % 4) % 4, '\0');
  }
  void key(std::uint64_t number) { idx += std::to_string(number) + "\t" + std::to_string(rec.size()) + "\n"; }
  void add(std::uint64_t number, const std::string& bytes) {
    key(number);
    part(0, bytes);
  }
  void write() const {
    write_file_atomically(folder / "train.rec", rec);
    write_file_atomically(folder / "train.idx", idx);
  }
  RecordSource open() const {
    write();
    return RecordSource(folder / "train.rec");
  }
  std::string error() const {
    return error_of<Error>([&] { open(); });
  }
  test::TemporaryFolder folder;
  std::string rec, idx;
};

// As InsightFace lays it out: record 0, pictures 1 .. n, identities after.
void fill(Records& records, std::uint32_t pictures, std::uint32_t identities) {
  records.add(0,
              record({static_cast<float>(pictures + 1), static_cast<float>(pictures + 1 + identities)}, ""));
  for (std::uint32_t i = 0; i < pictures; ++i)
    records.add(i + 1,
                record({static_cast<float>(i * identities / pictures)}, made_up_picture(i, 100 + i * 11)));
  for (std::uint32_t k = 0; k < identities; ++k) records.add(pictures + 1 + k, record({1, 2}, ""));
}

TEST_CASE("pictures, labels and identities as record 0 tells them, from four threads") {
  Records records;
  fill(records, 40, 8);
  const RecordSource source = records.open(), again = records.open();
  REQUIRE(source.size() == 40);
  CHECK(source.classes() == 8);
  for (std::uint32_t i = 0; i < 40; ++i) {
    CHECK(source.label(i) == i / 5);
    CHECK(picture_of(source, i) == made_up_picture(i, 100 + i * 11));
  }
  CHECK(source.name(2) == records.folder / "train.rec" + ":3");
  CHECK(test::same_from_threads(source, again));
  Config config;
  config.data.train_source = {records.folder / "train.rec"};
  CHECK(test::same_pictures(*make_source(config).source, source));
}

TEST_CASE(
    "without record 0 the index's order holds; several labels; parts are joined with the magic number") {
  Records records;
  records.add(7, record({3}, "A"));
  records.add(2, record({1, 0.5f, 9}, "B"));
  records.key(5);
  const std::string magic = bytes_of(0xced7230au);
  records.part(1, record({0}, "C___"));
  records.part(2, "");
  records.part(3, "tail");
  records.key(6);  // cut inside its header: a label that is the magic number
  records.part(1, bytes_of(2u) + std::string(20, '\0') + bytes_of(2.f));
  records.part(3, "D");
  const RecordSource source = records.open();
  REQUIRE(source.size() == 4);
  CHECK(source.classes() == 4);
  CHECK(source.label(0) == 3);
  CHECK(source.label(1) == 1);
  CHECK(source.label(3) == 2);
  CHECK(source.name(0).ends_with(":7"));
  CHECK(picture_of(source, 0) == "A");
  CHECK(picture_of(source, 1) == "B");
  CHECK(picture_of(source, 2) == "C___" + magic + magic + "tail");
  CHECK(picture_of(source, 3) == "D");
}

TEST_CASE("what cannot be used is one error that says what is wrong") {
  const auto error = [](const std::function<void(Records&)>& make) {
    Records records;
    make(records);
    return records.error();
  };
  const auto has = [](const std::string& text, const std::string& part) {
    CHECK_MESSAGE(text.find(part) != text.npos, text);
  };
  has(error_of<Error>([] { RecordSource("/no/train.rec"); }), "open /no/train.rec: No such file");
  has(error([](Records& r) { fill(r, 4, 2), r.idx.clear(); }), "train.idx is empty");
  has(error([](Records& r) { fill(r, 4, 2), r.idx = "0\t0\none 12\n"; }),
      "train.idx:2: not a line KEY<tab>OFFSET");
  has(error([](Records& r) { fill(r, 4, 2), r.idx = r.idx.substr(0, r.idx.find("4\t")); }),
      "the index names fewer");
  has(error([](Records& r) { fill(r, 4, 2), r.idx.replace(r.idx.find("\n3\t"), 2, "\n9"); }),
      "record 3 is missing");
  has(error([](Records& r) {
        r.add(0, record({2, 3}, "")), r.add(1, record({1}, "A"));
      }),
      "train.rec:1: label 1 of only 1 identities (record 0)");
  has(error([](Records& r) {
        r.add(0, record({2, 1}, "")), r.add(1, record({0}, "A"));
      }),
      "record 0: it promises 2, 1");
  has(error([](Records& r) { r.add(1, record({0.5f}, "A")); }), "train.rec:1: label 0.5");
  has(error([](Records& r) { r.add(1, record({-1}, "A")); }), "is not a whole number of 0 or more");
  has(error([](Records& r) { r.add(1, "short"); }), "too short for a picture's header");
  has(error([](Records& r) { r.idx = "1\t4\n", r.rec = std::string(100, 'x'); }),
      "no record of RecordIO begins here");
  has(error([](Records& r) { r.add(1, record({0}, "A")), r.idx = "1\t4096\n"; }), "it is cut off here");
  Records bare;
  bare.add(1, record({0}, ""));
  const RecordSource source = bare.open();
  has(error_of<Error>([&] { picture_of(source, 0); }), "a record without a picture");
}

TEST_CASE("damaged files are errors, never a crash") {
  Records records;
  fill(records, 30, 5);
  const RecordSource whole = records.open();
  const std::string rec = records.folder / "train.rec", idx = records.folder / "train.idx";
  std::filesystem::create_directories(records.folder / "w");
  std::filesystem::copy_file(rec, records.folder / "w/train.rec");
  std::filesystem::copy_file(idx, records.folder / "w/train.idx");
  const auto open = [&] {
    return std::unique_ptr<Source>(std::make_unique<RecordSource>(records.folder / "w/train.rec"));
  };
  auto damage = damage_file(rec, records.folder / "w/train.rec", whole, open, 60, 1000, 100);
  CHECK(damage.of_cuts > 50);
  CHECK(damage.of_changes > 50);
  damage = damage_file(idx, records.folder / "w/train.idx", whole, open, 0, 300, 100);
  CHECK(damage.of_changes > 100);
}

}  // namespace
}  // namespace facetrain
