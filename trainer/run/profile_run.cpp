#include "trainer/run/profile_run.hpp"

#include <string>

#include "common/check/network_size.hpp"
#include "common/error.hpp"
#include "trainer/step/precision.hpp"

namespace facetrain {
namespace {

// Of the convolutions.
at::ScalarType product_type(Precision precision) {
  return precision == Precision::kFp16   ? at::kHalf
         : precision == Precision::kBf16 ? at::kBFloat16
                                         : parameter_type(precision);
}

StepWork work_of(const Config& config, const MatmulRate& peak) {
  StepWork work;
  work.samples = static_cast<double>(config.train.batch_size * config.train.accumulate);
  // Backward computes twice what forward does: the gradients of the input and of the weights.
  if (const auto size = network_size(config))
    work.flops = work.samples * 3 * 2 * static_cast<double>(size->multiply_adds);
  work.peak = peak.flops;
  work.product = peak.product;
  return work;
}

}  // namespace

ProfiledRun::ProfiledRun(const Config& config, Communicator& trainers, at::Device device, Precision precision)
    : config_(config),
      peak_(measure_matmul(device, product_type(precision))),
      steps_(make_phase_timer(device), kProfileWarmUp, static_cast<int>(config.run.profile)),
      trainers_(trainers, steps_) {}

void ProfiledRun::report(TrainingLog& log) const {
  for (const std::string& line : profile_lines(steps_.times(), work_of(config_, peak_))) log.line(line);
}

void require_steps_for_profile(const Config& config, std::int64_t steps) {
  const std::int64_t needed = config.run.profile + kProfileWarmUp;
  if (config.run.profile == 0 || steps >= needed) return;
  throw Error(ErrorKind::kConfig, "run.profile: " + std::to_string(config.run.profile) + " steps after " +
                                      std::to_string(kProfileWarmUp) + " need a run of " +
                                      std::to_string(needed) + " steps; this one has " +
                                      std::to_string(steps) + ": profile fewer, or train more epochs");
}

}  // namespace facetrain
