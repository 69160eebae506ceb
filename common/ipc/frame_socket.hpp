// Sending and receiving the frames of messages.hpp over a Unix stream socket, with a file descriptor
// alongside where one is passed (SCM_RIGHTS). Sockets have abstract names: no file is left behind when a
// process dies.
#pragma once

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

// Blocking send of one frame, `passed` with it when given. Throws Error(kInternal) when the peer is gone.
void send_frame(int socket, const Message& message, const Fd* passed = nullptr);
// The same; false when the peer is gone.
bool try_send_frame(int socket, const Message& message, const Fd* passed = nullptr);

// Blocking receive of one frame; `passed` takes a descriptor that came along. nullopt at end-of-file or after
// `timeout` (then `*timed_out` is true).
std::optional<Message> receive_frame(const Fd& socket, Fd* passed, std::chrono::milliseconds timeout,
                                     bool* timed_out);

}  // namespace facetrain
