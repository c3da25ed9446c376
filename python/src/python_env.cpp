#include "python/src/python_env.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <pybind11/stl.h>

#include "envs/core/registry.hpp"

namespace credo::python {
namespace {

// One registered name. Python objects in here are touched with the interpreter's lock held, and
// live as long as the process.
struct Source {
  std::string id;
  py::object factory;
  std::string class_name;
  int limit = 0;
  bool can_be_saved = false;
};

std::map<std::string, std::shared_ptr<Source>>& sources() {
  static auto* const all = new std::map<std::string, std::shared_ptr<Source>>;
  return *all;
}

py::object& raised() {
  static auto* const last = new py::object;
  return *last;
}

[[noreturn]] void rethrow(const std::string& id, py::error_already_set& error) {
  const std::string text = error.what();
  raised() = error.value();
  throw Error(fmt::format("environment '{}' raised {}", id, text.substr(0, text.find("\n\nAt:"))));
}

int integer(const py::object& env, const std::string& id, const char* name, int low, int high) {
  if (!py::hasattr(env, name))
    throw UserError(fmt::format("environment '{}': its class has no attribute '{}'", id, name));
  const py::object value = env.attr(name);
  const py::ssize_t number =
      PyIndex_Check(value.ptr()) != 0 ? PyNumber_AsSsize_t(value.ptr(), nullptr) : -1;
  if (number < low || number > high)
    throw UserError(fmt::format("environment '{}': {} = {}; allowed: an integer in [{}, {}]", id,
                                name, std::string(py::repr(value)), low, high));
  return static_cast<int>(number);
}

int positive(const py::object& env, const std::string& id, const char* name) {
  return integer(env, id, name, 1, 1'000'000);
}

std::vector<Feature> features(const char* kind, int n) {
  std::vector<Feature> list;
  for (int i = 0; i < n; ++i)
    list.push_back({fmt::format("{}{}", kind, i), std::numeric_limits<float>::lowest(),
                    std::numeric_limits<float>::max()});
  return list;
}

std::string class_name(const py::object& env) {
  const py::object type = env.attr("__class__");
  return fmt::format("{}.{}", std::string(py::str(type.attr("__module__"))),
                     std::string(py::str(type.attr("__qualname__"))));
}

bool can_be_saved(const py::object& env) {
  return py::hasattr(env, "save") && py::hasattr(env, "load");
}

EnvSpec complete(EnvSpec spec, const py::object& env) {
  spec.n_agents = positive(env, spec.id, "n_agents");
  spec.n_actions = positive(env, spec.id, "n_actions");
  spec.obs_dim = positive(env, spec.id, "obs_dim");
  spec.state_dim = positive(env, spec.id, "state_dim");
  if (py::hasattr(env, "unit_dim"))
    spec.unit_dim = integer(env, spec.id, "unit_dim", 0, spec.state_dim / spec.n_agents);
  spec.reward_low = -1e9;
  spec.reward_high = 1e9;
  if (py::hasattr(env, "action_names"))
    spec.action_names = env.attr("action_names").cast<std::vector<std::string>>();
  else
    for (int a = 0; a < spec.n_actions; ++a) spec.action_names.push_back(fmt::format("a{}", a));
  if (spec.action_names.size() != static_cast<std::size_t>(spec.n_actions))
    throw UserError(fmt::format("environment '{}': {} action_names for {} actions", spec.id,
                                spec.action_names.size(), spec.n_actions));
  spec.obs_features = features("obs", spec.obs_dim);
  spec.state_features = features("state", spec.state_dim);
  return spec;
}

// Calls `body` with the interpreter's lock; what Python raises becomes an Error.
template <typename Body>
auto with_python(const std::string& id, const Body& body) {
  const py::gil_scoped_acquire acquire;
  try {
    return body();
  } catch (py::error_already_set& error) {
    rethrow(id, error);
  }
}

class PythonEnv final : public Env {
 public:
  // The caller holds the lock.
  PythonEnv(EnvSpec spec, std::shared_ptr<Source> source, py::object env)
      : Env(complete(std::move(spec), env)), source_(std::move(source)) {
    adopt(std::move(env));
  }
  PythonEnv(const PythonEnv& other, py::object env) : Env(other), source_(other.source_) {
    adopt(std::move(env));
    *storage_ = *other.storage_;
  }
  PythonEnv& operator=(const PythonEnv&) = delete;
  ~PythonEnv() override {
    const py::gil_scoped_acquire acquire;
    for (py::object* object : {&env_, &step_, &observe_, &initial_, &actions_view_, &obs_view_,
                               &state_view_, &avail_view_})
      *object = py::object();
  }

  std::optional<bool> won() const override {
    return with_python(source_->id, [&]() -> std::optional<bool> {
      const py::object won = py::getattr(env_, "won", py::none());
      if (won.is_none()) return std::nullopt;
      return PyObject_IsTrue(won.ptr()) == 1;
    });
  }

