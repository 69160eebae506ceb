#include "common/ipc/ring_consumer.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <thread>

#include "common/error.hpp"
#include "common/ipc/frame_socket.hpp"

namespace facetrain {
namespace {

constexpr std::chrono::milliseconds kForever{1ll << 40};  // 35 years

// A service that fails logs why and aborts the job, which ends this process too: give that line time to come
// first.
constexpr std::chrono::seconds kCauseFirst{3};

[[noreturn]] void service_is_gone() {
  std::this_thread::sleep_for(kCauseFirst);
  throw Error(ErrorKind::kInternal,
              "the data service of this node closed its connection without finishing: it died (see its log "
              "line, or the kernel's "
              "log for an out-of-memory kill)");
}

// The trainers come when the service listens already: nobody there means that it has just failed.
Fd connect_to_service(const std::string& socket_name) {
  try {
    Fd socket = connect_abstract(socket_name);
    if (const Peer peer = peer_of(socket.get()); !is_own(peer))
      throw Error(ErrorKind::kInternal, "at @" + socket_name + " listens process " +
                                            std::to_string(peer.process) + " of user " +
                                            std::to_string(peer.user) + ", not this job's data service");
    return socket;
  } catch (const Error&) {
    std::this_thread::sleep_for(kCauseFirst);
    throw;
  }
}

// Until there is something to receive, the end of the connection included.
void wait_for_message(const Fd& socket, const Fd& interrupted) {
  pollfd waits[2] = {{socket.get(), POLLIN, 0}, {interrupted.get(), POLLIN, 0}};
  while (::poll(waits, 2, -1) < 0)
    if (errno != EINTR) throw Error(ErrorKind::kInternal, with_errno("poll", errno));
  if (waits[1].revents != 0) throw Error(ErrorKind::kInternal, "no longer waiting for batches: interrupted");
}

Message expect(std::optional<Message> message) {
  if (!message) service_is_gone();
  return *message;
}

}  // namespace

RingConsumer::RingConsumer(const std::string& socket_name, const Hello& hello,
                           std::chrono::milliseconds timeout)
    : socket_(connect_to_service(socket_name)), interrupted_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!interrupted_) throw Error(ErrorKind::kInternal, with_errno("eventfd", errno));
  if (!try_send_frame(socket_.get(), Message(hello))) service_is_gone();
  Fd memfd;
  bool timed_out = false;
  const auto answer = receive_frame(socket_, &memfd, timeout, &timed_out);
  if (timed_out)
    throw Error(ErrorKind::kInternal, "the data service at @" + socket_name + " does not answer");
  const Message message = expect(answer);
  if (message.type == MessageType::kRefused) {
    throw Error(ErrorKind::kConfig, "the data service at @" + socket_name +
                                        " refused this trainer: " + text_of(message.refused.reason));
  }
  welcome_ = message.welcome;
  if (message.type == MessageType::kWelcome && welcome_.magic == kMagic &&
      (welcome_.build_id != hello.build_id || welcome_.config_digest != hello.config_digest ||
       !(welcome_.layout == hello.expected) || welcome_.strides != hello.strides)) {
    throw Error(ErrorKind::kInternal, "the data service at @" + socket_name + " offers " +
                                          welcome_.layout.text() +
                                          " of another build or configuration than this trainer's " +
                                          hello.expected.text() + ": rebuild both programs");
  }
  if (message.type != MessageType::kWelcome || welcome_.magic != kMagic || !memfd ||
      welcome_.total_bytes != welcome_.layout.total_bytes()) {
    throw Error(ErrorKind::kInternal,
                "the data service at @" + socket_name + " speaks another protocol: rebuild both programs");
  }
  memory_ = Mapping(memfd, welcome_.total_bytes);
}

RingBatch RingConsumer::next() {
  int waiting = 0;  // bytes of messages that have arrived
  if (::ioctl(socket_.get(), FIONREAD, &waiting) != 0) waiting = 0;
  wait_for_message(socket_, interrupted_);
  const Message message = expect(receive_frame(socket_, nullptr, kForever, nullptr));
  if (message.type != MessageType::kFilled || message.filled.slot >= welcome_.layout.slots) {
    throw Error(ErrorKind::kInternal, "unexpected message from the data service");
  }
  const RingLayout& layout = welcome_.layout;
  std::byte* base = memory_.bytes().data() + layout.slot_offset(message.filled.slot);
  RingBatch batch;
  batch.slot = message.filled.slot;
  batch.epoch = message.filled.epoch;
  batch.step = message.filled.step;
  batch.images = {base + layout.images_offset(), layout.row_bytes() * layout.batch};
  batch.labels = {reinterpret_cast<std::int64_t*>(base + layout.labels_offset()), layout.batch};
  batch.ids = {reinterpret_cast<std::int64_t*>(base + layout.ids_offset()), layout.batch};
  batch.bad_pictures = message.filled.bad_pictures;
  batch.ready = static_cast<std::uint32_t>(static_cast<std::size_t>(waiting) / sizeof(Message));
  return batch;
}

void RingConsumer::release(std::uint32_t slot) {
  if (!try_send_frame(socket_.get(), Message(Free{slot}))) service_is_gone();
}

void RingConsumer::interrupt() {
  ::eventfd_write(interrupted_.get(), 1);
}

void RingConsumer::goodbye() {
  if (!try_send_frame(socket_.get(), Message())) service_is_gone();
}

}  // namespace facetrain
