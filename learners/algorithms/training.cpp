#include "learners/algorithms/training.hpp"

#include <cmath>
#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "envs/core/error.hpp"
#include "learners/algorithms/coma.hpp"
#include "learners/algorithms/ppo.hpp"
#include "learners/algorithms/q_learner.hpp"

namespace credo {

std::unique_ptr<Training> make_training(const EnvShape& shape, const TrainConfig& config) {
  switch (config.learner.kind) {
    case LearnerKind::kQLearning:
      return make_value_training(shape, config);
    case LearnerKind::kComa:
      return make_coma_training(shape, config);
    case LearnerKind::kPpo:
      return make_ppo_training(shape, config);
  }
  throw Error("unknown kind of learner");
}

std::vector<MetricInfo> update_metrics() {
  std::vector<MetricInfo> list;
  const auto add = [&](const auto& table) {
    for (const auto& metric : table) list.push_back(metric.info);
  };
  add(value_metrics());
  for (const MetricInfo& metric : gradient_norm_metrics()) list.push_back(metric);
  list.push_back({"credit_<agent>", 3, "mean credit dQ_tot/dQ_i of the agent"});
  add(coma_metrics());
  add(ppo_metrics());
  return list;
}

std::uint64_t hash_floats(std::uint64_t hash, std::span<const float> values) {
  return XXH64(values.data(), values.size_bytes(), hash);
}

std::uint64_t hash_doubles(std::uint64_t hash, std::span<const double> values) {
  return XXH64(values.data(), values.size_bytes(), hash);
}

std::uint64_t hash_reward_scale(std::uint64_t hash, const RewardScale& scale) {
  const double moments[] = {scale.mean(), scale.variance(), scale.count()};
  return hash_doubles(hash, moments);
}

void check_finite(std::int64_t update, const char* what, double loss, double grad_norm) {
  if (!std::isfinite(loss) || !std::isfinite(grad_norm))
    throw DivergedError(
        fmt::format("update {}, {}: loss {}, gradient norm {}", update, what, loss, grad_norm));
}

}  // namespace credo