 protected:
  void do_reset(Stream& stream) override {
    const std::uint32_t seed = stream.bits32();
    with_python(source_->id, [&] {
      // Nothing of the episodes before can matter then, and a resumed run is the same run.
      if (source_->can_be_saved) env_.attr("load")(initial_);
      env_.attr("reset")(seed);
      observe();
    });
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    (void)stream;
    std::copy(actions.begin(), actions.end(), storage_->actions.begin());
    return with_python(source_->id, [&] {
      const py::object result = step_(actions_view_);
      Outcome outcome;
      if (!PyTuple_Check(result.ptr()) || PyTuple_GET_SIZE(result.ptr()) != 2)
        throw Error(
            fmt::format("environment '{}': step returned {}; it returns (reward, terminated)",
                        source_->id, std::string(py::repr(result))));
      outcome.reward = PyFloat_AsDouble(PyTuple_GET_ITEM(result.ptr(), 0));
      if (PyErr_Occurred() != nullptr) throw py::error_already_set();
      if (!std::isfinite(outcome.reward))
        throw Error(
            fmt::format("environment '{}': reward {} is not finite", source_->id, outcome.reward));
      outcome.terminated = PyObject_IsTrue(PyTuple_GET_ITEM(result.ptr(), 1)) == 1;
      observe();
      return outcome;
    });
  }

  void do_write_obs(std::span<float> out) const override {
    std::copy(storage_->obs.begin(), storage_->obs.end(), out.begin());
  }
  void do_write_state(std::span<float> out) const override {
    std::copy(storage_->state.begin(), storage_->state.end(), out.begin());
  }
  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    std::copy(storage_->avail.begin(), storage_->avail.end(), out.begin());
  }

  std::unique_ptr<Env> do_clone() const override {
    return with_python(source_->id, [&]() -> std::unique_ptr<Env> {
      auto copy = std::make_unique<PythonEnv>(*this, source_->factory());
      if (!done()) {
        check_saved("copied within an episode");
        copy->env_.attr("load")(env_.attr("save")());
      }
      return copy;
    });
  }

  void do_save(ByteWriter& out) const override {
    with_python(source_->id, [&] {
      check_saved("saved");
      const py::object saved = env_.attr("save")();
      if (!PyBytes_Check(saved.ptr()))
        throw Error(fmt::format("environment '{}': save returned a {}; it returns bytes",
                                source_->id, Py_TYPE(saved.ptr())->tp_name));
      out.put_string(std::string_view(py::reinterpret_borrow<py::bytes>(saved)));
      out.put_vector(storage_->obs);
      out.put_vector(storage_->state);
      out.put_vector(storage_->avail);
    });
  }

  void do_load(ByteReader& in) override {
    with_python(source_->id, [&] {
      check_saved("loaded");
      env_.attr("load")(py::bytes(in.get_string()));
      in.get_span(std::span(storage_->obs));
      in.get_span(std::span(storage_->state));
      in.get_span(std::span(storage_->avail));
    });
  }

  std::string do_render_text() const override {
    return with_python(source_->id, [&] {
      const std::string text =
          py::hasattr(env_, "render") ? std::string(py::str(env_.attr("render")())) : "";
      return text.empty() ? fmt::format("{} at step {}", source_->id, t()) : text;
    });
  }

 private:
  struct Storage {
    std::vector<float> obs, state;
    std::vector<std::uint8_t> avail;
    std::vector<std::int32_t> actions;
  };

  void adopt(py::object env) {
    env_ = std::move(env);
    step_ = env_.attr("step");
    observe_ = env_.attr("observe");
    if (source_->can_be_saved) initial_ = env_.attr("save")();
    const EnvSpec& s = spec();
    const auto n = static_cast<std::size_t>(s.n_agents);
    storage_ = std::make_shared<Storage>();
    storage_->obs.resize(n * static_cast<std::size_t>(s.obs_dim));
    storage_->state.resize(static_cast<std::size_t>(s.state_dim));
    storage_->avail.assign(n * static_cast<std::size_t>(s.n_actions), 1);
    storage_->actions.resize(n);
    obs_view_ = view(storage_, storage_->obs.data(), {s.n_agents, s.obs_dim}, true);
    state_view_ = view(storage_, storage_->state.data(), {s.state_dim}, true);
    avail_view_ = view(storage_, storage_->avail.data(), {s.n_agents, s.n_actions}, true);
    actions_view_ = view(storage_, storage_->actions.data(), {s.n_agents}, false);
  }

