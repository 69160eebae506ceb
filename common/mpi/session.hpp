// The process's life inside MPI. One dedicated thread initialises MPI, makes every MPI call of the process
// and finalises it (MPI_THREAD_FUNNELED); everybody else hands it work. Operations that wait for other ranks
// are started as nonblocking requests, so that any number of them, on any communicators, are under way at
// once and the thread never sits inside MPI. It sleeps while there is nothing to do, and polls with growing
// naps while requests are under way: ranks may outnumber cores, and a core that spins is a core that does not
// compute.
#pragma once

#include <mpi.h>

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace facetrain {

// Throws Error(kInternal) with `what` and MPI's own text unless `result` is MPI_SUCCESS. For use on the MPI
// thread.
void check_mpi(int result, const char* what);

class MpiSession {
 public:
  // MPI_Init_thread on the new thread; errors of MPI are returned from then on (MPI_ERRORS_RETURN), not
  // fatal.
  MpiSession();
  // Completes what is under way and finalises. While an exception unwinds through it, it does neither: the
  // other ranks may never come, and mpirun ends the job when a process leaves without MPI_Finalize.
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;

  int rank() const { return rank_; }  // in MPI_COMM_WORLD
  int size() const { return size_; }

  // Runs f on the MPI thread and returns its result; what f throws is thrown here. Called on the MPI thread
  // itself, it runs at once. f should not wait for other ranks where start() can.
  template <typename F>
  auto call(F&& f) -> std::invoke_result_t<F&> {
    if (on_mpi_thread()) return f();
    using Result = std::invoke_result_t<F&>;
    auto task = std::make_shared<std::packaged_task<Result()>>([&f]() -> Result { return f(); });
    auto result = task->get_future();
    enqueue([task] { (*task)(); });
    return result.get();
  }

  // Runs f on the MPI thread some time later, in the order of the posts.
  template <typename F>
  std::future<void> post(F&& f) {
    auto task = std::make_shared<std::packaged_task<void()>>(std::forward<F>(f));
    auto done = task->get_future();
    enqueue([task] { (*task)(); });
    return done;
  }

  // Begins a nonblocking operation on the MPI thread, in the order of the calls (so collectives on one
  // communicator match across ranks). `begin` sets the request (MPI_REQUEST_NULL: complete already); the
  // future is ready when it has completed. `begin`, and all that it captured, is destroyed just before that.
  std::future<void> start(std::function<void(MPI_Request*)> begin);

  // start() and wait.
  void run(std::function<void(MPI_Request*)> begin) { start(std::move(begin)).get(); }

  // Ends the whole job with this exit code, from any thread, also while the MPI thread is inside MPI.
  // FUNNELED does not promise that; Open MPI's MPI_Abort only talks to its own daemon, and at death this is
  // what is wanted. Where that one does not answer, this process leaves by itself after five seconds.
  [[noreturn]] void abort(int code);

 private:
  struct State;

  bool on_mpi_thread() const;
  void enqueue(std::function<void()> task);

  std::shared_ptr<State> state_;  // shared with the thread, which may outlive this object when unwinding
  int rank_ = 0;
  int size_ = 1;
  int exceptions_at_birth_ = 0;
};

}  // namespace facetrain
