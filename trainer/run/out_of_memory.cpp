#include "trainer/run/out_of_memory.hpp"

#include <c10/util/Exception.h>

#include "common/config/job_kind.hpp"

namespace facetrain {
namespace {

// "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.20 GiB
// is free." of a text that goes on with processes, allocator settings and a stack trace.
std::string first_sentences(const std::string& text) {
  const std::string end = " is free.";
  const auto at = text.find(end);
  return at == text.npos ? text.substr(0, text.find('\n')) + "." : text.substr(0, at + end.size());
}

}  // namespace

std::string out_of_memory_text(const std::string& torch_says, const Config& config) {
  const std::string said = first_sentences(torch_says);
  const std::string batch = "train.batch_size = " + std::to_string(config.train.batch_size);
  if (is_embedding(config))
    return said + " The batch is " + batch + "; lower it (facetrain embed --batch_size)";
  std::string advice = "; lower it and raise train.accumulate by the same factor";
  if (!config.model.checkpoint && config.model.model != "mobilefacenet")
    advice += ", or set model.checkpoint = true (less memory, more time)";
  if (config.head.sample_rate >= 1) advice += "; with very many identities, head.sample_rate below 1";
  return said + " The run has " + batch + " in " + config.train.precision + advice;
}

Failure current_failure(const Config* config) {
  try {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    if (config == nullptr) return current_failure();
    return {out_of_memory_text(error.what(), *config), exit_code(ErrorKind::kConfig)};
  } catch (const c10::Error& error) {
    // None of cuDNN's ways to compute worked, most often because none found memory.
    const std::string text = error.what();
    if (config == nullptr || text.find("unable to find an engine") == text.npos) return current_failure();
    const std::string said = text.substr(text.find("unable"), text.find('\n') - text.find("unable"));
    return {out_of_memory_text("cuDNN is " + said + " (often: too little GPU memory)", *config),
            exit_code(ErrorKind::kConfig)};
  } catch (...) {
    return current_failure();
  }
}

}  // namespace facetrain
