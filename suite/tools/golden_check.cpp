// golden_check FILE...: repeats the three updates of a golden file (format and tolerances:
// tests/golden/README.md) with Credo's own learner and compares every quantity the file holds.
// One row per quantity; exit 1 when any is out of tolerance, 2 when a file cannot be used.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <string>
#include <vector>

#include "learners/algorithms/q_learner.hpp"
#include "learners/base/isa.hpp"
#include "learners/replay/episode.hpp"

namespace credo {
namespace {

enum class Scale { kAbsolute, kUnitOrValue, kRelative, kLargest };

struct Limit {
  double tolerance;
  Scale scale;
};
constexpr Limit kAgentQ{1e-5, Scale::kAbsolute};
constexpr Limit kJointQ{2e-5, Scale::kUnitOrValue};
constexpr Limit kEntropyLimit{1e-5, Scale::kAbsolute};
constexpr Limit kLoss{2e-5, Scale::kRelative};
constexpr Limit kGradient{2e-5, Scale::kLargest};
constexpr Limit kParameter{2e-5, Scale::kAbsolute};
constexpr Limit kOptimiser{5e-5, Scale::kLargest};

/// Metadata of a golden file, read by name with a clear error.
class Meta {
 public:
  Meta(const TensorFile& file, std::string label) : file_(file), label_(std::move(label)) {}
  const std::string& text(const std::string& key) const {
    const auto found = file_.metadata.find(key);
    if (found == file_.metadata.end())
      throw UserError(fmt::format("{}: metadata '{}' is missing", label_, key));
    return found->second;
  }
  double real(const std::string& key) const {
    const std::string& value = text(key);
    char* end = nullptr;
    const double x = std::strtod(value.c_str(), &end);
    if (end == value.c_str() || *end != '\0' || !std::isfinite(x))
      throw UserError(fmt::format("{}: metadata '{}' = '{}' is not a number", label_, key, value));
    return x;
  }
  int integer(const std::string& key) const {
    const double x = real(key);
    if (x != std::floor(x) || std::abs(x) > 1e8)
      throw UserError(fmt::format("{}: metadata '{}' is not a small integer", label_, key));
    return static_cast<int>(x);
  }
  /// What a word of the metadata stands for.
  template <class T>
  T choice(const std::string& key, const std::vector<std::pair<std::string, T>>& names) const {
    std::vector<std::string> known;
    for (const auto& entry : names) {
      if (entry.first == text(key)) return entry.second;
      known.push_back(entry.first);
    }
    throw UserError(
        fmt::format("{}: metadata: {}", label_, unknown_name_message(key, text(key), known)));
  }

 private:
  const TensorFile& file_;
  std::string label_;
};

/// One golden case: its learner, its batch and the comparison of results.
class GoldenCase {
 public:
  explicit GoldenCase(const std::string& path)
      : path_(path), file_(read_safetensors(path)), meta_(file_, path) {
    variant_ = meta_.text("variant");
    shape_ = {.n_agents = meta_.integer("n_agents"),
              .n_actions = meta_.integer("n_actions"),
              .obs_dim = meta_.integer("obs_dim"),
              .state_dim = meta_.integer("state_dim")};
    batch_size_ = meta_.integer("batch_size");
    slots_ = meta_.integer("slots");
    if (shape_.n_agents < 1 || shape_.n_actions < 1 || shape_.n_actions > 256 ||
        shape_.obs_dim < 1 || shape_.state_dim < 1 || batch_size_ < 1 || slots_ < 1)
      throw UserError(fmt::format("{}: sizes in the metadata are out of range", path_));
    if (meta_.integer("steps") != 3 || meta_.integer("target_update_after") != 2)
      throw UserError(
          fmt::format("{}: only 3 steps with a target copy after step 2 are known", path_));
  }

