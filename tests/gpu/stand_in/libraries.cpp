// cuBLAS, cuDNN's convolutions (its interface of version 7: TORCH_CUDNN_V8_API_DISABLED=1) and NCCL: handles
// are given out, work counts as a launch. cuDNN's descriptors stay its own, which need no device and check
// shapes.
#include <nccl.h>

#include <cstddef>
#include <cstring>

#include "tests/gpu/stand_in/device.hpp"

using facetrain::stand_in::Device;

namespace {

int work(const char* name) {
  Device::get().launched(name);
  return 0;
}
template <typename Handle>
int make(Handle* handle) {
  *handle = reinterpret_cast<Handle>(new int);
  return 0;
}

// cudnnConvolution*AlgoPerf_t: alike for the three directions.
struct Algorithm {
  int algorithm, status;
  float time;
  std::size_t memory;
  int determinism, math_type, reserved[3];
};
constexpr int kFma = 3;  // CUDNN_FMA_MATH: what float32 without TF32 asks for

int choose(int algorithm, int* found, Algorithm* result) {
  *result = {algorithm, 0, 1, 0, 1, kFma, {}};
  *found = 1;
  return 0;
}

// cublasLtMatmulHeuristicResult_t
struct Heuristic {
  unsigned long long algorithm[8];
  std::size_t workspace;
  int state;
  float waves;
  int reserved[4];
};

}  // namespace

