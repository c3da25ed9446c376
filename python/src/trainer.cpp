// credo.Trainer: the program's own runs, driven from Python; the environment may be written in
// Python.
#include <array>
#include <csignal>
#include <fmt/format.h>
#include <oneapi/tbb/task_arena.h>
#include <pybind11/stl.h>

#include "python/src/python_env.hpp"
#include "python/src/support.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/signals.hpp"
#include "suite/run/runner.hpp"

namespace credo::python {
namespace {

namespace tbb = oneapi::tbb;

// The program's signal handlers for the time of a run: a checkpoint is saved before it stops.
class StopHandlers {
 public:
  StopHandlers() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], nullptr, &before_[i]);
    suite::clear_stop_request();
    suite::install_stop_handlers();
  }
  ~StopHandlers() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &before_[i], nullptr);
  }
  StopHandlers(const StopHandlers&) = delete;
  StopHandlers& operator=(const StopHandlers&) = delete;

 private:
  static constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGUSR1};
  std::array<struct sigaction, 3> before_{};
};

const char* end_name(suite::RunEnd end) {
  switch (end) {
    case suite::RunEnd::kDone:
    case suite::RunEnd::kAlreadyDone:
      return "done";
    case suite::RunEnd::kFailed:
      return "failed";
    case suite::RunEnd::kDiverged:
      return "diverged";
    case suite::RunEnd::kStopped:
      return "stopped";
    case suite::RunEnd::kTakenOver:
      return "taken over";
  }
  return "failed";
}

py::object evaluation_dict(const std::optional<Evaluation>& evaluation) {
  if (!evaluation) return py::none();
  py::dict dict;
  dict["return_mean"] = evaluation->return_mean();
  dict["return_std"] = evaluation->return_std();
  dict["length_mean"] = evaluation->length_mean();
  dict["win_rate"] = evaluation->win_rate();
  dict["episodes"] = evaluation->episodes.size();
  return dict;
}

// Runs `work` on `threads` threads without the interpreter's lock.
py::dict drive(const std::string& directory, const std::string& env_id, int threads,
               const py::object& on_progress,
               const std::function<suite::RunOutcome(const suite::RunOptions&)>& work) {
  if (threads < 1) throw UserError(fmt::format("threads = {}: at least one", threads));
  if (threads > 1 && is_python_env(env_id))
    throw UserError(
        fmt::format("threads = {}: an environment written in Python runs on one thread, because of "
                    "the interpreter's lock",
                    threads));
  take_raised();
  suite::RunOptions options;
  options.threads = threads;
  py::object progress_error;
  if (!on_progress.is_none())
    options.on_progress = [&](const suite::RunProgress& progress) {
      const py::gil_scoped_acquire acquire;
      try {
        on_progress(progress.t_env, progress.t_max,
                    progress.last_return ? py::object(py::float_(*progress.last_return))
                                         : py::object(py::none()));
      } catch (py::error_already_set& error) {
        progress_error = error.value();
        throw Error(fmt::format("on_progress raised {}", std::string(py::repr(error.value()))));
      }
    };
  suite::RunOutcome outcome;
  {
    const py::gil_scoped_release release;
    const StopHandlers handlers;
    tbb::task_arena arena(threads);
    arena.execute([&] { outcome = work(options); });
  }
  const std::string signal = suite::stop_signal_name();
  suite::clear_stop_request();
  if (outcome.end == suite::RunEnd::kStopped && signal == "SIGINT") {
    PyErr_SetString(PyExc_KeyboardInterrupt,
                    fmt::format("stopped at step {} with a checkpoint saved; go on with "
                                "credo.Trainer.resume({:?})",
                                outcome.t_env, directory)
                        .c_str());
    throw py::error_already_set();
  }
  if (outcome.end == suite::RunEnd::kFailed || outcome.end == suite::RunEnd::kDiverged ||
      outcome.end == suite::RunEnd::kTakenOver) {
    const py::object cause = progress_error ? progress_error : take_raised();
    const py::object type = py::module_::import("credo._credo").attr("Error");
    const py::object error =
        type(fmt::format("{}: run {}: {}", directory, end_name(outcome.end), outcome.reason));
    if (!cause.is_none()) error.attr("__cause__") = cause;
    PyErr_SetObject(type.ptr(), error.ptr());
    throw py::error_already_set();
  }
  py::dict result;
  result["status"] = end_name(outcome.end);
  result["reason"] = outcome.reason;
  result["t_env"] = outcome.t_env;
  result["final"] = evaluation_dict(outcome.final_evaluation);
  result["absolute"] = evaluation_dict(outcome.absolute);
  return result;
}

suite::RunRequest request(const std::string& env, const std::string& algorithm,
                          const py::object& seed, const std::optional<std::string>& profile,
                          const std::optional<std::int64_t>& t_max,
                          std::vector<std::string> settings) {
  suite::RunRequest request;
  request.env = env;
  request.algorithm = algorithm;
  request.seed = to_seed("seed", seed);
  request.profile = profile;
  request.t_max = t_max;
  request.sets = std::move(settings);
  return request;
}

class PyTrainer {
 public:
  PyTrainer(const std::string& env, const std::string& algorithm, const py::object& seed,
            const std::optional<std::string>& profile, const std::optional<std::int64_t>& t_max,
            std::vector<std::string> settings, int threads)
      : config_(suite::RunConfig::resolve(
            request(env, algorithm, seed, profile, t_max, std::move(settings)))),
        threads_(threads) {
    suite::check_run(config_);
  }

  const suite::RunConfig& config() const { return config_; }

  py::dict run(const std::string& directory, const py::object& on_progress) const {
    return drive(directory, config_.env_id(), threads_, on_progress,
                 [&](const suite::RunOptions& options) {
                   return suite::start_run(config_, directory, options);
                 });
  }

 private:
  suite::RunConfig config_;
  int threads_;
};

py::dict resume(const std::string& directory, int threads, const py::object& on_progress) {
  const suite::RunConfig config = suite::read_run_config(directory);
  if (is_python_env(config.env_id()))
    if (const auto obstacle = resume_obstacle(config.env_id()))
      throw UserError(fmt::format("{} cannot be resumed: {}", directory, *obstacle));
  return drive(
      directory, config.env_id(), threads, on_progress,
      [&](const suite::RunOptions& options) { return suite::resume_run(directory, options); });
}

py::dict build_dict() {
  const suite::BuildInfo& build = suite::build_info();
  py::dict dict;
  dict["version"] = build.version;
  dict["commit"] = build.commit;
  dict["compiler"] = build.compiler;
  dict["flags"] = build.flags;
  return dict;
}

}  // namespace

void bind_trainer(py::module_& module) {
  py::class_<PyTrainer>(module, "RunTrainer", "See credo.Trainer.")
      .def(py::init<const std::string&, const std::string&, const py::object&,
                    const std::optional<std::string>&, const std::optional<std::int64_t>&,
                    std::vector<std::string>, int>(),
           py::arg("env"), py::arg("alg"), py::arg("seed"), py::arg("profile"), py::arg("t_max"),
           py::arg("settings"), py::arg("threads"))
      .def("run", &PyTrainer::run, py::arg("out"), py::arg("on_progress"))
      .def_property_readonly("config_text",
                             [](const PyTrainer& trainer) { return trainer.config().to_toml(); })
      .def_property_readonly("env_id",
                             [](const PyTrainer& trainer) { return trainer.config().env_id(); });
  module.def("resume_run", &resume, py::arg("directory"), py::arg("threads"),
             py::arg("on_progress"));
  module.def("build_info", &build_dict);
}

}  // namespace credo::python
