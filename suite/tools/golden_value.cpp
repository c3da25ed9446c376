// Golden files of the value-based learners.
#include <algorithm>

#include "learners/algorithms/q_learner.hpp"
#include "suite/tools/golden_file.hpp"

namespace credo {
namespace {

class ValueCase {
 public:
  explicit ValueCase(GoldenFile& file) : file_(file), meta_(file.meta()), shape_(file.shape()) {
    if (meta_.text("variant") == "qatten") {
      shape_.unit_dim = meta_.integer("unit_dim");
      if (shape_.unit_dim < 0 || shape_.unit_dim * shape_.n_agents > shape_.state_dim)
        throw UserError(fmt::format("{}: unit_dim does not fit into the state", file.path()));
    }
    if (meta_.integer("target_update_after") != 2)
      throw UserError(fmt::format("{}: only a target copy after step 2 is known", file.path()));
  }

  void run() {
    const TrainConfig config = read_config();
    QLearner learner(shape_, config);
    file_.load_parameters(learner.network().layout, "param/", learner.params());
    file_.load_parameters(learner.network().layout,
                          meta_.integer("target_is_param") != 0 ? "param/" : "target/",
                          learner.target());
    EpisodeEncoder encoder(shape_);
    std::vector<Episode> episodes(file_.views().size());
    std::vector<const Episode*> batch;
    for (std::size_t e = 0; e < episodes.size(); ++e) {
      encoder.encode(file_.views()[e], episodes[e]);
      batch.push_back(&episodes[e]);
    }
    UpdateTrace trace;
    trace.slots = file_.slots();
    std::vector<double> losses, norms, mixer_norms;
    const std::vector<int> orders = read_orders(learner.network().mixer->needs().orders);
    std::vector<float> adam_gradient;
    const ParamLayout& layout = learner.network().layout;
    if (config.entropy.enabled) {
      learner.compute_gradient(batch, nullptr, 0.0F);
      file_.check_parameters("grad_entropy", layout, learner.gradient(),
                             {.limit = kGradient, .mixer_only = true});
    }
    for (int step = 1; step <= 3; ++step) {
      const UpdateStats stats =
          learner.compute_gradient(batch, step == 1 ? &trace : nullptr, 1.0F, {.given = orders});
      losses.push_back(stats.loss);
      norms.push_back(stats.grad_norm);
      mixer_norms.push_back(stats.mixer_grad_norm);
      if (step == 1) {
        check_first_step(config, trace, stats);
        file_.check_parameters("grad", layout, learner.gradient(), {.limit = kGradient});
        // Adam's step does not shrink with the gradient.
        if (config.optimizer.kind == OptimizerKind::kAdam)
          adam_gradient.assign(learner.gradient().begin(), learner.gradient().end());
      }
      learner.apply_gradient(stats);
      if (step == 1)
        file_.check_parameters("after1", layout, learner.params(),
                               {.limit = kParameter, .small_gradient = adam_gradient});
      if (step == 2) learner.sync_target();
    }
    file_.compare("loss_curve", file_.values("out/loss_curve"), losses, kLoss);
    file_.compare("grad_norm_curve", file_.values("out/grad_norm_curve"), norms, kLoss);
    if (file_.has("out/grad_norm_mixer_curve"))
      file_.compare("grad_norm_mixer_curve", file_.values("out/grad_norm_mixer_curve"), mixer_norms,
                    kLoss);
    file_.check_parameters("after3", layout, learner.params(),
                           {.limit = kParameter, .small_gradient = adam_gradient});
    const std::vector<float> square_avg = optimizer_state(learner, &Optimizer::square_avg);
    if (config.optimizer.kind == OptimizerKind::kAdam) {
      file_.check_parameters("opt/exp_avg", layout, optimizer_state(learner, &Optimizer::exp_avg),
                             {.limit = kOptimiser});
      file_.check_parameters("opt/exp_avg_sq", layout, square_avg, {.limit = kOptimiser});
    } else {
      file_.check_parameters("opt/square_avg", layout, square_avg, {.limit = kOptimiser});
    }
  }

 private:
  /// Of all parameters, whether one optimiser or two move them.
  static std::vector<float> optimizer_state(const QLearner& learner,
                                            std::span<const float> (Optimizer::*state)() const) {
    const std::span<const float> first = (learner.optimizer().*state)();
    std::vector<float> all(first.begin(), first.end());
    if (const Optimizer* mixer = learner.mixer_optimizer()) {
      const std::span<const float> rest = (mixer->*state)();
      all.insert(all.end(), rest.begin(), rest.end());
    }
    return all;
  }

