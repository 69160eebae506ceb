// Sending and receiving the frames of messages.hpp over a Unix stream socket, with a file descriptor
// alongside where one is passed (SCM_RIGHTS). Sockets have abstract names: no file is left behind when a
// process dies.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "common/ipc/fd.hpp"
#include "common/ipc/messages.hpp"

namespace facetrain {

// The abstract name (without the leading zero byte) of a node's data service in the job with this nonce.
std::string service_socket_name(std::uint64_t nonce, int node);

// Connects to an abstract name. Throws Error(kInternal) when nobody listens.
Fd connect_abstract(const std::string& name);

// Who is at the other end of a connected Unix socket, as the kernel noted it when the connection was made:
// everybody on a machine may connect to an abstract name, and listen at one that is free.
struct Peer {
  pid_t process = 0;
  uid_t user = 0;
};
// Throws Error(kInternal) when the kernel does not tell.
Peer peer_of(int socket);
// A process of this one's (effective) user.
bool is_own(const Peer& peer);

// Blocking send of one frame, `passed` with it when given. Throws Error(kInternal) when the peer is gone.
void send_frame(int socket, const Message& message, const Fd* passed = nullptr);
// The same; false when the peer is gone.
bool try_send_frame(int socket, const Message& message, const Fd* passed = nullptr);

// Blocking receive of one frame; `passed` takes a descriptor that came along. nullopt at end-of-file or after
// `timeout` (then `*timed_out` is true).
std::optional<Message> receive_frame(const Fd& socket, Fd* passed, std::chrono::milliseconds timeout,
                                     bool* timed_out);

}  // namespace facetrain
