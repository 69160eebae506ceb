#include "common/config/print.hpp"

#include <doctest/doctest.h>

#include <set>

#include "common/config/parse.hpp"
#include "common/config/schema.hpp"
#include "common/config/text_form.hpp"
#include "tests/file_text.hpp"

using namespace facetrain;

TEST_CASE("canonical text reads back to the same text") {
  Config config;
  config.run.prefix = "quote \" back \\ tab \t line \n bell \x07 \u00e9";
  config.train.lr = 0.1 + 0.2;
  config.train.weight_decay = 1e-300;
  config.head.margin = {1, 0.25};
  config.validation.val_list = {"a", "b\"c"};
  config.launch.gpus = {};
  config.run.prefix = "p";
  config.run.work_path = "quote \" back \\ tab \t line \n bell \x07 \u00e9";
  const std::string text = print_config(config);
  const Config again = parse_config(text, "again");
  CHECK(print_config(again) == text);
  CHECK(again.train.lr == config.train.lr);
  CHECK(again.run.work_path == config.run.work_path);
  CHECK(again.train.weight_decay == 1e-300);
  CHECK(print_config(parse_config(print_config(config, Comments::kMeanings), "commented")) == text);
  CHECK(text.find('#') == std::string::npos);
}

TEST_CASE("numbers keep their type in TOML") {
  CHECK(real_text(1.0) == "1.0");
  CHECK(real_text(0.1) == "0.1");
  CHECK(real_text(5e-4) == "0.0005");
  CHECK(real_text(1e22) == "1e+22");
  CHECK(quoted_text("a\x01") == "\"a\\u0001\"");
}

TEST_CASE("the digest changes with every single key, and with nothing else") {
  const std::uint64_t base = config_digest(Config{});
  CHECK(base == config_digest(parse_config("# a comment\n[train]\nlr = 0.10\n", "x")));
  std::set<std::uint64_t> digests = {base};
  std::size_t keys = 0;
  for (const TableSchema& table : config_schema()) {
    for (const KeySchema& key : table.keys) {
      Config changed;
      struct Change {
        void operator()(std::string* v) const { *v += "x"; }
        void operator()(std::int64_t* v) const { *v += 1; }
        void operator()(double* v) const { *v += 1; }
        void operator()(bool* v) const { *v = !*v; }
        void operator()(std::vector<std::int64_t>* v) const { v->push_back(1); }
        void operator()(std::vector<double>* v) const { v->push_back(1); }
        void operator()(std::vector<std::string>* v) const { v->push_back("x"); }
      };
      std::visit(Change{}, key.field(changed));
      digests.insert(config_digest(changed));
      ++keys;
    }
  }
  CHECK(digests.size() == keys + 1);
}

TEST_CASE("every default passes its own check") {
  CHECK_NOTHROW(parse_config(print_config(Config{}), "defaults"));
}

TEST_CASE("configs/README.md is the reference") {
  CHECK_MESSAGE(test::file_text(FACETRAIN_SOURCE_DIR "/configs/README.md") == config_reference(),
                "run: build/bin/facetrain config --reference > configs/README.md");
}

TEST_CASE("the shipped configurations are good, and the default one has the challenge's values") {
  const Config config = load_config(FACETRAIN_SOURCE_DIR "/configs/arcface_r50_default.toml");
  CHECK(config.run.prefix == "arcface-r50-default");
  CHECK(config.model.model == "iresnet");
  CHECK(config.model.depth == "50");
  CHECK(config.model.mode == "se");
  CHECK(config.model.embedding_size == 512);
  CHECK(config.model.input_size == std::vector<std::int64_t>{112, 112});
  CHECK(config.head.head == "arcface");
  CHECK(config.head.margin == std::vector<double>{0.5});
  CHECK(config.head.sample_rate == 1.0);
  CHECK(config.train.batch_size == 128);
  CHECK(config.launch.trainers == 4);
  CHECK(config.train.lr == 0.1);
  CHECK(config.train.momentum == 0.9);
  CHECK(config.train.weight_decay == 5e-4);
  CHECK(config.train.epochs == 26);
  CHECK(config.train.reduce_lr == std::vector<std::int64_t>{12, 20, 24});
  CHECK(config.train.precision == "fp16");
  CHECK(config.data.augment);
  CHECK(config.data.rand_erase);
  CHECK(config.validation.val_list ==
        std::vector<std::string>{"lfw", "cfp_fp", "agedb_30", "calfw", "cplfw"});
  CHECK(config.validation.add_flip);
  CHECK_FALSE(config.validation.add_norm);
  CHECK(load_config(FACETRAIN_SOURCE_DIR "/configs/demo_cpu.toml").train.precision == "fp32");
}
