#include "common/io/npy.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"
#include "common/plan/philox.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

using test::error_of;

// A version 1, 2 or 3 file around a header text.
std::string npy_of(int version, const std::string& dict, const std::string& data = "") {
  std::string file("\x93NUMPY", 6);
  file += static_cast<char>(version);
  file += '\0';
  for (std::size_t i = 0; i < (version == 1 ? 2u : 4u); ++i)
    file += static_cast<char>(dict.size() >> (8 * i) & 0xFF);
  return file + dict + data;
}

NpyHeader parse(const std::string& file) {
  return parse_npy_header(std::as_bytes(std::span(file.data(), file.size())), "f.npy");
}

TEST_CASE("the pickle of one Python object is handed out, of anything else refused") {
  const auto pickle_of = [](const std::string& file) {
    const auto bytes = npy_object_pickle(std::as_bytes(std::span(file.data(), file.size())), "f.npy");
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  CHECK(pickle_of(npy_of(1, "{'descr': '|O', 'fortran_order': False, 'shape': (), }\n", "pickle")) ==
        "pickle");
  CHECK(pickle_of(npy_of(2, "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n", "p")) == "p");
  CHECK(error_of<Error>([&] {
          pickle_of(npy_of(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }\n"));
        }).find("f.npy: it holds <i8 (2), needed is one Python object") != std::string::npos);
  CHECK(error_of<Error>([&] {
          pickle_of(npy_of(1, "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }\n"));
        }).find("needed is one Python object") != std::string::npos);
  CHECK(error_of<Error>([&] { pickle_of("\x80\x04."); }).find("not a .npy") != std::string::npos);
}

TEST_CASE("headers of all versions, and Python 2's long numbers") {
  for (const int version : {1, 2, 3}) {
    const std::string dict = "{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4), }      \n";
    const auto header = parse(npy_of(version, dict));
    CHECK(header.dtype == "<f4");
    CHECK(header.shape == std::vector<std::uint64_t>{3, 4});
    CHECK(header.item_size == 4);
    CHECK(header.data_bytes() == 48);
    CHECK(header.data_offset == (version == 1 ? 10u : 12u) + dict.size());
  }
  CHECK(parse(npy_of(1, "{'descr': '|u1', 'fortran_order': False, 'shape': ()}\n")).elements() == 1);
  CHECK(parse(npy_of(1, "{'shape': (7,), 'fortran_order': False, 'descr': \"<i8\"}\n")).data_bytes() == 56);
}

TEST_CASE("what cannot be used is refused with its reason") {
  const auto why = [](const std::string& dict) { return error_of<Error>([&] { parse(npy_of(1, dict)); }); };
  CHECK(why("{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }\n").find("Fortran") !=
        std::string::npos);
  CHECK(why("{'descr': '>f4', 'fortran_order': False, 'shape': (3, 4), }\n").find("big-endian") !=
        std::string::npos);
  CHECK(why("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }\n").find("objects") !=
        std::string::npos);
  CHECK(why("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }\n").find("records") !=
        std::string::npos);
  CHECK(why("{'descr': '<U7', 'fortran_order': False, 'shape': (3,), }\n").find("<U7") != std::string::npos);
  CHECK(why("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999, 9999999999999), }\n")
            .find("large") != std::string::npos);
  CHECK(why("{'descr': '<f4', 'fortran_order': False, }\n").find("incomplete") != std::string::npos);
  CHECK(why("").find("damaged") != std::string::npos);
  CHECK(error_of<Error>([] { parse("not a npy file"); }) == "f.npy: it is not a .npy file");
  CHECK(error_of<Error>([] { parse(npy_of(9, "{}")); }).find("version 9") != std::string::npos);
}

TEST_CASE("damaged headers never do worse than an Error") {
  const std::string good = npy_of(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n");
  for (std::size_t n = 0; n < good.size(); ++n) CHECK_THROWS_AS(parse(good.substr(0, n)), Error);
  RandomStream random(1, Purpose::kSample, 0, 0);
  int refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bad = good;
    for (int flips = 0; flips < 3; ++flips)
      bad[random.below(static_cast<std::uint32_t>(bad.size()))] = static_cast<char>(random.below(256));
    try {
      parse(bad);
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 10'000);
}

TEST_CASE("what is written is mapped back row by row") {
  const test::TemporaryFolder folder;
  std::vector<std::byte> data(2 * 3 * 4);
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i);
  NpyWriter writer(folder / "a.npy", "|u1", {2, 3, 4});
  writer.write({data.data(), 5});
  writer.write({data.data() + 5, data.size() - 5});
  writer.commit();
  const MappedNpy npy(folder / "a.npy");
  CHECK(npy.shape() == std::vector<std::uint64_t>{2, 3, 4});
  CHECK(npy.dtype() == "|u1");
  CHECK(std::vector<std::byte>(npy.bytes().begin(), npy.bytes().end()) == data);
  CHECK(npy.row(1).size() == 12);
  CHECK(npy.row(1)[0] == std::byte{12});
  CHECK_THROWS_AS(npy.row(2), Error);
  npy.require("|u1", std::vector<std::uint64_t>{0, 3, 4});
  CHECK(error_of<Error>([&] {
          npy.require("|u1", std::vector<std::uint64_t>{0, 3, 112, 112});
        }).find("|u1 (2, 3, 4), needed is |u1 (n, 3, 112, 112)") != std::string::npos);
  CHECK((npy.bytes().data() - static_cast<const std::byte*>(nullptr)) % 64 ==
        0);  // a 64-byte header on a page
}

TEST_CASE("a short file and an unfinished writer are errors") {
  const test::TemporaryFolder folder;
  write_file_atomically(folder / "short.npy",
                        format_npy_header("<f8", std::vector<std::uint64_t>{5}) + "1234567");
  CHECK(error_of<Error>([&] { MappedNpy npy(folder / "short.npy"); }).find("truncated") != std::string::npos);
  {
    NpyWriter writer(folder / "b.npy", "<f4", {2});
    const std::vector<std::byte> half(4), more(5);
    writer.write(half);
    CHECK_THROWS_AS(writer.commit(), Error);
    CHECK_THROWS_AS(writer.write(more), Error);
  }
  CHECK(!std::filesystem::exists(folder / "b.npy"));
}

}  // namespace
}  // namespace facetrain
