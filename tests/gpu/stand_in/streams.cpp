// Streams, which do all at once, and events, which carry the host's time.
#include <chrono>

#include "tests/gpu/stand_in/call.hpp"

using namespace facetrain::stand_in;

namespace {

struct Event {
  std::chrono::steady_clock::time_point at;
};
Event* event_of(cudaEvent_t event) {
  return reinterpret_cast<Event*>(event);
}

}  // namespace

// ------------------------------------------------------------------------------------------
STAND_IN cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
  *stream = reinterpret_cast<cudaStream_t>(new int);
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamDestroy(cudaStream_t) {
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamQuery(cudaStream_t) {
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamSynchronize(cudaStream_t) {
  Device::get().waited("cudaStreamSynchronize");
  return sound();
}
STAND_IN cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) {
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaStreamGetCaptureInfo(cudaStream_t, cudaStreamCaptureStatus* status,
                                              unsigned long long*, cudaGraph_t*, const cudaGraphNode_t**,
                                              const cudaGraphEdgeData**, size_t*) {
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
STAND_IN cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode*) {
  return cudaSuccess;
}
STAND_IN cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = reinterpret_cast<cudaEvent_t>(new Event);
  return cudaSuccess;
}
STAND_IN cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return cudaEventCreateWithFlags(event, 0);
}
STAND_IN cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event_of(event);
  return cudaSuccess;
}
STAND_IN cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event_of(event)->at = std::chrono::steady_clock::now();
  return sound();
}
STAND_IN cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
  return cudaEventRecord(event, stream);
}
STAND_IN cudaError_t cudaEventQuery(cudaEvent_t) {
  return sound();
}
STAND_IN cudaError_t cudaEventSynchronize(cudaEvent_t) {
  Device::get().waited("cudaEventSynchronize");
  return sound();
}
STAND_IN cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  *milliseconds = std::chrono::duration<float, std::milli>(event_of(to)->at - event_of(from)->at).count();
  return cudaSuccess;
}
