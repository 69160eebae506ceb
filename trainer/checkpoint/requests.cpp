#include "trainer/checkpoint/requests.hpp"

#include <exception>
#include <utility>

namespace facetrain {

Requests::Requests(MpiComm trainers)
    : trainers_(std::move(trainers)), exceptions_at_birth_(std::uncaught_exceptions()) {}

Requests::~Requests() {
  if (known_.valid() && std::uncaught_exceptions() == exceptions_at_birth_) known_.wait();
}

std::uint32_t Requests::exchange(std::uint32_t own) {
  std::uint32_t before = kNothing;
  if (known_.valid()) {
    known_.get();  // all ranks have passed that step: it is there
    before = *asked_;
  }
  asked_ = std::make_shared<std::uint32_t>(own);
  known_ = trainers_.session().start([asked = asked_, comm = trainers_.handle()](MPI_Request* request) {
    check_mpi(MPI_Iallreduce(MPI_IN_PLACE, asked.get(), 1, MPI_UINT32_T, MPI_BOR, comm, request),
              "MPI_Iallreduce");
  });
  return before;
}

}  // namespace facetrain
