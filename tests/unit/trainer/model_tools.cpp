// verify and submit as commands: what they print and write for a small network, and what they refuse.
#include <zip.h>

#include <algorithm>
#include <sstream>

#include "common/config/parse.hpp"
#include "common/error.hpp"
#include "common/sha256.hpp"
#include "tests/file_text.hpp"
#include "tests/validation_fixture.hpp"
#include "trainer/tools/command.hpp"
#include "trainer/tools/submission.hpp"
#include "trainer/tools/submission_record.hpp"
#include "trainer/tools/trained_network.hpp"
#include "trainer/weights/weights.hpp"

// After ATen, whose logging header defines a CHECK of its own.
#include <doctest/doctest.h>

using namespace facetrain;
namespace fs = std::filesystem;

namespace {

std::string run(const Command& command, const std::vector<std::string>& words) {
  std::ostringstream out;
  command.run(parse_flags(command.name, command.flags, words), out);
  return out.str();
}

// A folder that is the current one, with a network's weights and a set of 12 pairs in it.
struct Workplace {
  test::TemporaryFolder folder;
  fs::path before = fs::current_path();
  Workplace() {
    fs::current_path(folder.path());
    BackboneSpec spec;
    spec.model = "mobilefacenet";
    spec.width = 0.125;
    spec.embedding_size = 64;
    save_state_dict("m.pth", make_backbone(spec, 7)->state());
    test::write_set("sets", "synth", 12);
    test::write_set("sets", "other", 10);
    fs::create_directory("test");
    fs::copy("sets/synth/synth.npy", "test/images.npy");
  }
  ~Workplace() { fs::current_path(before); }
};

// Name and text of a zip's only entry.
std::pair<std::string, std::string> unzipped(const char* path) {
  zip_t* zip = zip_open(path, ZIP_RDONLY, nullptr);
  REQUIRE(zip);
  REQUIRE(zip_get_num_entries(zip, 0) == 1);
  const std::string name = zip_get_name(zip, 0, 0);
  zip_stat_t stat;
  zip_stat_index(zip, 0, 0, &stat);
  std::string text(stat.size, '\0');
  zip_file_t* file = zip_fopen_index(zip, 0, 0);
  CHECK(zip_fread(file, text.data(), text.size()) == static_cast<zip_int64_t>(text.size()));
  zip_fclose(file);
  zip_discard(zip);
  return {name, text};
}

const std::vector<std::string> kSubmit{"--model_path", "m.pth", "--image_paths", "test/images.npy",
                                       "-b",           "5",     "--threads",     "1",
                                       "-scale",       "10K"};

}  // namespace

TEST_CASE("verify prints the reference's lines") {
  const Workplace here;
  const std::string out = run(
      verify_command(), {"-model_path", "m.pth", "-vs", "sets", "-v", "synth", "other", "-aflip", "-b", "7"});
  std::istringstream lines(out);
  std::string line;
  std::getline(lines, line);
  if (line.starts_with("Model will use")) std::getline(lines, line);
  CHECK(line == "Validating...");
  double first = 0, second = 0, deviation = 0, mean = 0;
  std::getline(lines, line);
  CHECK(std::sscanf(line.c_str(), "synth: %lf+-%lf", &first, &deviation) == 2);
  std::getline(lines, line);
  CHECK(std::sscanf(line.c_str(), "other: %lf+-%lf", &second, &deviation) == 2);
  std::getline(lines, line);
  CHECK(std::sscanf(line.c_str(), "Mean accuracy: %lf", &mean) == 1);
  CHECK(mean == doctest::Approx((first + second) / 2).epsilon(1e-4));
  CHECK(out.ends_with("\n\n"));
  CHECK(run(verify_command(), {"--model_path", "m.pth", "-vs", "sets", "-v", "synth", "--cosine"})
            .find("synth: ") != std::string::npos);
}

