#include "trainer/log/trace.hpp"

#include <ATen/ATen.h>

#include <cerrno>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "common/error.hpp"
#include "common/formatted.hpp"
#include "common/io/file.hpp"
#include "trainer/comm/gather_numbers.hpp"

namespace facetrain {
namespace {

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return formatted("%.17g", value);
}

}  // namespace

std::string trace_line(const TraceStep& step, int rank) {
  std::string line =
      "{\"step\": " + std::to_string(step.step) + ", \"rank\": " + std::to_string(rank) + ", \"ids\": [";
  for (std::size_t i = 0; i < step.ids.size(); ++i) line += (i ? ", " : "") + std::to_string(step.ids[i]);
  return line + "], \"loss\": " + number(step.loss) + ", \"grad_norm\": " + number(step.grad_norm) +
         ", \"lr\": " + number(step.lr) + "}\n";
}

std::string trace_up_to(std::string_view trace, std::int64_t last) {
  constexpr std::string_view kStep = "{\"step\": ";
  std::string kept;
  while (!trace.empty()) {
    const std::size_t end = trace.find('\n');
    if (end == trace.npos) break;  // a line that was being written when its run died
    const std::string_view line = trace.substr(0, end + 1);
    trace.remove_prefix(end + 1);
    std::int64_t step = 0;
    if (line.starts_with(kStep)) std::from_chars(line.data() + kStep.size(), line.data() + line.size(), step);
    if (step > 0 && step <= last) kept += line;
  }
  return kept;
}

Trace::Trace(const std::string& path, Communicator& trainers, at::Device device, std::int64_t keep)
    : path_(path), trainers_(trainers), device_(device) {
  if (trainers_.rank() != 0) return;
  if (keep > 0 && std::filesystem::exists(path_)) {
    const std::vector<std::byte> before = read_file(path_);
    write_file_atomically(path_,
                          trace_up_to({reinterpret_cast<const char*>(before.data()), before.size()}, keep));
  }
  file_ = std::fopen(path_.c_str(), keep > 0 ? "ae" : "we");
  if (!file_) throw Error(ErrorKind::kIo, with_errno("create the trace " + path_, errno));
}

Trace::~Trace() {
  if (file_) std::fclose(file_);
}

void Trace::write(const TraceStep& step) {
  // One exchange carries all of a line.
  std::vector<double> numbers(step.ids.begin(), step.ids.end());
  numbers.insert(numbers.end(), {step.loss, step.grad_norm, step.lr});
  const at::Tensor all = gather_numbers(numbers, trainers_, device_);
  if (!file_) return;
  const std::int64_t count = all.size(1);
  std::string lines;
  for (int rank = 0; rank < trainers_.size(); ++rank) {
    const double* row = all.const_data_ptr<double>() + rank * count;
    TraceStep theirs{step.step, {row, row + count - 3}, row[count - 3], row[count - 2], row[count - 1]};
    lines += trace_line(theirs, rank);
  }
  if (std::fwrite(lines.data(), 1, lines.size(), file_) != lines.size() || std::fflush(file_) != 0)
    throw Error(ErrorKind::kIo, with_errno("write the trace " + path_, errno));
}

}  // namespace facetrain
