#include "learners/reference/learner.hpp"

#include <algorithm>
#include <cmath>

#include "learners/reference/coma.hpp"
#include "learners/reference/optimizer.hpp"
#include "learners/reference/ppo.hpp"
#include "learners/reference/tolerance.hpp"

namespace credo::reference {

namespace {

std::size_t place(std::size_t row, int width) { return row * sz(width); }

std::vector<int> orders_of(const UpdateRecord& record) {
  const auto found = record.choices.find("orders");
  return found == record.choices.end() ? std::vector<int>{} : found->second;
}

/// Every algorithm with a replay buffer: one optimiser step per update (SHAQ: one of the agents and
/// one of the mixer, each clipped by its own norm); the target networks are copied once
/// learner.target_update_interval episodes have passed, or blended after every step.
class QLearning final : public Learner {
 public:
  QLearning(const EnvShape& shape, const TrainConfig& config, const ParamLayout& layout,
            std::span<const float> params)
      : Learner(shape, config, layout, params) {
    std::size_t end = params_.flat().size();
    if (config.mixer.type == "shaq") {
      OptimizerConfig mixer = config.optimizer;
      mixer.lr = config.mixer.shaq.alpha_lr;
      const std::size_t begin = first_of("mixer.");
      optimizers_.emplace_back(mixer, begin, end - begin);
      end = begin;
    }
    optimizers_.emplace_back(config.optimizer, 0, end);
    if (config.entropy.target_entropy > 0.0) config_.entropy.lambda = 0.0;
  }

  Outcome update(const UpdateRecord& record) override {
    Decisions decisions{.slots = record.slots,
                        .greedy_actions = record.choices.at("greedy_actions"),
                        .tolerance = kValueTolerance};
    if (record.values.contains("td_weights")) {
      const std::vector<float>& weights = record.values.at("td_weights");
      decisions.td_weights.assign(weights.begin(), weights.end());
    }
    const QLoss loss(shape_, config_, params_, target_, record.episodes,
                     take_in_rewards(record.episodes), &decisions, orders_of(record));
    Outcome outcome{.losses = loss.losses(), .values = loss.values(), .ties = decisions.taken};
    outcome.gradients = {loss.gradient(params_)};
    std::vector<double> flipped;
    if (loss.kink_margin() < kKinkBand) flipped = loss.gradient(params_, 1.0, kKinkBand);
    outcome.gradient_tolerances = {tolerance_of(outcome.gradients[0], flipped)};
    for (StepOptimizer& optimizer : optimizers_)
      optimizer.step(outcome.gradients[0], outcome.gradient_tolerances[0], params_.flat(),
                     params_tolerance_);
    if (config_.learner.target_tau > 0.0) blend_target();
    EntropyConfig& gre = config_.entropy;
    if (gre.enabled && gre.target_entropy > 0.0 && shape_.n_agents > 1) {
      const double gap = outcome.losses["entropy_in_loss"] - gre.target_entropy;
      const double most = gre.lambda_max;
      multiplier_ = std::clamp(multiplier_ + gre.target_lr * gap, -most, most);
      gre.lambda = std::clamp(multiplier_ + gre.target_gain * gap, -most, most);
    }
    updated_ = true;
    return outcome;
  }

  // Nothing is copied before the replay holds a batch.
  void played(std::int64_t episodes) override {
    if (!updated_ || config_.learner.target_tau > 0.0 ||
        episodes - last_copy_ < config_.learner.target_update_interval)
      return;
    target_ = params_;
    last_copy_ = episodes;
  }

 private:
  std::vector<StepOptimizer> optimizers_;  // each of its own parameters
  double multiplier_ = 0.0;                // of the constraint on H
  bool updated_ = false;
  std::int64_t last_copy_ = 0;
};

/// COMA: a critic step per slot, the last slot first, then one actor step; copies into the target
/// are counted in critic steps.
class Coma final : public Learner {
 public:
  Coma(const EnvShape& shape, const TrainConfig& config, const ParamLayout& layout,
       std::span<const float> params)
      : Learner(shape, config, layout, params),
        critic_begin_(first_of("critic.")),
        actor_(config.optimizer, 0, critic_begin_),
        critic_(critic_config(config), critic_begin_, params_.flat().size() - critic_begin_) {}

