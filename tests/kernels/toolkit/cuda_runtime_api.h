// In the toolkit's place where kernels are compiled for the CPU.
#pragma once

#include "tests/kernels/cuda_on_cpu.hpp"
