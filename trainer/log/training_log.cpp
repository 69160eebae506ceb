#include "trainer/log/training_log.hpp"

#include <cerrno>
#include <utility>

#include "common/error.hpp"
#include "trainer/log/log_lines.hpp"

namespace facetrain {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr const char* kEraseLine = "\r\x1b[K";

}  // namespace

TrainingLog::TrainingLog(const std::string& path, std::FILE* terminal, const Clock& clock, bool show_progress)
    : path_(path), terminal_(terminal), clock_(&clock), show_progress_(show_progress && terminal) {
  if (path_.empty()) return;
  file_ = std::fopen(path_.c_str(), "ae");
  if (!file_) throw Error(ErrorKind::kIo, with_errno("open the log " + path_, errno));
}

TrainingLog::~TrainingLog() {
  if (!shown_.empty()) {
    std::fputs(kEraseLine, terminal_);
    std::fflush(terminal_);
  }
  if (file_) std::fclose(file_);
}

TrainingLog::TrainingLog(TrainingLog&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, nullptr)),
      terminal_(std::exchange(other.terminal_, nullptr)),
      clock_(other.clock_),
      show_progress_(std::exchange(other.show_progress_, false)),
      shown_(std::exchange(other.shown_, {})),
      shown_at_(other.shown_at_) {}

void TrainingLog::line(const std::string& text) {
  const std::string whole = "Training: " + log_time(clock_->now()) + "-" + text + "\n";
  if (terminal_) {
    // One write for all of it: mpirun passes on what it reads, and must not see half a line.
    const std::string drawn = shown_.empty() ? whole : kEraseLine + whole + shown_;
    std::fwrite(drawn.data(), 1, drawn.size(), terminal_);
    std::fflush(terminal_);
  }
  if (!file_) return;
  if (std::fwrite(whole.data(), 1, whole.size(), file_) != whole.size() || std::fflush(file_) != 0)
    throw Error(ErrorKind::kIo, with_errno("write the log " + path_, errno));
}

void TrainingLog::progress(const std::string& text) {
  if (!show_progress_ || text == shown_) return;
  const double now = clock_->seconds();
  if (!text.empty() && now - shown_at_ < kRedrawSeconds) return;
  shown_at_ = now;
  shown_ = text;
  const std::string drawn = kEraseLine + text;
  std::fwrite(drawn.data(), 1, drawn.size(), terminal_);
  std::fflush(terminal_);
}

}  // namespace facetrain
