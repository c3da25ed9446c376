// The policy of a run folder: its network for one acting step, its weights as NumPy arrays, and the
// program's own greedy evaluation of it.
#include <fmt/format.h>
#include <numeric>
#include <oneapi/tbb/task_arena.h>
#include <pybind11/stl.h>

#include "learners/network.hpp"
#include "learners/rollout/evaluation.hpp"
#include "python/src/support.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"

namespace credo::python {
namespace {

namespace tbb = oneapi::tbb;
using FloatRows = py::array_t<float, py::array::c_style | py::array::forcecast>;
using IntRows = py::array_t<std::int32_t, py::array::c_style | py::array::forcecast>;

py::array to_array(const std::string& name, const Tensor& tensor) {
  const auto make = [&](auto zero) -> py::array {
    using T = decltype(zero);
    py::array_t<T> array(std::vector<py::ssize_t>(tensor.shape.begin(), tensor.shape.end()));
    std::memcpy(array.mutable_data(), tensor.data.data(), tensor.data.size());
    return array;
  };
  if (tensor.dtype == "F32") return make(float{});
  if (tensor.dtype == "F64") return make(double{});
  if (tensor.dtype == "I64") return make(std::int64_t{});
  if (tensor.dtype == "U8") return make(std::uint8_t{});
  throw UserError(fmt::format("tensor '{}': dtype {} is unknown", name, tensor.dtype));
}

suite::RunConfig read_config(const std::string& directory) {
  suite::RunConfig config = suite::read_run_config(directory);
  if (!config.is_learning())
    throw UserError(fmt::format("{} is a run of the fixed policy '{}', which has no weights",
                                directory, config.algorithm()));
  return config;
}

class RunPolicy {
 public:
  RunPolicy(std::string directory, const std::string& checkpoint)
      : directory_(std::move(directory)),
        config_(read_config(directory_)),
        env_(suite::make_run_env(config_)),
        train_config_(config_.train_config()),
        network_(shape(), train_config_),
        params_(network_.layout.size()) {
    const suite::WeightsFile file = suite::load_weights(directory_, checkpoint);
    label_ = file.path.string();
    weights_ = parse_safetensors(file.bytes, label_);
    network_.layout.from_tensors(weights_, label_, params_);
  }

  const EnvSpec& spec() const { return env_->spec(); }
  std::string algorithm() const { return config_.algorithm(); }
  std::string directory() const { return directory_; }
  std::uint64_t seed() const { return config_.seed(); }
  int hidden_dim() const { return network_.agent.hidden_dim(); }
  const std::string& checkpoint_path() const { return label_; }

  py::dict weights() const {
    py::dict dict;
    for (const auto& entry : weights_.tensors)
      dict[py::str(entry.first)] = to_array(entry.first, entry.second);
    return dict;
  }

  // obs [rows, obs_dim], last_action [rows], hidden [rows, hidden_dim]; rows of whole teams.
  py::tuple forward(const FloatRows& obs, const IntRows& last_action, const FloatRows& hidden) {
    const EnvSpec& s = spec();
    const py::ssize_t rows = obs.ndim() == 2 ? obs.shape(0) : -1;
    const bool fits = rows > 0 && rows % s.n_agents == 0 && obs.shape(1) == s.obs_dim &&
                      last_action.ndim() == 1 && last_action.shape(0) == rows &&
                      hidden.ndim() == 2 && hidden.shape(0) == rows &&
                      hidden.shape(1) == hidden_dim();
    if (!fits)
      throw UserError(
          fmt::format("forward needs obs [rows, {}], last_action [rows] and hidden [rows, {}] "
                      "with a multiple of {} rows",
                      s.obs_dim, hidden_dim(), s.n_agents));
    for (py::ssize_t i = 0; i < rows; ++i)
      if (last_action.data()[i] < -1 || last_action.data()[i] >= s.n_actions)
        throw UserError(
            fmt::format("last_action {} is not in [-1, {})", last_action.data()[i], s.n_actions));
    py::array_t<float> next(std::vector<py::ssize_t>{rows, hidden_dim()});
    std::copy_n(hidden.data(), hidden.size(), next.mutable_data());
    py::array_t<float> q(std::vector<py::ssize_t>{rows, s.n_actions});
    scratch_.reset();
    network_.agent.act(params_.data(), static_cast<int>(rows), obs.data(), last_action.data(),
                       next.mutable_data(), q.mutable_data(), scratch_);
    return py::make_tuple(q, next);
  }

  py::list evaluate(int episodes, const py::object& seed, std::int64_t first, int threads) const {
    if (episodes < 1) throw UserError(fmt::format("episodes = {}: at least one", episodes));
    if (threads < 1) throw UserError(fmt::format("threads = {}: at least one", threads));
    const std::uint64_t number = seed.is_none() ? config_.seed() : to_seed("seed", seed);
    Evaluation evaluation;
    {
      const py::gil_scoped_release release;
      tbb::task_arena arena(threads);
      arena.execute([&] {
        evaluation = evaluate_weights(*env_, train_config_, weights_, episodes, number, first);
      });
    }
    py::list list;
    for (const EpisodeResult& episode : evaluation.episodes) {
      py::dict dict;
      dict["episode"] = episode.index;
      dict["return"] = episode.episode_return;
      dict["length"] = episode.length;
      dict["won"] = won_object(episode.won);
      list.append(dict);
    }
    return list;
  }

 private:
  EnvShape shape() const {
    return {.n_agents = spec().n_agents,
            .n_actions = spec().n_actions,
            .obs_dim = spec().obs_dim,
            .state_dim = spec().state_dim,
            .unit_dim = spec().unit_dim};
  }

  std::string directory_;
  suite::RunConfig config_;
  std::unique_ptr<Env> env_;
  TrainConfig train_config_;
  Network network_;
  std::vector<float> params_;
  std::string label_;
  TensorFile weights_;
  Scratch scratch_;
};

}  // namespace

void bind_policy(py::module_& module) {
  using P = RunPolicy;
  py::class_<P>(module, "RunPolicy", "The trained network of a run folder; see credo.load_run.")
      .def(py::init<std::string, std::string>(), py::arg("directory"), py::arg("checkpoint") = "")
      .def("forward", &P::forward, py::arg("obs"), py::arg("last_action"), py::arg("hidden"),
           "Values (or logits) [rows, n_actions] and the next hidden state [rows, hidden_dim].")
      .def("evaluate", &P::evaluate, py::arg("episodes"), py::arg("seed") = py::none(),
           py::arg("first") = 0, py::arg("threads") = 1,
           "Greedy episodes on the program's evaluation streams, as `credo eval` plays them.")
      .def_property_readonly("weights", &P::weights, "NumPy arrays under their PyTorch names.")
      .def_property_readonly("spec", &P::spec, py::return_value_policy::reference_internal)
      .def_property_readonly("algorithm", &P::algorithm)
      .def_property_readonly("directory", &P::directory)
      .def_property_readonly("seed", &P::seed)
      .def_property_readonly("hidden_dim", &P::hidden_dim)
      .def_property_readonly("checkpoint", &P::checkpoint_path);
}

}  // namespace credo::python
