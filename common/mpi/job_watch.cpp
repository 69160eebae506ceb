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
#include "common/watch/start_limit.hpp"
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

// Rank 0 watches all, the others rank 0: rank 1 to name it, the rest to leave when nobody ends them.
Liveness liveness_of(int rank, std::vector<WatchedProcess> all, const Config& config) {
  WaitLimits limits{config.limits.silence, config.limits.step, config.limits.storage};
  if (rank > 0) all.resize(1);
  if (rank > 1) limits.patience = 2;
  return {std::move(all), limits, monotonic_seconds()};
}

// A beat to one other rank, which may not have taken the last one yet.
struct Outgoing {
  int to = 0;
  Beat beat;
  MPI_Request request = MPI_REQUEST_NULL;
};

std::vector<Outgoing> outgoing_of(int rank, int size) {
  std::vector<Outgoing> all;
  const int first = rank == 0 ? 1 : 0, end = rank == 0 ? size : 1;
  for (int to = first; to < end; ++to) all.push_back({to, {}, MPI_REQUEST_NULL});
  return all;
}

}  // namespace

struct JobWatch::State {
  Vitals vitals;
  const char* program = "";
  std::string name;  // of this process
  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;  // guarded by mutex

  // The MPI thread's own.
  MPI_Comm comm = MPI_COMM_NULL;
  int rank = 0;
  Liveness liveness;
  std::vector<Outgoing> outgoing;

  StuckAfterTerm stuck;  // the watch thread's own

  State(Liveness the_liveness, const MpiComm& world)
      : comm(world.handle()),
        rank(world.rank()),
        liveness(std::move(the_liveness)),
        outgoing(outgoing_of(world.rank(), world.size())) {}

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
    for (Outgoing& out : outgoing) {
      int done = 1;
      check_mpi(MPI_Test(&out.request, &done, MPI_STATUS_IGNORE), "MPI_Test");
      if (done == 0) continue;  // a peer that is stopped takes nothing: let nothing pile up
      out.beat = vitals.beat();
      check_mpi(MPI_Isend(&out.beat, sizeof out.beat, MPI_BYTE, out.to, kTag, comm, &out.request),
                "MPI_Isend");
    }
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
  state_ = std::make_shared<State>(liveness_of(comm_.rank(), all_processes(comm_, job.topology), job.config),
                                   comm_);
  state_->program = job.topology.role == Role::kService ? "dataservice" : "trainer";
  state_->name = process_name(state_->program, comm_.rank());
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
  const TimeLimit limit(end_limit(state_->program, this_environment()));
  meet();  // nobody sends any more
  session_.call([this] {
    state_->receive(monotonic_seconds());
    for (Outgoing& out : state_->outgoing) {
      int done = 0;
      MPI_Test(&out.request, &done, MPI_STATUS_IGNORE);  // eager, and received by now
      if (out.request != MPI_REQUEST_NULL) MPI_Request_free(&out.request);
    }
  });
}

}  // namespace facetrain
