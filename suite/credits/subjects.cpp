#include "suite/credits/subjects.hpp"

#include <fmt/format.h>
#include <vector>

#include "envs/core/error.hpp"
#include "learners/base/index.hpp"
#include "learners/rollout/evaluation.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/text.hpp"
#include "suite/credits/gauge_twin.hpp"
#include "suite/run/run_files.hpp"

namespace credo::suite {

CreditsSubject fixed_subject(const Env& env, const std::string& policy, std::uint64_t seed,
                             std::int64_t budget) {
  CreditsSubject subject;
  subject.algorithm = policy;
  subject.label = policy;
  subject.fixed = make_fixed_policy(env, policy, seed, {.budget = budget});
  if (policy == "open_loop") subject.search = fmt::format("seed {} budget {}", seed, budget);
  return subject;
}

CreditsSubject weights_subject(const std::filesystem::path& directory, const RunConfig& config,
                               const Env& env, const std::string& checkpoint) {
  const WeightsFile file = load_weights(directory, checkpoint);
  const std::string label = file.path.string();
  CreditsSubject subject;
  subject.algorithm = config.algorithm();
  subject.label = file.path.stem().string();
  subject.config = config.train_config();
  subject.weights = parse_safetensors(file.bytes, label);
  subject.weights_hash = xxh64(file.bytes);
  check_weights(env.spec(), *subject.config, subject.weights, label);
  const auto t_env = subject.weights.metadata.find("t_env");
  if (t_env != subject.weights.metadata.end()) subject.t_env = parse_int(t_env->second).value_or(0);
  return subject;
}

CreditsSubject twin_subject(const Env& env, const CreditsSubject& subject, double factor) {
  if (!subject.config) throw UserError("--twin needs a learner: a fixed policy has no credits");
  std::vector<double> scales(sz(env.spec().n_agents), 1.0);
  scales.front() = factor;
  GaugeTwin made = gauge_twin(shape_of(env.spec()), *subject.config, subject.weights, scales);
  CreditsSubject twin = subject;
  twin.label += "_twin";
  twin.config = made.config;
  twin.weights = std::move(made.weights);
  twin.weights_hash = xxh64(serialize_safetensors(twin.weights));
  return twin;
}

}  // namespace credo::suite
