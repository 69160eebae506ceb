// TensorBoard event files: scalars only, readable by `tensorboard --logdir`. A file is a sequence of
// TFRecords (https://www.tensorflow.org/tutorials/load_data/tfrecord), each an Event protobuf
// (tensorflow/core/util/event.proto).
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "trainer/log/clock.hpp"

namespace facetrain {

// The TFRecord that frames `payload`: its length, the length's masked CRC, the payload, its masked CRC.
std::string tfrecord(std::string_view payload);

// Event protobufs; wall_time in seconds since 1970.
std::string version_event(double wall_time);
std::string scalar_event(double wall_time, std::int64_t step, std::string_view tag, float value);

class EventWriter {
 public:
  // Creates `folder` where missing and in it events.out.tfevents.<seconds>.<host>.<process>. `clock` outlives
  // the writer. Throws Error(kIo) naming the path.
  EventWriter(const std::string& folder, const Clock& clock);
  ~EventWriter();
  EventWriter(EventWriter&& other) noexcept;
  EventWriter(const EventWriter&) = delete;
  EventWriter& operator=(const EventWriter&) = delete;

  const std::string& path() const { return path_; }
  // In the file when it returns. Where that cannot be written (a full disk), the error output is told once,
  // and the value is left out.
  void scalar(std::string_view tag, double value, std::int64_t step);

 private:
  void append(std::string_view event);

  std::string path_;
  std::FILE* file_ = nullptr;
  bool cannot_write_ = false;
  const Clock* clock_;
};

}  // namespace facetrain