// Arguments that nobody looks at are not named: a caller passes what it likes (System V's calling
// convention).
#define STAND_IN extern "C" __attribute__((visibility("default"))) int
#define WORK(name)      \
  STAND_IN name() {     \
    return work(#name); \
  }
#define NOTHING(name) \
  STAND_IN name() {   \
    return 0;         \
  }

// --- cuBLAS
// ------------------------------------------------------------------------------------------------------
STAND_IN cublasCreate_v2(void** handle) {
  return make(handle);
}
NOTHING(cublasDestroy_v2)
NOTHING(cublasSetStream_v2)
NOTHING(cublasSetWorkspace_v2)
NOTHING(cublasSetMathMode)
NOTHING(cublasSetPointerMode_v2)
STAND_IN cublasGetMathMode(void*, int* mode) {
  return *mode = 0;
}
STAND_IN cublasGetPointerMode_v2(void*, int* mode) {
  return *mode = 0;
}
WORK(cublasSgemm_v2)
WORK(cublasDgemm_v2)
WORK(cublasSgemmEx)
WORK(cublasGemmEx)
WORK(cublasSgemmStridedBatched)
WORK(cublasDgemmStridedBatched)
WORK(cublasGemmStridedBatchedEx)
WORK(cublasSgemv_v2)
WORK(cublasDgemv_v2)
WORK(cublasSdot_v2)
WORK(cublasDdot_v2)
WORK(cublasDotEx)
WORK(cublasLtMatmul)
STAND_IN cublasLtMatmulAlgoGetHeuristic(void*, void*, void*, void*, void*, void*, void*, int,
                                        Heuristic* result, int* found) {
  std::memset(result, 0, sizeof *result);
  *found = 1;
  return 0;
}

// --- cuDNN
// -------------------------------------------------------------------------------------------------------
STAND_IN cudnnCreate(void** handle) {
  return make(handle);
}
NOTHING(cudnnSetStream)
STAND_IN cudnnGetConvolutionForwardAlgorithm_v7(void*, void*, void*, void*, void*, int, int* found,
                                                Algorithm* result) {
  return choose(1, found, result);  // implicit GEMM with precomputed indices
}
STAND_IN cudnnGetConvolutionBackwardDataAlgorithm_v7(void*, void*, void*, void*, void*, int, int* found,
                                                     Algorithm* result) {
  return choose(1, found, result);
}
STAND_IN cudnnGetConvolutionBackwardFilterAlgorithm_v7(void*, void*, void*, void*, void*, int, int* found,
                                                       Algorithm* result) {
  return choose(1, found, result);
}
#define NO_WORKSPACE(name)                                                    \
  STAND_IN name(void*, void*, void*, void*, void*, int, std::size_t* bytes) { \
    return static_cast<int>(*bytes = 0);                                      \
  }
NO_WORKSPACE(cudnnGetConvolutionForwardWorkspaceSize)
NO_WORKSPACE(cudnnGetConvolutionBackwardDataWorkspaceSize)
NO_WORKSPACE(cudnnGetConvolutionBackwardFilterWorkspaceSize)
WORK(cudnnConvolutionForward)
WORK(cudnnConvolutionBackwardData)
WORK(cudnnConvolutionBackwardFilter)
WORK(cudnnBatchNormalizationForwardTrainingEx)
WORK(cudnnBatchNormalizationForwardInference)
WORK(cudnnBatchNormalizationBackwardEx)
STAND_IN cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(void*, int, int, void*, void*, void*, void*,
                                                                  void*, std::size_t* bytes) {
  return static_cast<int>(*bytes = 0);
}
STAND_IN cudnnGetBatchNormalizationBackwardExWorkspaceSize(void*, int, int, void*, void*, void*, void*, void*,
                                                           void*, void*, std::size_t* bytes) {
  return static_cast<int>(*bytes = 0);
}
STAND_IN cudnnGetBatchNormalizationTrainingExReserveSpaceSize(void*, int, int, void*, void*,
                                                              std::size_t* bytes) {
  return static_cast<int>(*bytes = 0);
}

// --- NCCL: a rank hears nobody but itself
// --------------------------------------------------------------------------
namespace {

struct World {
  int ranks;
};
World* world_of(ncclComm_t comm) {
  return reinterpret_cast<World*>(comm);
}

std::size_t bytes_of(ncclDataType_t type) {
  switch (type) {
    case ncclInt8:
    case ncclUint8:
      return 1;
    case ncclFloat16:
    case ncclBfloat16:
      return 2;
    case ncclInt64:
    case ncclUint64:
    case ncclFloat64:
      return 8;
    default:
      return 4;
  }
}

constexpr std::size_t kSmall = 1u << 20;  // bytes that are really gathered: labels, numbers for the log

}  // namespace

#define STAND_IN_NCCL extern "C" __attribute__((visibility("default"))) ncclResult_t
#define WORK_OF_NCCL(name, ...)     \
  STAND_IN_NCCL name(__VA_ARGS__) { \
    work(#name);                    \
    return ncclSuccess;             \
  }
STAND_IN_NCCL ncclGetUniqueId(ncclUniqueId*) {
  return ncclSuccess;
}
STAND_IN_NCCL ncclCommInitRank(ncclComm_t* comm, int ranks, ncclUniqueId, int) {
  *comm = reinterpret_cast<ncclComm_t>(new World{ranks});
  return ncclSuccess;
}
STAND_IN_NCCL ncclCommDestroy(ncclComm_t comm) {
  delete world_of(comm);
  return ncclSuccess;
}
STAND_IN_NCCL ncclCommGetAsyncError(ncclComm_t, ncclResult_t* state) {
  return *state = ncclSuccess;
}
STAND_IN_NCCL ncclAllGather(const void* own, void* all, size_t count, ncclDataType_t type, ncclComm_t comm,
                            cudaStream_t) {
  work("ncclAllGather");
  const std::size_t bytes = count * bytes_of(type);
  if (bytes > kSmall) return ncclSuccess;
  for (int rank = 0; rank < world_of(comm)->ranks; ++rank)
    std::memmove(static_cast<char*>(all) + static_cast<std::size_t>(rank) * bytes, own, bytes);
  return ncclSuccess;
}
WORK_OF_NCCL(ncclAllReduce, const void*, void*, size_t, ncclDataType_t, ncclRedOp_t, ncclComm_t, cudaStream_t)
WORK_OF_NCCL(ncclReduceScatter, const void*, void*, size_t, ncclDataType_t, ncclRedOp_t, ncclComm_t,
             cudaStream_t)
WORK_OF_NCCL(ncclBroadcast, const void*, void*, size_t, ncclDataType_t, int, ncclComm_t, cudaStream_t)

// What PyTorch asks besides, for peers.
STAND_IN_NCCL ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank, ncclConfig_t*) {
  return ncclCommInitRank(comm, ranks, id, rank);
}
STAND_IN_NCCL ncclCommInitRankScalable(ncclComm_t* comm, int ranks, int rank, int, ncclUniqueId* ids,
                                       ncclConfig_t*) {
  return ncclCommInitRank(comm, ranks, *ids, rank);
}
STAND_IN_NCCL ncclCommFinalize(ncclComm_t) {
  return ncclSuccess;
}
STAND_IN_NCCL ncclCommAbort(ncclComm_t comm) {
  return ncclCommDestroy(comm);
}
STAND_IN_NCCL ncclGroupStart() {
  return ncclSuccess;
}
STAND_IN_NCCL ncclGroupEnd() {
  return ncclSuccess;
}
STAND_IN_NCCL ncclRedOpCreatePreMulSum(ncclRedOp_t* op, void*, ncclDataType_t, ncclScalarResidence_t,
                                       ncclComm_t) {
  *op = static_cast<ncclRedOp_t>(ncclNumOps);
  return ncclSuccess;
}
STAND_IN_NCCL ncclRedOpDestroy(ncclRedOp_t, ncclComm_t) {
  return ncclSuccess;
}
WORK_OF_NCCL(ncclReduce, const void*, void*, size_t, ncclDataType_t, ncclRedOp_t, int, ncclComm_t,
             cudaStream_t)
