// credo.Env: one environment. Every call holds the interpreter's lock from start to end, so threads
// that share an environment take turns.
#include <fmt/format.h>
#include <pybind11/stl.h>

#include "envs/core/registry.hpp"
#include "python/src/action_draws.hpp"
#include "python/src/support.hpp"

namespace credo::python {
namespace {

struct Storage {
  explicit Storage(const EnvSpec& spec)
      : obs(size(spec.n_agents, spec.obs_dim)),
        state(size(spec.state_dim, 1)),
        avail(size(spec.n_agents, spec.n_actions)) {}
  static std::size_t size(int a, int b) {
    return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
  }
  std::vector<float> obs, state;
  std::vector<std::uint8_t> avail;
};

class PyEnv {
 public:
  PyEnv(const std::string& id, const py::dict& params)
      : PyEnv(make_env(id, make_params(id, params)), {}) {}

  // What is open shares the past of the episode's numbers.
  struct Position {
    std::uint64_t seed = 0, index = 0, episode = 0;
    bool has_begun = false;
    std::string purpose = kDefaultPurpose;
  };

  PyEnv(std::unique_ptr<Env> env, Position position)
      : env_(std::move(env)),
        spec_(env_->spec()),
        position_(std::move(position)),
        storage_(std::make_shared<Storage>(spec_)),
        actions_(static_cast<std::size_t>(spec_.n_agents)) {
    obs = view(storage_, storage_->obs.data(), {spec_.n_agents, spec_.obs_dim}, false);
    state = view(storage_, storage_->state.data(), {spec_.state_dim}, false);
    avail = view(storage_, storage_->avail.data(), {spec_.n_agents, spec_.n_actions}, false);
    if (position_.has_begun) observe();
  }

  const EnvSpec& spec() const { return spec_; }
  const Position& position() const { return position_; }
  bool closed() const { return env_ == nullptr; }
  void close() { env_.reset(); }

  Env& open() const {
    if (env_ == nullptr) throw UserError(fmt::format("'{}' is closed", spec_.id));
    return *env_;
  }

  const py::array& reset(const py::object& seed, const py::object& index, const py::object& episode,
                         const std::optional<std::string>& purpose_name) {
    open();
    Position next = position_;
    if (purpose_name) next.purpose = *purpose_name;
    if (!index.is_none()) next.index = to_seed("index", index);
    if (!seed.is_none()) next.seed = to_seed("seed", seed);
    if (!episode.is_none())
      next.episode = to_seed("episode", episode);
    else
      next.episode = seed.is_none() && next.has_begun ? next.episode + 1 : 0;
    next.has_begun = true;
    env_->reset(Stream(next.seed, purpose(next.purpose), next.index, next.episode));
    position_ = std::move(next);
    observe();
    return obs;
  }

  py::tuple step(py::handle actions) {
    open();
    const py::ssize_t shape[] = {spec_.n_agents};
    read_actions(actions, shape, spec_, actions_.data());
    Env& env = playing();  // reading the actions may have run anybody's code
    check_available(spec_, env.avail_actions(), actions_.data(), "");
    const StepResult result = env.step(actions_);
    observe();
    return py::make_tuple(result.reward, result.terminated, result.truncated);
  }

  py::array_t<std::int32_t> sample_actions(const py::object& seed) {
    Env& env = playing();
    const std::uint64_t number = to_seed("seed", seed);
    py::array_t<std::int32_t> actions(spec_.n_agents);
    draws_.draw(spec_, env.avail_actions().data(), number, position_.index, position_.episode,
                env.t(), actions.mutable_data());
    return actions;
  }

  std::unique_ptr<PyEnv> clone() const {
    return std::make_unique<PyEnv>(open().clone(), position_);
  }

