#include "learners/kernels/kernels_impl.hpp"
#include "learners/kernels/tables.hpp"
#include "learners/kernels/vec_scalar.hpp"

namespace credo {

const KernelTable& scalar_kernels() {
  static constexpr KernelTable kTable = Kernels<VecScalar>::table("scalar");
  return kTable;
}

}  // namespace credo