TEST_CASE("verify takes BGR, mean and std") {
  const Workplace here;
  const auto verify = [](std::vector<std::string> more) {
    std::vector<std::string> words{"--model_path", "m.pth", "-vs", "sets", "-v", "synth"};
    words.insert(words.end(), more.begin(), more.end());
    return run(verify_command(), words);
  };
  CHECK(verify({"--mean", "0.5", "--std", "0.5"}) == verify({}));
  CHECK(verify({"--bgr", "--mean", "0", "--std", "1"}).find("synth: ") != std::string::npos);
  CHECK_THROWS_WITH_AS(verify({"--std", "0"}), doctest::Contains("--std must be a number from 0.001 to"),
                       Error);
  CHECK_THROWS_WITH_AS(verify({"--mean", "x"}), doctest::Contains("--mean must be a number"), Error);
}

TEST_CASE("verify names what does not fit") {
  const Workplace here;
  CHECK_THROWS_WITH_AS(run(verify_command(), {"--model_path", "m.pth", "-vs", "sets", "-v", "lfw"}),
                       doctest::Contains("sets/lfw/lfw.npy: no such file"), Error);
  CHECK_THROWS_WITH_AS(
      run(verify_command(), {"--model_path", "m.pth", "--model", "iresnet", "-vs", "sets", "-v", "synth"}),
      doctest::Contains("--model iresnet was given, but the weights in m.pth are of a mobilefacenet"), Error);
  CHECK_THROWS_WITH_AS(run(verify_command(), {"-vs", "sets"}), doctest::Contains("missing --model_path"),
                       Error);
}

TEST_CASE("a depth or mode that the weights are not of is refused with both") {
  const Command verify = verify_command();
  BackboneSpec read;
  read.depth = "18";
  read.mode = "se";
  const auto given = [&](const std::vector<std::string>& words) {
    std::vector<std::string> all{"--model_path", "m.pth"};
    all.insert(all.end(), words.begin(), words.end());
    check_given(read, parse_flags("verify", verify.flags, all), "m.pth");
  };
  CHECK_NOTHROW(given({}));
  CHECK_NOTHROW(given({"-d", "18", "-mode", "se"}));
  CHECK_THROWS_WITH_AS(
      given({"-d", "50"}),
      doctest::Contains("--depth 50 was given, but the weights in m.pth are of an iresnet with depth 18"),
      Error);
  CHECK_THROWS_WITH_AS(
      given({"--mode", "normal"}),
      doctest::Contains("--mode normal was given, but the weights in m.pth are of an iresnet with mode se"),
      Error);
  read = {.model = "vit", .depth = "b"};
  CHECK_NOTHROW(given({"-d", "b", "-mode", "normal"}));
  CHECK_THROWS_WITH_AS(
      given({"-d", "s"}),
      doctest::Contains("--depth s was given, but the weights in m.pth are of a vit with depth b"), Error);
}

TEST_CASE("submit writes the text and its zip") {
  const Workplace here;
  CHECK(run(submit_command(), kSubmit).ends_with("./test_10K_result.txt\n"));
  const std::string text = test::file_text("test_10K_result.txt");
  CHECK(text.size() == 12 * 25);
  CHECK(text.find("nan") == std::string::npos);
  const auto [name, zipped] = unzipped("test_10K_result.zip");
  CHECK(name == "test_10K_result.txt");
  CHECK(zipped == text);
  CHECK(submission_stem("images.npy", "20K") == here.folder.path().filename().string() + "_20K_result");
  CHECK(submission_stem("test/./images.npy", "100K") == "test_100K_result");
}

