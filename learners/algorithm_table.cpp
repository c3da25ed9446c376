#include "learners/algorithm_table.hpp"

#include "envs/core/error.hpp"

namespace credo {

namespace {

const char* const kIndependent = "independent";
const char* const kDecomposition = "value decomposition";
const char* const kActorCritic = "actor-critic";

ParamValue word(const char* text) { return std::string(text); }

using Values = std::vector<std::pair<std::string, ParamValue>>;

Values ppo_values(bool central_critic) {
  return {{"learner.type", word("ppo")},
          {"ppo.central_critic", central_critic},
          {"rollout.n_envs", std::int64_t{32}},
          {"optimizer.type", word("adam")},
          {"optimizer.lr", 5e-4},
          {"optimizer.adam_eps", 1e-5}};
}

std::vector<Algorithm> make_table() {
  std::vector<Algorithm> table = {
      {.name = "iql",
       .family = kIndependent,
       .paper = "Tan 1993",
       .help = "independent Q-learning",
       .mixer = {"none", make_iql_mixer}},
      {.name = "vdn",
       .family = kDecomposition,
       .paper = "Sunehag et al. 2018",
       .help = "value decomposition: Q_tot is the sum of the agents' values",
       .mixer = {"vdn", make_vdn_mixer}},
      {.name = "qmix",
       .family = kDecomposition,
       .paper = "Rashid et al. 2018",
       .help = "monotone mixing with state-dependent weights",
       .mixer = {"qmix", make_qmix_mixer}},
      {.name = "qmix_simple",
       .family = kDecomposition,
       .paper = "Zhao et al. 2022",
       .help = "equal-credit control: one scalar weight for all agents",
       .mixer = {"qmix_simple", make_qmix_simple_mixer}},
      {.name = "qmix_gre",
       .family = kDecomposition,
       .paper = "Zhao et al. 2022",
       .help = "QMIX with gradient entropy regularisation, as published",
       .values = {{"mixer.type", word("qmix")},
                  {"gre.enabled", true},
                  {"gre.elu_derivative", word("published")}}},
      {.name = "qmix_gre_exact",
       .family = kDecomposition,
       .paper = "Zhao et al. 2022",
       .help = "the same with the exact derivative of ELU in the credits",
       .values = {{"mixer.type", word("qmix")},
                  {"gre.enabled", true},
                  {"gre.elu_derivative", word("exact")}}},
      {.name = "qtran",
       .family = kDecomposition,
       .paper = "Son et al. 2019",
       .help = "QTRAN-base: a free joint value that the sum of the agents' values is tied to",
       .mixer = {"qtran", make_qtran_mixer}},
      {.name = "qplex",
       .family = kDecomposition,
       .paper = "Wang et al. 2021",
       .help = "duplex dueling: monotone values plus attention over advantages",
       .mixer = {"qplex", make_qplex_mixer}},
      {.name = "qatten",
       .family = kDecomposition,
       .paper = "Yang et al. 2020",
       .help = "multi-head attention over agents: weights that depend on the state alone",
       .mixer = {"qatten", make_qatten_mixer}},
      {.name = "shaq",
       .family = kDecomposition,
       .paper = "Wang et al. 2022",
       .help = "Shapley Q-values: non-greedy actions weighed by sampled coalitions",
       .mixer = {"shaq", make_shaq_mixer}},
      {.name = "cw_qmix",
       .family = kDecomposition,
       .paper = "Rashid et al. 2020",
       .help = "QMIX with centrally weighted errors and an unrestricted target",
       .values = {{"mixer.type", word("qmix")}, {"wqmix.weighting", word("cw")}}},
      {.name = "ow_qmix",
       .family = kDecomposition,
       .paper = "Rashid et al. 2020",
       .help = "QMIX with optimistically weighted errors and an unrestricted target",
       .values = {{"mixer.type", word("qmix")}, {"wqmix.weighting", word("ow")}}},
      {.name = "coma",
       .family = kActorCritic,
       .paper = "Foerster et al. 2018",
       .help = "actor-critic with counterfactual advantages, on-policy",
       .values = {{"learner.type", word("coma")},
                  {"learner.td_lambda", 0.8},
                  {"learner.target_update_interval", std::int64_t{200}},
                  {"rollout.n_envs", std::int64_t{8}},
                  {"exploration.epsilon_start", 0.5},
                  {"exploration.epsilon_finish", 0.01},
                  {"exploration.epsilon_anneal_steps", std::int64_t{100'000}}}},
      {.name = "ippo",
       .family = kActorCritic,
       .paper = "de Witt et al. 2020",
       .help = "independent PPO: actor and critic read the observation",
       .values = ppo_values(false)},
      {.name = "mappo",
       .family = kActorCritic,
       .paper = "Yu et al. 2022",
       .help = "PPO with a critic that reads the state",
       .values = ppo_values(true)},
  };
  for (Algorithm& algorithm : table)
    if (algorithm.mixer.make != nullptr)
      algorithm.values.emplace(algorithm.values.begin(), "mixer.type", word(algorithm.mixer.name));
  return table;
}

}  // namespace

const std::vector<Algorithm>& learning_algorithms() {
  static const std::vector<Algorithm> kAlgorithms = make_table();
  return kAlgorithms;
}

const Algorithm& find_algorithm(const std::string& name) {
  std::vector<std::string> names;
  for (const Algorithm& a : learning_algorithms()) {
    if (a.name == name) return a;
    names.push_back(a.name);
  }
  throw UserError(unknown_name_message("algorithm", name, names));
}

std::vector<std::string> mixer_names() {
  std::vector<std::string> names;
  for (const Algorithm& a : learning_algorithms())
    if (a.mixer.make != nullptr) names.push_back(a.mixer.name);
  return names;
}

std::unique_ptr<Mixer> make_mixer(ParamLayout& layout, const EnvShape& shape,
                                  const TrainConfig& config) {
  for (const Algorithm& a : learning_algorithms())
    if (a.mixer.make != nullptr && a.mixer.name == config.mixer.type)
      return a.mixer.make(layout, shape, config);
  throw UserError(unknown_name_message("mixer.type", config.mixer.type, mixer_names()));
}

}  // namespace credo
