#include <utility>  // before Boost 1.74's awaitable.hpp, which forgets it

#include "dataservice/serve/batch_server.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cmath>
#include <iostream>
#include <optional>
#include <set>

#include "common/error.hpp"
#include "common/ipc/frame_socket.hpp"
#include "common/ipc/memory_limit.hpp"
#include "common/watch/watch_clock.hpp"
#include "dataservice/serve/bad_pictures.hpp"
#include "dataservice/serve/epoch_orders.hpp"
#include "dataservice/serve/read_ahead.hpp"
#include "dataservice/serve/read_watch.hpp"
#include "dataservice/serve/trainer_session.hpp"
#include "dataservice/serve/unknown_peers.hpp"
#include "dataservice/source/identity_index.hpp"

namespace facetrain {

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::local::stream_protocol;
using Socket = TrainerSession::Socket;

namespace {

constexpr std::chrono::seconds kAbortGrace{
    3};  // a trainer that fails aborts the job itself: let its line come first

stream_protocol::endpoint abstract_endpoint(const std::string& name) {
  return stream_protocol::endpoint(std::string(1, '\0') + name);
}

// The next frame, or nullopt at end-of-file.
asio::awaitable<std::optional<Message>> read_frame(Socket& socket) {
  Message message;
  boost::system::error_code error;
  co_await asio::async_read(socket, asio::buffer(&message, sizeof message),
                            asio::redirect_error(use_awaitable, error));
  if (error) co_return std::nullopt;
  co_return message;
}

}  // namespace

struct BatchServer::State {
  ServiceSetup setup;
  const Source& source;
  IdentityIndex identities;
  PlanShape shape;
  BadPictures bad;
  asio::io_context io{1};
  stream_protocol::acceptor acceptor;
  EpochOrders orders;
  std::set<std::uint32_t> connected, finished;  // trainer ranks
  std::optional<Dtype> dtype;                   // of the rings; the first trainer's
  std::optional<ReadAhead> read_ahead;
  UnknownPeers unknown;
  ReadWatch reads;
  std::optional<WorkerPool> pool;  // last: its threads end before what they use

  State(ServiceSetup the_setup, const Source& the_source)
      : setup(std::move(the_setup)),
        source(the_source),
        identities(source),
        shape(plan_shape(setup.config, source.size(),
                         static_cast<std::uint32_t>(setup.topology.trainer_world),
                         static_cast<std::uint32_t>(setup.topology.nodes))),
        bad(setup.bad_list_path,
            bad_pictures_allowed(shape, static_cast<std::uint32_t>(setup.topology.trainer_rank),
                                 static_cast<std::uint32_t>(setup.topology.node_trainers)),
            setup.goes_on),
        acceptor(io, abstract_endpoint(service_socket_name(setup.nonce, setup.topology.node))),
        orders(shape, static_cast<std::uint32_t>(setup.config.train.epochs)),
        reads(setup.config.limits.storage) {
    if (shape.strategy == Strategy::kChunked)
      read_ahead.emplace(shape, static_cast<std::uint32_t>(setup.config.train.epochs),
                         static_cast<std::uint32_t>(setup.topology.node), source);
  }

  // Why this trainer is not served; empty when it is welcome.
  std::string objection(const Hello& hello) const {
    if (hello.build_id != setup.build_id)
      return "the service is of build " + setup.build + ", the trainer of build " + text_of(hello.build) +
             ": install one build on all nodes and start again";
    if (hello.config_digest != setup.config_digest)
      return "service and trainer run with different configurations";
    if (hello.trainer_world != shape.world || hello.trainer_rank >= shape.world)
      return "service and trainer count the trainers differently";
    if (connected.contains(hello.trainer_rank))
      return "two trainers report rank " + std::to_string(hello.trainer_rank);
    if (dtype && *dtype != hello.expected.dtype)
      return "the trainers of this node want different element types";
    if (const RingLayout mine = ring_layout(setup.config, hello.expected.dtype);
        !(hello.expected == mine) || hello.strides != mine.strides())
      return "the service lays batches out as " + mine.text() + ", the trainer expects " +
             hello.expected.text();
    return "";
  }

  std::shared_ptr<TrainerSession> welcome(const std::shared_ptr<Socket>& socket, const Hello& hello) {
    const RingLayout layout = ring_layout(setup.config, hello.expected.dtype);
    if (!dtype) {
      require_memory(
          layout.total_bytes() * static_cast<std::uint64_t>(setup.topology.node_trainers), memory_headroom(),
          "the batch ring (" + std::to_string(setup.topology.node_trainers) + " trainers x " +
              std::to_string(layout.slots) + " slots of " + std::to_string(layout.batch) + " pictures)",
          "lower train.batch_size or data.slots");
      dtype = hello.expected.dtype;
      pool.emplace(setup.workers, [this] {
        return std::make_unique<RowFiller>(setup.config, *dtype, source, identities, bad,
                                           &reads.add_worker());
      });
    }
    connected.insert(hello.trainer_rank);
    TrainerSession::Plan plan{shape,
                              static_cast<std::uint32_t>(setup.config.train.epochs),
                              [this](std::uint32_t epoch) { return orders.of(epoch); },
                              [this] { return bad.count(); },
                              [this](std::uint32_t epoch, std::uint64_t step) {
                                if (read_ahead) read_ahead->reached(epoch, step);
                              },
                              setup.handed_over};
    auto session = std::make_shared<TrainerSession>(socket, hello, layout, std::move(plan), *pool);
    Welcome message;
    message.build_id = setup.build_id;
    message.config_digest = setup.config_digest;
    message.layout = layout;
    message.strides = layout.strides();
    message.total_bytes = layout.total_bytes();
    message.samples = source.size();
    message.classes = source.classes();
    message.steps_per_epoch = shape.steps_per_epoch();
    message.data_digest = setup.data_digest;
    send_frame(socket->native_handle(), Message(message), &session->memfd());
    return session;
  }

