#include "common/config/parse.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/error.hpp"

using namespace facetrain;
namespace fs = std::filesystem;

namespace {

// What parse_config complains about; empty when it is content.
std::string config_complaint(const std::string& text) {
  try {
    parse_config(text, "x.toml");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kConfig);
    return error.what();
  }
  return "";
}

struct Folder {
  fs::path path = fs::temp_directory_path() / ("facetrain-config-" + std::to_string(getpid()));
  Folder() { fs::create_directories(path); }
  ~Folder() { fs::remove_all(path); }
  std::string file(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << text;
    return (path / name).string();
  }
};

std::string load_complaint(const std::string& path, std::vector<std::string> sets = {}) {
  try {
    load_config(path, sets);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kConfig);
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("an empty configuration is the defaults") {
  const Config config = parse_config("", "x.toml");
  CHECK(config.train.lr == 0.1);
  CHECK(config.model.depth == "50");
  CHECK(config.train.reduce_lr == std::vector<std::int64_t>{8, 12, 14});
  CHECK(config_digest(config) == config_digest(Config{}));
}

TEST_CASE("values of every type are read") {
  const Config config = parse_config(
      "run.prefix = 'a'\n[data]\ntrain_source = 'list.txt'\naugment = true\n[model]\ndepth = 18\ninput_size "
      "= [96, 112]\n"
      "[head]\nmargin = 1\n[train]\nlr = 1\nbatch_size = 7\nreduce_lr = 3\n",
      "x.toml");
  CHECK(config.run.prefix == "a");
  CHECK(config.data.train_source == std::vector<std::string>{"list.txt"});  // a scalar for a list
  CHECK(config.data.augment);
  CHECK(config.model.depth == "18");  // an integer for a word
  CHECK(config.model.input_size == std::vector<std::int64_t>{96, 112});
  CHECK(config.head.margin == std::vector<double>{1.0});
  CHECK(config.train.lr == 1.0);  // an integer for a number
  CHECK(config.train.batch_size == 7);
  CHECK(config.train.reduce_lr == std::vector<std::int64_t>{3});
}

TEST_CASE("each kind of mistake has its line") {
  CHECK(config_complaint("[train]\nmomentun = 0.9\n") ==
        "x.toml:2:1: unknown key `momentun` in [train]; did you mean `momentum`?");
  CHECK(config_complaint("[train]\n\n  zzzzzz = 1\n") == "x.toml:3:3: unknown key `zzzzzz` in [train]");
  CHECK(config_complaint("[train]\nmargin = 1\n") ==
        "x.toml:2:1: unknown key `margin` in [train]; it belongs to [head]");
  CHECK(config_complaint("lr = 1\n") ==
        "x.toml:1:1: key `lr` stands outside its table; it belongs to [train]");
  CHECK(config_complaint("[trian]\nlr = 1\n") == "x.toml:1:2: unknown table [trian]; did you mean `train`?");
  CHECK(config_complaint("train = 3\n") == "x.toml:1:1: `train` is a table, written as [train]");
  CHECK(config_complaint("[train]\nlr = 'x'\n") ==
        "x.toml:2:6: train.lr: expected number, not the text \"x\"");
  CHECK(config_complaint("[train]\nepochs = 2.5\n") ==
        "x.toml:2:10: train.epochs: expected integer, not the number 2.5");
  CHECK(config_complaint("[data]\naugment = 1\n") ==
        "x.toml:2:11: data.augment: expected true or false, not the integer 1");
  CHECK(config_complaint("[run]\nprefix = 1979-05-27\n") ==
        "x.toml:2:10: run.prefix: expected text, not a date or time");
  CHECK(config_complaint("[train]\nlr = [0.1]\n") == "x.toml:2:6: train.lr: expected number, not a list");
  CHECK(config_complaint("[train]\nreduce_lr = [1, 'x']\n") ==
        "x.toml:2:17: train.reduce_lr: expected list of integers, not the text \"x\"");
  CHECK(config_complaint("[train]\nepochs = 0\n") ==
        "x.toml:2:10: train.epochs: 0 is out of range (1 to 100000)");
  CHECK(config_complaint("[train]\nmomentum = 1.5\n") ==
        "x.toml:2:12: train.momentum: 1.5 is out of range (0 to 1)");
  CHECK(config_complaint("[train]\nlr = nan\n") == "x.toml:2:6: train.lr: nan is not a finite number");
  CHECK(config_complaint("[train]\nlr = inf\n") == "x.toml:2:6: train.lr: inf is not a finite number");
  CHECK(config_complaint("[model]\nmodel = 'iresnt'\n") ==
        "x.toml:2:9: model.model: \"iresnt\" is not iresnet, mobilefacenet or vit; did you mean `iresnet`?");
  CHECK(config_complaint("[run]\nprefix = 'a/b'\n") ==
        "x.toml:2:10: run.prefix: \"a/b\" is not a name without /");
  CHECK(config_complaint("[run]\nwork_path = ''\n") == "x.toml:2:13: run.work_path: must not be empty");
  CHECK(config_complaint("base = 'y.toml'\n") ==
        "x.toml:1:8: base: only a configuration file may have a base");
}

TEST_CASE("a syntax error has its position") {
  CHECK(config_complaint("[train]\nlr = \n").starts_with("x.toml:2:"));
  CHECK(config_complaint("[train]\nlr = 1\nlr = 2\n").starts_with("x.toml:3:"));
}

TEST_CASE("all problems are reported at once, from top to bottom") {
  CHECK(config_complaint("[train]\nlr = 'x'\nepochs = 0\n[data]\nslots = 1\n") ==
        "x.toml:2:6: train.lr: expected number, not the text \"x\"\n"
        "x.toml:3:10: train.epochs: 0 is out of range (1 to 100000)\n"
        "x.toml:5:9: data.slots: 1 is out of range (2 to 64)");
}

TEST_CASE("the changes that a run may go on with are named") {
  CHECK(config_complaint(
            "[run]\nresume = 'a'\n[checkpoint]\nallow = ['lr', 'plan']\nkeep = 0\nminutes = 0.5\n") == "");
  CHECK(config_complaint("[checkpoint]\nallow = 'rl'\n").starts_with("x.toml:2:9: checkpoint.allow: "));
}

TEST_CASE("partial FC is refused where it cannot work") {
  CHECK(config_complaint("[head]\nsample_rate = 0.5\ndense_momentum = true\n") == "");
  CHECK(config_complaint("[head]\nsample_rate = 0\n")
            .starts_with("x.toml:2:15: head.sample_rate: 0 would sample no negative class"));
  CHECK(config_complaint("[head]\nsample_rate = 0.5\n[train]\noptimizer = 'adamw'\n")
            .find("head.sample_rate: below 1 (partial FC) works with train.optimizer = \"sgd\" only") !=
        std::string::npos);
  CHECK(config_complaint("[head]\nsample_rate = 0.5\nhead = 'circleloss'\nmargin = [0.25]\n") ==
        "x.toml:2:15: head.sample_rate: below 1 (partial FC) samples class centres, and head.head = "
        "\"circleloss\" has none; set head.sample_rate = 1");
  CHECK(config_complaint("[head]\nsample_rate = 1\nhead = 'circleloss'\nmargin = [0.25]\n") == "");
  CHECK(config_complaint("[head]\nsample_rate = 0.5\n[train]\naccumulate = 2\n")
            .find("head.sample_rate: below 1 (partial FC) draws classes for each update") !=
        std::string::npos);
}

TEST_CASE("an embedding job takes every picture once, as it is") {
  const std::string good = "[embed]\nmodel_path = 'm.pth'\n[train]\nepochs = 1\n[data]\nflip = false\n";
  CHECK(config_complaint(good).empty());
  for (const char* more : {"augment = true\n", "rand_erase = true\n", "order = 'chunked'\n"})
    CHECK(
        config_complaint(good + more).find("an embedding job (embed.model_path) takes every picture once") !=
        std::string::npos);
  CHECK(config_complaint("[embed]\nmodel_path = 'm.pth'\n[train]\nepochs = 1\n")
            .find("data.flip: an embedding job") != std::string::npos);
  CHECK(config_complaint("[embed]\nmodel_path = 'm.pth'\n[data]\nflip = false\n")
            .find("train.epochs: an embedding") != std::string::npos);
}

TEST_CASE("keys of [model] must be of its backbone") {
  const auto model = [](const std::string& keys) { return config_complaint("[model]\n" + keys); };
  for (const char* depth : {"s", "b", "l"})
    CHECK(model("model = 'vit'\ndepth = '" + std::string(depth) + "'\ncheckpoint = true\n") == "");
  CHECK(model("checkpoint = true\n") == "");
  CHECK(model("model = 'vit'\ndepth = 50\n") ==
        "x.toml:3:9: model.depth: vit has the depths s, b and l, not 50");
  CHECK(model("model = 'vit'\n").find("vit has the depths s, b and l, not 50") != std::string::npos);
  CHECK(model("model = 'vit'\ndepth = 's'\nmode = 'se'\n") ==
        "x.toml:4:8: model.mode: se is of iresnet; vit has normal only");
  CHECK(
      model("depth = 'b'\n") ==
      "x.toml:2:9: model.depth: b is a depth of vit, not of iresnet, which has 18, 34, 50, 100, 152 and 200");
  CHECK(model("model = 'mobilefacenet'\ndepth = 'l'\n") ==
        "x.toml:3:9: model.depth: l is a depth of vit, not of mobilefacenet, whose size is model.width");
  CHECK(model("model = 'mobilefacenet'\ncheckpoint = true\n") ==
        "x.toml:3:14: model.checkpoint: is of iresnet and vit; mobilefacenet keeps all activations");
}

TEST_CASE("values must fit together") {
  CHECK(config_complaint("[model]\ninput_size = 112\n")
            .starts_with("x.toml:2:14: model.input_size: needs two numbers"));
  CHECK(config_complaint("[train]\nreduce_lr = [12, 8]\n")
            .starts_with("x.toml:2:13: train.reduce_lr: the epochs must increase"));
  CHECK(config_complaint("[train]\nreduce_lr = [8, 8]\n") != "");
  CHECK(config_complaint("[train]\nreduce_lr = []\n") == "");
  CHECK(config_complaint("[train]\nwarmup_epoch = 1\n")
            .starts_with("x.toml:2:16: train.warmup_epoch: only the polynomial schedule warms up"));
  CHECK(config_complaint("[train]\nscheduler = true\nepochs = 3\nwarmup_epoch = 3\n") ==
        "x.toml:4:16: train.warmup_epoch: must be below train.epochs, which is 3");
  CHECK(config_complaint("[train]\nscheduler = true\nepochs = 3\nwarmup_epoch = 2\n") == "");
  CHECK(config_complaint("[validation]\nadd_norm = true\n")
            .starts_with("x.toml:2:12: validation.add_norm: excludes add_flip"));
  CHECK(config_complaint("[validation]\nadd_norm = true\nadd_flip = false\n") == "");
  CHECK(config_complaint("[launch]\ngpus = [0, 0]\n")
            .starts_with("x.toml:2:8: launch.gpus: names a GPU twice"));
  CHECK(config_complaint("[launch]\ngpus = [0, 2]\ntrainers = 4\n") ==
        "x.toml:2:8: launch.gpus: names 2 GPUs but launch.trainers is 4; each trainer has one GPU");
  CHECK(config_complaint("[launch]\ngpus = [0, 2]\ntrainers = 2\n") == "");
  CHECK(config_complaint("[data]\nfixed_size_redraw = true\n")
            .starts_with("x.toml:2:21: data.fixed_size_redraw: has no effect without data.fixed_size"));
  CHECK(config_complaint("[data]\nwindow = 2047\n") ==
        "x.toml:2:10: data.window: must be at least data.shard, which is 2048: a window shuffles the samples "
        "of "
        "several shards");
  CHECK(config_complaint("[data]\norder = 'chunked'\nwindow = 64\nshard = 64\n") == "");
  CHECK(config_complaint("[train]\nbatch_size = 1\n") ==
        "x.toml:2:14: train.batch_size: must be 2 or more: batch normalisation has no variance of a single "
        "picture");
  CHECK(config_complaint("[train]\nbatch_size = 2\n") == "");
  CHECK(config_complaint("[data]\norder = 'chunk'\n").find("exact or chunked") != std::string::npos);
  CHECK(config_complaint("[data]\nmask_shrink = true\n") ==
        "x.toml:2:15: data.mask_shrink: has no effect without data.mask");
  CHECK(config_complaint("[data]\nmask_shrink = true\nmask = 'm.npy'\n") == "");
  CHECK(config_complaint("[data]\nfixed_size = 1\nfixed_size_redraw = true\n") == "");
  CHECK(config_complaint("[validation]\nval_list = ['a', 'a']\n") ==
        "x.toml:2:12: validation.val_list: names a set twice");
  CHECK(config_complaint("[limits]\nsilence = 2\n")
            .find("x.toml:2:11: limits.silence: processes tell once a") == 0);
  CHECK(config_complaint("[limits]\nsilence = 0\n") == "");
  CHECK(config_complaint("[debug]\ninject = 'rank=1'\n")
            .find("x.toml:2:10: debug.inject: rank, step and fault") == 0);
}

TEST_CASE("a base is read first, relative to the file that names it") {
  const Folder folder;
  folder.file("base.toml", "[train]\nlr = 0.5\nepochs = 3\n[run]\nprefix = 'b'\n");
  folder.file("sub/middle.toml", "base = '../base.toml'\n[train]\nepochs = 4\n");
  const std::string top = folder.file("top.toml", "base = 'sub/middle.toml'\n[run]\nprefix = 't'\n");
  const Config config = load_config(top);
  CHECK(config.train.lr == 0.5);
  CHECK(config.train.epochs == 4);
  CHECK(config.run.prefix == "t");
  const std::vector<std::string> sets = {"train.epochs=9"};
  CHECK(load_config(top, sets).train.epochs == 9);
  CHECK(resolve_config(top, sets) == print_config(load_config(top, sets)));
  CHECK(resolve_config(top, sets) == resolve_config(top, sets));
}

TEST_CASE("problems of a base are reported with the base's name, and circles are found") {
  const Folder folder;
  const std::string bad = folder.file("bad.toml", "[train]\nlr = 'x'\n");
  const std::string top = folder.file("top.toml", "base = 'bad.toml'\n[train]\nepochs = 0\n");
  CHECK(load_complaint(top) == bad + ":2:6: train.lr: expected number, not the text \"x\"\n" + top +
                                   ":3:10: train.epochs: 0 is out of range (1 to 100000)");
  folder.file("a.toml", "base = 'b.toml'\n");
  const std::string b = folder.file("b.toml", "base = 'a.toml'\n");
  CHECK(load_complaint(b).find("in a circle") != std::string::npos);
  const std::string self = folder.file("self.toml", "base = './self.toml'\n");
  CHECK(load_complaint(self).starts_with(self + ":1:8: base: the files name each other as base in a circle"));
}

TEST_CASE("a file that cannot be read is one clear line") {
  const Folder folder;
  const std::string missing = (folder.path / "none.toml").string();
  CHECK(load_complaint(missing) ==
        "cannot read the configuration " + missing +
            ": No such file or directory; name a TOML file, such as configs/arcface_r50_default.toml");
  CHECK(load_complaint(folder.path.string()).find("Is a directory") != std::string::npos);
  const std::string top = folder.file("top.toml", "base = 'none.toml'\n");
  CHECK(load_complaint(top).starts_with(top + ":1:8: base: cannot read the configuration"));
  CHECK(load_complaint(folder.file("empty.toml", "")) == "");
}

TEST_CASE("--set overrides, as TOML or as bare words") {
  const Folder folder;
  const std::string path = folder.file("x.toml", "");
  const std::vector<std::string> sets = {
      "run.prefix=my run",  "train.lr=0.05",          "train.reduce_lr=[1, 2]", "launch.gpus=3",
      "model.depth=18",     "model.mode=\"se\"",      "data.augment=true",      "train.reduce_lr=[2,4]",
      "run.work_path=/a=b", "validation.val_list=lfw"};
  const Config config = load_config(path, sets);
  CHECK(config.run.prefix == "my run");
  CHECK(config.train.lr == 0.05);
  CHECK(config.train.reduce_lr == std::vector<std::int64_t>{2, 4});  // the last one wins
  CHECK(config.launch.gpus == std::vector<std::int64_t>{3});
  CHECK(config.model.depth == "18");
  CHECK(config.model.mode == "se");
  CHECK(config.data.augment);
  CHECK(config.run.work_path == "/a=b");
  CHECK(config.validation.val_list == std::vector<std::string>{"lfw"});
  const std::vector<std::string> number_as_text = {"run.prefix=2024"};
  CHECK(load_config(path, number_as_text).run.prefix == "2024");
}

TEST_CASE("mistakes in --set are named as typed") {
  const Folder folder;
  const std::string path = folder.file("x.toml", "");
  CHECK(load_complaint(path, {"train.lr=x"}) == "--set train.lr=x: expected number, not the text \"x\"");
  CHECK(load_complaint(path, {"train.epochs=0"}) == "--set train.epochs=0: 0 is out of range (1 to 100000)");
  CHECK(load_complaint(path, {"train.lrr=1"}) ==
        "--set train.lrr=1: unknown key `lrr` in [train]; did you mean `lr`?");
  CHECK(load_complaint(path, {"trane.lr=1"}) ==
        "--set trane.lr=1: unknown table [trane]; did you mean `train`?");
  CHECK(load_complaint(path, {"train.lr"}) ==
        "--set train.lr: expected table.key=value, such as train.lr=0.05");
  CHECK(load_complaint(path, {"lr=1"}) == "--set lr=1: expected table.key=value, such as train.lr=0.05");
  CHECK(load_complaint(path, {"train.lr="}) == "--set train.lr=: expected number, not the text \"\"");
  CHECK(load_complaint(path, {"train.reduce_lr=[1,"})
            .starts_with("--set train.reduce_lr=[1,: the value is not TOML"));
  CHECK(load_complaint(path, {"train.lr=1\nx=2"}).starts_with("--set"));
  CHECK(load_complaint(path, {"data.mask_shrink=true", "train.lr=y"}) ==
        "--set train.lr=y: expected number, not the text \"y\"\n"
        "--set data.mask_shrink=true: data.mask_shrink: has no effect without data.mask");
}
