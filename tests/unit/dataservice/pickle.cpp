#include "dataservice/pickle/pickle.hpp"

#include <doctest/doctest.h>

#include "common/error.hpp"
#include "common/plan/philox.hpp"
#include "dataservice/pickle/unicode.hpp"
#include "tests/tool_run.hpp"

namespace facetrain {
namespace {

using test::error_of;
using namespace std::string_literals;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string refusal(const std::string& program) {
  return error_of<Error>([&] {
    const Pickle pickle(bytes_of(program), "p.bin");
    read_pairs(pickle, "p.bin");
  });
}

TEST_CASE("a pickle that would run something is refused by the name of what it would run") {
  CHECK(refusal("cos\nsystem\n(S'touch /tmp/x'\ntR.").find("refuses the global os.system") !=
        std::string::npos);
  CHECK(refusal("\x80\x04\x8c\x08"s + "builtins\x8c\x04" + "eval\x93\x8c\x01" + "1\x85R.")
            .find("refuses the global builtins.eval") != std::string::npos);
  CHECK(refusal("(ios\nsystem\n.").find("os.system") != std::string::npos);
  CHECK(refusal("(cos\nsystem\no.").find("refuses the global os.system") != std::string::npos);
  CHECK(refusal("c__builtin__\ngetattr\n.").find("__builtin__.getattr") != std::string::npos);
  CHECK(refusal("cnumpy\nload\n.").find("numpy.load") != std::string::npos);
  CHECK(refusal("\x80\x02\x8f.").find("opcode 143 is not data") != std::string::npos);  // a set
  CHECK(refusal("\x80\x02"s + "cnumpy\nndarray\n)\x81.").find("opcode 129 is not data") !=
        std::string::npos);  // NEWOBJ
  CHECK(refusal("\x80\x09.").find("protocol 9") != std::string::npos);
}

TEST_CASE("what is not a verification set is refused") {
  CHECK(refusal("I1\n.").find("not a pair") != std::string::npos);
  CHECK(refusal("}.").find("not a pair") != std::string::npos);  // a dict
  CHECK(refusal("((lI1\nt.").find("issame is not a list") != std::string::npos);
  CHECK(refusal("((lp0\nS'a'\na(lI01\nat.").find("1 pictures do not make 1 pairs") != std::string::npos);
  CHECK(refusal("((lp0\nV\\u0041\na(lI01\nat.").find("picture 0 is not a string of bytes") !=
        std::string::npos);
  CHECK(refusal("((lp0\nS'a'\naS'b'\na(lF0.5\nat.").find("something else than True and False") !=
        std::string::npos);
  CHECK(refusal("((lp0\nS'a'\naS'b'\na(lI01\nat.") == "");
}

TEST_CASE("a dict keeps its keys and values in the order in which they were written") {
  // EMPTY_DICT with SETITEMS, EMPTY_DICT with SETITEM, and protocol 0's DICT.
  for (const std::string& program :
       {"}(S'a'\nI1\nS'b'\nI2\nu."s, "}S'a'\nI1\nsS'b'\nI2\ns."s, "(S'a'\nI1\nS'b'\nI2\nd."s}) {
    const Pickle pickle(bytes_of(program), "p");
    REQUIRE(pickle.root().kind == Pickle::Kind::kDict);
    REQUIRE(pickle.root().items.size() == 4);
    CHECK(pickle.at(pickle.root().items[0]).bytes == "a");
    CHECK(pickle.at(pickle.root().items[1]).number == 1);
    CHECK(pickle.at(pickle.root().items[2]).bytes == "b");
    CHECK(pickle.at(pickle.root().items[3]).number == 2);
  }
  for (const std::string& program :
       {"}(I1\nu."s, "(I1\nd."s, "](I1\nI2\nu."s, "s."s, "}I1\ns."s, "u."s, "I1\nI2\nI3\ns."s})
    CHECK_THROWS_AS(Pickle(bytes_of(program), "p"), Error);
}

TEST_CASE("damage is an Error: references, marks, sizes, blow-ups") {
  for (const std::string& program : {"g5\n."s,
                                     "t."s,
                                     "."s,
                                     "("s,
                                     ""s,
                                     "h\x07."s,
                                     "S'a\n."s,
                                     "S'\\x4'\n."s,
                                     "I1x\n."s,
                                     "Ia."s,
                                     "B\xff\xff\xff\xff"s + "a."s,
                                     "\x8e\xff\xff\xff\xff\xff\xff\xff\xff."s,
                                     "\x8a\x09"s,
                                     "a."s,
                                     "I1\nI2\na."s,
                                     "(0."s,
                                     "R."s,
                                     "b."s,
                                     "\x94."s,
                                     "I1\n(p1\n."s,
                                     "VNot\\u12\n."s})
    CHECK_THROWS_AS(Pickle(bytes_of(program), "p"), Error);
  // The same long text encoded again and again: four bytes each, a megabyte of result each.
  std::string bomb = "\x80\x02"s + "c_codecs\nencode\nq\x01X";
  const std::uint32_t size = 1 << 20;
  bomb.append(reinterpret_cast<const char*>(&size), 4);
  bomb += std::string(size, 'x') + "X\x06"s + std::string(3, '\0') + "latin1\x86q\x02";
  for (int i = 0; i < 10'000; ++i) bomb += "h\x01h\x02R";
  CHECK(refusal(bomb + ".").find("blows itself up") != std::string::npos);
  // One long list made into an array again and again.
  bomb = "\x80\x02"s + "]q\x01(" + std::string(10'000, 'N') +
         "e0cnumpy.core.multiarray\n_reconstruct\nq\x02" + "cnumpy\ndtype\nU\x01O\x85Rq\x03" +
         "(I1\nM\x10\x27\x85h\x03\x89h\x01tq\x04";
  for (int i = 0; i < 10'000; ++i) bomb += "h\x02)Rh\x04" + "b"s;
  CHECK(refusal(bomb + ".").find("blows itself up") != std::string::npos);
}

TEST_CASE("text encodings") {
  std::string out;
  CHECK(unescape_repr("a\\x80\\n\\'\\\\\\101z", out));
  CHECK(out == "a\x80\n'\\Az");
  out.clear();
  CHECK(raw_unicode_to_utf8("a\\u00e9\\U0001F600\xe9\\n", out));
  CHECK(out == "a\u00e9\U0001F600\u00e9\\n");
  out.clear();
  CHECK(utf8_to_latin1("\u0080\u00ff\x7f", out));
  CHECK(out == "\x80\xff\x7f");
  CHECK(!utf8_to_latin1("\u0100", out));
  CHECK(!utf8_to_latin1("\xC3", out));
}

}  // namespace
}  // namespace facetrain