  Outcome update(const UpdateRecord& record) override {
    const ComaLoss loss(shape_, config_, record.episodes, record.choices.at("bootstrap"),
                        record.epsilon, take_in_rewards(record.episodes));
    const ComaLoss::PerStep policies = loss.policies(params_);
    const ComaLoss::PerStep targets = loss.targets(target_);
    Outcome outcome;
    ComaLoss::PerStep q = targets;  // of the critic before its step in that slot
    double critic_loss = 0.0;
    for (int t = loss.longest() - 1; t >= 0; --t) {
      const ComaLoss::PerStep now = loss.critic_values(params_);
      for (std::size_t e = 0; e < q.size(); ++e)
        if (sz(t) < q[e].size()) q[e][sz(t)] = now[e][sz(t)];
      const auto gradient = [&](double flip_within) {
        std::vector<double> g(params_.flat().size());
        const double value = loss.critic_loss(params_, t, targets, &g, flip_within);
        if (flip_within == 0.0) critic_loss += value;
        return g;
      };
      step(gradient, loss, critic_, outcome);
      ++critic_steps_;
      if (config_.learner.target_tau > 0.0) blend_target("critic.");
    }
    const ComaLoss::PerStep advantages = loss.advantages(policies, q);
    const auto gradient = [&](double flip_within) {
      std::vector<double> g(params_.flat().size());
      const double value = loss.actor_loss(params_, advantages, &g, flip_within);
      if (flip_within == 0.0) outcome.losses["loss"] = value;
      return g;
    };
    step(gradient, loss, actor_, outcome);
    outcome.losses["critic_loss"] = critic_loss / loss.longest();
    show("targets", targets, loss.longest(), outcome.values);
    show("advantages", advantages, loss.longest(), outcome.values);
    show("critic_q", q, loss.longest(), outcome.values);
    show("pi", policies, loss.longest(), outcome.values);
    if (config_.learner.target_tau == 0.0 &&
        critic_steps_ - last_copy_ >= config_.learner.target_update_interval) {
      target_ = params_;
      last_copy_ = critic_steps_;
    }
    return outcome;
  }

  void played(std::int64_t) override {}

 private:
  static OptimizerConfig critic_config(const TrainConfig& config) {
    OptimizerConfig critic = config.optimizer;
    critic.lr = config.coma.critic_lr;
    return critic;
  }

  template <class Gradient>
  void step(const Gradient& gradient, const ComaLoss& loss, StepOptimizer& optimizer,
            Outcome& outcome) {
    outcome.gradients.push_back(gradient(0.0));
    std::vector<double> flipped;
    if (loss.margin() < kKinkBand) flipped = gradient(kKinkBand);
    outcome.gradient_tolerances.push_back(tolerance_of(outcome.gradients.back(), flipped));
    optimizer.step(outcome.gradients.back(), outcome.gradient_tolerances.back(), params_.flat(),
                   params_tolerance_);
  }

  static void show(const char* name, const ComaLoss::PerStep& steps, int slots, Arrays& to) {
    const auto width = static_cast<std::size_t>(steps.front().front().size());
    std::vector<double>& array = to[name];
    array.resize(place(steps.size(), slots) * width);
    for (std::size_t e = 0; e < steps.size(); ++e)
      for (std::size_t t = 0; t < std::min(steps[e].size(), sz(slots)); ++t)
        std::copy_n(steps[e][t].data(), width, array.data() + (place(e, slots) + t) * width);
  }

  std::size_t critic_begin_;
  StepOptimizer actor_, critic_;
  std::int64_t critic_steps_ = 0;
  std::int64_t last_copy_ = 0;
};

/// PPO: epochs over one batch, in each a step of actor and critic per minibatch.
class Ppo final : public Learner {
 public:
  Ppo(const EnvShape& shape, const TrainConfig& config, const ParamLayout& layout,
      std::span<const float> params)
      : Learner(shape, config, layout, params),
        critic_begin_(first_of("critic.")),
        actor_(config.optimizer, 0, critic_begin_),
        critic_(critic_config(config), critic_begin_, params_.flat().size() - critic_begin_) {}

  Outcome update(const UpdateRecord& record) override {
    const PpoLoss loss(shape_, config_, record.episodes, params_, moments_);
    Outcome outcome;
    const PpoLoss::Rows& rows = loss.rows();
    outcome.values = {{"old_log_probs", rows.old_log_probs},
                      {"old_values", rows.old_values},
                      {"advantages", rows.advantages},
                      {"norm_advantages", rows.norm_advantages},
                      {"targets", rows.targets}};
    const std::vector<int>& minibatch = record.choices.at("minibatch");
    const std::size_t count = record.episodes.size();
    for (int epoch = 0; epoch < config_.ppo.epochs; ++epoch)
      for (int part = 0; part < config_.ppo.minibatches; ++part) {
        std::vector<int> places;
        for (std::size_t e = 0; e < count; ++e)
          if (minibatch[sz(epoch) * count + e] == part) places.push_back(static_cast<int>(e));
        step(loss, places, outcome);
      }
    return outcome;
  }

