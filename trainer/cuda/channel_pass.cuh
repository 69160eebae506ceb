// How kernels go through channels_last pictures pixel by pixel, and add up each channel. For .cu files only.
//
// Channels lie side by side: a thread has `kWide` neighbouring ones, a block of threads some channels and
// some rows (pixels). Sums go from threads to blocks in float32 and over the blocks in float64, in a fixed
// order.
//
// Such kernels wait for memory alone, so each thread asks for some rows before it uses the first: a
// multiprocessor needs about 30 KB on their way (an H200: 4.8 TB/s times .8 us, over 132).
#pragma once

#include <algorithm>
#include <cstdint>

#include "trainer/cuda/check_cuda.hpp"
#include "trainer/cuda/kernel_types.cuh"

namespace facetrain {

constexpr int kPassThreads = 512;  // of a block over pixels
constexpr int kPassBlocks = 2;     // of them on a multiprocessor at once: a thread may have 64 registers
constexpr int kPassLanes = 32;  // channels, and threads for each of them, of a block that adds up the parts
constexpr int kPassRows = 16;   // of a thread: parts are not made smaller for the sake of turns

struct PassShape {
  std::int64_t rows;
  int channels;
  std::int64_t middle;  // a row inside a picture, where padding has no part in its value
};

// How a grid covers the pixels: block (lanes, rows at once), grid (channels / lanes / kWide, parts of rows).
struct PassPlan {
  dim3 grid, block;
  std::int64_t rows_of_part;
};
inline int multiprocessors() {
  int device = 0, count = 0;
  check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  check_cuda(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "multiprocessors");
  return count;
}
// `turns` times as many blocks as the GPU holds at once. One turn has the fewest parts to add up; but where
// another stream's kernels (NCCL's) keep some room, blocks that find none double the pass's time, and with
// more turns they add a fraction.
template <int kWide>
PassPlan plan_pass(const PassShape& shape, int turns) {
  int lanes = 1;
  while (lanes < kPassLanes && lanes * kWide < shape.channels) lanes *= 2;
  const std::int64_t at_once = kPassThreads / lanes;
  const std::int64_t columns = (shape.channels + lanes * kWide - 1) / (lanes * kWide);
  const std::int64_t held = std::max<std::int64_t>(1, multiprocessors() * kPassBlocks / columns);
  const auto over = [](std::int64_t count, std::int64_t parts) { return (count + parts - 1) / parts; };
  const std::int64_t one_turn = over(over(shape.rows, held), at_once),
                     wanted = over(over(shape.rows, held * turns), at_once);
  const std::int64_t rows = at_once * std::max(wanted, std::min<std::int64_t>(one_turn, kPassRows));
  return {dim3(static_cast<unsigned>(columns), static_cast<unsigned>(over(shape.rows, rows))),
          dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(at_once)), rows};
}

template <int kWide>
__device__ inline int first_channel() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x) * kWide;
}

// Rows that a thread asks for at once, of so many pictures: 64 bytes and eight packs, for which there are
// registers.
template <typename T, int kWide, int kPictures>
constexpr int kRowsAhead = std::clamp(64 / (static_cast<int>(sizeof(Pack<T, kWide>)) * kPictures), 1,
                                      8 / kPictures);

// A second pass begins at the pictures' end, where the second-level cache still has the first's.
enum class From { kBegin, kEnd };