TEST_CASE("submit takes BGR, mean and std: the distances are of pictures in that form") {
  const Workplace here;
  const auto submit = [](std::vector<std::string> more) {
    more.insert(more.begin(), kSubmit.begin(), kSubmit.end());
    run(submit_command(), more);
    return test::file_text("test_10K_result.txt");
  };
  // Pictures whose red and blue are swapped in the file, for a network that is told so.
  const std::string plain = submit({});
  const std::string bgr = submit({"--bgr"});
  CHECK(bgr != plain);
  auto bytes = test::tiled_pictures(12);
  constexpr std::size_t kPlane = kPictureBytes / 3;
  for (std::size_t at = 0; at < bytes.size(); at += kPictureBytes)
    std::swap_ranges(&bytes[at], &bytes[at] + kPlane, &bytes[at] + 2 * kPlane);
  {
    std::ofstream file("test/images.npy", std::ios::binary | std::ios::trunc);
    const std::vector<std::uint64_t> shape{24, 3, kPictureSide, kPictureSide};
    file << format_npy_header("|u1", shape);
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  CHECK(submit({}) == bgr);
  CHECK(submit({"--bgr"}) == plain);
  CHECK(submit({"--bgr", "--mean", "0.5", "--std", "0.5"}) == plain);
  const std::string mean = submit({"--bgr", "--mean", "0"});
  CHECK(mean != plain);
  // This network's embeddings only grow with its input, so that normalised ones do not show --std.
  CHECK(submit({"--bgr", "--mean", "0", "--std", "1"}) == mean);
  CHECK_THROWS_WITH_AS(submit({"--std", "0"}), doctest::Contains("--std must be a number from 0.001 to"),
                       Error);
}

TEST_CASE("a submission's record has a fixed form") {
  SubmissionRecord record;
  record.program = "facetrain 1";
  record.build = "00ff";
  record.date = "2026-11-25T16:30:00Z";
  record.scale = "20K";
  record.result = {"t_20K_result.txt", 50, "aa"};
  record.weights = {"a \"b\".pth", 7, "bb"};
  record.pictures = {"t/images.npy", 8, "cc"};
  record.format = {true, 0, 0.25};
  record.precision = "fp32";
  CHECK(record_text(record) ==
        "{\n  \"program\": \"facetrain 1\",\n  \"build\": \"00ff\",\n  \"date\": \"2026-11-25T16:30:00Z\",\n"
        "  \"scale\": \"20K\",\n"
        "  \"result\": {\"path\": \"t_20K_result.txt\", \"bytes\": 50, \"sha256\": \"aa\"},\n"
        "  \"weights\": {\"path\": \"a \\\"b\\\".pth\", \"bytes\": 7, \"sha256\": \"bb\"},\n"
        "  \"pictures\": {\"path\": \"t/images.npy\", \"bytes\": 8, \"sha256\": \"cc\"},\n"
        "  \"pictures_as\": {\"bgr\": true, \"mean\": 0.0, \"std\": 0.25},\n  \"precision\": \"fp32\",\n"
        "  \"config\": null,\n  \"training_data\": []\n}\n");
  record.config = RecordedFile{"c.toml", 9, "dd"};
  record.config_digest = "ee";
  record.training_data = {{"a.txt", 1, "ff"}, {"b.lmdb", 0, ""}};
  CHECK(record_text(record).ends_with(
      "  \"config\": {\"path\": \"c.toml\", \"bytes\": 9, \"sha256\": \"dd\", \"digest\": \"ee\"},\n"
      "  \"training_data\": [\n    {\"path\": \"a.txt\", \"bytes\": 1, \"sha256\": \"ff\"},\n"
      "    {\"path\": \"b.lmdb\", \"bytes\": 0}\n  ]\n}\n"));
}

TEST_CASE("submit records which weights, pictures, configuration and data made the result") {
  const Workplace here;
  run(submit_command(), kSubmit);
  const std::string alone = test::file_text("test_10K_result.json");
  CHECK(alone.find("\"config\": null") != std::string::npos);
  CHECK(alone.find(sha256_of_file("m.pth")) != std::string::npos);
  CHECK(alone.find(sha256_of_file("test/images.npy")) != std::string::npos);
  CHECK(alone.find(sha256_of_file("test_10K_result.txt")) != std::string::npos);
  CHECK(alone.find("\"scale\": \"10K\"") != std::string::npos);

  CHECK(alone.find("\"pictures_as\": {\"bgr\": false, \"mean\": 0.5, \"std\": 0.5}") != std::string::npos);
  CHECK(alone.find("\"precision\": \"fp32\"") != std::string::npos);
  std::vector<std::string> other_pixels = kSubmit;
  other_pixels.insert(other_pixels.end(), {"--bgr", "--mean", "0", "--std", "1", "--precision", "bf16"});
  run(submit_command(), other_pixels);
  const std::string changed = test::file_text("test_10K_result.json");
  CHECK(changed.find("\"pictures_as\": {\"bgr\": true, \"mean\": 0.0, \"std\": 1.0}") != std::string::npos);
  CHECK(changed.find("\"precision\": \"bf16\"") != std::string::npos);

  fs::create_directories("workspace/run/models");
  fs::copy("m.pth", "workspace/run/models/m.pth");
  std::ofstream("train.txt") << "/x/a/1.jpg\n";
  std::ofstream("workspace/run/config.toml") << "[data]\ntrain_source = 'train.txt'\n";
  std::vector<std::string> words = kSubmit;
  words[1] = "workspace/run/models/m.pth";
  run(submit_command(), words);
  const std::string record = test::file_text("test_10K_result.json");
  char digest[24];
  std::snprintf(digest, sizeof digest, "%016llx",
                static_cast<unsigned long long>(config_digest(load_config("workspace/run/config.toml"))));
  CHECK(record.find("run/config.toml\", \"bytes\": ") != std::string::npos);
  CHECK(record.find(std::string("\"digest\": \"") + digest + "\"") != std::string::npos);
  CHECK(record.find("{\"path\": \"train.txt\", \"bytes\": 11, \"sha256\": \"" +
                    sha256_of_file("train.txt")) != std::string::npos);
  // A configuration that this build cannot read is still named.
  std::ofstream("workspace/run/config.toml") << "[other]\n";
  run(submit_command(), words);
  CHECK(test::file_text("test_10K_result.json").find(sha256_of_file("workspace/run/config.toml")) !=
        std::string::npos);
}

TEST_CASE("submit refuses what is not pairs of pictures, and leaves nothing") {
  const Workplace here;
  const auto refused = [&](const std::string& header_type, std::uint64_t count, std::uint64_t side,
                           const char* words) {
    std::ofstream file("test/images.npy", std::ios::binary | std::ios::trunc);
    const std::vector<std::uint64_t> shape{count, 3, side, side};
    file << format_npy_header(header_type, shape) << std::string(count * 3 * side * side, 'x');
    file.close();
    CHECK_THROWS_WITH_AS(run(submit_command(), kSubmit), doctest::Contains(words), Error);
  };
  refused("|u1", 3, 112, "test/images.npy has 3 pictures, which are not pairs");
  refused("|u1", 2, 100, "test/images.npy");
  refused("|i1", 2, 112, "test/images.npy");
  fs::remove("test/images.npy");
  CHECK_THROWS_WITH_AS(run(submit_command(), kSubmit), doctest::Contains("facetrain extract"), Error);
  std::vector<std::string> wrong_scale = kSubmit;
  wrong_scale.back() = "30K";
  CHECK_THROWS_WITH_AS(run(submit_command(), wrong_scale), doctest::Contains("10K, 20K or 100K, not 30K"),
                       Error);
  for (const auto& entry : fs::directory_iterator("."))
    CHECK(entry.path().filename().string().find("result") == std::string::npos);
}

TEST_CASE("a submission that cannot be written leaves nothing half-written") {
  const Workplace here;
  CHECK_THROWS_AS(write_submission("no/such/folder/x", "1\n"), Error);
  fs::create_directory("x.zip");
  CHECK_THROWS_WITH_AS(write_submission("x", "1\n"), doctest::Contains("x.zip"), Error);
  for (const auto& entry : fs::directory_iterator("."))
    CHECK(entry.path().filename().string().find(".zip.") == std::string::npos);
}