  void played(std::int64_t) override {}

 private:
  static OptimizerConfig critic_config(const TrainConfig& config) {
    OptimizerConfig critic = config.optimizer;
    critic.lr = config.ppo.critic_lr;
    return critic;
  }

  void step(const PpoLoss& loss, const std::vector<int>& places, Outcome& outcome) {
    std::vector<double> gradient(params_.flat().size());
    const PpoLoss::Losses losses = loss.losses(params_, places, &gradient);
    outcome.losses = {{"loss", losses.actor},
                      {"policy_loss", losses.policy},
                      {"policy_entropy", losses.entropy},
                      {"critic_loss", losses.critic}};
    std::vector<double> flipped;
    if (loss.margin() < kKinkBand) {
      flipped.resize(gradient.size());
      loss.losses(params_, places, &flipped, kKinkBand);
    }
    outcome.gradient_tolerances.push_back(tolerance_of(gradient, flipped));
    const std::vector<double>& tolerance = outcome.gradient_tolerances.back();
    // A batch without a choice leaves the actor where it is.
    const bool acts =
        std::any_of(gradient.begin(), gradient.begin() + static_cast<std::ptrdiff_t>(critic_begin_),
                    [](double g) { return g != 0.0; });
    if (acts) actor_.step(gradient, tolerance, params_.flat(), params_tolerance_);
    critic_.step(gradient, tolerance, params_.flat(), params_tolerance_);
    outcome.gradients.push_back(std::move(gradient));
  }
  std::size_t critic_begin_;
  StepOptimizer actor_, critic_;
  ReturnMoments moments_;
};

}  // namespace

Learner::Learner(const EnvShape& shape, const TrainConfig& config, const ParamLayout& layout,
                 std::span<const float> params)
    : shape_(shape),
      config_(config),
      params_(layout, params),
      target_(params_),
      params_tolerance_(params_.flat().size()) {}

RewardMoments Learner::take_in_rewards(const std::vector<PlainEpisode>& episodes) {
  if (!config_.learner.standardise_rewards) return {};
  rewards_.push_back(all_rewards(episodes));
  return reward_moments(rewards_);
}

std::size_t Learner::first_of(const std::string& prefix) const {
  for (const Parameters::Tensor& t : params_.tensors())
    if (t.name.starts_with(prefix)) return t.first;
  throw Error("no parameter " + prefix + "*");
}

void Learner::blend_target(const std::string& prefix) {
  const double tau = config_.learner.target_tau;
  for (const Parameters::Tensor& t : params_.tensors()) {
    if (!t.name.starts_with(prefix)) continue;
    for (std::size_t i = t.first; i < t.first + t.size(); ++i)
      target_.flat()[i] = (1.0 - tau) * target_.flat()[i] + tau * params_.flat()[i];
  }
}

std::vector<double> Learner::tolerance_of(const std::vector<double>& gradient,
                                          const std::vector<double>& flipped) const {
  std::vector<double> tolerance = gradient_tolerance(params_, gradient);
  for (std::size_t i = 0; i < flipped.size(); ++i)
    tolerance[i] += std::abs(flipped[i] - gradient[i]);
  return tolerance;
}

std::vector<double> gradient_tolerance(const Parameters& parameters,
                                       const std::vector<double>& gradient) {
  double largest = 0.0;
  for (const double g : gradient) largest = std::max(largest, std::abs(g));
  std::vector<double> tolerance(gradient.size());
  for (const Parameters::Tensor& t : parameters.tensors()) {
    double of_tensor = 0.0;
    for (std::size_t i = t.first; i < t.first + t.size(); ++i)
      of_tensor = std::max(of_tensor, std::abs(gradient[i]));
    std::fill_n(tolerance.begin() + static_cast<std::ptrdiff_t>(t.first), t.size(),
                kGradientOfTensor * of_tensor + kGradientOfAll * largest);
  }
  return tolerance;
}

std::unique_ptr<Learner> make_learner(const EnvShape& shape, const TrainConfig& config,
                                      const ParamLayout& layout, std::span<const float> params) {
  switch (config.learner.kind) {
    case LearnerKind::kQLearning:
      return std::make_unique<QLearning>(shape, config, layout, params);
    case LearnerKind::kComa:
      return std::make_unique<Coma>(shape, config, layout, params);
    case LearnerKind::kPpo:
      return std::make_unique<Ppo>(shape, config, layout, params);
  }
  throw Error("no reference for this learner");
}

}  // namespace credo::reference
