// How fast a job of a given size would train: a small model of a step, to be held against measurements before
// anybody trusts it. Every rate in it is one that a user can measure (tests/bench/run.sh) or read off a data
// sheet; nothing is fitted.
#pragma once

#include <cstdint>
#include <string_view>

namespace facetrain {

// The machine, per GPU (or per trainer on the CPU) unless said otherwise. Rates are what is reached, not
// peaks.
struct MachineRates {
  double network_flops = 0;   // per second, in the network's forward and backward
  double head_flops = 0;      // per second, in the head's matrix products
  double memory_bytes = 0;    // per second
  double node_bus_bytes = 0;  // per second: an all-reduce's bus bandwidth inside a node (nccl-tests: busbw)
  double network_bus_bytes = 0;   // per second: between nodes, the share of one GPU
  double collective_latency = 0;  // seconds of one collective of no size, for each doubling of the ranks
  double decode_images = 0;       // pictures per second and core of the data service
  int decode_cores = 0;           // of a node, for its data service
  int node_gpus = 1;
};

struct NetworkCost {
  double parameters = 0;
  double forward_flops = 0;  // of one picture
};

struct JobSize {
  int gpus = 1;
  std::int64_t batch = 128;  // pictures per GPU and step
  std::int64_t classes = 0;
  std::int64_t embedding_size = 512;
  double sample_rate = 1.0;       // of the classes (partial FC)
  double bytes_per_gradient = 2;  // on the wire: 2 in float16, 4 in float32
};

// One step, in seconds. With n GPUs, B pictures each, N = n B rows, c = C / n local classes (x sample_rate),
// E numbers an embedding, P parameters:
//   backbone = 3 B forward_flops / network_flops            (backward is twice forward)
//   head     = 6 N c E / head_flops + (12 N c + 32 c E) / memory_bytes
//              (three products; float16 logits moved six times, float32 centres and momentum eight)
//   gradient exchange = 2 (n - 1) / n P bytes_per_gradient / bus; it hides behind backward, two thirds of
//              `backbone`, all but the last bucket of 16 MB (trainer/comm/gradient_buckets.hpp)
//   head exchange = embeddings gathered, their gradients scattered, two numbers a row reduced: 3 collectives
//              of (n - 1) / n N E bytes_per_gradient x 2 + 16 N bytes over the same bus; nothing hides it
//   data     = B node_gpus / (decode_cores decode_images), all of it beside the step
// A job of more GPUs than one node has uses network_bus_bytes.
struct StepTime {
  double backbone = 0, head = 0, gradient_exchange = 0, exposed_exchange = 0, head_exchange = 0, data = 0;
  double compute() const { return backbone + head + exposed_exchange + head_exchange; }
  double step() const { return compute() > data ? compute() : data; }
  std::string_view bound() const;  // what to improve first: "data", "network", "head" or "backbone"
};

StepTime step_time(const MachineRates& machine, const NetworkCost& network, const JobSize& job);

// Of the whole job: gpus x batch / step.
double images_per_second(const StepTime& time, const JobSize& job);

// The share of an epoch's time that validation takes: all GPUs embed a part of the `pairs` pairs of pictures,
// each picture `passes` times (2: mirrored too), and a forward pass is a third of what a picture costs in a
// step. (The sets' folds are measured on one processor meanwhile: not counted.)
double validation_share(double pairs, double passes, double epoch_pictures);

}  // namespace facetrain
