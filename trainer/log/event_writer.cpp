#include "trainer/log/event_writer.hpp"

#include <unistd.h>

#include <bit>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <utility>

#include "common/error.hpp"
#include "common/host_name.hpp"
#include "common/io/crc32c.hpp"
#include "trainer/log/append_whole.hpp"

namespace facetrain {
namespace {

template <typename Integer>
std::string little_endian(Integer value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof value; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xFF);
  return bytes;
}

// TFRecord stores CRCs rotated and offset, since a CRC over data that contains CRCs is weak.
std::string masked_crc(std::string_view bytes) {
  return little_endian(std::rotr(crc32c(bytes), 15) + 0xA282EAD8u);
}

std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes += static_cast<char>(value);
}

// Protobuf fields: number << 3 | wire type (0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes).
std::string double_field(int number, double value) {
  return varint(static_cast<unsigned>(number) << 3 | 1) + little_endian(std::bit_cast<std::uint64_t>(value));
}
std::string int_field(int number, std::int64_t value) {
  return varint(static_cast<unsigned>(number) << 3) + varint(static_cast<std::uint64_t>(value));
}
std::string bytes_field(int number, std::string_view value) {
  return varint(static_cast<unsigned>(number) << 3 | 2) + varint(value.size()) + std::string(value);
}
std::string float_field(int number, float value) {
  return varint(static_cast<unsigned>(number) << 3 | 5) + little_endian(std::bit_cast<std::uint32_t>(value));
}

double unix_seconds(const Clock& clock) {
  return std::chrono::duration<double>(clock.now().time_since_epoch()).count();
}

}  // namespace

std::string tfrecord(std::string_view payload) {
  const std::string length = little_endian(static_cast<std::uint64_t>(payload.size()));
  return length + masked_crc(length) + std::string(payload) + masked_crc(payload);
}

std::string version_event(double wall_time) {
  return double_field(1, wall_time) + bytes_field(3, "brain.Event:2");
}

std::string scalar_event(double wall_time, std::int64_t step, std::string_view tag, float value) {
  const std::string summary_value = bytes_field(1, tag) + float_field(2, value);
  return double_field(1, wall_time) + int_field(2, step) + bytes_field(5, bytes_field(1, summary_value));
}

EventWriter::EventWriter(const std::string& folder, const Clock& clock) : clock_(&clock) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw Error(ErrorKind::kIo, "create the folder " + folder + ": " + failed.message());
  path_ = folder + "/events.out.tfevents." + std::to_string(static_cast<std::int64_t>(unix_seconds(clock))) +
          "." + host_name() + "." + std::to_string(getpid());
  file_ = std::fopen(path_.c_str(), "abe");
  if (!file_) throw Error(ErrorKind::kIo, with_errno("open " + path_, errno));
  std::setvbuf(file_, nullptr, _IONBF, 0);
  append(version_event(unix_seconds(clock)));
}

EventWriter::~EventWriter() {
  if (file_) std::fclose(file_);
}

EventWriter::EventWriter(EventWriter&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, nullptr)),
      cannot_write_(other.cannot_write_),
      clock_(other.clock_) {}

void EventWriter::scalar(std::string_view tag, double value, std::int64_t step) {
  append(scalar_event(unix_seconds(*clock_), step, tag, static_cast<float>(value)));
}

void EventWriter::append(std::string_view event) {
  if (append_whole(file_, tfrecord(event))) {
    cannot_write_ = false;
  } else if (!std::exchange(cannot_write_, true)) {
    std::cerr << "WARNING: " + with_errno("write " + path_, errno) +
                     "; until it can be written its values are left out\n";
  }
}

}  // namespace facetrain
