#include "trainer/tools/submission_record.hpp"

#include <ctime>
#include <filesystem>

#include "common/build_id.hpp"
#include "common/config/parse.hpp"
#include "common/config/text_form.hpp"
#include "common/error.hpp"
#include "common/formatted.hpp"
#include "common/sha256.hpp"

namespace facetrain {
namespace {

namespace fs = std::filesystem;

// Lists are small; the packed data sets of many GB are named by their size alone.
constexpr std::uint64_t kLargestHashed = std::uint64_t{1} << 28;

std::string now_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm fields{};
  gmtime_r(&now, &fields);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &fields);
  return text;
}

RecordedFile hashed(const std::string& path) {
  std::error_code ignored;
  return {path, fs::file_size(path, ignored), sha256_of_file(path)};
}

// A TOML basic string is a JSON string too: the same escapes.
std::string field(const std::string& name, const std::string& text) {
  return quoted_text(name) + ": " + quoted_text(text);
}

std::string file_text(const RecordedFile& file) {
  std::string text = "{" + field("path", file.path) + ", \"bytes\": " + std::to_string(file.bytes);
  if (!file.sha256.empty()) text += ", " + field("sha256", file.sha256);
  return text + "}";
}

std::string format_text(const PictureFormat& format) {
  return std::string("{\"bgr\": ") + (format.bgr ? "true" : "false") +
         ", \"mean\": " + real_text(format.mean) + ", \"std\": " + real_text(format.std_deviation) + "}";
}

std::string config_text(const SubmissionRecord& record) {
  if (!record.config) return "null";
  std::string text = file_text(*record.config);
  if (record.config_digest.empty()) return text;
  text.pop_back();
  return text + ", " + field("digest", record.config_digest) + "}";
}

std::vector<RecordedFile> sources_of(const Config& config) {
  std::vector<RecordedFile> files;
  for (const std::string& path : config.data.train_source) {
    std::error_code missing;
    const std::uint64_t size = fs::is_regular_file(path, missing) ? fs::file_size(path, missing) : 0;
    files.push_back(size > 0 && size <= kLargestHashed ? hashed(path) : RecordedFile{path, size, ""});
  }
  return files;
}

}  // namespace

std::string record_text(const SubmissionRecord& record) {
  std::string sources;
  for (const RecordedFile& file : record.training_data)
    sources += (sources.empty() ? "\n    " : ",\n    ") + file_text(file);
  if (!sources.empty()) sources += "\n  ";
  return "{\n  " + field("program", record.program) + ",\n  " + field("build", record.build) + ",\n  " +
         field("date", record.date) + ",\n  " + field("scale", record.scale) +
         ",\n  \"result\": " + file_text(record.result) + ",\n  \"weights\": " + file_text(record.weights) +
         ",\n  \"pictures\": " + file_text(record.pictures) +
         ",\n  \"pictures_as\": " + format_text(record.format) + ",\n  " +
         field("precision", record.precision) + ",\n  \"config\": " + config_text(record) +
         ",\n  \"training_data\": [" + sources + "]\n}\n";
}

std::string config_beside(const std::string& weights_path) {
  const fs::path models = fs::absolute(weights_path).lexically_normal().parent_path();
  const fs::path config = models.parent_path() / "config.toml";
  std::error_code missing;
  return models.filename() == "models" && fs::is_regular_file(config, missing) ? config.string() : "";
}

SubmissionRecord make_record(const std::string& weights_path, const std::string& pictures_path,
                             const std::string& result_path, const std::string& scale) {
  SubmissionRecord record;
  record.program = "facetrain " + build_description();
  record.build = hex(build_id());
  record.date = now_utc();
  record.scale = scale;
  record.result = hashed(result_path);
  record.weights = hashed(weights_path);
  record.pictures = hashed(pictures_path);
  const std::string path = config_beside(weights_path);
  if (path.empty()) return record;
  record.config = hashed(path);
  try {
    const Config config = load_config(path);
    record.config_digest = hex(config_digest(config));
    record.training_data = sources_of(config);
  } catch (const Error&) {
    // Of another version of facetrain: its digest above still tells which it was.
  }
  return record;
}

}  // namespace facetrain