  /// The orders of the steps of all episodes, `count` per step, without those of padding.
  std::vector<int> read_orders(int count) const {
    std::vector<int> orders;
    if (count == 0) return orders;
    const auto n = static_cast<std::size_t>(shape_.n_agents);
    const std::size_t per_step = static_cast<std::size_t>(count) * n;
    const auto steps = static_cast<std::size_t>(file_.slots() - 1);
    const auto all = file_.input<std::int64_t>("batch/coalition_order", "I64",
                                               file_.views().size() * steps * per_step);
    for (std::size_t e = 0; e < file_.views().size(); ++e)
      for (std::size_t k = 0; k < static_cast<std::size_t>(file_.views()[e].length) * per_step; ++k)
        orders.push_back(static_cast<int>(all[e * steps * per_step + k]));
    for (std::size_t first = 0; first < orders.size(); first += n) {
      std::vector<int> order(orders.begin() + static_cast<std::ptrdiff_t>(first),
                             orders.begin() + static_cast<std::ptrdiff_t>(first + n));
      std::sort(order.begin(), order.end());
      for (std::size_t i = 0; i < n; ++i)
        if (order[i] != static_cast<int>(i))
          throw UserError(
              fmt::format("{}: batch/coalition_order holds no orders of the agents", file_.path()));
    }
    return orders;
  }

  /// 1 where the action taken is the greedy one, [B, slots - 1, n].
  std::vector<float> is_greedy(const UpdateTrace& trace) const {
    std::vector<float> flags;
    for (int e = 0; e < file_.batch_size(); ++e)
      for (int t = 0; t + 1 < file_.slots(); ++t)
        for (int i = 0; i < shape_.n_agents; ++i) {
          const EpisodeView& view = file_.views()[static_cast<std::size_t>(e)];
          const int greedy = trace.greedy_actions[static_cast<std::size_t>(
              (e * file_.slots() + t) * shape_.n_agents + i)];
          flags.push_back(
              t < view.length && view.actions[t * view.action_stride + i] == greedy ? 1.0F : 0.0F);
        }
    return flags;
  }

  TrainConfig read_config() const {
    TrainConfig c;
    c.agent = {.hidden_dim = meta_.integer("hidden_dim")};
    c.mixer = read_mixer();
    c.entropy = {.enabled = learner().entropy,
                 .lambda = meta_.real("entropy_lambda"),
                 .elu_derivative = meta_.choice<EluDerivative>(
                     "elu_derivative",
                     {{"exact", EluDerivative::kExact}, {"published", EluDerivative::kPublished}})};
    c.optimizer = {
        .kind = meta_.choice<OptimizerKind>(
            "optimizer", {{"adam", OptimizerKind::kAdam}, {"rmsprop", OptimizerKind::kRmsprop}}),
        .lr = meta_.real("lr"),
        .rmsprop_alpha = meta_.real("optim_alpha"),
        .rmsprop_eps = meta_.real("optim_eps"),
        .adam_beta1 = meta_.real("adam_beta1"),
        .adam_beta2 = meta_.real("adam_beta2"),
        .adam_eps = meta_.real("adam_eps"),
        .grad_norm_clip = meta_.real("grad_norm_clip")};
    c.learner = {.gamma = meta_.real("gamma"),
                 .double_q = meta_.integer("double_q") != 0,
                 .td_lambda = meta_.real("td_lambda"),
                 .loss_scale = meta_.real("td_loss_coef"),
                 .batch_size = file_.batch_size()};
    return c;
  }

  MixerConfig read_mixer() const {
    MixerConfig c;
    c.type = learner().mixer;
    c.embed_dim = meta_.integer("mixing_embed_dim");
    c.hypernet_layers = meta_.integer("hypernet_layers");
    c.hypernet_embed = meta_.integer("hypernet_embed");
    if (c.type == "qtran") {
      // The format's size "small"; a larger network shows in its parameters.
      const bool big = file_.has("param/mixer.Q.6.weight");
      c.qtran = {.embed_dim = c.embed_dim,
                 .hidden_layers = big ? 3 : 2,
                 .opt_loss = meta_.real("opt_loss"),
                 .nopt_min_loss = meta_.real("nopt_min_loss")};
    }
    if (c.type == "qplex")
      c.qplex = {.kernels = meta_.integer("num_kernel"),
                 .layers = meta_.integer("adv_hypernet_layers"),
                 .embed_dim = meta_.integer("adv_hypernet_embed")};
    if (c.type == "qatten")
      c.qatten = {.heads = meta_.integer("n_heads"),
                  .weighted_head = meta_.integer("weighted_head") != 0,
                  .attention_reg = meta_.real("attention_reg")};
    if (c.type == "shaq")
      c.shaq = {.sample_size = meta_.integer("sample_size"), .alpha_lr = meta_.real("alpha_lr")};
    if (learner().weighting != Weighting::kNone)
      c.wqmix = {.weighting = learner().weighting,
                 .weight = meta_.real("w"),
                 .central_embed_dim = meta_.integer("central_mixing_embed_dim"),
                 .qmix_loss = meta_.real("qmix_loss"),
                 .central_loss = meta_.real("central_loss")};
    return c;
  }

