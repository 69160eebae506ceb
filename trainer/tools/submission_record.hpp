// What a submission was made of, for whoever asks later: the files' digests, how the network was shown the
// pictures, the configuration of the run, the program and the date, as JSON beside the result.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trainer/validation/picture_rows.hpp"

namespace facetrain {

// sha256 as sha256sum prints it; empty for what is not hashed (a folder, a data set of many GB).
struct RecordedFile {
  std::string path;
  std::uint64_t bytes = 0;
  std::string sha256;
};

struct SubmissionRecord {
  std::string program, build;  // build_description(), build_id() in hex
  std::string date;            // UTC, "2026-11-25T16:30:00Z"
  std::string scale;
  RecordedFile result, weights, pictures;
  PictureFormat format;   // --bgr, --mean, --std
  std::string precision;  // fp32, fp16 or bf16
  // The run in whose folder the weights lie; nothing for weights that lie elsewhere.
  std::optional<RecordedFile> config;
  std::string config_digest;  // facetrain config --digest; empty if this build cannot read the file
  std::vector<RecordedFile> training_data;  // of the configuration's data.train_source, as far as still there
};

// JSON with a fixed order of its fields, indented by two spaces.
std::string record_text(const SubmissionRecord& record);

// The configuration of the run in whose folder the weights lie: <run>/config.toml for <run>/models/X.pth;
// "" when there is none.
std::string config_beside(const std::string& weights_path);

// The files' part of a record: looks at them. Throws Error(kInput) for weights or pictures that cannot be
// read.
SubmissionRecord make_record(const std::string& weights_path, const std::string& pictures_path,
                             const std::string& result_path, const std::string& scale);

}  // namespace facetrain