  /// Returns true when everything is within tolerance.
  bool run() {
    fmt::print("{} ({}, {} kernels)\n", path_, variant_, current_isa());
    const TrainConfig config = read_config();
    QLearner learner(shape_, config);
    load_parameters(learner);
    build_batch();
    std::vector<const Episode*> batch;
    for (const Episode& e : episodes_) batch.push_back(&e);

    UpdateTrace trace;
    trace.slots = slots_;
    std::vector<double> losses, norms;
    if (config.entropy.enabled) {
      learner.compute_gradient(batch, nullptr, 0.0F);
      check_parameters("grad_entropy", learner, learner.gradient(), kGradient, true);
    }
    for (int step = 1; step <= 3; ++step) {
      const UpdateStats stats = learner.compute_gradient(batch, step == 1 ? &trace : nullptr);
      losses.push_back(stats.loss);
      norms.push_back(stats.grad_norm);
      if (step == 1) {
        check_first_step(config, trace, stats);
        check_parameters("grad", learner, learner.gradient(), kGradient, false);
        if (config.optimizer.kind == OptimizerKind::kAdam) remember_small_gradients(learner);
      }
      learner.apply_gradient(stats);
      if (step == 1) check_parameters("after1", learner, learner.params(), kParameter, false);
      if (step == 2) learner.sync_target();
    }
    compare("loss_curve", tensor_values("out/loss_curve"), losses, kLoss);
    compare("grad_norm_curve", tensor_values("out/grad_norm_curve"), norms, kLoss);
    check_parameters("after3", learner, learner.params(), kParameter, false);
    if (config.optimizer.kind == OptimizerKind::kAdam) {
      check_parameters("opt/exp_avg", learner, learner.optimizer().exp_avg(), kOptimiser, false);
      check_parameters("opt/exp_avg_sq", learner, learner.optimizer().square_avg(), kOptimiser,
                       false);
    } else {
      check_parameters("opt/square_avg", learner, learner.optimizer().square_avg(), kOptimiser,
                       false);
    }
    if (compared_ == 0) throw UserError(fmt::format("{}: holds no outputs to compare", path_));
    fmt::print("  {}: {} quantities compared\n", ok_ ? "ok" : "FAILED", compared_);
    return ok_;
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
                 .batch_size = batch_size_};
    return c;
  }

  MixerConfig read_mixer() const {
    MixerConfig c;
    c.kind = learner().mixer;
    c.embed_dim = meta_.integer("mixing_embed_dim");
    c.hypernet_layers = meta_.integer("hypernet_layers");
    c.hypernet_embed = meta_.integer("hypernet_embed");
    if (c.kind == MixerKind::kQtran) {
      // The format's size "small"; a larger network shows in its parameters.
      const bool big = file_.tensors.count("param/mixer.Q.6.weight") != 0;
      c.qtran = {.embed_dim = c.embed_dim,
                 .hidden_layers = big ? 3 : 2,
                 .opt_loss = meta_.real("opt_loss"),
                 .nopt_min_loss = meta_.real("nopt_min_loss")};
    }
    if (c.kind == MixerKind::kQplex)
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
    MixerKind mixer;
    Weighting weighting = Weighting::kNone;
    bool entropy = false;
  };
  Variant learner() const {
    return meta_.choice<Variant>("variant",
                                 {{"iql", {MixerKind::kNone}},
                                  {"vdn", {MixerKind::kVdn}},
                                  {"qmix", {MixerKind::kQmix}},
                                  {"qmix_simple", {MixerKind::kQmixSimple}},
                                  {"qmix_gre", {MixerKind::kQmix, Weighting::kNone, true}},
                                  {"qtran_base", {MixerKind::kQtran}},
                                  {"qplex", {MixerKind::kQplex}},
                                  {"cw_qmix", {MixerKind::kQmix, Weighting::kCentral}},
                                  {"ow_qmix", {MixerKind::kQmix, Weighting::kOptimistic}}});
  }

  const Tensor& tensor(const std::string& name) const {
    const auto found = file_.tensors.find(name);
    if (found == file_.tensors.end())
      throw UserError(fmt::format("{}: tensor '{}' is missing", path_, name));
    return found->second;
  }
  template <typename T>
  std::span<const T> input(const std::string& name, const char* dtype, std::size_t size) const {
    const Tensor& t = tensor(name);
    if (t.dtype != dtype || t.size() != size)
      throw UserError(fmt::format("{}: tensor '{}' has another type or size", path_, name));
    return t.as<T>();
  }

  /// Values of an output tensor as doubles, whatever its type.
  std::vector<double> tensor_values(const std::string& name) const {
    const Tensor& t = tensor(name);
    if (t.dtype == "F64") return {t.as<double>().begin(), t.as<double>().end()};
    std::vector<double> values;
    if (t.dtype == "F32")
      for (const float x : t.as<float>()) values.push_back(x);
    else if (t.dtype == "I64")
      for (const std::int64_t x : t.as<std::int64_t>()) values.push_back(static_cast<double>(x));
    else
      for (const std::uint8_t x : t.as<std::uint8_t>()) values.push_back(x);
    return values;
  }

