# LibTorch without TorchConfig.cmake (which demands nvcc even for a CPU build): the target facetrain::libtorch imports
# libtorch_cpu and libc10 directly; with CUDA also libtorch_cuda, libc10_cuda, the CUDA run-time library and NCCL.
# Looked for in LIBTORCH_ROOT, CMAKE_PREFIX_PATH (a zip, a pip or a conda install), then .deps/libtorch-2.11.0 (deploy/setup.sh).
# Sets FACETRAIN_WITH_CUDA (what FACETRAIN_CUDA came to), and FACETRAIN_CUDA_INCLUDES where the headers are there.
set(FACETRAIN_CUDA AUTO CACHE STRING "Build for NVIDIA GPUs (LibTorch CUDA + NCCL): ON, OFF, or AUTO (if there is one here)")
set_property(CACHE FACETRAIN_CUDA PROPERTY STRINGS AUTO ON OFF)

find_path(LIBTORCH_INCLUDE_DIR ATen/ATen.h
  HINTS ${LIBTORCH_ROOT} ${CMAKE_PREFIX_PATH} ${CMAKE_SOURCE_DIR}/.deps/libtorch-2.11.0
  PATH_SUFFIXES include torch/include)
if(NOT LIBTORCH_INCLUDE_DIR)
  message(FATAL_ERROR "LibTorch not found. Run ./deploy/setup.sh (unpacks torch==2.11.0 into .deps), or pass -DCMAKE_PREFIX_PATH=<your libtorch>.")
endif()
get_filename_component(LIBTORCH_HOME ${LIBTORCH_INCLUDE_DIR} DIRECTORY)
foreach(lib torch_cpu c10)
  add_library(facetrain_${lib} SHARED IMPORTED)
  set_target_properties(facetrain_${lib} PROPERTIES IMPORTED_LOCATION ${LIBTORCH_HOME}/lib/lib${lib}.so)
endforeach()
add_library(facetrain_libtorch INTERFACE)
add_library(facetrain::libtorch ALIAS facetrain_libtorch)
target_include_directories(facetrain_libtorch SYSTEM INTERFACE
  ${LIBTORCH_INCLUDE_DIR} ${LIBTORCH_INCLUDE_DIR}/torch/csrc/api/include)
target_link_libraries(facetrain_libtorch INTERFACE facetrain_torch_cpu facetrain_c10)
# libtorch_cpu names CUDA run-time libraries that it finds through its own rpath; our link step need not see them.
target_link_options(facetrain_libtorch INTERFACE -Wl,--unresolved-symbols=ignore-in-shared-libs)

include(FacetrainCuda)