  struct Variant {
    std::string mixer;
    Weighting weighting = Weighting::kNone;
    bool entropy = false;
  };
  Variant learner() const {
    return meta_.choice<Variant>("variant", {{"iql", {"none"}},
                                             {"vdn", {"vdn"}},
                                             {"qmix", {"qmix"}},
                                             {"qmix_simple", {"qmix_simple"}},
                                             {"qmix_gre", {"qmix", Weighting::kNone, true}},
                                             {"qtran_base", {"qtran"}},
                                             {"qplex", {"qplex"}},
                                             {"qatten", {"qatten"}},
                                             {"shaq", {"shaq"}},
                                             {"cw_qmix", {"qmix", Weighting::kCentral}},
                                             {"ow_qmix", {"qmix", Weighting::kOptimistic}}});
  }

  void check_first_step(const TrainConfig& config, const UpdateTrace& trace,
                        const UpdateStats& stats) {
    const std::string real = "out/real";
    const std::string mask = "out/mask";
    file_.check_masked("agent_qs", real, trace.agent_qs, kAgentQ);
    file_.check_masked("target_agent_qs", real, trace.target_agent_qs, kAgentQ);
    file_.check_masked("greedy_actions", real, trace.greedy_actions, {0.0, Scale::kAbsolute});
    file_.check_masked("q_taken", mask, trace.q_taken, kAgentQ);
    file_.check_masked("q_tot", mask, trace.q_tot, kJointQ);
    file_.check_masked("target_q_tot", mask, trace.target_q_tot, kJointQ);
    file_.check_masked("targets", mask, trace.targets, kJointQ);
    const bool published = config.entropy.elu_derivative == EluDerivative::kPublished;
    file_.check_masked("credits", mask, published ? trace.credits_published : trace.credits_exact,
                       kJointQ);
    file_.check_masked("credits_exact", mask, trace.credits_exact, kJointQ);
    file_.check_masked("credits_published", mask, trace.credits_published, kJointQ);
    file_.check_masked("entropy", mask, trace.entropy, kEntropyLimit);
    double entropy = stats.entropy_mean;
    if (config.entropy.enabled && config.entropy.lambda != 0.0)
      entropy = stats.entropy_loss / config.entropy.lambda;
    file_.check_scalar("entropy_mean", entropy, kEntropyLimit);
    file_.check_scalar("entropy_loss", stats.entropy_loss, kLoss);
    file_.check_scalar("td_loss", stats.td_loss, kLoss);
    file_.check_masked("td_weights", mask, trace.td_weights, kJointQ);
    file_.check_masked("central_q_tot", mask, trace.central_q_tot, kJointQ);
    file_.check_scalar("central_loss", stats.central_loss, kLoss);
    file_.check_masked("state_v", mask, trace.state_v, kJointQ);
    file_.check_masked("best_q_tot", mask, trace.best_q_tot, kJointQ);
    file_.check_scalar("opt_loss", stats.opt_loss, kLoss);
    file_.check_scalar("nopt_loss", stats.nopt_loss, kLoss);
    file_.check_scalar("loss", stats.loss, kLoss);
    file_.check_scalar("grad_norm", stats.grad_norm, kLoss);
    file_.check_scalar("grad_norm_mixer", stats.mixer_grad_norm, kLoss);
    file_.check_scalar("attention_reg", stats.penalty, kLoss);
    file_.check_masked("attention", mask, trace.attention, kAttention);
    file_.check_masked("head_weights", mask, trace.head_weights, kJointQ);
    file_.check_masked("alpha", mask, trace.alpha, kJointQ);
    file_.check_masked("credits_full", mask, trace.credits_published, kJointQ);
    file_.check_masked("is_greedy", mask, is_greedy(trace), kAttention);
  }

  GoldenFile& file_;
  const Meta& meta_;
  EnvShape shape_;
};

}  // namespace

bool check_value_learner(GoldenFile& file) {
  ValueCase(file).run();
  return file.finish();
}

}  // namespace credo
