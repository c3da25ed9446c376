// Golden files of IPPO and MAPPO: targets once, then three steps of actor and critic.
#include <algorithm>

#include "learners/algorithms/ppo.hpp"
#include "learners/base/index.hpp"
#include "suite/tools/golden_file.hpp"

namespace credo {
namespace {

constexpr Limit kRow{2e-5, Scale::kUnitOrValue};
constexpr Limit kActorLoss{1e-5, Scale::kAbsolute};
constexpr Limit kFraction{1e-6, Scale::kAbsolute};

class PpoCase {
 public:
  explicit PpoCase(GoldenFile& file)
      : file_(file),
        meta_(file.meta()),
        parts_(meta_.choice<std::string>(
            "parts", {{"actor", "actor"}, {"critic", "critic"}, {"both", "both"}})),
        learner_(file.shape(), read_config()) {}

  void run() {
    const ParamLayout& layout = learner_.network().layout;
    file_.load_parameters(layout, "param/", learner_.params(), parts_ != "both");
    begin();
    check_targets();
    std::vector<double> losses[2], norms[2];
    for (int step = 1; step <= 3; ++step) {
      learner_.plan_epoch(step - 1);
      PpoTrace trace;
      const PpoStats stats = learner_.step(0, step == 1 ? &trace : nullptr);
      losses[0].push_back(stats.loss);
      losses[1].push_back(stats.critic_loss);
      norms[0].push_back(stats.grad_norm);
      norms[1].push_back(stats.critic_grad_norm);
      if (step == 1) check_first_step(trace, stats);
      if (step == 1) check_parameters("after1", learner_.params(), kParameter);
    }
    check_parameters("after3", learner_.params(), kParameter);
    const FloatArray exp_avg =
        joined(learner_.actor_optimizer().exp_avg(), learner_.critic_optimizer().exp_avg());
    const FloatArray square_avg =
        joined(learner_.actor_optimizer().square_avg(), learner_.critic_optimizer().square_avg());
    check_parameters("opt/exp_avg", exp_avg, kOptimiser);
    check_parameters("opt/exp_avg_sq", square_avg, kOptimiser);
    for (const int network : networks()) {
      const std::string name = network == 0 ? "actor" : "critic";
      const Limit limit = network == 0 ? kActorLoss : kLoss;
      file_.compare(name + "_loss_curve", file_.values("out/" + name + "_loss_curve"),
                    losses[network], limit);
      file_.compare(name + "_grad_norm_curve", file_.values("out/" + name + "_grad_norm_curve"),
                    norms[network], kLoss);
    }
  }

 private:
  std::vector<int> networks() const {
    if (parts_ == "actor") return {0};
    if (parts_ == "critic") return {1};
    return {0, 1};
  }

  TrainConfig read_config() const {
    TrainConfig c;
    c.n_envs = file_.batch_size();
    c.agent = {.hidden_dim = meta_.integer("hidden_dim")};
    c.learner = {.kind = LearnerKind::kPpo, .gamma = meta_.real("gamma")};
    c.optimizer = adam_settings(meta_);
    c.optimizer.kind = meta_.choice<OptimizerKind>("optimizer", {{"adam", OptimizerKind::kAdam}});
    c.ppo = {.central_critic = meta_.choice<bool>("variant", {{"mappo", true}, {"ippo", false}}),
             .epochs = 3,
             .gae_lambda = meta_.real("gae_lambda"),
             .clip = meta_.real("clip"),
             .value_clip = meta_.real("value_clip"),
             .huber_delta = meta_.real("huber_delta"),
             .entropy = meta_.real("entropy_coef"),
             .value_coef = meta_.real("value_coef"),
             .critic_lr = meta_.real("critic_lr"),
             .value_norm = meta_.integer("value_norm") != 0,
             .value_norm_beta = meta_.real("value_norm_beta"),
             .death_masking = meta_.integer("death_masking") != 0};
    if (meta_.real("value_norm_min_var") != 0.01 || meta_.real("advantage_eps") != 1e-5)
      throw UserError(fmt::format(
          "{}: only value_norm_min_var 0.01 and advantage_eps 1e-5 are known", file_.path()));
    return c;
  }

  // Where the file gives old log-probabilities and values, those are the old ones.
  void begin() {
    const auto norm = file_.input<double>("batch/value_norm", "F64", 3);
    learner_.value_norm().set({.mean = norm[0], .mean_square = norm[1], .weight = norm[2]});
    learner_.begin(file_.views());
    if (meta_.integer("old_from_params") == 0) {
      const std::size_t slots = sz(file_.batch_size()) * sz(file_.slots()) * n();
      PpoBatch& batch = learner_.batch();
      fill(file_.input<float>("batch/old_values", "F32", slots), file_.slots(), batch.old_value);
      fill(file_.input<float>("batch/old_log_probs", "F32", slots - sz(file_.batch_size()) * n()),
           file_.slots() - 1, batch.old_log_prob);
    }
    targets_ = learner_.finish_targets();
  }

