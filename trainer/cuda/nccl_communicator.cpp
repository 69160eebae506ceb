#include "trainer/cuda/nccl_communicator.hpp"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAEvent.h>
#include <c10/cuda/CUDAGuard.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <exception>
#include <iostream>
#include <map>
#include <memory>
#include <thread>

#include "common/host_name.hpp"
#include "trainer/comm/make_communicator.hpp"
#include "trainer/cuda/check_cuda.hpp"

namespace facetrain {
namespace {

std::string nccl_text(ncclResult_t result, ncclComm_t comm, const char* what) {
  return std::string(what) + " failed: " + ncclGetErrorString(result) + ": " + ncclGetLastError(comm) +
         "; NCCL_DEBUG=INFO tells more";
}

void check_nccl(ncclResult_t result, ncclComm_t comm, const char* what) {
  if (result != ncclSuccess) throw Error(ErrorKind::kInternal, nccl_text(result, comm, what));
}

ncclDataType_t type_of(const at::Tensor& t) {
  switch (t.scalar_type()) {
    case at::kHalf:
      return ncclFloat16;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kLong:
      return ncclInt64;
    default:
      throw Error(ErrorKind::kInternal,
                  std::string("NCCL: no reduction of ") + c10::toString(t.scalar_type()));
  }
}

// NCCL's own words for two ranks on one GPU name neither number. Throws on all ranks alike.
void require_distinct_devices(const MpiComm& trainers, int device) {
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  using Uuid = std::array<char, sizeof properties.uuid.bytes>;
  Uuid mine{};
  std::memcpy(mine.data(), properties.uuid.bytes, mine.size());
  std::vector<Uuid> all(static_cast<std::size_t>(trainers.size()));
  trainers.session().run([&](MPI_Request* request) {
    const int bytes = static_cast<int>(mine.size());
    check_mpi(
        MPI_Iallgather(mine.data(), bytes, MPI_BYTE, all.data(), bytes, MPI_BYTE, trainers.handle(), request),
        "MPI_Iallgather");
  });
  std::map<Uuid, std::size_t> owners;
  for (std::size_t rank = 0; rank < all.size(); ++rank) owners.try_emplace(all[rank], rank);
  if (owners.size() == all.size()) return;
  throw Error(ErrorKind::kConfig,
              std::to_string(all.size()) + " trainers but " + std::to_string(owners.size()) +
                  " different GPUs; give each trainer its own (launch.trainers, --gpus, or Slurm's "
                  "--gpus-per-task)");
}

ncclUniqueId agree_on_id(const MpiComm& trainers) {
  ncclUniqueId id{};
  if (trainers.rank() == 0) check_nccl(ncclGetUniqueId(&id), nullptr, "ncclGetUniqueId");
  trainers.session().run([&](MPI_Request* request) {
    check_mpi(MPI_Ibcast(&id, static_cast<int>(sizeof id), MPI_BYTE, 0, trainers.handle(), request),
              "MPI_Ibcast");
  });
  return id;
}

}  // namespace

NcclCommunicator::NcclCommunicator(MpiComm trainers, at::Device device)
    : trainers_(std::move(trainers)),
      device_(device),
      stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index())),
      exceptions_at_birth_(std::uncaught_exceptions()) {
  const c10::cuda::CUDAGuard guard(device_);
  require_distinct_devices(trainers_, device_.index());
  const ncclUniqueId id = agree_on_id(trainers_);
  check_nccl(ncclCommInitRank(&comm_, trainers_.size(), id, trainers_.rank()), nullptr, "ncclCommInitRank");
  const std::string who =
      "trainer " + std::to_string(rank()) + " of " + std::to_string(size()) + " on " + host_name();
  poll_.emplace([this] { return asynchronous_error(); },
                [who](const std::string& text) {
                  std::cerr << who + ": " + text + "\n" << std::flush;
                  _exit(exit_code(ErrorKind::kInternal));
                },
                std::chrono::seconds(1));
}

NcclCommunicator::~NcclCommunicator() {
  poll_.reset();
  if (comm_ != nullptr && std::uncaught_exceptions() == exceptions_at_birth_) ncclCommDestroy(comm_);
}

