// A data service in a process of its own, for tests that play its trainers.
#pragma once

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <jpeglib.h>  // after cstdio, which it needs

#include "common/error.hpp"
#include "common/ipc/frame_socket.hpp"
#include "common/ipc/ring_consumer.hpp"
#include "dataservice/serve/batch_server.hpp"

namespace facetrain::test {

// A 112 x 112 JPEG whose pixels depend on `number`.
inline std::vector<std::byte> jpeg(std::uint32_t number) {
  jpeg_error_mgr errors{};
  jpeg_compress_struct encoder{};
  encoder.err = jpeg_std_error(&errors);
  jpeg_create_compress(&encoder);
  unsigned char* encoded = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&encoder, &encoded, &size);
  encoder.image_width = encoder.image_height = 112;
  encoder.input_components = 3;
  encoder.in_color_space = JCS_RGB;
  jpeg_set_defaults(&encoder);
  jpeg_start_compress(&encoder, TRUE);
  std::vector<unsigned char> row(112 * 3);
  for (unsigned y = 0; y < 112; ++y) {
    for (unsigned x = 0; x < row.size(); ++x)
      row[x] = static_cast<unsigned char>(x * (number % 7 + 1) + y * (number % 5));
    JSAMPROW rows[] = {row.data()};
    jpeg_write_scanlines(&encoder, rows, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  const auto* first = reinterpret_cast<const std::byte*>(encoded);
  std::vector<std::byte> bytes(first, first + size);
  std::free(encoded);
  return bytes;
}

// A picture per id; ids in `bad` give garbage.
class TestSource : public Source {
 public:
  TestSource(std::uint32_t size, std::uint32_t per_class, std::set<std::uint32_t> bad = {})
      : size_(size), per_class_(per_class), bad_(std::move(bad)) {}
  std::uint32_t size() const override { return size_; }
  std::uint32_t classes() const override { return (size_ + per_class_ - 1) / per_class_; }
  std::int64_t label(std::uint32_t i) const override { return i / per_class_; }
  std::string name(std::uint32_t i) const override { return "picture-" + std::to_string(i); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override {
    buffer = bad_.contains(i) ? std::vector<std::byte>(100, std::byte{0x5a}) : jpeg(i);
  }

 private:
  std::uint32_t size_, per_class_;
  std::set<std::uint32_t> bad_;
};

constexpr std::uint64_t kBuild = 77;
constexpr std::uint64_t kDigest = 88;

struct Options {
  int trainers = 1;
  int workers = 2;
  std::int64_t batch = 4;
  std::int64_t epochs = 2;
  std::int64_t slots = 3;
  std::int64_t fixed_size = 0;
  bool redraw = false;
  bool embedding = false;
  bool chunked = false;
  int nodes = 1, node = 0;  // of the job; `trainers` of them are on each
  double storage = 0;       // limits.storage
};

// A service process; killed when the test ends before it.
class Service {
 public:
  Service(const Source& source, const Options& options)
      : nonce_(static_cast<std::uint64_t>(::getpid()) << 20 | next_nonce()), node_(options.node) {
    ServiceSetup setup;
    setup.config.train.batch_size = options.batch;
    setup.config.train.epochs = options.epochs;
    setup.config.data.slots = options.slots;
    setup.config.data.fixed_size = options.fixed_size;
    setup.config.data.fixed_size_redraw = options.redraw;
    setup.config.data.augment = setup.config.data.rand_erase = true;
    if (options.embedding) {
      setup.config.embed.model_path = "m.pth";
      setup.config.data.augment = setup.config.data.rand_erase = setup.config.data.flip = false;
    }
    if (options.chunked) setup.config.data.order = "chunked";
    setup.config.data.shard = 4;
    setup.config.data.window = 16;
    setup.config.limits.storage = options.storage;
    setup.give_up = [this](const std::string& reason) {
      std::ofstream(failure_file()) << reason << std::flush;
      ::_exit(exit_code(ErrorKind::kIo));
    };
    setup.topology.nodes = options.nodes;
    setup.topology.node = options.node;
    setup.topology.node_trainers = options.trainers;
    setup.topology.trainer_world = options.trainers * options.nodes;
    setup.topology.trainer_rank = options.trainers * options.node;
    setup.nonce = nonce_;
    setup.build = "1.0, id 77";
    setup.build_id = kBuild;
    setup.config_digest = kDigest;
    setup.workers = options.workers;
    setup.bad_list_path = bad_list();
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    process_ = ::fork();
    if (process_ == 0) {
      int code = 0;
      try {
        BatchServer server(setup, source);
        ::close(ready[1]);
        server.run();
      } catch (...) {
        const Failure failure = current_failure();
        std::ofstream(failure_file()) << failure.text;
        code = failure.code;
      }
      ::_exit(code);
    }
    ::close(ready[1]);
    char byte = 0;
    (void)!::read(ready[0], &byte, 1);  // end-of-file: it listens, or has failed
    ::close(ready[0]);
  }
  ~Service() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    std::filesystem::remove(bad_list());
    std::filesystem::remove(failure_file());
  }

  // Waits for its end; its exit code.
  int wait() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    process_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // The same, but no longer than this: -1 then.
  int wait_for(std::chrono::seconds most) {
    for (const auto end = std::chrono::steady_clock::now() + most; std::chrono::steady_clock::now() < end;
         ::usleep(20'000)) {
      int status = 0;
      if (::waitpid(process_, &status, WNOHANG) != process_) continue;
      process_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    return -1;
  }
  std::string failure() const {
    std::ifstream file(failure_file());
    return {(std::istreambuf_iterator<char>(file)), {}};
  }
  std::string bad_list() const { return folder() + "/facetrain_bad_" + std::to_string(nonce_); }
  std::string socket() const { return service_socket_name(nonce_, node_); }

  RingConsumer connect(const Options& options, int rank, Dtype dtype = Dtype::kF32,
                       std::uint64_t digest = kDigest, std::uint64_t build = kBuild) const {
    Hello hello;
    hello.build = fixed_text<kBuildText>("1.0, id " + std::to_string(build));
    hello.build_id = build;
    hello.config_digest = digest;
    hello.trainer_rank = static_cast<std::uint32_t>(rank);
    hello.trainer_world = static_cast<std::uint32_t>(options.trainers * options.nodes);
    hello.expected.slots = static_cast<std::uint32_t>(options.slots);
    hello.expected.batch = static_cast<std::uint32_t>(options.batch);
    hello.expected.dtype = dtype;
    hello.strides = hello.expected.strides();
    return RingConsumer(socket(), hello, std::chrono::seconds(10));
  }

 private:
  static std::string folder() { return std::filesystem::temp_directory_path().string(); }
  static std::uint64_t next_nonce() {
    return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()) & 0xFFFFF;
  }
  std::string failure_file() const { return folder() + "/facetrain_failure_" + std::to_string(nonce_); }

  std::uint64_t nonce_;
  int node_;
  pid_t process_ = -1;
};

inline std::uint64_t fnv(std::span<const std::byte> bytes) {
  std::uint64_t value = 0xCBF29CE484222325ull;
  for (const std::byte byte : bytes) value = (value ^ static_cast<std::uint64_t>(byte)) * 0x100000001B3ull;
  return value;
}

}  // namespace facetrain::test