  void observe() {
    std::fill(storage_->avail.begin(), storage_->avail.end(), std::uint8_t{1});
    observe_(obs_view_, state_view_, avail_view_);
    const EnvSpec& s = spec();
    const auto check = [&](const char* what, const std::vector<float>& values) {
      for (std::size_t i = 0; i < values.size(); ++i)
        if (!std::isfinite(values[i]))
          throw Error(fmt::format("environment '{}': {}[{}] is not finite", source_->id, what, i));
    };
    check("obs", storage_->obs);
    check("state", storage_->state);
    for (std::size_t agent = 0; agent < static_cast<std::size_t>(s.n_agents); ++agent) {
      const auto n = static_cast<std::size_t>(s.n_actions);
      const auto* row = storage_->avail.data() + agent * n;
      if (std::any_of(row, row + n, [](std::uint8_t flag) { return flag > 1; }))
        throw Error(
            fmt::format("environment '{}': avail of agent {} holds other values than 0 and 1",
                        source_->id, agent));
      if (std::find(row, row + n, std::uint8_t{1}) == row + n)
        throw Error(fmt::format("environment '{}': no action is available to agent {}", source_->id,
                                agent));
    }
  }

  void check_saved(const char* what) const {
    if (!source_->can_be_saved)
      throw Error(fmt::format("environment '{}' cannot be {}: {} has no save() and load(state)",
                              source_->id, what, source_->class_name));
  }

  std::shared_ptr<Source> source_;
  py::object env_, step_, observe_, initial_;
  std::shared_ptr<Storage> storage_;
  py::object actions_view_, obs_view_, state_view_, avail_view_;
};

std::string known_names() {
  std::string text;
  for (const auto& entry : sources()) text += (text.empty() ? "" : ", ") + entry.first;
  return text.empty() ? "none is registered; call credo.register_env" : text;
}

std::shared_ptr<Source> find(const std::string& id) {
  const auto found = sources().find(id);
  if (found != sources().end()) return found->second;
  throw UserError(
      fmt::format("unknown Python environment '{}'; registered: {}", id, known_names()));
}

void add_family() {
  EnvFamily family;
  family.name = "python";
  family.help = "environments written in Python (credo.register_env)";
  family.params = limit_params(100, false);
  family.params.push_back(ParamSpec::text("class", "", "the class that was registered"));
  family.variant_grammar = "NAME, after credo.register_env(\"NAME\", factory)";
  family.parse_variant = [](std::string_view name) -> std::optional<EnvVariant> {
    const auto found = sources().find(std::string(kPythonFamily) + std::string(name));
    if (found == sources().end()) return std::nullopt;
    const Source& source = *found->second;
    return EnvVariant{std::string(name),
                      "an environment written in Python",
                      {{"limit", std::int64_t{source.limit}}, {"class", source.class_name}}};
  };
  family.make = [](EnvSpec spec, const Params& params) -> std::unique_ptr<Env> {
    const auto source = find(spec.id);
    if (params.text("class") != source->class_name)
      throw UserError(fmt::format("env.class = '{}': '{}' is registered with {}",
                                  params.text("class"), spec.id, source->class_name));
    return with_python(source->id, [&] {
      return std::make_unique<PythonEnv>(std::move(spec), source, source->factory());
    });
  };
  add_env_family(std::move(family));
}

std::string register_env(const std::string& name, const py::object& factory) {
  static const bool added = [] {
    add_family();
    return true;
  }();
  (void)added;
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_good))
    throw UserError(fmt::format(
        "environment name '{}': allowed: letters, digits, '_' and '-', at least one", name));
  if (PyCallable_Check(factory.ptr()) == 0)
    throw UserError(fmt::format("environment '{}': the factory, a {}, cannot be called", name,
                                Py_TYPE(factory.ptr())->tp_name));
  auto source = std::make_shared<Source>();
  source->id = std::string(kPythonFamily) + name;
  source->factory = factory;
  const py::object example = factory();
  for (const char* method : {"reset", "step", "observe"})
    if (!py::hasattr(example, method))
      throw UserError(fmt::format("environment '{}': {} has no method '{}'", source->id,
                                  class_name(example), method));
  EnvSpec spec;
  spec.id = source->id;
  complete(spec, example);
  source->class_name = class_name(example);
  source->limit = positive(example, source->id, "episode_limit");
  source->can_be_saved = can_be_saved(example);
  sources()[source->id] = source;
  return source->id;
}

}  // namespace

bool is_python_env(std::string_view id) { return id.starts_with(kPythonFamily); }

std::optional<std::string> resume_obstacle(const std::string& id) {
  const auto source = find(id);
  if (source->can_be_saved) return std::nullopt;
  return fmt::format(
      "environment '{}' cannot be saved: {} has no save() and load(state), so what it carries from "
      "one episode to the next is lost",
      id, source->class_name);
}

py::object take_raised() {
  py::object last = std::move(raised());
  raised() = py::object();
  return last ? last : py::none();
}

void bind_python_env(py::module_& module) {
  module.def("register_env", &register_env, py::arg("name"), py::arg("factory"),
             "Makes an environment written in Python known as 'python/NAME' and returns that id.");
}

}  // namespace credo::python