void NcclCommunicator::require(bool fits, const char* call, const at::Tensor& t) const {
  if (fits && t.device() == device_) return;
  throw Error(ErrorKind::kInternal, std::string("NCCL ") + call + " of a " + c10::toString(t.scalar_type()) +
                                        " tensor of " + std::to_string(t.numel()) + " elements on " +
                                        t.device().str() + ": needs a dense tensor of the right size on " +
                                        device_.str());
}

std::optional<std::string> NcclCommunicator::asynchronous_error() const {
  ncclResult_t state = ncclSuccess;
  const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state);
  const ncclResult_t result = asked != ncclSuccess ? asked : state;
  if (result == ncclSuccess || result == ncclInProgress) return {};
  return nccl_text(result, comm_, "a collective operation between GPUs");
}

void NcclCommunicator::check_peers() const {
  if (const auto text = asynchronous_error()) throw Error(ErrorKind::kInternal, *text);
}

// Runs call(stream) on the side stream after what the current stream has been given so far. The tensors are
// held until wait(); from there on the current stream keeps their memory in order.
template <typename Call>
Work NcclCommunicator::enqueue(std::vector<at::Tensor> tensors, Call&& call) {
  const c10::cuda::CUDAGuard guard(device_);
  c10::cuda::CUDAEvent ready;
  ready.record(c10::cuda::getCurrentCUDAStream(device_.index()));
  ready.block(stream_);
  check_nccl(call(stream_.stream()), comm_, "an NCCL collective");
  auto done = std::make_shared<c10::cuda::CUDAEvent>();
  done->record(stream_);
  return Work([this, done, tensors = std::move(tensors)] {
    check_peers();
    done->block(c10::cuda::getCurrentCUDAStream(device_.index()));
  });
}

Work NcclCommunicator::all_reduce_async(at::Tensor t, ReduceOp op) {
  require(t.is_non_overlapping_and_dense(), "all_reduce", t);
  const auto type = type_of(t);
  return enqueue({t}, [&](cudaStream_t stream) {
    return ncclAllReduce(t.data_ptr(), t.data_ptr(), static_cast<std::size_t>(t.numel()), type,
                         op == ReduceOp::kSum ? ncclSum : ncclMax, comm_, stream);
  });
}

void NcclCommunicator::all_gather(at::Tensor out, const at::Tensor& in) {
  require(in.is_contiguous(), "all_gather", in);
  require(out.is_contiguous() && out.nbytes() == in.nbytes() * static_cast<std::size_t>(size()), "all_gather",
          out);
  enqueue({out, in}, [&](cudaStream_t stream) {
    return ncclAllGather(in.data_ptr(), out.data_ptr(), in.nbytes(), ncclUint8, comm_, stream);
  }).wait();
}

void NcclCommunicator::reduce_scatter(at::Tensor out, const at::Tensor& in) {
  require(out.is_contiguous(), "reduce_scatter", out);
  require(in.is_contiguous() && in.numel() == out.numel() * size() && in.scalar_type() == out.scalar_type(),
          "reduce_scatter", in);
  enqueue({out, in}, [&](cudaStream_t stream) {
    return ncclReduceScatter(in.data_ptr(), out.data_ptr(), static_cast<std::size_t>(out.numel()),
                             type_of(out), ncclSum, comm_, stream);
  }).wait();
}

void NcclCommunicator::broadcast(at::Tensor t, int root) {
  require(t.is_non_overlapping_and_dense(), "broadcast", t);
  enqueue({t}, [&](cudaStream_t stream) {
    return ncclBroadcast(t.data_ptr(), t.data_ptr(), t.nbytes(), ncclUint8, root, comm_, stream);
  }).wait();
}

void NcclCommunicator::barrier() {
  all_reduce(at::zeros({1}, at::TensorOptions(device_).dtype(at::kLong)), ReduceOp::kSum);
  c10::cuda::CUDAEvent reached;
  reached.record(c10::cuda::getCurrentCUDAStream(device_.index()));
  while (!reached.query()) {
    check_peers();
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

std::unique_ptr<Communicator> make_nccl_communicator(MpiComm trainers, at::Device device) {
  return std::make_unique<NcclCommunicator>(std::move(trainers), device);
}

}  // namespace facetrain
