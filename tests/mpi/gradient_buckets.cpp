// GradientBuckets: the mean over ranks, its exchange begins while backward runs, and what may not happen.
#include "trainer/comm/gradient_buckets.hpp"
#include "trainer/comm/forwarding_communicator.hpp"

#include <ATen/ATen.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/error.hpp"
#include "tests/mpi/world.hpp"

// Last: ATen has a CHECK of its own, which would replace doctest's.
#include <doctest/doctest.h>

using namespace facetrain;
using facetrain::test::world;

namespace {

// Notes when collectives start; the wire is the real one.
class Recorder : public ForwardingCommunicator {
 public:
  Recorder(Communicator& wire, std::vector<std::string>& events)
      : ForwardingCommunicator(wire), events_(events) {}
  Work all_reduce_async(at::Tensor t, ReduceOp op) override {
    events_.push_back("reduce " + std::to_string(t.numel()) + " " + c10::toString(t.scalar_type()));
    return ForwardingCommunicator::all_reduce_async(std::move(t), op);
  }

 private:
  std::vector<std::string>& events_;
};

// Counts the reductions that have completed, as a thread beside the computing one sees them.
class Completions : public ForwardingCommunicator {
 public:
  using ForwardingCommunicator::ForwardingCommunicator;
  ~Completions() override {
    for (std::thread& one : waiting_) one.join();
  }
  // How many have, once there are `expected`; after ten seconds whatever there is.
  std::size_t wait_for(std::size_t expected) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::seconds(10), [&] { return completed_ >= expected; });
    return completed_;
  }
  Work all_reduce_async(at::Tensor t, ReduceOp op) override {
    auto work = std::make_shared<Work>(ForwardingCommunicator::all_reduce_async(std::move(t), op));
    auto done = std::make_shared<std::promise<void>>();
    waiting_.emplace_back([this, work, done] {
      work->wait();
      {
        const std::lock_guard lock(mutex_);
        ++completed_;
      }
      changed_.notify_all();
      done->set_value();
    });
    return Work([done] { done->get_future().wait(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t completed_ = 0;
  std::vector<std::thread> waiting_;
};

// Three layers' worth of parameters: a channels-last convolution weight, a matrix, a vector that is never
// used, a scale.
struct Net {
  std::vector<at::Tensor> parameters;
  explicit Net(at::ScalarType type = at::kDouble) {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(5);
    const auto draw = [&](at::IntArrayRef shape) { return at::randn(shape, generator, type); };
    parameters = {draw({4, 3, 3, 3}).contiguous(at::MemoryFormat::ChannelsLast), draw({16, 36}), draw({9}),
                  draw({16})};
    for (at::Tensor& p : parameters) p.requires_grad_();
  }
  // Input of one rank: (2, 3, 5, 5).
  at::Tensor loss(int rank) const {
    auto generator = at::make_generator<at::CPUGeneratorImpl>(100 + rank);
    const at::Tensor x = at::randn({2, 3, 5, 5}, generator, parameters[0].scalar_type());
    return (at::conv2d(x, parameters[0]).flatten(1).matmul(parameters[1].t()) * parameters[3]).tanh().sum();
  }
};

// What the buckets must come to, the plain way: every rank's gradient computed here, one after the other.
std::vector<at::Tensor> mean_gradients(at::ScalarType type, int backwards) {
  Net net(type);
  for (int rank = 0; rank < world().size(); ++rank) {
    for (int i = 0; i < backwards; ++i) net.loss(rank + 1000 * i).backward();
  }
  std::vector<at::Tensor> mean;
  for (const at::Tensor& p : net.parameters) {
    mean.push_back(p.grad().defined() ? p.grad().div(world().size()) : at::zeros_like(p));
  }
  return mean;
}

double largest_difference(const std::vector<at::Tensor>& parameters,
                          const std::vector<at::Tensor>& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double difference = (parameters[i].grad() - expected[i]).abs().max().item<double>();
    REQUIRE(std::isfinite(difference));  // std::max would drop a NaN
    largest = std::max(largest, difference);
  }
  return largest;
}

}  // namespace

TEST_CASE("gradients become the mean over ranks, step after step, whatever the bucket size") {
  for (const std::size_t bytes : {1u, 1000u, 16u << 20}) {
    CAPTURE(bytes);
    Net net;
    GradientBuckets buckets(net.parameters, world(), bytes);
    const auto expected = mean_gradients(at::kDouble, 1);
    for (int step = 0; step < 3; ++step) {
      buckets.begin_step();
      net.loss(world().rank()).backward();
      buckets.finish();
      CHECK(largest_difference(net.parameters, expected) < 1e-14);
      CHECK(net.parameters[2].grad().count_nonzero().item<std::int64_t>() == 0);  // the unused one
    }
  }
}

TEST_CASE("every rank holds the same bits") {
  Net net(at::kFloat);
  GradientBuckets buckets(net.parameters, world());
  net.loss(world().rank()).backward();
  buckets.finish();
  at::Tensor roots = buckets.buckets()[0].flat.clone();
  world().broadcast(roots, 0);
  CHECK(at::equal(roots, buckets.buckets()[0].flat));
}

TEST_CASE("a gradient has its parameter's strides and lives in its bucket") {
  Net net;
  GradientBuckets buckets(net.parameters, world());
  REQUIRE(buckets.buckets().size() == 1);
  const GradientBucket& bucket = buckets.buckets()[0];
  CHECK(bucket.parameters == std::vector<std::size_t>{3, 2, 1, 0});
  net.loss(world().rank()).backward();
  buckets.finish();
  for (std::size_t i = 0; i < 4; ++i) {
    const at::Tensor& p = net.parameters[bucket.parameters[i]];
    CHECK(p.grad().strides() == p.strides());
    CHECK(p.grad().data_ptr<double>() == bucket.flat.data_ptr<double>() + bucket.offsets[i]);
  }
  // The gaps are zero: the norm over the flat tensor is the norm over the parameters.
  double squares = 0;
  for (const at::Tensor& p : net.parameters) squares += p.grad().square().sum().item<double>();
  CHECK(bucket.flat.square().sum().item<double>() == doctest::Approx(squares).epsilon(1e-12));
}

TEST_CASE("the exchange of the last layers starts before backward reaches the first, in bucket order") {
  std::vector<std::string> events;
  Recorder wire(world(), events);
  Net net(at::kFloat);
  net.parameters.erase(net.parameters.begin() +
                       2);  // the unused vector: it would hold the order up until finish()
  net.parameters.insert(net.parameters.begin() + 2, at::ones({1}).requires_grad_());
  GradientBuckets buckets(net.parameters, wire, 1);  // a bucket each
  at::Tensor loss = net.loss(world().rank());
  loss = loss * net.parameters[2].sum();  // after the rest, so that backward meets it first
  net.parameters[0].register_hook([&](const at::Tensor&) { events.emplace_back("first layer"); });
  loss.backward();
  events.emplace_back("backward ended");
  buckets.finish();
  if (world().size() == 1) {
    CHECK(events == std::vector<std::string>{"first layer", "backward ended"});  // no wire for one
    return;
  }
  // Sizes are padded to 16 floats: 16, 1 -> 16, 576, 108 -> 112.
  CHECK(events == std::vector<std::string>{"reduce 16 Float", "reduce 16 Float", "reduce 576 Float",
                                           "first layer", "reduce 112 Float", "backward ended"});
}

TEST_CASE(
    "an unused parameter holds later buckets back until finish, so that the order stays equal on all ranks") {
  std::vector<std::string> events;
  Recorder wire(world(), events);
  Net net(at::kFloat);
  GradientBuckets buckets(net.parameters, wire, 1);
  net.loss(world().rank()).backward();
  CHECK(buckets.launched() == 1);
  buckets.finish();
  CHECK(buckets.launched() == 4);
}

TEST_CASE("several backward passes add up, and only the last one starts the exchange") {
  Net net;
  GradientBuckets buckets(net.parameters, world(), 1);
  buckets.begin_step(2);
  net.loss(world().rank()).backward();
  CHECK(buckets.launched() == 0);
  net.loss(world().rank() + 1000).backward();
  CHECK(buckets.launched() > 0);
  buckets.finish();
  CHECK(largest_difference(net.parameters, mean_gradients(at::kDouble, 2)) < 1e-13);
}

TEST_CASE("a channels-last gradient keeps its place and its strides over several backward passes") {
  Net net;
  GradientBuckets buckets(net.parameters, world());
  const at::Tensor& weight = net.parameters[0];
  const auto* place = weight.grad().data_ptr<double>();
  for (int step = 0; step < 2; ++step) {
    buckets.begin_step(2);
    for (int i = 0; i < 2; ++i) net.loss(world().rank() + 1000 * i).backward();
    buckets.finish();
    CHECK(weight.grad().is_contiguous(at::MemoryFormat::ChannelsLast));
    CHECK(weight.grad().data_ptr<double>() == place);
    CHECK(largest_difference(net.parameters, mean_gradients(at::kDouble, 2)) < 1e-13);
  }
}

TEST_CASE("parameters without decay lie at the end of their bucket, and the mean is the same") {
  Net net;
  GradientBuckets buckets(net.parameters, world(), 16u << 20, at::kFloat, {true, false, true, false});
  REQUIRE(buckets.buckets().size() == 1);
  CHECK(buckets.buckets()[0].parameters == std::vector<std::size_t>{2, 0, 3, 1});
  net.loss(world().rank()).backward();
  buckets.finish();
  CHECK(largest_difference(net.parameters, mean_gradients(at::kDouble, 1)) < 1e-14);
}

TEST_CASE("the exchange completes while backward runs, without the thread that computes") {
  if (world().size() == 1) return;
  Net net(at::kFloat);
  net.parameters[2] = at::ones({1}).requires_grad_();  // in place of the unused vector
  Completions completions(world());
  GradientBuckets buckets(net.parameters, completions, 1);
  std::size_t seen = 0;
  // The first layer's gradient comes last: by then those of the three others are on their way, and only the
  // MPI thread can bring them home.
  net.parameters[0].register_hook([&](const at::Tensor&) { seen = completions.wait_for(3); });
  at::Tensor loss = net.loss(world().rank());
  loss = loss * net.parameters[2].sum();  // after the rest, so that backward meets it first
  loss.backward();
  CHECK(seen == 3);
  buckets.finish();
  CHECK(completions.wait_for(4) == 4);
}

TEST_CASE("a half wire divides before it sums and rounds as torch's fp16_compress_hook") {
  Net net(at::kFloat);
  const at::Tensor big = at::full({3}, 30000.0f).requires_grad_();
  net.parameters.push_back(big);
  GradientBuckets buckets(net.parameters, world(), 16u << 20, at::kHalf);
  (net.loss(world().rank()) + (big * 40000.0f).sum()).backward();
  buckets.finish();
  if (world().size() == 1) {
    CHECK(big.grad()[0].item<float>() == 40000.0f);
    return;
  }
  // 40000 on each rank: the sum would exceed half's 65504, the sum of the shares does not.
  const float share = at::full({1}, 40000.0f).to(at::kHalf).div_(world().size()).item<float>();
  CHECK(big.grad()[0].item<float>() == at::full({1}, share * world().size()).to(at::kHalf).item<float>());
  CHECK(largest_difference({net.parameters.begin(), net.parameters.begin() + 4},
                           mean_gradients(at::kFloat, 1)) < 0.05);
}

TEST_CASE("backward passes that reach different parameters of a bucket add up, and none is nothing") {
  const auto numbers = [](double value) { return at::full({5}, value, at::kDouble).requires_grad_(); };
  const std::vector<at::Tensor> p{numbers(1), numbers(2), numbers(3)};
  GradientBuckets buckets(p, world());
  REQUIRE(buckets.buckets().size() == 1);
  for (int step = 0; step < 2; ++step) {
    buckets.begin_step(3);
    p[0].sum().backward();                          // the bucket is not complete
    (p[0].sum() * 10 + p[1].sum() * 7).backward();  // p[0]'s next comes before it is
    p[1].sum().backward();
    buckets.finish();
    CHECK(p[0].grad().eq(11).all().item<bool>());
    CHECK(p[1].grad().eq(8).all().item<bool>());
    CHECK(p[2].grad().eq(0).all().item<bool>());
  }
}

TEST_CASE("a step that an exception leaves half-way leaves nothing behind") {
  Net net;
  GradientBuckets buckets(net.parameters, world());
  buckets.begin_step();
  const unsigned hook = net.parameters[0].register_hook(
      [](const at::Tensor&) { throw Error(ErrorKind::kInternal, "in the middle of backward"); });
  CHECK_THROWS_AS(net.loss(world().rank()).backward(), Error);
  net.parameters[0].remove_hook(hook);
  buckets.begin_step();
  net.loss(world().rank()).backward();
  buckets.finish();
  CHECK(largest_difference(net.parameters, mean_gradients(at::kDouble, 1)) < 1e-14);
}

TEST_CASE("what lies between gradients is zero again in each step, whatever an update made of it") {
  Net net;
  GradientBuckets buckets(net.parameters, world());
  REQUIRE(buckets.buckets()[0].has_gaps);  // a vector of 9
  for (int step = 0; step < 2; ++step) {
    buckets.begin_step();
    net.loss(world().rank()).backward();
    buckets.finish();
    CHECK(std::isfinite(buckets.flats()[0].norm().item<double>()));
    buckets.flats()[0].mul_(std::numeric_limits<double>::quiet_NaN());  // as an update with such a factor
  }
}

TEST_CASE("misuse is named") {
  Net net;
  GradientBuckets buckets(net.parameters, world());
  net.loss(world().rank()).backward();
  buckets.finish();
  CHECK_THROWS_AS(net.loss(world().rank()).backward(), Error);  // without begin_step
  buckets.begin_step();
  net.parameters[1].mutable_grad() = at::zeros_like(net.parameters[1]);
  CHECK_THROWS_AS(net.loss(world().rank()).backward(), Error);
  buckets.begin_step();
  net.loss(world().rank()).backward();
  buckets.finish();
  CHECK(largest_difference(net.parameters, mean_gradients(at::kDouble, 1)) < 1e-14);
  CHECK_THROWS_AS(GradientBuckets({net.parameters[0] * 2}, world()), Error);  // not a leaf
}
