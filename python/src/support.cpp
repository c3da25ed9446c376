#include "python/src/support.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>

#include "envs/core/registry.hpp"

namespace credo::python {
namespace {

// Exception types live as long as the interpreter.
PyObject* g_error = nullptr;
PyObject* g_user_error = nullptr;
PyObject* g_illegal_action = nullptr;

PyObject* new_exception(py::module_& module, const char* name, const char* help, py::handle bases) {
  const std::string full = std::string("credo.") + name;
  PyObject* type = PyErr_NewExceptionWithDoc(full.c_str(), help, bases.ptr(), nullptr);
  if (type == nullptr) throw py::error_already_set();
  module.attr(name) = py::reinterpret_borrow<py::object>(type);
  return type;
}

// Messages may quote what a damaged file holds.
void raise(PyObject* type, const char* message) {
  const auto text = py::reinterpret_steal<py::object>(
      PyUnicode_DecodeUTF8(message, static_cast<py::ssize_t>(std::strlen(message)), "replace"));
  PyErr_SetObject(type, text.ptr());
}

std::string shape_text(std::span<const py::ssize_t> shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i)
    text += fmt::format("{}{}", i > 0 ? ", " : "", shape[i]);
  return text + (shape.size() == 1 ? ",)" : ")");
}

[[noreturn]] void wrong_shape(std::span<const py::ssize_t> wanted, const EnvSpec& spec,
                              const std::string& got) {
  throw UserError(
      fmt::format("actions of '{}': shape {} expected, got {}", spec.id, shape_text(wanted), got));
}

[[noreturn]] void out_of_range(const std::string& action, std::size_t place, const EnvSpec& spec) {
  const auto n = static_cast<std::size_t>(spec.n_agents);
  const std::string env = place >= n ? fmt::format(" in environment {}", place / n) : "";
  throw IllegalAction(fmt::format("action {} of agent {}{} is not in [0, {}) of '{}'", action,
                                  place % n, env, spec.n_actions, spec.id));
}

int checked(long long action, std::size_t place, const EnvSpec& spec) {
  if (action < 0 || action >= spec.n_actions) out_of_range(fmt::format("{}", action), place, spec);
  return static_cast<int>(action);
}

int read_one(py::handle item, std::size_t place, const EnvSpec& spec) {
  if (PyIndex_Check(item.ptr()) == 0)
    throw py::type_error(fmt::format("action of agent {} of '{}' is a {}; actions are integers",
                                     place, spec.id, Py_TYPE(item.ptr())->tp_name));
  const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(item.ptr()));
  if (!number) throw py::error_already_set();
  int overflow = 0;
  const long long value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow != 0) out_of_range(py::str(number), place, spec);
  return checked(value, place, spec);
}

// The way of most callers: a list of Python integers.
void read_sequence(py::handle actions, std::size_t n, const EnvSpec& spec, int* out) {
  const auto items = py::reinterpret_borrow<py::sequence>(actions);
  const auto size = static_cast<std::size_t>(PySequence_Fast_GET_SIZE(actions.ptr()));
  const std::vector<py::ssize_t> wanted = {static_cast<py::ssize_t>(n)};
  if (size != n) wrong_shape(wanted, spec, fmt::format("({},)", size));
  for (std::size_t i = 0; i < n; ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(actions.ptr(), static_cast<py::ssize_t>(i));
    if (PyLong_CheckExact(item)) {
      int overflow = 0;
      const long value = PyLong_AsLongAndOverflow(item, &overflow);
      if (overflow == 0) {
        out[i] = checked(value, i, spec);
        continue;
      }
    }
    // __index__ may be anybody's code: the list is looked at afresh each time.
    out[i] = read_one(items[i], i, spec);
  }
}

}  // namespace

void bind_errors(py::module_& module) {
  g_error = new_exception(module, "Error", "A broken contract, or a run that failed.",
                          PyExc_RuntimeError);
  g_user_error = new_exception(
      module, "UserError", "Bad input: one line with what is wrong, what is allowed, what is near.",
      py::make_tuple(py::handle(g_error), py::handle(PyExc_ValueError)));
  g_illegal_action =
      new_exception(module, "IllegalActionError",
                    "An action that does not exist or is not available; nothing has changed.",
                    py::handle(g_user_error));
  py::register_exception_translator([](std::exception_ptr raised) {
    try {
      if (raised) std::rethrow_exception(raised);
    } catch (const IllegalAction& error) {
      raise(g_illegal_action, error.what());
    } catch (const UserError& error) {
      raise(g_user_error, error.what());
    } catch (const Error& error) {
      raise(g_error, error.what());
    }
  });
}

