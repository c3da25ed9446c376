// credo.VecEnv: steps without the interpreter's lock, so a second thread that comes in meanwhile is
// turned away.
#include <atomic>
#include <cstring>
#include <fmt/format.h>
#include <pthread.h>
#include <pybind11/stl.h>

#include "envs/core/registry.hpp"
#include "python/src/support.hpp"
#include "python/src/vec_env.hpp"

namespace credo::python {
namespace {

// oneTBB's threads do not survive a fork: a child of a process that used them has none.
std::atomic<bool> g_used_threads{false};
std::atomic<bool> g_lost_threads{false};

void after_fork_in_child() {
  if (g_used_threads.load()) g_lost_threads.store(true);
}

class PyVecEnv {
 public:
  PyVecEnv(const std::string& id, int n, int threads, const py::object& seed,
           const py::dict& params)
      : envs_(std::make_unique<VecEnv>(make_env(id, make_params(id, params)), n, threads,
                                       to_seed("seed", seed))),
        spec_(envs_->spec()),
        n_(n),
        threads_(envs_->threads()) {
    if (threads_ > 1) check_threads();
    const auto& batch = envs_->batch();
    const std::vector<py::ssize_t> one = {n_};
    const auto flags = [&](std::vector<std::uint8_t>& values) {
      return view(batch, reinterpret_cast<bool*>(values.data()), one, true);
    };
    obs = view(batch, batch->obs.data(), {n_, spec_.n_agents, spec_.obs_dim}, true);
    state = view(batch, batch->state.data(), {n_, spec_.state_dim}, true);
    avail = view(batch, batch->avail.data(), {n_, spec_.n_agents, spec_.n_actions}, true);
    reward = view(batch, batch->reward.data(), one, true);
    terminated = flags(batch->terminated);
    truncated = flags(batch->truncated);
    final_obs = view(batch, batch->final_obs.data(), {n_, spec_.n_agents, spec_.obs_dim}, true);
    final_state = view(batch, batch->final_state.data(), {n_, spec_.state_dim}, true);
    actions = view(batch, batch->actions.data(), {n_, spec_.n_agents}, true);
    incoming_.resize(batch->actions.size());
  }

  const EnvSpec& spec() const { return spec_; }
  int count() const { return n_; }
  int threads() const { return threads_; }
  bool closed() const { return envs_ == nullptr; }
  std::uint64_t seed() const { return Use(*this)->seed(); }

  py::array reset(const py::object& seed, const py::object& mask) {
    std::optional<std::uint64_t> number;
    if (!seed.is_none()) number = to_seed("seed", seed);
    std::vector<std::uint8_t> chosen;
    if (!mask.is_none()) chosen = read_mask(mask);
    Use use(*this);
    const py::gil_scoped_release release;
    use->reset(number, chosen.empty() ? nullptr : chosen.data());
    return obs;
  }

  py::tuple step(py::handle given) {
    {
      const py::ssize_t shape[] = {n_, spec_.n_agents};
      Use use(*this);
      read_actions(given, shape, spec_, incoming_.data());
      const py::gil_scoped_release release;
      use->step(incoming_.data());
    }
    return results_;
  }

  py::array sample_actions(const py::object& seed) {
    const std::uint64_t number = to_seed("seed", seed);
    Use use(*this);
    const py::gil_scoped_release release;
    use->sample(number);
    return actions;
  }

  py::list final_info() {
    const Use use(*this);
    py::list list;
    for (int i = 0; i < n_; ++i) {
      const auto& last = use->final_info(i);
      if (!last) {
        list.append(py::none());
        continue;
      }
      py::dict dict = info_dict(last->info);
      dict["episode"] = last->episode;
      dict["episode_return"] = last->episode_return;
      dict["episode_length"] = last->length;
      dict["won"] = won_object(last->won);
      list.append(dict);
    }
    return list;
  }

  py::array_t<std::uint64_t> episode() const {
    const Use use(*this);
    py::array_t<std::uint64_t> numbers(n_);
    for (int i = 0; i < n_; ++i) numbers.mutable_data()[i] = use->episode(i);
    return numbers;
  }

  py::array_t<std::int32_t> t() const {
    const Use use(*this);
    py::array_t<std::int32_t> numbers(n_);
    for (int i = 0; i < n_; ++i) numbers.mutable_data()[i] = use->env(i).t();
    return numbers;
  }

  std::string render(int i) const {
    const Use use(*this);
    if (i < 0 || i >= n_) throw py::index_error(fmt::format("environment {} of {}", i, n_));
    return use->env(i).render_text();
  }

  py::bytes save() const {
    const Use use(*this);
    ByteWriter out;
    use->save(out);
    return {reinterpret_cast<const char*>(out.bytes().data()), out.bytes().size()};
  }

  void load(const py::bytes& saved) {
    const Use use(*this);
    const std::string_view text = saved;
    ByteReader in(std::as_bytes(std::span(text.data(), text.size())));
    try {
      use->load(in);
    } catch (const Error& error) {
      throw UserError(fmt::format("load: not a saved state of this VecEnv: {}", error.what()));
    }
  }

  void close() {
    if (closed()) return;
    const Use use(*this);
    envs_.reset();
  }

  py::array obs, state, avail, reward, terminated, truncated, final_obs, final_state, actions;

  void keep_results() { results_ = py::make_tuple(reward, terminated, truncated); }

