#include "tests/learners/rivals_reference.hpp"

#include <fmt/format.h>

namespace learner_tests {

namespace {

Vector sigmoid(const Vector& x) { return (1.0 + (-x.array()).exp()).inverse(); }

Vector join(const Vector& a, const Vector& b) {
  Vector out(a.size() + b.size());
  out << a, b;
  return out;
}

std::vector<int> actions_of(const PlainEpisode& e, int t) {
  std::vector<int> actions;
  for (int i = 0; i < e.shape.n_agents; ++i) actions.push_back(e.action(t, i));
  return actions;
}

}  // namespace

RivalReference::RivalReference(const credo::EnvShape& shape, const credo::TrainConfig& config,
                               const DoubleParams& params, const DoubleParams& target,
                               const std::vector<PlainEpisode>& episodes)
    : shape_(shape), config_(config), episodes_(&episodes) {
  const auto& wqmix = config_.mixer.wqmix;
  const bool weighted = wqmix.weighting != credo::Weighting::kNone;
  RewardMoments moments;
  if (config_.learner.standardise_rewards) moments = reward_moments({all_rewards(episodes)});
  for (const PlainEpisode& e : episodes) {
    measuring_ = true;
    const std::vector<Slot> online = agents(params, "agent.", e);
    std::vector<Slot> central;
    if (weighted) central = agents(params, "central_agent.", e);
    measuring_ = false;
    const std::vector<Slot> frozen = agents(target, "agent.", e);
    std::vector<Slot> central_frozen;
    if (weighted) central_frozen = agents(target, "central_agent.", e);

    std::vector<Base> base(sz(e.length));
    std::vector<double> next;
    for (int t = 0; t < e.length; ++t) {
      Base& b = base[sz(t)];
      const std::vector<int> taken = actions_of(e, t);
      measuring_ = true;
      b.greedy = best(e, t, online[sz(t)]);
      b.q_taken = select(online[sz(t)], taken);
      b.step = evaluate(params, state(e, t), online[sz(t)], taken, b.greedy, nullptr);
      if (weighted)
        b.step.central_q_tot = central_value(params, state(e, t), select(central[sz(t)], taken));
      if (config_.mixer.type == "qplex") {
        const Vector w = mlp(params, "mixer.hyper_w_final", state(e, t)).cwiseAbs().array() + 1e-10;
        b.advantage = w.cwiseProduct(b.q_taken - select(online[sz(t)], b.greedy));
      }
      if (config_.mixer.type == "qtran") near_kink(b.q_taken.sum() - b.step.q_tot + b.step.state_v);
      b.all_greedy = taken == b.greedy;

      const Slot& chooser = config_.learner.double_q ? online[sz(t + 1)] : frozen[sz(t + 1)];
      const std::vector<int> choice = best(e, t + 1, chooser);
      const Vector s = state(e, t + 1);
      measuring_ = false;
      if (weighted) {
        b.next = central_value(target, s, select(central_frozen[sz(t + 1)], choice));
        b.central_greedy =
            central_value(target, state(e, t), select(central_frozen[sz(t)], b.greedy));
      } else {
        b.next = evaluate(target, s, frozen[sz(t + 1)], choice, best(e, t + 1, frozen[sz(t + 1)]),
                          nullptr)
                     .q_tot;
      }
      next.push_back(b.next);
    }
    const std::vector<double> returns =
        lambda_returns(scaled_rewards(e, moments), next, e.terminated, config_.learner.gamma,
                       config_.learner.td_lambda);
    measuring_ = true;
    for (int t = 0; t < e.length; ++t) {
      Base& b = base[sz(t)];
      b.target = returns[sz(t)];
      if (wqmix.weighting == credo::Weighting::kOptimistic) {
        near_kink(b.step.q_tot - b.target);
        b.weight = b.target > b.step.q_tot ? 1.0 : wqmix.weight;
      }
      if (wqmix.weighting == credo::Weighting::kCentral) {
        near_kink(b.target - b.central_greedy);
        b.weight = b.all_greedy || b.target > b.central_greedy ? 1.0 : wqmix.weight;
      }
    }
    measuring_ = false;
    base_.push_back(std::move(base));
    steps_ += e.length;
  }
}

double RivalReference::loss(const DoubleParams& params) const {
  const auto& m = config_.mixer;
  const bool weighted = m.wqmix.weighting != credo::Weighting::kNone;
  double td = 0.0, central = 0.0, opt = 0.0, nopt = 0.0, entropy = 0.0;
  for (std::size_t b = 0; b < episodes_->size(); ++b) {
    const PlainEpisode& e = (*episodes_)[b];
    const std::vector<Slot> online = agents(params, "agent.", e);
    std::vector<Slot> central_slots;
    if (weighted) central_slots = agents(params, "central_agent.", e);
    for (int t = 0; t < e.length; ++t) {
      const Base& base = base_[b][sz(t)];
      const std::vector<int> taken = actions_of(e, t);
      const RivalStep s = evaluate(params, state(e, t), online[sz(t)], taken, base.greedy, &base);
      td += base.weight * (s.q_tot - base.target) * (s.q_tot - base.target);
      opt += s.opt_error * s.opt_error;
      nopt += s.nopt_error * s.nopt_error;
      if (weighted) {
        const double error =
            central_value(params, state(e, t), select(central_slots[sz(t)], taken)) - base.target;
        central += error * error;
      }
      if (config_.entropy.enabled) entropy += normalised_entropy(s.credits);
    }
  }
  const double scale = config_.learner.loss_scale;
  double total =
      weighted ? scale * (m.wqmix.qmix_loss * td + m.wqmix.central_loss * central) : scale * td;
  total += m.qtran.opt_loss * opt + m.qtran.nopt_min_loss * nopt;
  return (total + config_.entropy.lambda * entropy) / steps_;
}

RivalStep RivalReference::evaluate(const DoubleParams& params, const Vector& s, const Slot& slot,
                                   const std::vector<int>& actions, const std::vector<int>& greedy,
                                   const Base* base) const {
  RivalStep out;
  const Vector q = select(slot, actions);
  const Vector m = select(slot, greedy);
  const std::string& mixer = config_.mixer.type;
  if (mixer == "qmix") {
    // The entropy term treats the agents' values as constants.
    out.q_tot = qmix(params, s, q, out.credits);
    if (base != nullptr) qmix(params, s, base->q_taken, out.credits);
    return out;
  }
  if (mixer == "vdn") {
    out.q_tot = q.sum();
    out.credits = Vector::Ones(q.size());
    return out;
  }
  if (mixer == "qplex") {
    const Vector raw = mlp(params, "mixer.hyper_w_final", s);
    near_kink(raw);
    const Vector w = raw.cwiseAbs().array() + 1e-10;
    const Vector v = mlp(params, "mixer.V", s);
    const Vector l = lambda(params, s, actions);
    // Value: maxima plus weighted advantages. Loss: the authors' form, advantages held constant.
    if (base == nullptr)
      out.q_tot = (w.cwiseProduct(m) + v + l.cwiseProduct(w.cwiseProduct(q - m))).sum();
    else
      out.q_tot = (w.cwiseProduct(q) + v).sum() + (l.array() - 1.0).matrix().dot(base->advantage);
    out.credits = config_.mixer.qplex.credits == credo::QplexCredits::kFull ? w.cwiseProduct(l) : w;
    return out;
  }
  out.q_tot = joint_value(params, s, slot, actions);
  out.state_v = mlp(params, "mixer.V", s)[0];
  out.best = joint_value(params, s, slot, greedy);
  const double taken = base == nullptr ? out.q_tot : base->step.q_tot;
  const double best_value = base == nullptr ? out.best : base->step.best;
  out.opt_error = m.sum() - best_value + out.state_v;
  out.nopt_error = std::min(0.0, q.sum() - taken + out.state_v);
  return out;
}

double RivalReference::central_value(const DoubleParams& params, const Vector& s,
                                     const Vector& q) const {
  return mlp(params, "central_mixer.net", join(s, q))[0] + mlp(params, "central_mixer.V", s)[0];
}

double RivalReference::joint_value(const DoubleParams& params, const Vector& s, const Slot& slot,
                                   const std::vector<int>& actions) const {
  Vector sum = Vector::Zero(slot.hidden.cols() + shape_.n_actions);
  for (int i = 0; i < shape_.n_agents; ++i) {
    Vector one_hot = Vector::Zero(shape_.n_actions);
    one_hot[actions[sz(i)]] = 1.0;
    sum += mlp(params, "mixer.action_encoding", join(slot.hidden.row(i).transpose(), one_hot));
  }
  return mlp(params, "mixer.Q", join(s, sum))[0];
}

Vector RivalReference::lambda(const DoubleParams& params, const Vector& s,
                              const std::vector<int>& actions) const {
  Vector one_hot = Vector::Zero(shape_.n_agents * shape_.n_actions);
  for (int i = 0; i < shape_.n_agents; ++i) one_hot[i * shape_.n_actions + actions[sz(i)]] = 1.0;
  Vector sum = Vector::Zero(shape_.n_agents);
  for (int k = 0; k < config_.mixer.qplex.kernels; ++k) {
    const auto name = [k](const char* what) {
      return fmt::format("mixer.si_weight.{}.{}", what, k);
    };
    const double key = mlp(params, name("key_extractors"), s)[0];
    near_kink(key);
    sum += (std::abs(key) + 1e-10) *
           sigmoid(mlp(params, name("agents_extractors"), s))
               .cwiseProduct(sigmoid(mlp(params, name("action_extractors"), join(s, one_hot))));
  }
  return sum;
}

double RivalReference::qmix(const DoubleParams& params, const Vector& s, const Vector& q,
                            Vector& credits) const {
  const Vector a1 = mlp(params, "mixer.hyper_w_1", s);
  const Vector a2 = mlp(params, "mixer.hyper_w_final", s);
  near_kink(a1);
  near_kink(a2);
  const Matrix w1 = Eigen::Map<const Matrix>(a1.data(), q.size(), a2.size()).cwiseAbs();
  const Vector z = w1.transpose() * q + mlp(params, "mixer.hyper_b_1", s);
  near_kink(z);
  Vector elu(z.size()), slope(z.size());
  for (Eigen::Index k = 0; k < z.size(); ++k) {
    elu[k] = z[k] > 0.0 ? z[k] : std::expm1(z[k]);
    slope[k] = z[k] > 0.0 ? 1.0 : std::exp(z[k]);
  }
  credits = w1 * slope.cwiseProduct(a2.cwiseAbs());
  return elu.dot(a2.cwiseAbs()) + mlp(params, "mixer.V", s)[0];
}

Vector RivalReference::mlp(const DoubleParams& params, const std::string& name,
                           const Vector& x) const {
  if (params.has(name + ".weight"))
    return params.matrix(name + ".weight") * x + params.vector(name + ".bias");
  Vector y = x;
  for (int layer = 0; params.has(fmt::format("{}.{}.weight", name, layer)); layer += 2) {
    if (layer > 0) {
      near_kink(y);
      y = Vector(y.cwiseMax(0.0));
    }
    y = Vector(params.matrix(fmt::format("{}.{}.weight", name, layer)) * y +
               params.vector(fmt::format("{}.{}.bias", name, layer)));
  }
  return y;
}

std::vector<RivalReference::Slot> RivalReference::agents(const DoubleParams& params,
                                                         const std::string& prefix,
                                                         const PlainEpisode& e) const {
  const AgentStep step(params, prefix);
  const Eigen::Index h = step.hidden_dim();
  const int n = shape_.n_agents;
  std::vector<Slot> slots(sz(e.length + 1), Slot{Matrix(n, shape_.n_actions), Matrix(n, h)});
  for (int i = 0; i < n; ++i) {
    Vector hidden = Vector::Zero(h);
    for (int t = 0; t <= e.length; ++t) {
      Vector in = Vector::Zero(shape_.obs_dim + shape_.n_actions + n);
      for (int o = 0; o < shape_.obs_dim; ++o) in[o] = e.obs[sz((t * n + i) * shape_.obs_dim + o)];
      if (t > 0) in[shape_.obs_dim + e.action(t - 1, i)] = 1.0;
      in[shape_.obs_dim + shape_.n_actions + i] = 1.0;
      const Vector q = step(in, hidden, [this](const Vector& y) { near_kink(y); });
      slots[sz(t)].hidden.row(i) = hidden.transpose();
      slots[sz(t)].q.row(i) = q.transpose();
    }
  }
  return slots;
}

Vector RivalReference::state(const PlainEpisode& e, int slot) const {
  Vector s(shape_.state_dim);
  for (int i = 0; i < shape_.state_dim; ++i) s[i] = e.state[sz(slot * shape_.state_dim + i)];
  return s;
}

Vector RivalReference::select(const Slot& slot, const std::vector<int>& actions) const {
  Vector q(shape_.n_agents);
  for (int i = 0; i < shape_.n_agents; ++i) q[i] = slot.q(i, actions[sz(i)]);
  return q;
}

std::vector<int> RivalReference::best(const PlainEpisode& e, int t, const Slot& slot) const {
  std::vector<int> actions;
  for (int i = 0; i < shape_.n_agents; ++i) {
    int best = -1;
    for (int a = 0; a < shape_.n_actions; ++a) {
      if (!e.is_available(t, i, a)) continue;
      if (best >= 0) near_kink(slot.q(i, a) - slot.q(i, best));
      if (best < 0 || slot.q(i, a) > slot.q(i, best)) best = a;
    }
    actions.push_back(best);
  }
  return actions;
}

void RivalReference::near_kink(const Vector& x) const {
  if (measuring_) margin_ = std::min(margin_, x.cwiseAbs().minCoeff());
}

}  // namespace learner_tests