// use(at, load(at)) for this thread's rows of its block's part, `at` the entry of its first channel; kAhead
// rows are loaded before the first of them is used.
template <int kAhead, From kFrom, typename Load, typename Use>
__device__ inline void for_rows(const PassShape& shape, std::int64_t rows_of_part, int first,
                                const Load& load, const Use& use) {
  const std::int64_t part = kFrom == From::kBegin ? blockIdx.y : gridDim.y - 1 - blockIdx.y;
  const std::int64_t begin = part * rows_of_part;
  const std::int64_t end = begin + rows_of_part < shape.rows ? begin + rows_of_part : shape.rows;
  int rows = (static_cast<int>(end - begin - threadIdx.y) + static_cast<int>(blockDim.y) - 1) /
             static_cast<int>(blockDim.y);
  const std::int64_t row = kFrom == From::kBegin ? begin + threadIdx.y : end - 1 - threadIdx.y;
  const std::int64_t step =
      static_cast<std::int64_t>(blockDim.y) * (kFrom == From::kBegin ? shape.channels : -shape.channels);
  std::int64_t at = row * shape.channels + first;
  for (; rows >= kAhead; rows -= kAhead, at += kAhead * step) {
    decltype(load(at)) loaded[kAhead];
#pragma unroll
    for (int i = 0; i < kAhead; ++i) loaded[i] = load(at + i * step);
#pragma unroll
    for (int i = 0; i < kAhead; ++i) use(at + i * step, loaded[i]);
  }
  for (; rows > 0; --rows, at += step) use(at, load(at));
}

// The same channels of some pictures.
template <typename T, int kWide, int kPictures>
struct Packs {
  Pack<T, kWide> of[kPictures];
};

// parts[(kind * gridDim.y + blockIdx.y) * channels + channel] := the block's sum of sums[kind][k].
template <int kWide, int kKinds>
__device__ inline void add_over_block(const float (&sums)[kKinds][kWide], const PassShape& shape, int first,
                                      float* parts) {
  __shared__ float all[kKinds][kWide][kPassThreads];
  const unsigned own = threadIdx.y * blockDim.x + threadIdx.x;
  for (int kind = 0; kind < kKinds; ++kind)
    for (int k = 0; k < kWide; ++k) all[kind][k][own] = sums[kind][k];
  __syncthreads();
  for (unsigned half = blockDim.y / 2; half > 0; half /= 2) {
    if (threadIdx.y < half) {
#pragma unroll
      for (int kind = 0; kind < kKinds; ++kind)
#pragma unroll
        for (int k = 0; k < kWide; ++k) all[kind][k][own] += all[kind][k][own + half * blockDim.x];
    }
    __syncthreads();
  }
  if (threadIdx.y > 0 || first >= shape.channels) return;
  for (int kind = 0; kind < kKinds; ++kind)
    for (int k = 0; k < kWide; ++k)
      parts[(static_cast<std::int64_t>(kind) * gridDim.y + blockIdx.y) * shape.channels + first + k] =
          all[kind][k][own];
}

// Of one channel, over all rows; in blocks of kPassLanes channels, a warp for each.
template <int kKinds>
struct ChannelSums {
  int channel;
  double of[kKinds];  // the same on every lane
};
template <int kKinds>
__device__ inline ChannelSums<kKinds> sums_of_parts(const float* parts, int count, int channels) {
  __shared__ double all[kKinds][kPassLanes][kPassLanes + 1];  // one more: a column's are in different banks
  double sums[kKinds] = {};
  const int read = static_cast<int>(blockIdx.x * kPassLanes + threadIdx.x);
  if (read < channels) {
#pragma unroll 4
    for (int part = static_cast<int>(threadIdx.y); part < count; part += kPassLanes)
#pragma unroll
      for (int kind = 0; kind < kKinds; ++kind)
        sums[kind] +=
            static_cast<double>(parts[(static_cast<std::int64_t>(kind) * count + part) * channels + read]);
  }
#pragma unroll
  for (int kind = 0; kind < kKinds; ++kind) all[kind][threadIdx.y][threadIdx.x] = sums[kind];
  __syncthreads();
  ChannelSums<kKinds> result{static_cast<int>(blockIdx.x * kPassLanes + threadIdx.y), {}};
#pragma unroll
  for (int kind = 0; kind < kKinds; ++kind) {
    double sum = all[kind][threadIdx.x][threadIdx.y];
    for (int step = kPassLanes / 2; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
    result.of[kind] = sum;
  }
  return result;
}
// Blocks of sums_of_parts, of (kPassLanes, kPassLanes) threads.
inline unsigned blocks_for(int channels) {
  return static_cast<unsigned>((channels + kPassLanes - 1) / kPassLanes);
}

}  // namespace facetrain
