#include "trainer/tools/submission.hpp"

#include <zip.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "common/error.hpp"
#include "common/io/file.hpp"
#include "trainer/validation/numpy_sum.hpp"

namespace facetrain {
namespace {

// A .zip being written. libzip (Debian's, BSD licence, in wide use since 2006) writes a temporary beside the
// target and renames it when it is complete, which is why it was chosen over framing zlib's output by hand.
class ZipFile {
 public:
  explicit ZipFile(const std::string& path) : path_(path) {
    int code = 0;
    zip_ = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (zip_) return;
    zip_error_t reason;
    zip_error_init_with_code(&reason, code);
    const std::string text = zip_error_strerror(&reason);
    zip_error_fini(&reason);
    throw Error(ErrorKind::kIo, "write " + path_ + ": " + text);
  }
  ~ZipFile() {
    if (zip_) zip_discard(zip_);
  }
  ZipFile(const ZipFile&) = delete;
  ZipFile& operator=(const ZipFile&) = delete;

  // `content` must live until commit().
  void add(const std::string& name, const std::string& content) {
    zip_source_t* source = zip_source_buffer(zip_, content.data(), content.size(), 0);
    if (source && zip_file_add(zip_, name.c_str(), source, ZIP_FL_ENC_UTF_8) >= 0) return;
    zip_source_free(source);
    fail();
  }
  void commit() {
    if (zip_close(zip_) != 0) fail();
    zip_ = nullptr;
  }

 private:
  void fail() const { throw Error(ErrorKind::kIo, "write " + path_ + ": " + zip_strerror(zip_)); }

  std::string path_;
  zip_t* zip_ = nullptr;
};

}  // namespace

std::vector<float> pair_distances(std::span<float> embeddings, std::size_t length) {
  std::vector<float> scratch(length);
  const std::size_t rows = embeddings.size() / length;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = embeddings.subspan(i * length, length);
    const float norm = row_norm<float>(row, scratch);
    for (float& value : row) value /= norm;
  }
  std::vector<float> distances;
  for (std::size_t i = 0; i + 1 < rows; i += 2)
    distances.push_back(squared_distance<float>(embeddings.subspan(i * length, length),
                                                embeddings.subspan((i + 1) * length, length), scratch));
  return distances;
}

std::string submission_text(std::span<const float> distances) {
  std::string text;
  for (const float distance : distances) {
    std::array<char, 64> line;
    const int size = std::snprintf(line.data(), line.size(), "%.18e\n", static_cast<double>(distance));
    text.append(line.data(), static_cast<std::size_t>(size));
  }
  return text;
}

std::string submission_stem(const std::string& image_path, const std::string& scale) {
  const auto folder = std::filesystem::absolute(image_path).lexically_normal().parent_path();
  return folder.filename().string() + "_" + scale + "_result";
}

void write_submission(const std::string& stem, const std::string& text) {
  write_file_atomically(stem + ".txt", text);
  ZipFile zip(stem + ".zip");
  zip.add(stem + ".txt", text);
  zip.commit();
}

}  // namespace facetrain
