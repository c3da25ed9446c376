#if defined(__aarch64__)

#include "learners/kernels/kernels_impl.hpp"
#include "learners/kernels/tables.hpp"
#include "learners/kernels/vec_neon.hpp"

namespace credo {

const KernelTable& neon_kernels() {
  static constexpr KernelTable kTable = Kernels<VecNeon>::table("neon");
  return kTable;
}

}  // namespace credo

#endif
