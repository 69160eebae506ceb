#include "common/mpi/session.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "common/error.hpp"

namespace facetrain {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

struct Operation {
  MPI_Request request = MPI_REQUEST_NULL;
  std::function<void(MPI_Request*)> begin;
  std::promise<void> done;
};

// How to pass the time until the next poll, given how long nothing has completed. Polls back to back at first
// (a small collective between running ranks takes 2-10 us), then yields, then naps for a fraction of the time
// already waited: the delay that naps add stays a few per cent, and a long wait costs a few per cent of a
// core.
enum class Pause { kNone, kYield, kNap };
constexpr std::chrono::seconds kAbort{5};  // for MPI_Abort to end this process
constexpr nanoseconds kPollFor = microseconds(10);
constexpr nanoseconds kYieldFor = microseconds(60);
constexpr nanoseconds kShortestNap = microseconds(20);
constexpr nanoseconds kLongestNap = microseconds(100);

Pause pause_after(nanoseconds idle) {
  return idle < kPollFor ? Pause::kNone : idle < kYieldFor ? Pause::kYield : Pause::kNap;
}
nanoseconds nap_after(nanoseconds idle) {
  return std::clamp(idle / 16, kShortestNap, kLongestNap);
}

}  // namespace

void check_mpi(int result, const char* what) {
  if (result == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = {};
  int length = 0;
  MPI_Error_string(result, text, &length);
  throw Error(ErrorKind::kInternal, std::string(what) + " failed: " + text +
                                        "; see the other ranks' last lines, one of them may have died");
}

struct MpiSession::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> tasks;  // guarded by mutex
  bool stop = false;                        // guarded by mutex: drain, finalise, end
  bool leave = false;                       // guarded by mutex: end at once, without finalising
  std::vector<Operation> operations;        // the MPI thread's own
  std::thread thread;
  std::promise<std::pair<int, int>> initialised;  // rank, size
  std::promise<void> ended;

  void main();
  void initialise();
  bool poll();
  void serve();
};

void MpiSession::State::initialise() {
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  if (provided < MPI_THREAD_FUNNELED) {
    throw Error(ErrorKind::kConfig,
                "this MPI library does not support threads (MPI_THREAD_FUNNELED); use Open MPI 4.1");
  }
  std::pair<int, int> rank_size;
  check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank_size.first), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &rank_size.second), "MPI_Comm_size");
  initialised.set_value(rank_size);
}

void MpiSession::State::main() {
  prctl(PR_SET_NAME, "mpi");
  prctl(PR_SET_TIMERSLACK, 1UL);  // the default 50 us would stretch every nap
  try {
    initialise();
  } catch (...) {
    initialised.set_exception(std::current_exception());
    ended.set_value();
    return;
  }
  serve();
  bool finalise = false;
  {
    const std::lock_guard lock(mutex);
    finalise = !leave;
  }
  if (finalise) MPI_Finalize();
  ended.set_value();
}

// Completes the operations that are done; says whether there was one.
bool MpiSession::State::poll() {
  bool any = false;
  for (Operation& operation : operations) {
    int done = 0;
    const int result = MPI_Test(&operation.request, &done, MPI_STATUS_IGNORE);
    if (result == MPI_SUCCESS && done == 0) continue;
    any = true;
    auto promise = std::move(operation.done);
    operation.begin = nullptr;  // marks it as finished, and lets go of what it held before anyone is told
    try {
      check_mpi(result, "a collective operation between ranks");
      promise.set_value();
    } catch (...) {
      promise.set_exception(std::current_exception());
    }
  }
  if (any) std::erase_if(operations, [](const Operation& o) { return !o.begin; });
  return any;
}

void MpiSession::State::serve() {
  auto progress = Clock::now();
  std::unique_lock lock(mutex);
  for (;;) {
    if (leave) return;
    if (!tasks.empty()) {
      auto task = std::move(tasks.front());
      tasks.pop_front();
      lock.unlock();
      task();
      task = nullptr;
      progress = Clock::now();
      lock.lock();
      continue;
    }
    if (operations.empty()) {
      if (stop) return;
      wake.wait(lock);
      continue;
    }
    lock.unlock();
    const bool any = poll();
    const auto now = Clock::now();
    if (any) progress = now;
    const auto pause = any ? Pause::kNone : pause_after(now - progress);
    if (pause == Pause::kYield) std::this_thread::yield();
    lock.lock();
    if (pause == Pause::kNap && tasks.empty() && !leave) wake.wait_for(lock, nap_after(now - progress));
  }
}

MpiSession::MpiSession()
    : state_(std::make_shared<State>()), exceptions_at_birth_(std::uncaught_exceptions()) {
  auto initialised = state_->initialised.get_future();
  state_->thread = std::thread([state = state_] { state->main(); });
  try {
    std::tie(rank_, size_) = initialised.get();
  } catch (...) {
    state_->thread.join();
    throw;
  }
}

MpiSession::~MpiSession() {
  const bool unwinding = std::uncaught_exceptions() > exceptions_at_birth_;
  {
    const std::lock_guard lock(state_->mutex);
    (unwinding ? state_->leave : state_->stop) = true;
  }
  state_->wake.notify_all();
  if (unwinding &&
      state_->ended.get_future().wait_for(std::chrono::seconds(1)) != std::future_status::ready) {
    state_->thread.detach();  // it sits inside MPI, waiting for somebody who will not come
    return;
  }
  state_->thread.join();
}

bool MpiSession::on_mpi_thread() const {
  return std::this_thread::get_id() == state_->thread.get_id();
}

void MpiSession::enqueue(std::function<void()> task) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->tasks.push_back(std::move(task));
  }
  state_->wake.notify_one();
}

std::future<void> MpiSession::start(std::function<void(MPI_Request*)> begin) {
  auto operation = std::make_shared<Operation>();
  operation->begin = std::move(begin);
  auto done = operation->done.get_future();
  enqueue([state = state_.get(), operation] {
    try {
      operation->begin(&operation->request);
      state->operations.push_back(std::move(*operation));
    } catch (...) {
      auto promise = std::move(operation->done);
      operation->begin = nullptr;
      promise.set_exception(std::current_exception());
    }
  });
  return done;
}

void MpiSession::abort(int code) {
  try {
    std::thread([code] {
      std::this_thread::sleep_for(kAbort);
      _exit(code);
    }).detach();
  } catch (const std::system_error&) {  // no thread to be had: then without the limit
  }
  MPI_Abort(MPI_COMM_WORLD, code);
  _exit(code);
}

}  // namespace facetrain
