#include "trainer/log/log_lines.hpp"

#include <algorithm>
#include <array>
#include <ctime>

#include "common/formatted.hpp"

namespace facetrain {
namespace {

std::string local_time(std::chrono::system_clock::time_point time, const char* format) {
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm fields{};
  localtime_r(&seconds, &fields);
  std::array<char, 64> text;
  return {text.data(), std::strftime(text.data(), text.size(), format, &fields)};
}

}  // namespace

std::string progress_line(const Progress& p) {
  return formatted(
      "Epoch: [%lld-%lld]  Loss %.4f   Global Step: [%lld-%lld]  Speed %.2f samples/sec  Required: %.f hours "
      " Data wait %.1f %%",
      static_cast<long long>(p.epoch + 1), static_cast<long long>(p.epochs), p.loss,
      static_cast<long long>(p.step), static_cast<long long>(p.total_steps), p.samples_per_second,
      p.hours_left, 100 * p.data_wait);
}

std::string accuracy_line(const std::string& set, double mean, double deviation) {
  return set + formatted(": %.5f+-%.5f", mean, deviation);
}

std::string mean_accuracy_line(double mean) {
  return formatted("Mean accuracy: %.5f", mean);
}

std::string best_accuracy_line(double mean, std::int64_t step) {
  return formatted("Best accuracy: %.5f at step %lld", mean, static_cast<long long>(step));
}

std::string validation_time_line(double validation_seconds, double epoch_seconds) {
  return formatted("Validation: %.1f s, %.2f %% of the epoch", validation_seconds,
                   epoch_seconds > 0 ? 100 * validation_seconds / epoch_seconds : 0);
}

std::string log_time(std::chrono::system_clock::time_point time) {
  const auto fraction = time - std::chrono::floor<std::chrono::seconds>(time);
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(fraction).count();
  return local_time(time, "%Y-%m-%d %H:%M:%S") + formatted(",%03d", static_cast<int>(milliseconds));
}

std::string model_file_name(std::chrono::system_clock::time_point time, double accuracy, std::int64_t step) {
  return "model_" + local_time(time, "%Y-%m-%d-%H-%M") +
         formatted("_accuracy;%.4f_step;%lld.pth", accuracy, static_cast<long long>(step));
}

std::string progress_bar(const BarState& s, std::size_t width) {
  const double done =
      s.steps > 0 ? std::clamp(static_cast<double>(s.step) / static_cast<double>(s.steps), 0.0, 1.0) : 0.0;
  const std::string text = formatted(" %3.0f%%  epoch %lld/%lld  step %lld/%lld  loss %.4f", 100 * done,
                                     static_cast<long long>(s.epoch + 1), static_cast<long long>(s.epochs),
                                     static_cast<long long>(s.step), static_cast<long long>(s.steps), s.loss);
  constexpr std::size_t kLeastBar = 10;
  if (text.size() + kLeastBar > width) return text.substr(0, width);
  const std::size_t cells = std::min<std::size_t>(width - text.size() - 2, 40);
  const auto filled = static_cast<std::size_t>(done * static_cast<double>(cells));
  std::string bar(filled, '=');
  if (filled < cells) bar += '>';
  bar.resize(cells, ' ');
  return "[" + bar + "]" + text;
}

}  // namespace facetrain
