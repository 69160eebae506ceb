// libcuda.so.1, which LibTorch loads by name: it asks whether a device has a context, and nothing else here.
extern "C" {
int cuDevicePrimaryCtxGetState(int, unsigned* flags, int* active) {
  *flags = 0;
  *active = 1;
  return 0;
}
int cuDeviceGet(int* device, int index) {
  *device = index;
  return 0;
}
int cuCtxGetCurrent(void** context) {
  static int one;
  *context = &one;
  return 0;
}
#define REFUSED(name) \
  int name() {        \
    return 801;       \
  }  // CUDA_ERROR_NOT_SUPPORTED
REFUSED(cuPointerGetAttribute)
REFUSED(cuDeviceGetAttribute)
REFUSED(cuCtxSetCurrent)
REFUSED(cuDevicePrimaryCtxRetain)
REFUSED(cuFuncGetAttribute)
REFUSED(cuFuncSetAttribute)
REFUSED(cuFuncSetCacheConfig)
REFUSED(cuGetErrorString)
REFUSED(cuLaunchCooperativeKernel)
REFUSED(cuLaunchKernel)
REFUSED(cuLinkAddData_v2)
REFUSED(cuLinkComplete)
REFUSED(cuLinkCreate_v2)
REFUSED(cuModuleGetFunction)
REFUSED(cuModuleLoad)
REFUSED(cuModuleLoadData)
REFUSED(cuModuleLoadDataEx)
REFUSED(cuModuleUnload)
REFUSED(cuOccupancyMaxActiveBlocksPerMultiprocessor)
REFUSED(cuTensorMapEncodeTiled)
}
