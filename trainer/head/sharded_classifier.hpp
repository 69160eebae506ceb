// The classification layer, divided over the trainer ranks by class (Partial FC, An et al. 2022,
// https://arxiv.org/abs/2203.15565): every rank holds the centres of its classes, sees the embeddings of the
// whole global batch, and the softmax over all classes is computed without ever gathering the logits.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "common/plan/class_shard.hpp"
#include "trainer/comm/communicator.hpp"
#include "trainer/head/head.hpp"
#include "trainer/optim/sparse_rows.hpp"

namespace facetrain {

struct ClassifierSpec {
  std::int64_t classes = 0;  // of the whole data set
  std::int64_t embedding_size = 512;
  std::uint64_t seed = 42;  // of the initial centres
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  // of the centres and the softmax: float32, or float64 for proofs
  at::ScalarType linear =
      at::kFloat;            // of the product embeddings x centres: half on a GPU in fp16 (dtype in fp64)
  double sample_rate = 1.0;  // below 1: each step uses sample_classes() of this rank's classes only
  // With sample_rate < 1: the gradient is dense, zero where a class was not sampled, as in the reference;
  // else the centres are SparseRows.
  bool dense_momentum = false;
};

class ShardedClassifier {
 public:
  // Centre of class c: N(0, 0.01) from (seed, c) alone, so that it does not depend on the world.
  ShardedClassifier(const ClassifierSpec& spec, std::unique_ptr<Head> head, Communicator& trainers);

  // embeddings (B, E) float with gradient, labels (B) int64 in [0, classes); B equal on all ranks -> scalar:
  // the mean loss over the global batch, equal on all ranks. Collective, and so is its backward. The gradient
  // that reaches the embeddings is world size times the true one: the mean over ranks of the backbone's
  // gradients divides it again. labels may lie on the CPU while the classifier is on a GPU; labels on a GPU
  // are not checked (that would wait for it). Throws Error(kInput) for a label out of range: on the CPU on
  // all ranks alike, before anything else is exchanged. step: global, 0-based, equal on all ranks; with
  // sample_rate < 1 it decides which classes take part (and a GPU is waited for: its labels have to be
  // known).
  at::Tensor loss(const at::Tensor& embeddings, const at::Tensor& labels, std::uint64_t step = 0);

  const at::Tensor& weight();  // (shard().count, E), up to date
  ClassShard shard() const { return shard_; }
  std::int64_t classes() const { return spec_.classes; }
  Head& head() { return *head_; }
  std::vector<at::Tensor> parameters();  // the centres unless they are sparse, then the head's own
  SparseRows* sparse_centres() { return sparse_ ? &*sparse_ : nullptr; }  // what trains them then; else null

 private:
  at::Tensor gather_labels(const at::Tensor& labels);
  at::Tensor sample(const at::Tensor& labels, std::uint64_t step) const;
  at::Tensor sampled_centres(const at::Tensor& classes);
  at::Tensor softmax_loss(const at::Tensor& cosines, const HeadOutput& output, const at::Tensor& columns);

  ClassifierSpec spec_;
  ClassShard shard_;
  std::unique_ptr<Head> head_;
  Communicator& trainers_;
  at::Tensor weight_;
  std::optional<SparseRows> sparse_;  // of weight_
};

// Throws Error(kInput) naming the first label (int64, CPU) that is not in [0, classes).
void check_labels(const at::Tensor& labels, std::int64_t classes);

}  // namespace facetrain