 private:
  // The environments for the time of one call.
  class Use {
   public:
    explicit Use(const PyVecEnv& owner) : owner_(owner) {
      if (owner.threads_ > 1) check_threads();
      if (owner.is_busy_.exchange(true))
        throw UserError(fmt::format("VecEnv of '{}' is in use by another thread", owner.spec_.id));
      if (owner.envs_ == nullptr) {
        owner.is_busy_.store(false);
        throw UserError(fmt::format("VecEnv of '{}' is closed", owner.spec_.id));
      }
    }
    ~Use() { owner_.is_busy_.store(false); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    VecEnv* operator->() const { return owner_.envs_.get(); }

   private:
    const PyVecEnv& owner_;
  };

  static void check_threads() {
    if (g_lost_threads.load())
      throw UserError(
          "VecEnv: this process was forked from one that had used threads, and has none itself; "
          "use threads=1, or multiprocessing's start method 'spawn' or 'forkserver'");
    g_used_threads.store(true);
  }

  std::vector<std::uint8_t> read_mask(py::handle mask) const {
    const py::array array = py::array::ensure(mask);
    if (!array || array.dtype().kind() != 'b' || array.ndim() != 1 || array.shape(0) != n_)
      throw UserError(fmt::format("mask: a boolean array of shape ({},) expected", n_));
    const auto flags = py::array_t<bool, py::array::c_style | py::array::forcecast>::ensure(array);
    return {flags.data(), flags.data() + n_};
  }

  std::unique_ptr<VecEnv> envs_;
  EnvSpec spec_;
  int n_;
  int threads_;
  std::vector<int> incoming_;
  py::object results_;
  mutable std::atomic<bool> is_busy_{false};
};

std::unique_ptr<PyVecEnv> make(const std::string& id, int n, int threads, const py::object& seed,
                               const py::dict& params) {
  auto envs = std::make_unique<PyVecEnv>(id, n, threads, seed, params);
  envs->keep_results();
  return envs;
}

py::tuple get_state(const PyVecEnv& envs) {
  py::dict params;
  for (const ParamSpec& param : envs.spec().params)
    params[py::str(param.name)] = from_param(param.value);
  return py::make_tuple(envs.spec().id, envs.count(), envs.threads(), params, envs.save());
}

std::unique_ptr<PyVecEnv> set_state(const py::tuple& state) {
  if (state.size() != 5) throw UserError("not a pickled credo.VecEnv");
  auto envs = make(state[0].cast<std::string>(), state[1].cast<int>(), state[2].cast<int>(),
                   py::int_(0), state[3].cast<py::dict>());
  envs->load(state[4].cast<py::bytes>());
  return envs;
}

}  // namespace

void bind_vec_env(py::module_& module) {
  pthread_atfork(nullptr, nullptr, &after_fork_in_child);
  using E = PyVecEnv;
  py::class_<E>(module, "VecEnv", "N environments side by side; see docs/python.md.")
      .def(py::init([](const std::string& id, int n, int threads, const py::object& seed,
                       const py::kwargs& params) { return make(id, n, threads, seed, params); }),
           py::arg("id"), py::arg("n"), py::arg("threads") = 0, py::arg("seed") = 0)
      .def("reset", &E::reset, py::arg("seed") = py::none(), py::arg("mask") = py::none(),
           "Starts the next episode everywhere, or where `mask` is True; with a seed its episode\n"
           "0. Returns `obs`.")
      .def("step", &E::step, py::arg("actions"),
           "actions [n, n_agents], available ones. Returns (reward, terminated, truncated), the\n"
           "same arrays every time. Environments that end begin their next episode at once;\n"
           "final_obs, final_state and final_info hold the end.")
      .def("sample_actions", &E::sample_actions, py::arg("seed") = 0,
           "Random available actions [n, n_agents]: a function of (seed, index, episode, t).")
      .def_readonly("obs", &E::obs, "float32 [n, n_agents, obs_dim], overwritten in place.")
      .def_readonly("state", &E::state, "float32 [n, state_dim].")
      .def_readonly("avail", &E::avail, "uint8 [n, n_agents, n_actions], 1 = may be taken.")
      .def_readonly("reward", &E::reward, "float64 [n] of the last step.")
      .def_readonly("terminated", &E::terminated, "bool [n].")
      .def_readonly("truncated", &E::truncated, "bool [n].")
      .def_readonly("final_obs", &E::final_obs,
                    "Like obs; valid where the last step ended an episode.")
      .def_readonly("final_state", &E::final_state, "Like state, likewise.")
      .def_property_readonly("final_info", &E::final_info,
                             "A dictionary where the last step ended an episode, else None.")
      .def_property_readonly("episode", &E::episode, "uint64 [n]: which episode is being played.")
      .def_property_readonly("t", &E::t, "int32 [n]: steps taken in it.")
      .def_property_readonly("n", &E::count)
      .def("__len__", &E::count)
      .def_property_readonly("threads", &E::threads)
      .def_property_readonly("seed", &E::seed)
      .def_property_readonly("spec", &E::spec, py::return_value_policy::reference_internal)
      .def_property_readonly("closed", &E::closed)
      .def("render", &E::render, py::arg("index"), "The situation of one environment as text.")
      .def("save", &E::save, "The dynamic state of all environments as bytes.")
      .def("load", &E::load, py::arg("state"))
      .def("close", &E::close)
      .def(
          "__enter__", [](E& e) -> E& { return e; }, py::return_value_policy::reference)
      .def("__exit__", [](E& e, const py::args&) { e.close(); })
      .def("__repr__",
           [](const E& e) {
             return fmt::format("<credo.VecEnv '{}', n {}, threads {}{}>", e.spec().id, e.count(),
                                e.threads(), e.closed() ? ", closed" : "");
           })
      .def(py::pickle(&get_state, &set_state));
}

}  // namespace credo::python
