#if defined(__x86_64__)

#include "learners/kernels/kernels_impl.hpp"
#include "learners/kernels/tables.hpp"
#include "learners/kernels/vec_avx512.hpp"

namespace credo {

const KernelTable& avx512_kernels() {
  static constexpr KernelTable kTable = Kernels<VecAvx512>::table("avx512");
  return kTable;
}

}  // namespace credo

#endif
