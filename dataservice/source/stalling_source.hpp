// A source one of whose reads never comes back, as storage that stalls: what debug.inject's fault=stall
// makes. From then on neither does a name, which may be read from the same storage.
#pragma once

#include <atomic>
#include <memory>
#include <utility>

#include "dataservice/source/source.hpp"

namespace facetrain {

class StallingSource final : public Source {
 public:
  // read: which one stalls, from 1 in the order in which they come.
  StallingSource(std::unique_ptr<Source> source, std::int64_t read)
      : source_(std::move(source)), left_(read) {}

  std::uint32_t size() const override { return source_->size(); }
  std::uint32_t classes() const override { return source_->classes(); }
  std::int64_t label(std::uint32_t i) const override { return source_->label(i); }
  std::string name(std::uint32_t i) const override;
  std::string place(std::uint32_t i) const override { return source_->place(i); }
  std::uint64_t fingerprint(std::uint32_t i) const override { return source_->fingerprint(i); }
  void read(std::uint32_t i, std::vector<std::byte>& buffer) const override;
  void will_need(std::uint32_t first, std::uint32_t count) const override {
    source_->will_need(first, count);
  }
  void read_at_random() override { source_->read_at_random(); }

 private:
  std::unique_ptr<Source> source_;
  mutable std::atomic<std::int64_t> left_;  // read() is const, and many threads'
};

}  // namespace facetrain
