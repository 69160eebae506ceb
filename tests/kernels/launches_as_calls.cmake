# Writes a .cu or .cuh file as C++ for cuda_on_cpu.hpp: cmake -DSOURCE=NAME.cu -DRESULT=NAME.cpp -P launches_as_calls.cmake
#   kernel<T><<<grid, block, 0, stream>>>(...)   ->  ::on_cpu::kernel(kernel<T>, grid, block, 0, stream)(...)
#   __shared__ float all[kThreads];              ->  auto& all = ::on_cpu::shared<float[kThreads]>();
# Line for line, and under its own name, so that messages point there.
file(READ "${SOURCE}" text)
string(REGEX REPLACE "([A-Za-z_0-9]+(<[A-Za-z_0-9, ]*>)?)([ \n]*)<<<" "::on_cpu::kernel(\\1,\\3" text "${text}")
string(REPLACE ">>>(" ")(" text "${text}")
string(REGEX REPLACE "__shared__ ([A-Za-z_0-9:]+) ([A-Za-z_0-9]+)([^;]*);" "auto& \\2 = ::on_cpu::shared<\\1\\3>();" text "${text}")
if(text MATCHES "<<<|>>>|__shared__")
  message(FATAL_ERROR "${SOURCE}: a launch or shared variable that launches_as_calls.cmake does not know")
endif()
file(WRITE "${RESULT}" "#line 1 \"${SOURCE}\"\n${text}")
