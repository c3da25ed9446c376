// The Python module credo._credo; users import `credo` (docs/python.md).
#include "python/src/support.hpp"
#include "suite/common/build_info.hpp"

PYBIND11_MODULE(_credo, module) {
  using namespace credo::python;
  module.doc() = "Credo's native part; import credo instead.";
  module.attr("__version__") = credo::suite::build_info().version;
  bind_errors(module);
  bind_spec(module);
  bind_env(module);
  bind_vec_env(module);
  bind_policy(module);
  bind_python_env(module);
  bind_trainer(module);
}
