// What the stand-in for CUDA counts. It is preloaded (tests/gpu/stand_in/run), so that a program built for a
// GPU runs without one: device memory is host memory that is hardly touched, kernels do nothing but set small
// numbers, copies between host and device are made. What the host does is what it does with a GPU: every
// check of types, shapes, devices and configurations, every allocation, launch and wait. No result means
// anything.
#pragma once

namespace facetrain::stand_in {

struct Counts {
  long launches = 0;  // kernels, library calls and memsets
  // Of the host for the device: synchronisations, copies that wait. Not cudaMalloc and cudaFree, which the
  // allocator calls in the first steps.
  long waits = 0;
  long device_bytes = 0, most_device_bytes = 0;
};

// extern "C" facetrain_stand_in_counts of the preloaded library.
using Read = Counts (*)();
inline constexpr const char* kReadName = "facetrain_stand_in_counts";

}  // namespace facetrain::stand_in
