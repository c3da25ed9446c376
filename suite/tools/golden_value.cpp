// Golden files of the value-based learners.
#include "learners/algorithms/q_learner.hpp"
#include "suite/tools/golden_file.hpp"

namespace credo {
namespace {

class ValueCase {
 public:
  explicit ValueCase(GoldenFile& file) : file_(file), meta_(file.meta()) {
    if (meta_.integer("target_update_after") != 2)
      throw UserError(fmt::format("{}: only a target copy after step 2 is known", file.path()));
  }

  void run() {
    const TrainConfig config = read_config();
    QLearner learner(file_.shape(), config);
    file_.load_parameters(learner.network().layout, "param/", learner.params());
    file_.load_parameters(learner.network().layout,
                          meta_.integer("target_is_param") != 0 ? "param/" : "target/",
                          learner.target());
    EpisodeEncoder encoder(file_.shape());
    std::vector<Episode> episodes(file_.views().size());
    std::vector<const Episode*> batch;
    for (std::size_t e = 0; e < episodes.size(); ++e) {
      encoder.encode(file_.views()[e], episodes[e]);
      batch.push_back(&episodes[e]);
    }
    UpdateTrace trace;
    trace.slots = file_.slots();
    std::vector<double> losses, norms;
    std::vector<float> adam_gradient;
    const ParamLayout& layout = learner.network().layout;
    if (config.entropy.enabled) {
      learner.compute_gradient(batch, nullptr, 0.0F);
      file_.check_parameters("grad_entropy", layout, learner.gradient(),
                             {.limit = kGradient, .mixer_only = true});
    }
    for (int step = 1; step <= 3; ++step) {
      const UpdateStats stats = learner.compute_gradient(batch, step == 1 ? &trace : nullptr);
      losses.push_back(stats.loss);
      norms.push_back(stats.grad_norm);
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
    file_.check_parameters("after3", layout, learner.params(),
                           {.limit = kParameter, .small_gradient = adam_gradient});
    const Optimizer& optimizer = learner.optimizer();
    if (config.optimizer.kind == OptimizerKind::kAdam) {
      file_.check_parameters("opt/exp_avg", layout, optimizer.exp_avg(), {.limit = kOptimiser});
      file_.check_parameters("opt/exp_avg_sq", layout, optimizer.square_avg(),
                             {.limit = kOptimiser});
    } else {
      file_.check_parameters("opt/square_avg", layout, optimizer.square_avg(),
                             {.limit = kOptimiser});
    }
  }

 private:
  TrainConfig read_config() const {
    TrainConfig c;
    c.agent = {.hidden_dim = meta_.integer("hidden_dim")};
    c.mixer = read_mixer();
    c.entropy = {.enabled = learner().entropy,
                 .lambda = meta_.real("entropy_lambda"),
                 .elu_derivative = meta_.choice<EluDerivative>(
                     "elu_derivative",
                     {{"exact", EluDerivative::kExact}, {"published", EluDerivative::kPublished}})};
    c.optimizer = adam_settings(meta_);
    c.optimizer.kind = meta_.choice<OptimizerKind>(
        "optimizer", {{"adam", OptimizerKind::kAdam}, {"rmsprop", OptimizerKind::kRmsprop}});
    c.optimizer.rmsprop_alpha = meta_.real("optim_alpha");
    c.optimizer.rmsprop_eps = meta_.real("optim_eps");
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
  }

  GoldenFile& file_;
  const Meta& meta_;
};

}  // namespace

bool check_value_learner(GoldenFile& file) {
  ValueCase(file).run();
  return file.finish();
}

}  // namespace credo
