// .pth files: our own round trip, what a network's weights tell, and files that must be refused. Python's
// side: golden and e2e.
#include "trainer/weights/weights.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/error.hpp"
#include "trainer/weights/pickle.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

namespace facetrain {
namespace {

struct TemporaryFolder {
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "facetrain_weights_XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
  std::filesystem::path path;
};

const BackboneSpec kSmall{.model = "mobilefacenet", .width = 0.125, .embedding_size = 16};

// The message of the Error(kInput) that `action` throws.
template <typename Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const Error& e) {
    CHECK(e.kind() == ErrorKind::kInput);
    return e.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Parses a pickle whose storages all are one of four floats.
std::vector<NamedTensor> parse(const std::string& pickle) {
  return read_state_dict_pickle(
      pickle, [](const std::string&, at::ScalarType type, std::int64_t) { return at::zeros({4}, type); },
      "f.pth");
}

TEST_CASE("a network's weights survive the file, channels_last or not") {
  const TemporaryFolder folder;
  const auto net = make_backbone(kSmall, 1);
  {
    const c10::AutoGradMode no_gradient(false);
    for (const NamedTensor& t : net->state()) {
      if (t.tensor.is_floating_point()) at::Tensor(t.tensor).copy_(at::randn(t.tensor.sizes()));
    }
    at::Tensor(net->state().back().tensor).fill_(std::int64_t{1} << 40);
  }
  save_state_dict(folder / "a.pth", net->state());
  const std::vector<NamedTensor> loaded = load_state_dict(folder / "a.pth");
  REQUIRE(loaded.size() == net->state().size());
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    CHECK(loaded[i].name == net->state()[i].name);
    CHECK(loaded[i].tensor.is_contiguous());
    CHECK(at::equal(loaded[i].tensor, net->state()[i].tensor.detach()));
  }
  const auto other = make_backbone(kSmall, 2);
  other->to(at::kCPU, at::kDouble);
  load_into(*other, loaded);
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    CHECK(at::equal(other->state()[i].tensor.detach(),
                    loaded[i].tensor.to(other->state()[i].tensor.scalar_type())));
  }
  CHECK(other->state()[0].tensor.requires_grad());
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("weights tell the network, with and without DDP's prefix") {
  for (const char* depth : {"18", "34", "50", "100", "152", "200"}) {
    const std::string mode = std::string(depth) == "50" ? "se" : "normal";
    const auto net = make_backbone({.depth = depth, .mode = mode, .embedding_size = 4}, 1);
    const BackboneSpec spec = spec_from_state(net->state());
    CHECK((spec.model == "iresnet" && spec.depth == depth && spec.mode == mode && spec.embedding_size == 4));
  }
  for (const double width : {0.0625, 0.25, 0.8125, 1.0, 2.0}) {
    auto net = make_backbone({.model = "mobilefacenet", .width = width, .embedding_size = 24}, 1);
    std::vector<NamedTensor> state = net->state();
    for (NamedTensor& t : state) t.name = "module." + t.name;
    const BackboneSpec spec = spec_from_state(state);
    CHECK((spec.model == "mobilefacenet" && spec.width == width && spec.embedding_size == 24));
    load_into(*make_backbone(spec, 2), state);
  }
  CHECK(contains(refusal([] { spec_from_state({{"w", at::zeros({1})}}); }), "iresnet, mobilefacenet, vit"));
}

TEST_CASE("weights of another network: every name is listed and nothing is changed") {
  const auto net = make_backbone(kSmall, 1);
  std::vector<NamedTensor> state;
  for (const NamedTensor& t : net->state()) state.push_back({t.name, t.tensor.detach().clone().add_(1)});
  state[3].name = "surprise.weight";
  state[5].tensor = at::zeros({7});
  state.push_back({"another.bias", at::zeros({1})});
  const at::Tensor before = net->state()[0].tensor.detach().clone();
  const std::string message = refusal([&] { load_into(*net, state); });
  for (const std::string& name : {net->state()[3].name, net->state()[5].name, std::string("surprise.weight"),
                                  std::string("another.bias"), std::string("[7]")}) {
    CHECK_MESSAGE(contains(message, name), message);
  }
  CHECK(at::equal(net->state()[0].tensor.detach(), before));
}

TEST_CASE("what our writer makes, the reader takes; every cut is refused") {
  const std::string pickle =
      write_state_dict_pickle({{"w", at::zeros({2, 2})}, {"n", at::zeros({}, at::kLong)}});
  const auto state = parse(pickle);
  REQUIRE(state.size() == 2);
  CHECK(state[0].tensor.sizes() == at::IntArrayRef({2, 2}));
  CHECK((state[1].name == "n" && state[1].tensor.dim() == 0));
  for (std::size_t length = 0; length < pickle.size(); ++length) {
    CHECK(contains(refusal([&] { parse(pickle.substr(0, length)); }), "f.pth: "));
  }
  for (std::size_t i = 0; i < pickle.size(); ++i) {  // no flipped byte may crash the reader
    for (const int bit : {1, 8, 128}) {
      std::string damaged = pickle;
      damaged[i] = static_cast<char>(damaged[i] ^ bit);
      try {
        parse(damaged);
      } catch (const Error& e) {
        REQUIRE(e.kind() == ErrorKind::kInput);
      }
    }
  }
}

TEST_CASE("hostile pickles are refused") {
  CHECK(contains(refusal([] {
                   parse(
                       "\x80\x02"
                       "cposix\nsystem\n)R.");
                 }),
                 "posix.system"));
  CHECK(contains(refusal([] { parse("cos\nsystem\n."); }), "os.system"));
  CHECK(contains(refusal([] { parse("c__builtin__\neval\n."); }), "__builtin__.eval"));
  // Six values in a storage of four.
  const std::string pickle = write_state_dict_pickle({{"w", at::zeros({2, 3})}});
  CHECK(contains(refusal([&] { parse(pickle); }), "outside its storage"));
  // Nesting and cycles cost neither stack nor leaks.
  std::string deep = ")";
  for (int i = 0; i < 1000000; ++i) deep += '\x85';
  CHECK(contains(refusal([&] { parse(deep + "."); }), "no dictionary"));
  CHECK(contains(refusal([] { parse(std::string("}q\x01X\x01\0\0\0ah\x01s.", 14)); }), "'a' is no tensor"));
}

TEST_CASE("files that are no .pth of today say what they are") {
  const TemporaryFolder folder;
  CHECK(contains(refusal([&] { load_state_dict(folder / "absent.pth"); }), "absent.pth"));
  std::ofstream(folder / "legacy.pth", std::ios::binary) << "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j";
  CHECK(contains(refusal([&] { load_state_dict(folder / "legacy.pth"); }), "torch.save(torch.load("));
  std::ofstream(folder / "text.pth") << "hello, world";
  CHECK(contains(refusal([&] { load_state_dict(folder / "text.pth"); }), "not a .pth"));
  save_state_dict(folder / "whole.pth", make_backbone(kSmall, 1)->state());
  const auto size = std::filesystem::file_size(folder / "whole.pth");
  std::filesystem::resize_file(folder / "whole.pth", size / 2);
  CHECK(contains(refusal([&] { load_state_dict(folder / "whole.pth"); }), "damaged"));
}

}  // namespace
}  // namespace facetrain
