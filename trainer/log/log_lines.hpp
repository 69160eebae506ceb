// What the training log says: pure functions from numbers to the reference's lines, which people's scripts
// parse.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace facetrain {

// One interval of training, as the log reports it.
struct Progress {
  std::int64_t epoch = 0;  // 0-based
  std::int64_t epochs = 1;
  std::int64_t step = 0;  // steps done since the run began
  std::int64_t total_steps = 1;
  double loss = 0;                // mean over the interval
  double samples_per_second = 0;  // over the interval, all ranks together
  double hours_left = 0;
  double data_wait = 0;  // share of the interval that this rank waited for its data service, 0 .. 1
};

// "Epoch: [1-26]  Loss 38.1234   Global Step: [20-1000]  Speed 812.50 samples/sec  Required: 3 hours  Data
// wait 1.5 %"
std::string progress_line(const Progress& progress);

std::string accuracy_line(const std::string& set, double mean, double deviation);  // "lfw: 0.93333+-0.01234"
std::string mean_accuracy_line(double mean);                                       // "Mean accuracy: 0.93333"
std::string best_accuracy_line(double mean, std::int64_t step);  // "Best accuracy: 0.93333 at step 7"
// "Validation: 12.3 s, 0.42 % of the epoch", whose time is that of the steps and the validation.
std::string validation_time_line(double validation_seconds, double epoch_seconds);

// Local time as Python's logging writes it: "2025-01-01 12:00:00,123".
std::string log_time(std::chrono::system_clock::time_point time);

// "model_2025-01-01-12-00_accuracy;0.9333_step;5001.pth"; `step` is the reference's: steps done + 1.
std::string model_file_name(std::chrono::system_clock::time_point time, double accuracy, std::int64_t step);

// One line of at most `width` characters: "[=====>     ]  45%  epoch 1/26  step 20/44  loss 38.1234".
struct BarState {
  std::int64_t epoch = 0, epochs = 1;  // epoch 0-based
  std::int64_t step = 0, steps = 1;    // inside the epoch, done
  double loss = 0;
};
std::string progress_bar(const BarState& state, std::size_t width);

}  // namespace facetrain
