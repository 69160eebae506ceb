// What a data service and its trainers say to each other over their Unix stream socket. Every message is one
// frame of fixed size, so a reader never guesses; a slot's ownership travels in kFilled / kFree, and a peer's
// death is end-of-file.
//
//   trainer -> service  Hello            who I am, what I expect
//   service -> trainer  Welcome + memfd  the ring and the data set's numbers (or kRefused with the reason)
//   service -> trainer  Filled(slot)     the slot is the trainer's until it says
//   trainer -> service  Free(slot)
//   trainer -> service  Goodbye          all steps are done; end-of-file without it is a death
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "common/ipc/ring_layout.hpp"

namespace facetrain {

inline constexpr std::uint64_t kMagic = 0x31304E4941525446ull;  // "FTRAIN01"

enum class MessageType : std::uint32_t {
  kHello = 1,
  kWelcome = 2,
  kRefused = 3,
  kFilled = 4,
  kFree = 5,
  kGoodbye = 6,
};

// A text inside a message: zero-terminated, cut off where it is too long.
template <std::size_t kSize>
std::array<char, kSize> fixed_text(std::string_view text) {
  std::array<char, kSize> fixed{};
  std::copy_n(text.data(), std::min(text.size(), kSize - 1), fixed.data());
  return fixed;
}
template <std::size_t kSize>
std::string text_of(const std::array<char, kSize>& fixed) {
  return {fixed.begin(), std::find(fixed.begin(), fixed.end(), '\0')};
}
inline constexpr std::size_t kBuildText = 120, kReason = 320;  // a reason may name two builds

struct Hello {
  std::uint64_t magic = kMagic;
  std::uint64_t build_id = 0;
  std::array<char, kBuildText> build{};  // in words, for messages
  std::uint64_t config_digest = 0;
  std::uint32_t trainer_rank = 0;
  std::uint32_t trainer_world = 1;
  std::uint32_t local_trainer = 0;
  std::uint32_t start_epoch = 0;           // 0-based; where to begin streaming (resume)
  std::uint64_t start_step = 0;            // inside start_epoch
  RingLayout expected;                     // what the trainer computed from its configuration and device
  std::array<std::uint64_t, 4> strides{};  // of expected, in bytes
};

struct Welcome {
  std::uint64_t magic = kMagic;
  std::uint64_t build_id = 0;
  std::uint64_t config_digest = 0;
  RingLayout layout;
  std::array<std::uint64_t, 4> strides{};
  std::uint64_t total_bytes = 0;  // of the memfd that comes with this message; equals layout.total_bytes()
  std::uint64_t samples = 0;
  std::uint64_t classes = 0;
  std::uint64_t steps_per_epoch = 0;
  std::uint64_t data_digest = 0;  // dataservice/source/digest.hpp
};

struct Refused {
  std::array<char, kReason> reason{};
};

struct Filled {
  std::uint32_t slot = 0;
  std::uint32_t epoch = 0;
  std::uint64_t step = 0;          // inside the epoch, 0-based
  std::uint64_t bad_pictures = 0;  // replaced so far by this service
};

struct Free {
  std::uint32_t slot = 0;
};

struct Message {
  MessageType type = MessageType::kGoodbye;
  std::uint32_t reserved = 0;
  union {
    Hello hello;
    Welcome welcome;
    Refused refused;
    Filled filled;
    Free free;
  };

  Message() : refused{} {}
  explicit Message(const Hello& m) : type(MessageType::kHello), hello(m) {}
  explicit Message(const Welcome& m) : type(MessageType::kWelcome), welcome(m) {}
  explicit Message(const Refused& m) : type(MessageType::kRefused), refused(m) {}
  explicit Message(const Filled& m) : type(MessageType::kFilled), filled(m) {}
  explicit Message(const Free& m) : type(MessageType::kFree), free(m) {}
};
static_assert(std::is_trivially_copyable_v<Message>);

}  // namespace facetrain
