// The digest of a data set: the same wherever it lies and however many threads compute it, another when a
// name, a label, an order or a picture's bytes change.
#include "dataservice/source/digest.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "common/error.hpp"
#include "dataservice/source/joined_source.hpp"
#include "dataservice/source/selected_source.hpp"
#include "tests/read_failure.hpp"

using namespace facetrain;

namespace {

struct Example final : Source {
  std::uint32_t samples = 200'000, changed = ~0u, relabelled = ~0u, rewritten = ~0u;
  std::uint32_t size() const override { return samples; }
  std::uint32_t classes() const override { return samples / 100 + 1; }
  std::int64_t label(std::uint32_t i) const override { return i / 100 + (i == relabelled ? 1 : 0); }
  std::string name(std::uint32_t i) const override {
    return "faces/" + std::to_string(i) + (i == changed ? "x" : "") + ".jpg";
  }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override {
    if (i % 2 == 1) throw Error(ErrorKind::kInput, "unreadable");
    buffer.assign(100, i == rewritten ? std::byte{1} : std::byte{0});
  }
};

}  // namespace

TEST_CASE("the number of threads does not matter") {
  const Example example;
  const std::uint64_t one = data_digest(example, 1);
  CHECK(one == data_digest(example, 2));
  CHECK(one == data_digest(example, 16));
}

TEST_CASE("every change of a name or label is seen, and of some pictures' bytes") {
  const std::uint64_t before = data_digest(Example{}, 2);
  for (const std::uint32_t at : {0u, 65535u, 65536u, 123'456u, 199'999u}) {
    Example renamed, relabelled;
    renamed.changed = relabelled.relabelled = at;
    CHECK(data_digest(renamed, 2) != before);
    CHECK(data_digest(relabelled, 2) != before);
  }
  Example shorter, rewritten;
  shorter.samples = 199'999;
  CHECK(data_digest(shorter, 2) != before);
  rewritten.rewritten = 0;
  CHECK(data_digest(rewritten, 2) != before);
}

TEST_CASE("storage that fails gives no digest; a picture that cannot be used gives the same each time") {
  struct Fails final : Source {
    ErrorKind kind = ErrorKind::kIo;
    std::uint32_t size() const override { return 100; }
    std::uint32_t classes() const override { return 1; }
    std::int64_t label(std::uint32_t) const override { return 0; }
    std::string name(std::uint32_t i) const override { return std::to_string(i); }
    void read(std::uint32_t, std::vector<std::byte>&) const override { throw Error(kind, "failed"); }
  } source;
  CHECK(test::kind_of([&] { data_digest(source, 2); }) == ErrorKind::kIo);
  source.kind = ErrorKind::kInput;
  CHECK(data_digest(source, 2) == data_digest(source, 1));
}

TEST_CASE("two samples that change places make another data set") {
  const auto of = [](std::vector<std::uint32_t> samples) {
    return data_digest(SelectedSource(std::make_unique<Example>(), std::move(samples), {}, 2001), 1);
  };
  CHECK(of({4, 2, 6}) == of({4, 2, 6}));
  CHECK(of({4, 2, 6}) != of({2, 4, 6}));  // names; all three have label 0
}

TEST_CASE("a joined source does not depend on what its parts are called") {
  const auto joined = [](const std::string& path) {
    std::vector<JoinedSource::Part> parts;
    parts.push_back({path, std::make_unique<Example>()});
    parts.push_back({"b", std::make_unique<Example>()});
    return data_digest(JoinedSource(std::move(parts)), 1);
  };
  CHECK(joined("here/a") == joined("/stage/a"));
}