  std::size_t n() const { return sz(file_.shape().n_agents); }

  /// Rows of the batch from a padded array [B, slots, n].
  void fill(std::span<const float> padded, int slots, std::vector<float>& rows) const {
    const PpoBatch& batch = learner_.batch();
    for (int e = 0; e < batch.count(); ++e)
      for (int t = 0; t < std::min(slots, batch.slots(e)); ++t)
        std::copy_n(padded.begin() + at(e * slots + t, static_cast<int>(n())), n(),
                    rows.begin() + static_cast<std::ptrdiff_t>(batch.row(e, t)));
  }
  /// And back, for rows of `width` values.
  template <typename T>
  std::vector<double> padded(const std::vector<T>& rows, int slots, std::size_t width = 1) const {
    const PpoBatch& batch = learner_.batch();
    const std::size_t size = n() * width;
    std::vector<double> out(sz(batch.count()) * sz(slots) * size);
    for (int e = 0; e < batch.count(); ++e)
      for (int t = 0; t < std::min(slots, batch.slots(e)); ++t)
        for (std::size_t i = 0; i < size; ++i)
          out[(sz(e) * sz(slots) + sz(t)) * size + i] =
              static_cast<double>(rows[batch.row(e, t) * width + i]);
    return out;
  }
  template <typename T>
  void check_steps(const std::string& name, const std::vector<T>& rows, const char* mask) {
    file_.check_masked(name, mask, padded(rows, file_.slots() - 1), kRow);
  }

  void check_targets() {
    const PpoBatch& batch = learner_.batch();
    const char* const mask = "out/mask";
    file_.check_masked("values", "out/real", padded(batch.values, file_.slots()), kRow);
    check_steps("advantages", batch.advantages, mask);
    check_steps("returns", batch.returns, mask);
    check_steps("norm_advantages", batch.norm_advantage, mask);
    check_steps("norm_returns", batch.target, mask);
    file_.check_scalar("advantage_mean", targets_.advantage_mean, kLoss);
    file_.check_scalar("advantage_std", targets_.advantage_std, kLoss);
    const ValueNorm& norm = learner_.value_norm();
    file_.check_scalar("value_norm_mean", norm.sums().mean, kLoss);
    file_.check_scalar("value_norm_mean_sq", norm.sums().mean_square, kLoss);
    file_.check_scalar("value_norm_weight", norm.sums().weight, kLoss);
    file_.check_scalar("value_mean", norm.mean(), kLoss);
    file_.check_scalar("value_std", norm.deviation(), kLoss);
  }

  void check_first_step(const PpoTrace& trace, const PpoStats& stats) {
    const char* const active = "out/active";
    file_.check_masked("logits", "out/real",
                       padded(trace.logits, file_.slots(), sz(file_.shape().n_actions)), kRow);
    check_steps("log_probs", trace.log_probs, active);
    check_steps("ratio", trace.ratio, active);
    check_steps("entropy", trace.entropy, active);
    file_.check_masked("critic_out", "out/real", padded(trace.critic_out, file_.slots()), kRow);
    file_.check_scalar("policy_loss", stats.policy_loss, kActorLoss);
    file_.check_scalar("entropy_mean", stats.policy_entropy, kActorLoss);
    file_.check_scalar("actor_loss", stats.loss, kActorLoss);
    file_.check_scalar("clip_fraction", stats.clip_fraction, kFraction);
    file_.check_scalar("approx_kl", stats.approx_kl, kActorLoss);
    file_.check_scalar("value_loss", stats.value_loss, kLoss);
    file_.check_scalar("critic_loss", stats.critic_loss, kLoss);
    file_.check_scalar("value_clip_fraction", stats.value_clip_fraction, kFraction);
    check_parameters("grad", trace.gradient, kGradient);
  }

  /// Actor and critic apart, as far as the file holds them.
  void check_parameters(const std::string& group, std::span<const float> values, Limit limit) {
    for (const int network : networks())
      file_.check_parameters(group, learner_.network().layout, values,
                             {.limit = limit, .prefix = network == 0 ? "agent." : "critic."});
  }
  static FloatArray joined(std::span<const float> actor, std::span<const float> critic) {
    FloatArray all(actor.begin(), actor.end());
    all.insert(all.end(), critic.begin(), critic.end());
    return all;
  }

  GoldenFile& file_;
  const Meta& meta_;
  std::string parts_;
  PpoLearner learner_;
  PpoTargetStats targets_;
};

}  // namespace

bool check_ppo(GoldenFile& file) {
  PpoCase(file).run();
  return file.finish();
}

}  // namespace credo