  void load_parameters(QLearner& learner) const {
    const auto load = [&](const std::string& prefix, std::span<float> params) {
      TensorFile subset;
      for (const auto& [name, t] : file_.tensors)
        if (name.starts_with(prefix)) subset.tensors[name.substr(prefix.size())] = t;
      learner.network().layout.from_tensors(subset, path_ + " (" + prefix + ")", params);
    };
    load("param/", learner.params());
    load(meta_.integer("target_is_param") != 0 ? "param/" : "target/", learner.target());
  }

  void build_batch() {
    const auto b = static_cast<std::size_t>(batch_size_);
    const auto t = static_cast<std::size_t>(slots_);
    const auto n = static_cast<std::size_t>(shape_.n_agents);
    const auto a = static_cast<std::size_t>(shape_.n_actions);
    const auto obs =
        input<float>("batch/obs", "F32", b * t * n * static_cast<std::size_t>(shape_.obs_dim));
    const auto state =
        input<float>("batch/state", "F32", b * t * static_cast<std::size_t>(shape_.state_dim));
    const auto avail = input<std::uint8_t>("batch/avail_actions", "U8", b * t * n * a);
    const auto actions = input<std::int64_t>("batch/actions", "I64", b * t * n);
    const auto reward = input<float>("batch/reward", "F32", b * t);
    const auto terminated = input<std::uint8_t>("batch/terminated", "U8", b * t);
    const auto filled = input<std::uint8_t>("batch/filled", "U8", b * t);
    std::vector<int> taken;
    for (const std::int64_t x : actions) {
      if (x < 0 || x >= shape_.n_actions)
        throw UserError(fmt::format("{}: an action is out of range", path_));
      taken.push_back(static_cast<int>(x));
    }
    const std::vector<int> lengths = valid_steps(filled, terminated);
    EpisodeEncoder encoder(shape_);
    episodes_.resize(b);
    for (std::size_t e = 0; e < b; ++e) {
      EpisodeView view;
      view.length = lengths[e];
      view.terminated =
          view.length > 0 && terminated[e * t + static_cast<std::size_t>(view.length) - 1] != 0;
      view.obs_stride = shape_.n_agents * shape_.obs_dim;
      view.obs = obs.data() + static_cast<std::ptrdiff_t>(e * t) * view.obs_stride;
      view.state_stride = shape_.state_dim;
      view.state = state.data() + static_cast<std::ptrdiff_t>(e * t) * view.state_stride;
      view.avail_stride = shape_.n_agents * shape_.n_actions;
      view.avail = avail.data() + static_cast<std::ptrdiff_t>(e * t) * view.avail_stride;
      view.action_stride = shape_.n_agents;
      view.actions = taken.data() + static_cast<std::ptrdiff_t>(e * t) * view.action_stride;
      view.reward_stride = 1;
      view.rewards = reward.data() + e * t;
      encoder.encode(view, episodes_[e]);
    }
  }

  /// Steps of each episode by the mask of the format; they must be its first ones.
  std::vector<int> valid_steps(std::span<const std::uint8_t> filled,
                               std::span<const std::uint8_t> terminated) const {
    std::vector<int> lengths;
    const auto t_slots = static_cast<std::size_t>(slots_);
    for (std::size_t e = 0; e < static_cast<std::size_t>(batch_size_); ++e) {
      int length = 0;
      bool ended = false;
      for (std::size_t t = 0; t + 1 < t_slots; ++t) {
        const bool valid =
            filled[e * t_slots + t] != 0 && (t == 0 || terminated[e * t_slots + t - 1] == 0);
        if (valid && ended)
          throw UserError(fmt::format("{}: valid steps of episode {} have a gap", path_, e));
        if (valid) ++length;
        ended = ended || !valid;
      }
      lengths.push_back(length);
    }
    return lengths;
  }

