// What an environment says about itself, as Python objects and as a plain dictionary.
#include <pybind11/stl.h>

#include "envs/core/registry.hpp"
#include "python/src/support.hpp"

namespace credo::python {
namespace {

py::array_t<float> bounds(const std::vector<Feature>& features, float Feature::*bound) {
  py::array_t<float> array(static_cast<py::ssize_t>(features.size()));
  float* out = array.mutable_data();
  for (const Feature& feature : features) *out++ = feature.*bound;
  return array;
}

py::list names(const std::vector<Feature>& features) {
  py::list list;
  for (const Feature& feature : features) list.append(feature.name);
  return list;
}

py::list feature_dicts(const std::vector<Feature>& features) {
  py::list list;
  for (const Feature& feature : features) {
    py::dict dict;
    dict["name"] = feature.name;
    dict["low"] = feature.low;
    dict["high"] = feature.high;
    list.append(dict);
  }
  return list;
}

py::dict param_values(const EnvSpec& spec) {
  py::dict dict;
  for (const ParamSpec& param : spec.params) dict[py::str(param.name)] = from_param(param.value);
  return dict;
}

py::list param_dicts(const EnvSpec& spec) {
  py::list list;
  for (const ParamSpec& param : spec.params) {
    py::dict dict;
    dict["name"] = param.name;
    dict["value"] = from_param(param.value);
    dict["type"] = param.type_name();
    dict["allowed"] = param.range_text();
    dict["help"] = param.help;
    list.append(dict);
  }
  return list;
}

}  // namespace

py::dict spec_dict(const EnvSpec& spec) {
  py::dict dict;
  dict["id"] = spec.id;
  dict["help"] = spec.help;
  dict["n_agents"] = spec.n_agents;
  dict["n_actions"] = spec.n_actions;
  dict["obs_dim"] = spec.obs_dim;
  dict["state_dim"] = spec.state_dim;
  dict["unit_dim"] = spec.unit_dim;
  dict["episode_limit"] = spec.episode_limit;
  dict["limit_is_terminal"] = spec.limit_is_terminal;
  dict["reward_low"] = spec.reward_low;
  dict["reward_high"] = spec.reward_high;
  dict["return_bound"] = spec.return_bound;
  dict["random_return"] = spec.random_return;
  dict["best_return"] = spec.best_return;
  dict["is_stochastic"] = spec.is_stochastic;
  dict["noop_action"] = spec.noop_action;
  dict["action_names"] = spec.action_names;
  dict["obs_features"] = feature_dicts(spec.obs_features);
  dict["state_features"] = feature_dicts(spec.state_features);
  py::list scripted;
  for (const ScriptedInfo& info : spec.scripted) scripted.append(info.name);
  dict["scripted"] = scripted;
  dict["params"] = param_dicts(spec);
  return dict;
}

void bind_spec(py::module_& module) {
  py::class_<EnvSpec>(module, "EnvSpec", "Facts about an environment, its parameters applied.")
      .def_readonly("id", &EnvSpec::id)
      .def_readonly("help", &EnvSpec::help)
      .def_readonly("n_agents", &EnvSpec::n_agents)
      .def_readonly("n_actions", &EnvSpec::n_actions)
      .def_readonly("obs_dim", &EnvSpec::obs_dim)
      .def_readonly("state_dim", &EnvSpec::state_dim)
      .def_readonly("unit_dim", &EnvSpec::unit_dim,
                    "The state begins with n_agents blocks of so many numbers, one about each\n"
                    "agent; 0: it does not.")
      .def_readonly("episode_limit", &EnvSpec::episode_limit)
      .def_readonly("limit_is_terminal", &EnvSpec::limit_is_terminal)
      .def_readonly("reward_low", &EnvSpec::reward_low)
      .def_readonly("reward_high", &EnvSpec::reward_high)
      .def_readonly("return_bound", &EnvSpec::return_bound)
      .def_readonly("random_return", &EnvSpec::random_return)
      .def_readonly("best_return", &EnvSpec::best_return)
      .def_readonly("is_stochastic", &EnvSpec::is_stochastic)
      .def_readonly("noop_action", &EnvSpec::noop_action)
      .def_readonly("action_names", &EnvSpec::action_names)
      .def_property_readonly("obs_names", [](const EnvSpec& s) { return names(s.obs_features); })
      .def_property_readonly("obs_low",
                             [](const EnvSpec& s) { return bounds(s.obs_features, &Feature::low); })
      .def_property_readonly(
          "obs_high", [](const EnvSpec& s) { return bounds(s.obs_features, &Feature::high); })
      .def_property_readonly("state_names",
                             [](const EnvSpec& s) { return names(s.state_features); })
      .def_property_readonly(
          "state_low", [](const EnvSpec& s) { return bounds(s.state_features, &Feature::low); })
      .def_property_readonly(
          "state_high", [](const EnvSpec& s) { return bounds(s.state_features, &Feature::high); })
      .def_property_readonly("params", param_values, "Every parameter with the value in force.")
      .def("as_dict", spec_dict, "Everything as plain dictionaries and lists.")
      .def("__repr__", [](const EnvSpec& s) {
        return "<credo.EnvSpec '" + s.id + "': " + std::to_string(s.n_agents) + " agents, " +
               std::to_string(s.n_actions) + " actions>";
      });
  module.def("list_envs", &list_envs, "Ids of all environments, in the order of the tables.");
  module.def(
      "describe",
      [](const std::string& id, const py::kwargs& params) {
        return spec_dict(make_env(id, make_params(id, params))->spec());
      },
      py::arg("id"), "What `credo describe` prints, as a dictionary.");
}

}  // namespace credo::python