  py::bytes save() const {
    ByteWriter out;
    out.put_tag("credo.Env");
    out.put(position_.seed);
    out.put(position_.index);
    out.put(position_.episode);
    out.put<std::uint8_t>(position_.has_begun ? 1 : 0);
    out.put_string(position_.purpose);
    open().save(out);
    const auto& bytes = out.bytes();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  void load(const py::bytes& saved) {
    const std::string_view text = saved;
    ByteReader in(std::as_bytes(std::span(text.data(), text.size())));
    auto loaded = open().clone();  // damaged bytes must leave this environment as it is
    Position position;
    try {
      in.expect_tag("credo.Env");
      position.seed = in.get<std::uint64_t>();
      position.index = in.get<std::uint64_t>();
      position.episode = in.get<std::uint64_t>();
      position.has_begun = in.get<std::uint8_t>() != 0;
      position.purpose = in.get_string();
      loaded->load(in);
      CREDO_CHECK(in.at_end(), "bytes are left over");
    } catch (const Error& error) {
      throw UserError(fmt::format("load: not a saved state of this environment: {}", error.what()));
    }
    env_ = std::move(loaded);
    position_ = std::move(position);
    if (position_.has_begun) observe();
  }

  py::dict scene() const {
    const Env& env = open();
    py::dict dict;
    const auto stage = env.stage();
    if (!stage) return dict;
    dict["x_low"] = stage->x_low;
    dict["y_low"] = stage->y_low;
    dict["x_high"] = stage->x_high;
    dict["y_high"] = stage->y_high;
    dict["columns"] = stage->columns;
    dict["rows"] = stage->rows;
    dict["cells"] = stage->cells;
    dict["sides"] = stage->sides;
    const Scene scene = env.scene();
    py::list units;
    for (const SceneUnit& unit : scene.units) units.append(unit_dict(unit));
    dict["units"] = units;
    py::list shots;
    for (const SceneShot& shot : scene.shots) {
      py::dict entry;
      entry["side"] = shot.side;
      entry["x"] = shot.x;
      entry["y"] = shot.y;
      entry["to_x"] = shot.to_x;
      entry["to_y"] = shot.to_y;
      shots.append(entry);
    }
    dict["shots"] = shots;
    return dict;
  }

  // Made once, so that reading them costs nothing; they outlive the environment.
  py::array obs, state, avail;

 private:
  Env& playing() const {
    Env& env = open();
    if (env.done())
      throw UserError(
          fmt::format("'{}' {}: call reset first", spec_.id,
                      position_.has_begun ? "is at the end of its episode" : "was never reset"));
    return env;
  }

  static py::dict unit_dict(const SceneUnit& unit) {
    py::dict dict;
    dict["name"] = unit.name;
    dict["kind"] = unit.kind;
    dict["side"] = unit.side;
    dict["x"] = unit.x;
    dict["y"] = unit.y;
    dict["radius"] = unit.radius;
    dict["is_present"] = unit.is_present;
    dict["health"] = unit.health;
    dict["health_max"] = unit.health_max;
    dict["shield"] = unit.shield;
    dict["shield_max"] = unit.shield_max;
    dict["energy"] = unit.energy;
    dict["energy_max"] = unit.energy_max;
    dict["doing"] = unit.doing;
    dict["target"] = unit.target;
    return dict;
  }

  void observe() {
    env_->write_obs(storage_->obs);
    env_->write_state(storage_->state);
    env_->write_avail_actions(storage_->avail);
  }

  std::unique_ptr<Env> env_;  // null when closed
  EnvSpec spec_;              // stays readable after close
  Position position_;
  std::shared_ptr<Storage> storage_;
  std::vector<int> actions_;
  ActionDraws draws_;
};

py::tuple get_state(const PyEnv& env) {
  py::dict params;
  for (const ParamSpec& param : env.spec().params)
    params[py::str(param.name)] = from_param(param.value);
  return py::make_tuple(env.spec().id, params, env.save());
}

std::unique_ptr<PyEnv> set_state(const py::tuple& state) {
  if (state.size() != 3) throw UserError("not a pickled credo.Env");
  auto env = std::make_unique<PyEnv>(state[0].cast<std::string>(), state[1].cast<py::dict>());
  env->load(state[2].cast<py::bytes>());
  return env;
}

std::string repr(const PyEnv& env) {
  if (env.closed()) return "<credo.Env '" + env.spec().id + "', closed>";
  return fmt::format("<credo.Env '{}', seed {}, episode {}, t {}>", env.spec().id,
                     env.position().seed, env.position().episode, env.open().t());
}

}  // namespace

void bind_env(py::module_& module) {
  using E = PyEnv;
  py::class_<E>(module, "Env", "One environment; see docs/python.md.")
      .def(py::init([](const std::string& id, const py::kwargs& params) {
             return std::make_unique<E>(id, params);
           }),
           py::arg("id"))
      .def("reset", &E::reset, py::arg("seed") = py::none(), py::kw_only(),
           py::arg("index") = py::none(), py::arg("episode") = py::none(),
           py::arg("purpose") = py::none(),
           "Starts an episode and returns `obs`. With a seed: its episode 0; without: the next\n"
           "episode of the same seed. index, episode and purpose name other parts of the random\n"
           "stream (docs/python.md).")
      .def("step", &E::step, py::arg("actions"),
           "One joint step; actions: one available action per agent. Returns\n"
           "(reward, terminated, truncated). obs, state and avail are overwritten.")
      .def("sample_actions", &E::sample_actions, py::arg("seed") = 0,
           "Random available actions: a function of (seed, index, episode, t).")
      .def_readonly("obs", &E::obs, "float32 [n_agents, obs_dim], read-only, overwritten in place.")
      .def_readonly("state", &E::state, "float32 [state_dim], likewise.")
      .def_readonly("avail", &E::avail, "uint8 [n_agents, n_actions], 1 = may be taken, likewise.")
      .def_property_readonly("t", [](const E& e) { return e.open().t(); })
      .def_property_readonly("done", [](const E& e) { return e.open().done(); })
      .def_property_readonly(
          "won", [](const E& e) { return won_object(e.open().won()); },
          "True or False in environments with battles, None elsewhere.")
      .def_property_readonly("info", [](const E& e) { return info_dict(e.open().info()); })
      .def_property_readonly("spec", &E::spec, py::return_value_policy::reference_internal)
      .def_property_readonly("seed", [](const E& e) { return e.position().seed; })
      .def_property_readonly("index", [](const E& e) { return e.position().index; })
      .def_property_readonly("episode", [](const E& e) { return e.position().episode; })
      .def_property_readonly("closed", &E::closed)
      .def(
          "render", [](const E& e) { return e.open().render_text(); }, "The situation as text.")
      .def("scene", &E::scene, "What a picture needs, as a dictionary; empty without a plane.")
      .def("clone", &E::clone, "An independent copy that continues with the same bits.")
      .def("__copy__", &E::clone)
      .def(
          "__deepcopy__", [](const E& e, const py::dict&) { return e.clone(); }, py::arg("memo"))
      .def("save", &E::save, "The dynamic state as bytes.")
      .def("load", &E::load, py::arg("state"),
           "Takes over a saved state of the same id and parameters.")
      .def("close", &E::close, "Frees the environment; arrays already handed out stay valid.")
      .def(
          "__enter__", [](E& e) -> E& { return e; }, py::return_value_policy::reference)
      .def("__exit__", [](E& e, const py::args&) { e.close(); })
      .def("__repr__", &repr)
      .def(py::pickle(&get_state, &set_state));
}

}  // namespace credo::python
