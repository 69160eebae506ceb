#include "trainer/log/training_log.hpp"

#include <cerrno>
#include <utility>

#include "common/error.hpp"
#include "trainer/log/append_whole.hpp"
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
  std::setvbuf(file_, nullptr, _IONBF, 0);
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
      cannot_write_(other.cannot_write_),
      terminal_(std::exchange(other.terminal_, nullptr)),
      clock_(other.clock_),
      show_progress_(std::exchange(other.show_progress_, false)),
      shown_(std::exchange(other.shown_, {})),
      shown_at_(other.shown_at_) {}

void TrainingLog::line(const std::string& text) {
  const std::string begin = "Training: " + log_time(clock_->now()) + "-", whole = begin + text + "\n";
  show(whole);
  if (!file_) return;
  if (append_whole(file_, whole)) {
    cannot_write_ = false;
  } else if (!std::exchange(cannot_write_, true)) {
    show(begin + "WARNING: " + with_errno("write the log " + path_, errno) +
         "; until it can be written its lines are here only\n");
  }
}

void TrainingLog::show(const std::string& whole) {
  if (!terminal_) return;
  // One write for all of it: mpirun passes on what it reads, and must not see half a line.
  const std::string drawn = shown_.empty() ? whole : kEraseLine + whole + shown_;
  std::fwrite(drawn.data(), 1, drawn.size(), terminal_);
  std::fflush(terminal_);
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