ParamValue to_param(const std::string& key, py::handle value) {
  if (PyBool_Check(value.ptr())) return value.ptr() == Py_True;
  if (PyUnicode_Check(value.ptr())) return value.cast<std::string>();
  // NumPy's bool is neither a bool nor an index.
  const py::handle type(reinterpret_cast<PyObject*>(Py_TYPE(value.ptr())));
  if (const std::string name = py::str(type.attr("__name__"));
      (name == "bool_" || name == "bool") && PyObject_IsTrue(value.ptr()) >= 0)
    return PyObject_IsTrue(value.ptr()) == 1;
  if (PyIndex_Check(value.ptr()) != 0) {
    const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
    if (!number) throw py::error_already_set();
    int overflow = 0;
    const long long integer = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
    if (overflow != 0)
      throw UserError(
          fmt::format("env.{} = {}: does not fit 64 bits", key, std::string(py::str(number))));
    return static_cast<std::int64_t>(integer);
  }
  const double real = PyFloat_AsDouble(value.ptr());
  if (PyErr_Occurred() == nullptr) return real;
  PyErr_Clear();
  throw UserError(fmt::format("env.{}: a {} is not a value; allowed: bool, int, float, str", key,
                              Py_TYPE(value.ptr())->tp_name));
}

py::object from_param(const ParamValue& value) {
  return std::visit([](const auto& held) { return py::object(py::cast(held)); }, value);
}

Params make_params(const std::string& id, const py::dict& values) {
  Params params = env_params(id);
  for (const auto& item : values) {
    const auto key = item.first.cast<std::string>();
    params.set(key, to_param(key, item.second));
  }
  return params;
}

std::uint64_t to_seed(const char* name, py::handle value) {
  const auto bad = [&] {
    return UserError(fmt::format("{} = {}: allowed: an integer in [0, 2^64)", name,
                                 std::string(py::repr(value))));
  };
  if (PyIndex_Check(value.ptr()) == 0) throw bad();
  const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  if (!number) throw py::error_already_set();
  const unsigned long long seed = PyLong_AsUnsignedLongLong(number.ptr());
  if (PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    throw bad();
  }
  return seed;
}

void read_actions(py::handle actions, std::span<const py::ssize_t> shape, const EnvSpec& spec,
                  int* out) {
  if (shape.size() == 1 && (PyList_Check(actions.ptr()) || PyTuple_Check(actions.ptr()))) {
    read_sequence(actions, static_cast<std::size_t>(shape[0]), spec, out);
    return;
  }
  const py::array array = py::array::ensure(actions);
  if (!array)
    throw py::type_error(fmt::format("actions of '{}': a {} is not an array of integers", spec.id,
                                     Py_TYPE(actions.ptr())->tp_name));
  const char kind = array.dtype().kind();
  if (kind != 'i' && kind != 'u')
    throw py::type_error(fmt::format("actions of '{}': dtype {} given; actions are integers",
                                     spec.id, std::string(py::str(array.dtype()))));
  const std::span<const py::ssize_t> got(array.shape(), static_cast<std::size_t>(array.ndim()));
  if (!std::equal(got.begin(), got.end(), shape.begin(), shape.end()))
    wrong_shape(shape, spec, shape_text(got));
  const auto size = static_cast<std::size_t>(array.size());
  const bool is_int32 = kind == 'i' && array.itemsize() == 4 && array.dtype().byteorder() != '>';
  if (is_int32 && (array.flags() & py::array::c_style) != 0) {
    const auto* from = static_cast<const int*>(array.data());
    const auto n_actions = static_cast<unsigned>(spec.n_actions);
    bool fits = true;
    for (std::size_t i = 0; i < size; ++i) {
      out[i] = from[i];
      fits &= static_cast<unsigned>(from[i]) < n_actions;
    }
    for (std::size_t i = 0; !fits && i < size; ++i) checked(from[i], i, spec);
    return;
  }
  const auto wide =
      py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>::ensure(array);
  if (!wide) throw py::error_already_set();
  for (std::size_t i = 0; i < size; ++i) out[i] = checked(wide.data()[i], i, spec);
}

void check_available(const EnvSpec& spec, std::span<const std::uint8_t> avail, const int* actions,
                     const std::string& where) {
  const auto n_actions = static_cast<std::size_t>(spec.n_actions);
  for (int agent = 0; agent < spec.n_agents; ++agent) {
    const std::uint8_t* row = avail.data() + static_cast<std::size_t>(agent) * n_actions;
    if (row[actions[agent]] != 0) continue;
    std::string available;
    for (std::size_t a = 0; a < n_actions; ++a)
      if (row[a] != 0)
        available +=
            fmt::format("{}{} ({})", available.empty() ? "" : ", ", a, spec.action_names[a]);
    throw IllegalAction(
        fmt::format("action {} ({}) is not available to agent {} of {}'{}'; available: {}",
                    actions[agent], spec.action_names[static_cast<std::size_t>(actions[agent])],
                    agent, where, spec.id, available));
  }
}

py::dict info_dict(const std::vector<std::pair<std::string, double>>& info) {
  py::dict dict;
  for (const auto& entry : info) dict[py::str(entry.first)] = entry.second;
  return dict;
}

py::object won_object(const std::optional<bool>& won) {
  return won ? py::object(py::bool_(*won)) : py::object(py::none());
}

}  // namespace credo::python
