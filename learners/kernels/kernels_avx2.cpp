#if defined(__x86_64__)

#include "learners/kernels/kernels_impl.hpp"
#include "learners/kernels/tables.hpp"
#include "learners/kernels/vec_avx2.hpp"

namespace credo {

const KernelTable& avx2_kernels() {
  static constexpr KernelTable kTable = Kernels<VecAvx2>::table("avx2");
  return kTable;
}

}  // namespace credo

#endif