  /// Prints one row; `expected` and `actual` hold what is compared, unmasked.
  void compare(const std::string& name, const std::vector<double>& expected,
               const std::vector<double>& actual, Limit limit) {
    double worst = expected.size() == actual.size() ? 0.0 : INFINITY;
    double largest = 0.0;
    for (const double x : expected) largest = std::max(largest, std::abs(x));
    for (std::size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
      double deviation = std::abs(expected[i] - actual[i]);
      if (limit.scale == Scale::kUnitOrValue) deviation /= std::max(1.0, std::abs(expected[i]));
      if (limit.scale == Scale::kRelative && deviation != 0.0)
        deviation /= std::max(std::abs(expected[i]), 1e-300);
      if (limit.scale == Scale::kLargest && deviation != 0.0)
        deviation /= std::max(largest, 1e-300);
      if (!(deviation <= worst)) worst = std::isnan(deviation) ? INFINITY : deviation;
    }
    report(name, worst, limit);
  }

  void report(const std::string& name, double worst, Limit limit) {
    static constexpr const char* kNames[] = {"absolute", "of max(1,|x|)", "relative", "of largest"};
    const bool good = worst <= limit.tolerance;
    fmt::print("  {:<24} {:>10.3g}  limit {:<8.3g} {:<14}{}\n", name, worst, limit.tolerance,
               kNames[static_cast<int>(limit.scale)], good ? "" : " OUT OF TOLERANCE");
    ok_ = ok_ && good;
    ++compared_;
  }

  /// Compares a [B, steps or slots, width] output where `mask` is 1, if the file has it.
  template <typename T>
  void check_masked(const std::string& name, const std::string& mask_name,
                    const std::vector<T>& actual, Limit limit) {
    if (file_.tensors.count("out/" + name) == 0) return;
    const std::vector<double> expected = tensor_values("out/" + name);
    const std::vector<double> mask = tensor_values(mask_name);
    if (mask.empty() || expected.size() % mask.size() != 0)
      throw UserError(fmt::format("{}: 'out/{}' does not fit its mask", path_, name));
    const std::size_t width = expected.size() / mask.size();
    std::vector<double> want, got;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (mask[i / width] == 0.0) continue;
      want.push_back(expected[i]);
      got.push_back(i < actual.size() ? static_cast<double>(actual[i]) : NAN);
    }
    compare(name, want, got, limit);
  }

  void check_scalar(const std::string& name, double actual, Limit limit) {
    if (file_.tensors.count("out/" + name) == 0) return;
    compare(name, tensor_values("out/" + name), {actual}, limit);
  }

  void check_first_step(const TrainConfig& config, const UpdateTrace& trace,
                        const UpdateStats& stats) {
    const std::string real = "out/real";
    const std::string mask = "out/mask";
    check_masked("agent_qs", real, trace.agent_qs, kAgentQ);
    check_masked("target_agent_qs", real, trace.target_agent_qs, kAgentQ);
    check_masked("greedy_actions", real, trace.greedy_actions, {0.0, Scale::kAbsolute});
    check_masked("q_taken", mask, trace.q_taken, kAgentQ);
    check_masked("q_tot", mask, trace.q_tot, kJointQ);
    check_masked("target_q_tot", mask, trace.target_q_tot, kJointQ);
    check_masked("targets", mask, trace.targets, kJointQ);
    const bool published = config.entropy.elu_derivative == EluDerivative::kPublished;
    check_masked("credits", mask, published ? trace.credits_published : trace.credits_exact,
                 kJointQ);
    check_masked("credits_exact", mask, trace.credits_exact, kJointQ);
    check_masked("credits_published", mask, trace.credits_published, kJointQ);
    check_masked("entropy", mask, trace.entropy, kEntropyLimit);
    double entropy = stats.entropy_mean;
    if (config.entropy.enabled && config.entropy.lambda != 0.0)
      entropy = stats.entropy_loss / config.entropy.lambda;
    check_scalar("entropy_mean", entropy, kEntropyLimit);
    check_scalar("entropy_loss", stats.entropy_loss, kLoss);
    check_scalar("td_loss", stats.td_loss, kLoss);
    check_masked("td_weights", mask, trace.td_weights, kJointQ);
    check_masked("central_q_tot", mask, trace.central_q_tot, kJointQ);
    check_scalar("central_loss", stats.central_loss, kLoss);
    check_masked("state_v", mask, trace.state_v, kJointQ);
    check_masked("best_q_tot", mask, trace.best_q_tot, kJointQ);
    check_scalar("opt_loss", stats.opt_loss, kLoss);
    check_scalar("nopt_loss", stats.nopt_loss, kLoss);
    check_scalar("loss", stats.loss, kLoss);
    check_scalar("grad_norm", stats.grad_norm, kLoss);
  }

