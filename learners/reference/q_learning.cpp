#include "learners/reference/q_learning.hpp"

#include <algorithm>

namespace credo::reference {

struct QLoss::Sums {
  double td = 0.0, central = 0.0, opt = 0.0, nopt = 0.0, penalty = 0.0, entropy = 0.0, total = 0.0;
  double td_count = 0.0;
};

QLoss::QLoss(const EnvShape& shape, const TrainConfig& config, const Parameters& online,
             const Parameters& target, const std::vector<PlainEpisode>& episodes,
             const RewardMoments& moments, Decisions* decisions, const std::vector<int>& orders)
    : shape_(shape),
      config_(config),
      episodes_(episodes),
      fixed_(episodes.size()),
      held_(episodes.size()),
      orders_(orders) {
  for (const PlainEpisode& e : episodes) {
    steps_ += e.length;
    slots_ = std::max(slots_, e.length + 1);
  }
  RewardMoments scale = moments;
  if (config.learner.standardise_rewards && moments.deviation == 1.0)
    scale = reward_moments({all_rewards(episodes)});
  for (std::size_t b = 0; b < episodes.size(); ++b) fix(b, online, target, scale, decisions);
  const Sums sums = evaluate(online, 1.0, 0.0, nullptr, &values_);
  if (steps_ == 0.0) return;
  losses_ = {{"loss", sums.total}, {"td_loss", sums.td / sums.td_count}};
  if (config.entropy.enabled) {
    losses_["entropy_in_loss"] = sums.entropy / steps_;
    losses_["entropy_loss"] = config.entropy.lambda * losses_["entropy_in_loss"];
  }
  if (weighted()) losses_["central_loss"] = sums.central / steps_;
  if (values_.contains("attention")) losses_["attention_penalty"] = sums.penalty / steps_;
  if (values_.contains("state_v")) {
    losses_["opt_loss"] = sums.opt / steps_;
    losses_["nopt_loss"] = sums.nopt / steps_;
  }
}

double QLoss::loss(const Parameters& online, double td_weight) const {
  return evaluate(online, td_weight, 0.0, nullptr, nullptr).total;
}

std::vector<double> QLoss::gradient(const Parameters& online, double td_weight,
                                    double flip_within) const {
  std::vector<double> gradient(online.flat().size());
  evaluate(online, td_weight, flip_within, &gradient, nullptr);
  return gradient;
}

Numbers QLoss::losses() const { return losses_; }

/// Greedy actions, targets and weights of one episode.
void QLoss::fix(std::size_t episode, const Parameters& online, const Parameters& target,
                const RewardMoments& moments, Decisions* decisions) {
  const PlainEpisode& e = episodes_[episode];
  const auto& wqmix = config_.mixer.wqmix;
  Tape tape;
  const Weights now(tape, online, false);
  const Weights later(tape, target, false);
  const std::vector<AgentSlot> agents = unroll(now, "agent.", config_.agent, e);
  const std::vector<AgentSlot> frozen = unroll(later, "agent.", config_.agent, e);
  std::vector<AgentSlot> central;
  if (weighted()) central = unroll(later, "central_agent.", config_.agent, e);

  const auto choose = [&](int slot, const Matrix& q, bool follow) {
    std::vector<int> best = greedy(e, slot, q);
    for (int i = 0; follow && decisions != nullptr && i < shape_.n_agents; ++i) {
      const int other =
          decisions
              ->greedy_actions[(episode * sz(decisions->slots) + sz(slot)) * sz(shape_.n_agents) +
                               sz(i)];
      if (other == best[sz(i)] || !decisions->equal(q(i, other), q(i, best[sz(i)]))) continue;
      best[sz(i)] = other;
      ++decisions->taken;
    }
    return best;
  };
  std::vector<std::vector<int>> best;
  for (int t = 0; t <= e.length; ++t) {
    best.push_back(choose(t, agents[sz(t)].q.value(), true));
    show("agent_qs", episode, t, agents[sz(t)].q.value(), slots_, values_);
    show("target_agent_qs", episode, t, frozen[sz(t)].q.value(), slots_, values_);
  }

  std::vector<Fixed>& steps = fixed_[episode];
  for (int t = 0; t < e.length; ++t) {
    Fixed f;
    f.taken = actions_of(e, t);
    f.greedy = best[sz(t)];
    f.all_greedy = f.taken == f.greedy;
    if (weighted()) {
      const auto value = [&](int slot, const std::vector<int>& actions) {
        return central_value(later, tape.constant(state_of(e, slot)),
                             pick(central[sz(slot)].q, actions));
      };
      f.next = value(t + 1, best[sz(t + 1)]).value();
      f.central_greedy = value(t, f.greedy).scalar();
    } else {
      const Matrix& q = frozen[sz(t + 1)].q.value();
      const std::vector<int> own = greedy(e, t + 1, q);
      const std::vector<int>& choice = config_.learner.double_q ? best[sz(t + 1)] : own;
      const Step next = step(later, e, t + 1, frozen[sz(t + 1)], choice, own, episode);
      f.next = mix_target(later, config_, next).q_tot.value();
    }
    show("target_q_tot", episode, t, f.next, slots_ - 1, values_);
    steps.push_back(std::move(f));
  }

  const std::vector<double> rewards = scaled_rewards(e, moments);
  const Index outputs = steps.empty() ? 0 : steps.front().next.cols();
  for (Fixed& f : steps) f.targets.resize(1, outputs);
  for (Index k = 0; k < outputs; ++k) {
    std::vector<double> next;
    for (const Fixed& f : steps) next.push_back(f.next(0, k));
    const LearnerConfig& learner = config_.learner;
    const std::vector<double> returns =
        learner.n_step > 1
            ? n_step_returns(rewards, next, e.terminated, learner.gamma, learner.n_step)
            : lambda_returns(rewards, next, e.terminated, learner.gamma, learner.td_lambda);
    for (std::size_t t = 0; t < steps.size(); ++t) steps[t].targets(0, k) = returns[t];
  }

  for (int t = 0; t < e.length; ++t) {
    Fixed& f = steps[sz(t)];
    if (weighted()) {
      // `high` compared with `low` decides; the weight is 1 where it is larger.
      const double high = f.targets(0, 0);
      double low = f.central_greedy;
      if (wqmix.weighting == Weighting::kOptimistic)
        low = mix(now, config_, step(now, e, t, agents[sz(t)], f.taken, f.greedy, episode))
                  .q_tot.scalar();
      const bool central_greedy = wqmix.weighting == Weighting::kCentral && f.all_greedy;
      decision_margin_ = std::min(decision_margin_, std::abs(high - low));
      f.weight = central_greedy || high > low ? 1.0 : wqmix.weight;
      if (decisions != nullptr && !central_greedy && decisions->equal(high, low)) {
        const double other = decisions->td_weights[episode * sz(decisions->slots - 1) + sz(t)];
        const double own = f.weight;
        // Their weight is a float: the nearer of the two values is meant.
        f.weight = std::abs(other - 1.0) < std::abs(other - wqmix.weight) ? 1.0 : wqmix.weight;
        if (f.weight != own) ++decisions->taken;
      }
    }
    show("targets", episode, t, f.targets, slots_ - 1, values_);
    if (weighted())
      show("td_weights", episode, t, Matrix::Constant(1, 1, f.weight), slots_ - 1, values_);
  }
}

QLoss::Sums QLoss::evaluate(const Parameters& online, double td_weight, double flip_within,
                            std::vector<double>* gradient, Arrays* values) const {
  const auto& learner = config_.learner;
  const auto& mixer = config_.mixer;
  Sums sums;
  for (std::size_t b = 0; b < episodes_.size(); ++b) {
    const PlainEpisode& e = episodes_[b];
    if (e.length == 0) continue;
    Tape tape(&held_[b], flip_within);
    const Weights w(tape, online, gradient != nullptr || values != nullptr);
    const std::vector<AgentSlot> agents = unroll(w, "agent.", config_.agent, e);
    std::vector<AgentSlot> central;
    if (weighted()) central = unroll(w, "central_agent.", config_.agent, e);
    Var total = tape.constant(0.0);
    for (int t = 0; t < e.length; ++t) {
      const Fixed& f = fixed_[b][sz(t)];
      const Step s = step(w, e, t, agents[sz(t)], f.taken, f.greedy, b);
      const Mixed mixed = mix(w, config_, s);
      const auto outputs = static_cast<double>(mixed.q_tot.cols());
      const Var td = sum(square(mixed.q_tot - tape.constant(f.targets)));
      const double qmix_loss = weighted() ? mixer.wqmix.qmix_loss : 1.0;
      total =
          total + (td_weight * learner.loss_scale * qmix_loss * f.weight / outputs / steps_) * td;
      sums.td += f.weight * td.scalar();
      sums.td_count += outputs;
      if (weighted()) {
        const Var value = central_value(w, s.state, pick(central[sz(t)].q, f.taken));
        const Var error = square(value - tape.constant(f.targets));
        total =
            total + (td_weight * learner.loss_scale * mixer.wqmix.central_loss / steps_) * error;
        sums.central += error.scalar();
        if (values != nullptr) show("central_q_tot", b, t, value.value(), slots_ - 1, *values);
      }
      if (!mixed.penalty.empty()) {
        total = total + (td_weight * mixer.qatten.attention_reg / steps_) * mixed.penalty;
        sums.penalty += mixed.penalty.scalar();
      }
      if (!mixed.opt_error.empty()) {
        const Var opt = square(mixed.opt_error);
        const Var nopt = square(mixed.nopt_error);
        total = total + (td_weight * mixer.qtran.opt_loss / steps_) * opt +
                (td_weight * mixer.qtran.nopt_min_loss / steps_) * nopt;
        sums.opt += opt.scalar();
        sums.nopt += nopt.scalar();
      }
      Var entropy;
      if (!mixed.credits.empty()) {
        entropy = normalised_entropy(config_.entropy.enabled ? mixed.regularised : mixed.credits);
        if (config_.entropy.enabled) {
          total = total + (config_.entropy.lambda / steps_) * entropy;
          sums.entropy += entropy.scalar();
        }
      }
      if (values == nullptr) continue;
      show("q_taken", b, t, s.q.value(), slots_ - 1, *values);
      show("q_tot", b, t, mixed.q_tot.value(), slots_ - 1, *values);
      if (!mixed.credits.empty()) {
        show("credits_exact", b, t, mixed.credits.value(), slots_ - 1, *values);
        show("credits_published", b, t, mixed.published.value(), slots_ - 1, *values);
        show("entropy", b, t, entropy.value(), slots_ - 1, *values);
      }
      for (const auto& [name, value] : mixed.shown) show(name, b, t, value, slots_ - 1, *values);
    }
    sums.total += total.scalar();
    if (values != nullptr) kink_margin_ = std::min(kink_margin_, tape.margin());
    if (gradient == nullptr) continue;
    tape.backward(total);
    w.add_gradient(*gradient);
  }
  return sums;
}

Step QLoss::step(const Weights& w, const PlainEpisode& e, int slot, const AgentSlot& agents,
                 const std::vector<int>& actions, const std::vector<int>& greedy,
                 std::size_t episode) const {
  const Matrix state = state_of(e, slot);
  const Index n = shape_.n_agents;
  const Matrix units = shape_.unit_dim > 0
                           ? Matrix(Eigen::Map<const Matrix>(state.data(), n, shape_.unit_dim))
                           : obs_of(e, slot);
  std::vector<int> orders;
  if (!orders_.empty() && slot < e.length) {
    const std::size_t width = sz(config_.mixer.shaq.sample_size) * sz(n);
    const auto first = orders_.begin() +
                       static_cast<std::ptrdiff_t>((episode * sz(slots_ - 1) + sz(slot)) * width);
    orders.assign(first, first + static_cast<std::ptrdiff_t>(width));
  }
  return {.q = pick(agents.q, actions),
          .q_greedy = pick(agents.q, greedy),
          .actions = actions,
          .greedy = greedy,
          .hidden = agents.hidden,
          .state = w.tape().constant(state),
          .units = w.tape().constant(units),
          .orders = orders,
          .n_actions = shape_.n_actions};
}

/// The first available action with the largest value, per agent; 0 when none is available.
std::vector<int> QLoss::greedy(const PlainEpisode& e, int slot, const Matrix& q) {
  std::vector<int> actions;
  for (int i = 0; i < shape_.n_agents; ++i) {
    int best = -1;
    for (int a = 0; a < shape_.n_actions; ++a) {
      if (!e.is_available(slot, i, a)) continue;
      if (best >= 0) decision_margin_ = std::min(decision_margin_, std::abs(q(i, a) - q(i, best)));
      if (best < 0 || q(i, a) > q(i, best)) best = a;
    }
    actions.push_back(std::max(best, 0));
  }
  return actions;
}

void QLoss::show(const std::string& name, std::size_t episode, int t, const Matrix& value,
                 int slots, Arrays& to) const {
  std::vector<double>& array = to[name];
  const auto width = static_cast<std::size_t>(value.size());
  array.resize(episodes_.size() * sz(slots) * width);
  std::copy_n(value.data(), width, array.data() + (episode * sz(slots) + sz(t)) * width);
}

}  // namespace credo::reference
