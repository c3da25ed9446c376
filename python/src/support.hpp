// What every file of the module needs: errors as Python exceptions, parameters from Python values,
// NumPy arrays over native storage, joint actions from whatever users pass.
#pragma once

#include <cstdint>
#include <memory>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <span>
#include <string>
#include <vector>

#include "envs/core/env.hpp"

namespace credo::python {

namespace py = pybind11;

/// credo.IllegalActionError: nothing has changed, the environment can be used on.
class IllegalAction : public UserError {
 public:
  using UserError::UserError;
};

/// Adds Error(RuntimeError), UserError(Error, ValueError) and IllegalActionError(UserError).
void bind_errors(py::module_& module);

/// True, 1, 2.5, "text" and NumPy's scalars. Errors: UserError naming `key`.
ParamValue to_param(const std::string& key, py::handle value);
py::object from_param(const ParamValue& value);
/// Parameters of an environment with `values` set. Errors: UserError, as on the command line.
Params make_params(const std::string& id, const py::dict& values);

/// An integer in [0, 2^64), NumPy's included. Errors: UserError naming `name`.
std::uint64_t to_seed(const char* name, py::handle value);

/// An array over `data`, which `owner` keeps alive for as long as the array exists.
template <typename T>
py::array view(const std::shared_ptr<void>& owner, T* data, std::vector<py::ssize_t> shape,
               bool is_writeable) {
  const py::capsule base(new std::shared_ptr<void>(owner),
                         [](void* p) { delete static_cast<std::shared_ptr<void>*>(p); });
  py::array array(py::dtype::of<T>(), std::move(shape), data, base);
  if (!is_writeable)
    py::detail::array_proxy(array.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
  return array;
}

/// Reads integers of this shape, [n_agents] or [n_envs, n_agents], in [0, n_actions), from a list,
/// a tuple or anything NumPy understands; any integer type, any strides.
/// Errors: TypeError, UserError (shape), IllegalAction (range). `out` may be written then.
void read_actions(py::handle actions, std::span<const py::ssize_t> shape, const EnvSpec& spec,
                  int* out);

/// Errors: IllegalAction when an action is not available. `where`: "environment 3 of ", or "".
void check_available(const EnvSpec& spec, std::span<const std::uint8_t> avail, const int* actions,
                     const std::string& where);

/// The stream single environments play from unless told otherwise: that of `credo playthrough`.
inline constexpr const char* kDefaultPurpose = "playthrough";

py::dict spec_dict(const EnvSpec& spec);
py::dict info_dict(const std::vector<std::pair<std::string, double>>& info);
py::object won_object(const std::optional<bool>& won);

// One per source file, called by module.cpp.
void bind_spec(py::module_& module);
void bind_env(py::module_& module);
void bind_vec_env(py::module_& module);
void bind_policy(py::module_& module);
void bind_python_env(py::module_& module);
void bind_trainer(py::module_& module);

}  // namespace credo::python
