// The log of a run: each line to the terminal and, appended, to <work_path>/training.log, as the reference's
// logging does. On a terminal it also keeps one line with the progress below the log lines; that line never
// reaches the file.
#pragma once

#include <cstdio>
#include <string>

#include "trainer/log/clock.hpp"

namespace facetrain {

class TrainingLog {
 public:
  // Opens (appends to) `path`; "" keeps no file. `terminal` is not owned; null prints nothing (ranks other
  // than 0). `clock` outlives the log. show_progress: draw the progress line (only sensible where `terminal`
  // ends at a terminal). Throws Error(kIo) naming the path.
  TrainingLog(const std::string& path, std::FILE* terminal, const Clock& clock, bool show_progress = false);
  ~TrainingLog();
  TrainingLog(TrainingLog&& other) noexcept;
  TrainingLog(const TrainingLog&) = delete;
  TrainingLog& operator=(const TrainingLog&) = delete;

  // Writes "Training: 2025-01-01 12:00:00,123-<text>", at once to both places. Where the file cannot
  // be written (a full disk), the terminal is told once, and training goes on.
  void line(const std::string& text);
  // Replaces the progress line, at most ten times a second; "" removes it. Does nothing without
  // show_progress.
  void progress(const std::string& text);
  bool shows_progress() const { return show_progress_; }

 private:
  void show(const std::string& whole);

  std::string path_;
  std::FILE* file_ = nullptr;
  bool cannot_write_ = false;
  std::FILE* terminal_ = nullptr;
  const Clock* clock_;
  bool show_progress_;
  std::string shown_;       // the progress line on the terminal now
  double shown_at_ = -1e9;  // seconds
};

}  // namespace facetrain