  /// Adam's step does not shrink with the gradient: entries below 1e-5 of the largest are left out.
  void remember_small_gradients(const QLearner& learner) {
    for (const auto& entry : learner.network().layout.entries())
      for (const float g : learner.network().layout.extract(entry, learner.gradient()))
        largest_gradient_ = std::max(largest_gradient_, std::abs(static_cast<double>(g)));
    adam_gradient_.assign(learner.gradient().begin(), learner.gradient().end());
  }

  /// Compares all parameter-shaped outputs "group/NAME" (or their samples and norms) in one row.
  void check_parameters(const std::string& group, const QLearner& learner,
                        std::span<const float> values, Limit limit, bool mixer_only) {
    const ParamLayout& layout = learner.network().layout;
    const int stride = meta_.integer("sample_stride");
    const bool sampled = stride > 0;
    const std::string prefix = group + (sampled ? "_sample/" : "/");
    const auto any = file_.tensors.lower_bound(prefix);
    if (any == file_.tensors.end() || !any->first.starts_with(prefix)) return;  // not in this file
    const bool skip_small = limit.scale == Scale::kAbsolute && largest_gradient_ > 0.0;
    std::vector<double> want, got, want_norm, got_norm;
    for (const auto& entry : layout.entries()) {
      const std::string name = prefix + entry.name;
      const std::vector<float> ours = layout.extract(entry, values);
      if (mixer_only && file_.tensors.count(name) == 0) {
        // Parameters the entropy term must not touch: exactly zero.
        for (const float x : ours) {
          want.push_back(0.0);
          got.push_back(x);
        }
        continue;
      }
      const std::vector<double> expected = tensor_values(name);
      const std::size_t step = sampled ? static_cast<std::size_t>(stride) : 1;
      if (expected.size() != (ours.size() + step - 1) / step)
        throw UserError(fmt::format("{}: tensor '{}' has another size", path_, name));
      const std::vector<float> gradient =
          skip_small ? layout.extract(entry, adam_gradient_) : std::vector<float>();
      for (std::size_t i = 0; i < expected.size(); ++i) {
        if (skip_small && std::abs(gradient[i * step]) < 1e-5 * largest_gradient_) continue;
        want.push_back(expected[i]);
        got.push_back(ours[i * step]);
      }
      const std::string norm_name = fmt::format("{}_l2/{}", group, entry.name);
      if (sampled && file_.tensors.count(norm_name) != 0) {
        double sum = 0.0;
        for (const float x : ours) sum += static_cast<double>(x) * x;
        want_norm.push_back(tensor_values(norm_name).at(0));
        got_norm.push_back(std::sqrt(sum));
      }
    }
    compare(group, want, got, limit);
    if (!want_norm.empty())
      compare(group + "_l2", want_norm, got_norm, {limit.tolerance, Scale::kLargest});
  }

  std::string path_;
  TensorFile file_;
  Meta meta_;
  std::string variant_;
  EnvShape shape_;
  int batch_size_ = 0;
  int slots_ = 0;
  std::vector<Episode> episodes_;
  std::vector<float> adam_gradient_;
  double largest_gradient_ = 0.0;
  bool ok_ = true;
  int compared_ = 0;
};

int run(int argc, char** argv) {
  std::vector<std::string> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--help" || arg == "-h") {
      fmt::print(
          "usage: golden_check [--isa auto|scalar|avx2|avx512] FILE...\n"
          "Repeats the three updates of each golden file and compares every quantity.\n"
          "Exit: 0 all within tolerance, 1 some are not, 2 a file cannot be used.\n"
          "Example: build/golden_check tests/golden/*.safetensors\n");
      return 0;
    }
    if (arg == "--isa") {
      if (++i == argc) throw UserError("--isa needs a value");
      select_isa(argv[i]);
    } else if (arg.starts_with("--")) {
      throw UserError(fmt::format("unknown option '{}'; allowed: --isa, --help", arg));
    } else {
      paths.push_back(arg);
    }
  }
  if (paths.empty()) throw UserError("no golden file given; see --help");
  bool ok = true;
  for (const std::string& path : paths) ok = GoldenCase(path).run() && ok;
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace credo

int main(int argc, char** argv) {
  try {
    return credo::run(argc, argv);
  } catch (const credo::UserError& e) {
    fmt::print(stderr, "golden_check: error: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "golden_check: error: {}\n", e.what());
    return 1;
  }
}
