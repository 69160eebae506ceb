#include "trainer/comm/mpi_communicator.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "common/error.hpp"

namespace facetrain {
namespace {

void require(bool fits, const char* call, const at::Tensor& t, const char* needs) {
  if (fits) return;
  throw Error(ErrorKind::kInternal, std::string(call) + " of a " + c10::toString(t.scalar_type()) +
                                        " tensor of " + std::to_string(t.numel()) + " elements on " +
                                        t.device().str() + ": needs " + needs);
}

void require_dense(const char* call, const at::Tensor& t) {
  require(t.device().is_cpu() && t.is_non_overlapping_and_dense(), call, t, "a dense CPU tensor");
}

// `whole` holds `size` blocks of `part`'s size.
void require_blocks(const char* call, const at::Tensor& whole, const at::Tensor& part, int size) {
  for (const at::Tensor* t : {&whole, &part}) {
    require(t->device().is_cpu() && t->is_contiguous(), call, *t, "a contiguous CPU tensor");
  }
  require(whole.numel() == part.numel() * size && whole.scalar_type() == part.scalar_type(), call, whole,
          "world size times the elements of the other tensor, of its type");
}

MPI_Datatype arithmetic_type(const at::Tensor& t) {
  switch (t.scalar_type()) {
    case at::kFloat:
      return MPI_FLOAT;
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kLong:
      return MPI_INT64_T;
    default:
      require(false, "a reduction", t, "float16, bfloat16, float32, float64 or int64");
      return MPI_BYTE;
  }
}

// For data that is only moved.
MPI_Datatype moving_type(const at::Tensor& t) {
  switch (t.element_size()) {
    case 8:
      return MPI_UINT64_T;
    case 4:
      return MPI_UINT32_T;
    case 2:
      return MPI_UINT16_T;
    case 1:
      return MPI_UINT8_T;
    default:
      require(false, "a transfer", t, "elements of 1, 2, 4 or 8 bytes");
      return MPI_BYTE;
  }
}

bool is_half(const at::Tensor& t) {
  return t.scalar_type() == at::kHalf || t.scalar_type() == at::kBFloat16;
}

char* bytes_at(const at::Tensor& t, std::int64_t element) {
  return static_cast<char*>(t.data_ptr()) + element * t.element_size();
}

}  // namespace

MpiCommunicator::MpiCommunicator(MpiComm comm, std::int64_t max_count)
    : comm_(std::move(comm)), max_count_(max_count) {}

Work MpiCommunicator::all_reduce_async(at::Tensor t, ReduceOp op) {
  require_dense("all_reduce", t);
  const at::Tensor wire = is_half(t) ? t.to(at::kFloat) : t;  // keeps the strides
  const MPI_Datatype type = arithmetic_type(wire);
  const MPI_Op mpi_op = op == ReduceOp::kSum ? MPI_SUM : MPI_MAX;
  auto parts = std::make_shared<std::vector<std::future<void>>>();
  for (std::int64_t at = 0; at < wire.numel(); at += max_count_) {
    const int count = static_cast<int>(std::min(max_count_, wire.numel() - at));
    parts->push_back(
        comm_.session().start([wire, at, count, type, mpi_op, comm = comm_.handle()](MPI_Request* request) {
          check_mpi(MPI_Iallreduce(MPI_IN_PLACE, bytes_at(wire, at), count, type, mpi_op, comm, request),
                    "MPI_Iallreduce");
        }));
  }
  return Work([t, wire, parts] {
    for (auto& part : *parts) part.get();
    if (!wire.is_same(t)) t.copy_(wire);
  });
}

void MpiCommunicator::all_gather(at::Tensor out, const at::Tensor& in) {
  require_blocks("all_gather", out, in, size());
  const MPI_Datatype type = moving_type(in);
  const MPI_Aint stride = static_cast<MPI_Aint>(in.nbytes());
  for (std::int64_t at = 0; at < in.numel(); at += max_count_) {
    const int count = static_cast<int>(std::min(max_count_, in.numel() - at));
    comm_.session().run([&, at, count](MPI_Request* request) {
      // One element of this type is a rank's chunk, the next one is the next rank's: MPI's int arithmetic
      // stays small.
      MPI_Datatype chunk = MPI_DATATYPE_NULL;
      MPI_Datatype block = MPI_DATATYPE_NULL;
      check_mpi(MPI_Type_contiguous(count, type, &chunk), "MPI_Type_contiguous");
      check_mpi(MPI_Type_create_resized(chunk, 0, stride, &block), "MPI_Type_create_resized");
      check_mpi(MPI_Type_free(&chunk), "MPI_Type_free");
      check_mpi(MPI_Type_commit(&block), "MPI_Type_commit");
      check_mpi(
          MPI_Iallgather(bytes_at(in, at), count, type, bytes_at(out, at), 1, block, comm_.handle(), request),
          "MPI_Iallgather");
      check_mpi(MPI_Type_free(&block), "MPI_Type_free");  // takes effect when the request has completed
    });
  }
}

void MpiCommunicator::reduce_scatter(at::Tensor out, const at::Tensor& in) {
  require_blocks("reduce_scatter", in, out, size());
  const at::Tensor from = is_half(in) ? in.to(at::kFloat) : in;
  const at::Tensor to = is_half(out) ? at::empty(out.sizes(), out.options().dtype(at::kFloat)) : out;
  const MPI_Datatype type = arithmetic_type(from);
  const std::int64_t most = std::max<std::int64_t>(1, max_count_ / size());
  const at::Tensor blocks = from.view({size(), -1});
  for (std::int64_t at = 0; at < to.numel(); at += most) {
    const int count = static_cast<int>(std::min(most, to.numel() - at));
    const at::Tensor part =
        blocks.narrow(1, at, count).contiguous();  // a copy only when there is more than one chunk
    comm_.session().run([&, at, count](MPI_Request* request) {
      check_mpi(MPI_Ireduce_scatter_block(part.data_ptr(), bytes_at(to, at), count, type, MPI_SUM,
                                          comm_.handle(), request),
                "MPI_Ireduce_scatter_block");
    });
  }
  if (!to.is_same(out)) out.copy_(to);
}

void MpiCommunicator::broadcast(at::Tensor t, int root) {
  require_dense("broadcast", t);
  const MPI_Datatype type = moving_type(t);
  for (std::int64_t at = 0; at < t.numel(); at += max_count_) {
    const int count = static_cast<int>(std::min(max_count_, t.numel() - at));
    comm_.session().run([&, at, count](MPI_Request* request) {
      check_mpi(MPI_Ibcast(bytes_at(t, at), count, type, root, comm_.handle(), request), "MPI_Ibcast");
    });
  }
}

void MpiCommunicator::barrier() {
  comm_.session().run(
      [this](MPI_Request* request) { check_mpi(MPI_Ibarrier(comm_.handle(), request), "MPI_Ibarrier"); });
}

void SelfCommunicator::all_gather(at::Tensor out, const at::Tensor& in) {
  out.copy_(in.view_as(out));
}
void SelfCommunicator::reduce_scatter(at::Tensor out, const at::Tensor& in) {
  out.copy_(in.view_as(out));
}

}  // namespace facetrain
