// Converted configurations: every key's counterpart, what is only named, and that our parser reads the text.
#include "common/migrate/convert_config.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "common/config/parse.hpp"
#include "common/error.hpp"
#include "common/migrate/convert_command.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tool_run.hpp"

using namespace facetrain;

namespace {

const std::string kStart = "from easydict import EasyDict\nconfig = EasyDict()\n";

std::string toml(const std::string& own, const std::string& base = "") {
  const PythonConfig defaults =
      base.empty() ? PythonConfig{} : parse_python_config(kStart + base, "base.py", {});
  const PythonConfig config = merged(defaults, parse_python_config(kStart + own, "x.py", {}));
  return converted_text(convert_config(config, "x.py"), "configs/x.py",
                        base.empty() ? "" : "configs/base.py");
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("every key of the reference arrives at its counterpart") {
  const std::string text = toml(
      "config.prefix = 'p'\nconfig.frequency_log = 5\nconfig.train_source = ['a.txt']\nconfig.augment = "
      "True\n"
      "config.rand_erase = True\nconfig.model = 'mobilefacenet'\nconfig.depth = 18\nconfig.mode = 'se'\n"
      "config.embedding_size = 64\nconfig.input_size = [112, 112]\nconfig.margin = 0.3\nconfig.batch_size = "
      "7\n"
      "config.epochs = 3\nconfig.lr = 0.02\nconfig.momentum = 0.8\nconfig.weight_decay = 1e-3\n"
      "config.reduce_lr = [2]\nconfig.fp16 = False\nconfig.val_source = 'v'\nconfig.val_list = ['lfw']\n"
      "config.add_flip = False\nconfig.add_norm = True\nconfig.head = 'arcface'\nconfig.sample_rate = 1\n"
      "config.optimizer = 'sgd'\nconfig.scheduler = False\nconfig.warmup_epoch = 0\nconfig.resume = None\n"
      "config.mask = None\nconfig.label_map = None\nconfig.fixed_size = None\n");
  const Config config = parse_config(text, "x.toml");
  CHECK(config.run.prefix == "p");
  CHECK(config.run.frequency_log == 5);
  CHECK(config.data.train_source == std::vector<std::string>{"a.txt"});
  CHECK(config.data.augment);
  CHECK(config.data.rand_erase);
  CHECK(config.model.model == "mobilefacenet");
  CHECK(config.model.depth == "18");
  CHECK(config.model.mode == "se");
  CHECK(config.model.embedding_size == 64);
  CHECK(config.head.margin == std::vector<double>{0.3});
  CHECK(config.train.batch_size == 7);
  CHECK(config.train.epochs == 3);
  CHECK(config.train.lr == 0.02);
  CHECK(config.train.momentum == 0.8);
  CHECK(config.train.weight_decay == 1e-3);
  CHECK(config.train.reduce_lr == std::vector<std::int64_t>{2});
  CHECK(config.train.precision == "fp32");
  CHECK(config.validation.val_source == "v");
  CHECK(config.validation.val_list == std::vector<std::string>{"lfw"});
  CHECK_FALSE(config.validation.add_flip);
  CHECK(config.validation.add_norm);
  CHECK(config.data.mask.empty());
  CHECK(config.data.fixed_size == 0);
}

TEST_CASE("keys without counterpart and differences are comments") {
  const std::string text = toml(
      "config.head = 'adaface'\nconfig.margin = 0.4\nconfig.num_ims = 5822653\nconfig.pin_memory = True\n"
      "config.my_key = [1, None]\n",
      "config.workers = 2\nconfig.lr = 0.1\nconfig.margin = 0.5\nconfig.fp16 = True\n");
  CHECK(text.starts_with("# Made by `facetrain convert-config` from x.py over base.py;"));
  CHECK(has_line(text, "#   num_ims = 5822653: the pictures are counted when the source is opened"));
  CHECK(has_line(text, "#   my_key = [1, None]: not a key of facetrain"));
  CHECK(text.find("#   pin_memory = True: ") != std::string::npos);
  CHECK(text.find("#   workers = 2: ") != std::string::npos);
  CHECK(text.find("[compat] adaface = true with local_statistics = true is the reference's") !=
        std::string::npos);
  CHECK(has_line(text, "margin = [0.4]"));
  CHECK(text.find("lr = 0.1") < text.find("# base.py"));
  CHECK(text.find("precision = \"fp16\"") != std::string::npos);
  CHECK(text.find("my_key =") == text.rfind("my_key ="));  // only the comment
}

TEST_CASE("vit b and l checkpoint activations, which the parent does without a key") {
  const auto checkpoint = [](const std::string& own) {
    return parse_config(toml(own + "config.embedding_size = 512\n"), "x.toml").model.checkpoint;
  };
  CHECK(checkpoint("config.model = 'vit'\nconfig.depth = 'b'\n"));
  CHECK(checkpoint("config.model = 'vit'\nconfig.depth = 'l'\n"));
  CHECK_FALSE(checkpoint("config.model = 'vit'\nconfig.depth = 's'\n"));
  CHECK_FALSE(checkpoint("config.model = 'iresnet'\nconfig.depth = '50'\n"));
}

TEST_CASE("add_flip wins over add_norm, as in the reference") {
  const std::string text =
      toml("config.add_norm = True\n", "config.add_flip = True\nconfig.add_norm = False\n");
  const Config config = parse_config(text, "x.toml");
  CHECK(config.validation.add_flip);
  CHECK_FALSE(config.validation.add_norm);
  CHECK(text.find("the reference then takes add_flip") != std::string::npos);
}

TEST_CASE("values of another type are all named with their places") {
  CHECK_THROWS_WITH_AS(toml("config.lr = 'x'\nconfig.augment = 1\nconfig.epochs = 1.5\nconfig.fp16 = 0\n"),
                       "x.py:3: config.lr: expected number, not 'x'\n"
                       "x.py:4: config.augment: expected true or false, not 1\n"
                       "x.py:5: config.epochs: expected integer, not 1.5\n"
                       "x.py:6: config.fp16: expected True or False, not 0",
                       Error);
}

TEST_CASE("convert-config as a command") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "configs");
  std::ofstream(folder / "configs/base.py") << kStart << "config.lr = 0.25\nconfig.batch_size = 512\n";
  std::ofstream(folder / "configs/a.py") << kStart << "config.batch_size = 64\n";
  std::ostringstream out;
  convert_config_command(std::vector<std::string>{folder / "configs/a.py", "-o", folder / "a.toml"}, out);
  CHECK(out.str() == (folder / "a.toml") + "\n");
  const Config config = load_config(folder / "a.toml");
  CHECK(config.train.batch_size == 64);
  CHECK(config.train.lr == 0.25);
  out.str("");
  convert_config_command(std::vector<std::string>{folder / "configs/a.py", "--base", ""}, out);
  CHECK(parse_config(out.str(), "x").train.lr == 0.1);
  // Syntax that is not data writes nothing; values that facetrain refuses are named with the new file's line.
  std::ofstream(folder / "configs/b.py") << kStart << "config.lr = input()\n";
  CHECK_THROWS_WITH_AS(
      convert_config_command(std::vector<std::string>{folder / "configs/b.py", "-o", folder / "b.toml"}, out),
      doctest::Contains("configs/b.py:3: `input` with 0 arguments"), Error);
  CHECK_FALSE(std::filesystem::exists(folder / "b.toml"));
  std::ofstream(folder / "configs/c.py") << kStart << "config.depth = 77\n";
  CHECK_THROWS_WITH_AS(
      convert_config_command(std::vector<std::string>{folder / "configs/c.py", "-o", folder / "c.toml"}, out),
      doctest::Contains("c.toml:"), Error);
}