  // Logged; the connection is closed as its coroutine ends.
  void turn_away(const Peer& peer, const std::string& why) {
    if (const std::string line = unknown.turned_away(peer, why); !line.empty())
      std::cerr << "dataservice: " + line + "\n" << std::flush;
  }

  // A trainer's hello; nullopt, with a warning, where none comes in time.
  asio::awaitable<std::optional<Hello>> hello_of(std::shared_ptr<Socket> socket, Peer peer) {
    struct Wait {
      bool is_over = false;  // an expiry that is queued already cannot be recalled
      bool was_too_long = false;
    };
    const auto wait = std::make_shared<Wait>();
    const auto give_up = [socket] {
      boost::system::error_code ignored;
      socket->cancel(ignored);
    };
    const UnknownPeers::Ticket ticket = unknown.admit(give_up);
    asio::steady_timer deadline(io, UnknownPeers::kWait);
    deadline.async_wait([socket, wait, give_up](const boost::system::error_code& cancelled) {
      boost::system::error_code unknown_size;
      // What has come while this thread made another trainer's ring is read next.
      if (cancelled || wait->is_over || socket->available(unknown_size) >= sizeof(Message)) return;
      wait->was_too_long = true;
      give_up();
    });
    const auto first = co_await read_frame(*socket);
    wait->is_over = true;
    deadline.cancel();
    const bool was_dropped = !unknown.dismiss(ticket);
    if (first && first->type == MessageType::kHello && first->hello.magic == kMagic) co_return first->hello;
    turn_away(peer, first                ? "what it says is no trainer's hello"
                    : wait->was_too_long ? "it has said nothing that a trainer says for " +
                                               std::to_string(UnknownPeers::kWait.count()) + " s"
                    : was_dropped ? "there were too many such connections"
                                  : "it has closed the connection without a hello");
    co_return std::nullopt;
  }

  asio::awaitable<void> serve(std::shared_ptr<Socket> socket) {
    const Peer peer = peer_of(socket->native_handle());
    if (!is_own(peer)) {
      turn_away(peer, "it is another user's");
      co_return;
    }
    const std::optional<Hello> hello = co_await hello_of(socket, peer);
    if (!hello) co_return;
    if (const std::string reason = objection(*hello); !reason.empty()) {
      (void)try_send_frame(socket->native_handle(), Message(Refused{fixed_text<kReason>(reason)}));
      co_return;
    }
    const auto session = welcome(socket, *hello);
    session->fill_all_slots();
    while (const auto message = co_await read_frame(*socket)) {
      if (message->type == MessageType::kFree) {
        session->fill(message->free.slot);
      } else if (message->type == MessageType::kGoodbye) {
        finished.insert(session->trainer_rank());
        if (static_cast<int>(finished.size()) == setup.topology.node_trainers) io.stop();
        co_return;
      }
    }
    asio::steady_timer grace(io, kAbortGrace);
    co_await grace.async_wait(use_awaitable);
    throw Error(ErrorKind::kInternal, "trainer rank " + std::to_string(session->trainer_rank()) + " (node " +
                                          std::to_string(setup.topology.node) +
                                          ") closed its connection without finishing: it died");
  }

  asio::awaitable<void> accept() {
    for (bool is_told = false;;) {
      auto socket = std::make_shared<Socket>(io);
      boost::system::error_code failed;
      co_await acceptor.async_accept(*socket, asio::redirect_error(use_awaitable, failed));
      if (!failed) {
        asio::co_spawn(io, serve(std::move(socket)), rethrow);
        continue;
      }
      // Too few descriptors or too little memory for another connection: later there may be.
      if (!std::exchange(is_told, true))
        std::cerr << "dataservice: WARNING: a connection was not accepted: " + failed.message() + "\n"
                  << std::flush;
      asio::steady_timer pause(io, std::chrono::seconds(1));
      co_await pause.async_wait(use_awaitable);
    }
  }

  // Storage that stalls is named, and given up in the end.
  asio::awaitable<void> watch_reads() {
    asio::steady_timer timer(io);
    while (true) {
      timer.expires_after(std::chrono::seconds(1));
      co_await timer.async_wait(use_awaitable);
      const ReadWatch::Findings found = reads.look(monotonic_seconds());
      for (const ReadWatch::Stall& stall : found.slow)
        std::cerr << "dataservice: WARNING: " + stall_text(stall) + "; the storage stalls\n" << std::flush;
      if (found.too_long && setup.give_up)
        setup.give_up(
            stall_text(*found.too_long) +
            ", longer than limits.storage: the storage stalls; the same command goes on from the last "
            "checkpoint");
    }
  }
  std::string stall_text(const ReadWatch::Stall& stall) const {
    return "reading " + source.place(stall.id) + " has taken " + std::to_string(std::llround(stall.seconds)) +
           " s";
  }

  // Out of io.run(), and so out of BatchServer::run().
  static void rethrow(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  }
};

BatchServer::BatchServer(ServiceSetup setup, const Source& source)
    : state_(std::make_unique<State>(std::move(setup), source)) {}

BatchServer::~BatchServer() = default;

void BatchServer::run() {
  asio::co_spawn(state_->io, state_->accept(), State::rethrow);
  asio::co_spawn(state_->io, state_->watch_reads(), State::rethrow);
  state_->io.run();
}

bool BatchServer::stop(std::chrono::seconds most) {
  return (!state_->pool || state_->pool->stop(most)) &&
         (!state_->read_ahead || state_->read_ahead->stop(most));
}

}  // namespace facetrain
