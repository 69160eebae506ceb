// One line that tells how much memory was asked for, which batch did not fit, and what to change.
#include "trainer/run/out_of_memory.hpp"

#include <c10/util/Exception.h>

#include <doctest/doctest.h>

using namespace facetrain;

namespace {

// As libc10_cuda 2.11 puts it together.
const std::string kTorchSays =
    "CUDA out of memory. Tried to allocate 2.30 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.20 "
    "GiB "
    "is free. Process 12 has 77.90 GiB memory in use. Of the allocated memory 70.00 GiB is allocated by "
    "PyTorch.\n"
    "Exception raised from malloc at ...";

}  // namespace

TEST_CASE("a full GPU: the batch and what to do, in one line") {
  Config config;
  config.train.batch_size = 2048;
  CHECK(
      out_of_memory_text(kTorchSays, config) ==
      "CUDA out of memory. Tried to allocate 2.30 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1.20 "
      "GiB is free. The run has train.batch_size = 2048 in fp16; lower it and raise train.accumulate by the "
      "same factor, or set model.checkpoint = true (less memory, more time); with very many identities, "
      "head.sample_rate below 1");
}

TEST_CASE("it advises only what the run does not do already") {
  Config config;
  config.model.checkpoint = true;
  config.head.sample_rate = 0.1;
  const std::string text = out_of_memory_text("CUDA out of memory\nstack", config);
  CHECK(text ==
        "CUDA out of memory. The run has train.batch_size = 128 in fp16; lower it and raise "
        "train.accumulate by the same factor");
  config.model.checkpoint = false;
  config.model.model = "mobilefacenet";  // has no checkpointing
  CHECK(out_of_memory_text(kTorchSays, config).find("checkpoint") == std::string::npos);
}

TEST_CASE("an embedding job names its own flag") {
  Config config;
  config.embed.model_path = "m.pth";
  CHECK(out_of_memory_text(kTorchSays, config)
            .ends_with("The batch is train.batch_size = 128; lower it (facetrain embed --batch_size)"));
}

TEST_CASE("a main's catch knows a full GPU among other failures") {
  const auto caught = [](const auto& failure, const Config* config) {
    try {
      throw failure;
    } catch (...) {
      return current_failure(config);
    }
  };
  Config config;
  const c10::OutOfMemoryError full({__func__, __FILE__, __LINE__}, kTorchSays);
  const Failure told = caught(full, &config);
  CHECK(told.code == 78);
  CHECK_MESSAGE(told.text.find("is free. The run has train.batch_size = 128") != std::string::npos,
                told.text);
  CHECK(caught(full, nullptr).code == 70);  // before the configuration is known
  const c10::Error no_engine({__func__, __FILE__, __LINE__},
                             "GET was unable to find an engine to execute this computation");
  const Failure cudnn = caught(no_engine, &config);
  CHECK(cudnn.code == 78);
  CHECK_MESSAGE(cudnn.text.starts_with("cuDNN is unable to find an engine to execute this computation "
                                       "(often: too little GPU memory). The run"),
                cudnn.text);
  CHECK_MESSAGE(cudnn.text.find("The run has train.batch_size = 128") != std::string::npos, cudnn.text);
  const Failure other = caught(Error(ErrorKind::kIo, "write a: No space left on device"), &config);
  CHECK(other.code == 74);
  CHECK(other.text == "write a: No space left on device");
}
