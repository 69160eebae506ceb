#include "common/mpi/job_watch.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <csignal>
#include <iostream>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "common/config/job_kind.hpp"
#include "common/host_name.hpp"
#include "common/watch/liveness.hpp"
#include "common/watch/stuck_after_term.hpp"
#include "common/watch/watch_clock.hpp"

namespace facetrain {
namespace {

constexpr std::chrono::seconds kBeat{1};
constexpr int kTag = 1;

std::vector<WatchedProcess> all_processes(const MpiComm& world, const Topology& own) {
  const std::string text =
      std::to_string(static_cast<int>(own.role)) + " " + std::to_string(own.node) + " " + host_name();
  std::vector<WatchedProcess> processes;
  for (const std::string& words : all_gather_texts(world, text)) {
    WatchedProcess process;
    process.rank = static_cast<int>(processes.size());
    int role = 0;
    std::istringstream(words) >> role >> process.node >> process.host;
    process.role = static_cast<Role>(role);
    processes.push_back(std::move(process));
  }
  return processes;
}

// Rank 0 watches all, rank 1 watches rank 0, the others nobody.
std::vector<WatchedProcess> watched_by(int rank, std::vector<WatchedProcess> all) {
  if (rank > 0) all.resize(rank == 1 ? 1 : 0);
  return all;
}

}  // namespace

struct JobWatch::State {
  Vitals vitals;
  std::string name;  // of this process
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;  // guarded by mutex

  // The MPI thread's own.
  MPI_Comm comm = MPI_COMM_NULL;
  int rank = 0, size = 1;
  Liveness liveness;
  Beat sent;
  MPI_Request sending = MPI_REQUEST_NULL;

  StuckAfterTerm stuck;  // the watch thread's own

  State(Liveness the_liveness, const MpiComm& world)
      : comm(world.handle()), rank(world.rank()), size(world.size()), liveness(std::move(the_liveness)) {}

  void receive(double time) {
    for (int there = 1; there != 0;) {
      MPI_Status status{};
      check_mpi(MPI_Iprobe(MPI_ANY_SOURCE, kTag, comm, &there, &status), "MPI_Iprobe");
      if (there == 0) break;
      Beat beat;
      check_mpi(MPI_Recv(&beat, sizeof beat, MPI_BYTE, status.MPI_SOURCE, kTag, comm, MPI_STATUS_IGNORE),
                "MPI_Recv");
      liveness.heard(status.MPI_SOURCE, beat, time);
    }
  }

  void send() {
    int done = 1;
    check_mpi(MPI_Test(&sending, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done == 0 || size == 1) return;  // a peer that is stopped takes nothing: let nothing pile up
    sent = vitals.beat();
    check_mpi(MPI_Isend(&sent, sizeof sent, MPI_BYTE, rank == 0 ? 1 : 0, kTag, comm, &sending), "MPI_Isend");
  }

  std::optional<std::string> tick() {
    const double time = monotonic_seconds();  // one: a suspension in between must not look like silence
    liveness.look(time);
    receive(time);
    send();
    if (rank == 0) liveness.heard(0, vitals.beat(), time);
    return liveness.verdict(time);
  }

  // False when it is time to end.
  bool sleep(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex);
    return !wake.wait_for(lock, time, [this] { return stopping; });
  }
};

JobWatch::JobWatch(MpiSession& session, const Job& job, StopSignal& stop)
    : session_(session), comm_(duplicate_world(session)) {
  const WaitLimits limits{job.config.limits.silence, job.config.limits.step, job.config.limits.storage};
  Liveness liveness(watched_by(comm_.rank(), all_processes(comm_, job.topology)), limits,
                    monotonic_seconds());
  state_ = std::make_shared<State>(std::move(liveness), comm_);
  state_->name = process_name(job.topology.role == Role::kService ? "dataservice" : "trainer", comm_.rank());
  const bool trains = job.topology.role == Role::kTrainer, embeds = is_embedding(job.config);
  thread_ = std::thread([&session, &stop, state = state_, trains, embeds] {
    prctl(PR_SET_NAME, "watch");
    const auto leave = [&](const std::string& why) {
      std::cerr << state->name + ": SIGTERM has come" + why + "\n" << std::flush;
      _exit(128 + SIGTERM);
    };
    const auto leave_after_term = [&] {
      const bool term = stop.term_has_come();
      if (term && embeds) leave("");  // nothing to keep
      if (trains && state->stuck.look(term, state->vitals.beat(), monotonic_seconds()))
        leave(", and no update for " + std::to_string(std::lround(state->stuck.patience())) +
              " s: another process may have died before");
    };
    while (state->sleep(kBeat)) {
      leave_after_term();
      const auto verdict = std::make_shared<std::optional<std::string>>();
      auto done = session.post([state, verdict] { *verdict = state->tick(); });
      while (done.wait_for(std::chrono::milliseconds(0)) != std::future_status::ready) {
        if (!state->sleep(std::chrono::milliseconds(20))) return;
        leave_after_term();
      }
      std::string failure;
      try {
        done.get();
        if (*verdict) failure = **verdict;
      } catch (const std::exception& error) {
        failure = error.what();
      }
      if (failure.empty()) continue;
      std::cerr << state->name + ": " + failure + "\n" << std::flush;
      session.abort(70);
    }
  });
}

JobWatch::~JobWatch() {
  stop();
}

Vitals& JobWatch::vitals() {
  return state_->vitals;
}

void JobWatch::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  thread_.join();
}

void JobWatch::end() {
  const auto meet = [this] {
    session_.run(
        [this](MPI_Request* request) { check_mpi(MPI_Ibarrier(comm_.handle(), request), "MPI_Ibarrier"); });
  };
  state_->vitals.enter(Activity::kEnding);
  meet();  // all are done
  stop();
  meet();  // nobody sends any more
  session_.call([this] {
    state_->receive(monotonic_seconds());
    int done = 0;
    MPI_Test(&state_->sending, &done, MPI_STATUS_IGNORE);  // eager, and received by now
    if (state_->sending != MPI_REQUEST_NULL) MPI_Request_free(&state_->sending);
  });
}

}  // namespace facetrain
