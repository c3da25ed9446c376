// The kernel tables of each instruction set, for the dispatcher and the tests.
#pragma once

#include "learners/kernels/kernels.hpp"

namespace credo {

const KernelTable& scalar_kernels();
#if defined(__x86_64__)
const KernelTable& avx2_kernels();
const KernelTable& avx512_kernels();
#elif defined(__aarch64__)
const KernelTable& neon_kernels();
#endif

}  // namespace credo
