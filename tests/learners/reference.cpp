#include "tests/learners/reference.hpp"

namespace learner_tests {

namespace {

Vector sigmoid(const Vector& x) { return (1.0 + (-x.array()).exp()).inverse(); }
Vector relu(const Vector& x) { return x.cwiseMax(0.0); }

}  // namespace

DoubleParams::DoubleParams(const credo::ParamLayout& layout, std::span<const float> params)
    : layout_(&layout) {
  for (const auto& e : layout.entries())
    for (const float x : layout.extract(e, params)) flat_.push_back(x);
}

const credo::ParamLayout::Entry& DoubleParams::entry(const std::string& name,
                                                     std::size_t& at) const {
  at = 0;
  for (const auto& e : layout_->entries()) {
    if (e.name == name) return e;
    at += sz(e.out) * sz(e.in == 0 ? 1 : e.in);
  }
  throw credo::Error("no parameter " + name);
}

bool DoubleParams::has(const std::string& name) const {
  for (const auto& e : layout_->entries())
    if (e.name == name) return true;
  return false;
}

Matrix DoubleParams::matrix(const std::string& name) const {
  std::size_t at = 0;
  const auto& e = entry(name, at);
  return Eigen::Map<const Matrix>(flat_.data() + at, e.out, e.in);
}

Vector DoubleParams::vector(const std::string& name) const {
  std::size_t at = 0;
  const auto& e = entry(name, at);
  return Eigen::Map<const Vector>(flat_.data() + at, e.out);
}

std::vector<double> lambda_returns(const std::vector<double>& rewards,
                                   const std::vector<double>& next_values, bool terminated,
                                   double gamma, double lambda) {
  const std::size_t length = rewards.size();
  std::vector<double> returns(length);
  for (std::size_t t = 0; t < length; ++t) {
    double rewards_so_far = 0.0;
    double discount = 1.0;
    double weight = 1.0;  // lambda^(n - 1), what is left for returns of n or more steps
    for (std::size_t n = 1; t + n <= length; ++n) {
      rewards_so_far += discount * rewards[t + n - 1];
      discount *= gamma;
      const bool last = t + n == length;
      const double bootstrap = last && terminated ? 0.0 : discount * next_values[t + n - 1];
      returns[t] += (last ? weight : (1.0 - lambda) * weight) * (rewards_so_far + bootstrap);
      weight *= lambda;
    }
  }
  return returns;
}

RewardMoments reward_moments(const std::vector<std::vector<double>>& batches) {
  constexpr double kPrior = 1e-4;
  double count = kPrior, sum = 0.0, squares = 0.0, own = 0.0, unbiased = 0.0;
  for (const auto& batch : batches) {
    const auto n = static_cast<double>(batch.size());
    double batch_sum = 0.0, batch_squares = 0.0;
    for (const double r : batch) {
      batch_sum += r;
      batch_squares += r * r;
    }
    const double spread = batch_squares - batch_sum * batch_sum / n;
    count += n;
    sum += batch_sum;
    squares += batch_squares;
    own += spread;
    unbiased += n > 1.0 ? spread * n / (n - 1.0) : 0.0;
  }
  const double mean = sum / count;
  const double between = squares - count * mean * mean - own;
  return {mean, std::sqrt((kPrior + unbiased + between) / count)};
}

std::vector<double> all_rewards(const std::vector<PlainEpisode>& episodes) {
  std::vector<double> rewards;
  for (const PlainEpisode& e : episodes)
    rewards.insert(rewards.end(), e.rewards.begin(), e.rewards.end());
  return rewards;
}

std::vector<double> scaled_rewards(const PlainEpisode& episode, const RewardMoments& moments) {
  std::vector<double> rewards;
  for (const double r : episode.rewards) rewards.push_back((r - moments.mean) / moments.deviation);
  return rewards;
}

AgentStep::AgentStep(const DoubleParams& params, const std::string& prefix)
    : recurrent_(!params.has(prefix + "rnn.weight")),
      w1_(params.matrix(prefix + "fc1.weight")),
      w2_(params.matrix(prefix + "fc2.weight")),
      b1_(params.vector(prefix + "fc1.bias")),
      b2_(params.vector(prefix + "fc2.bias")) {
  w_ih_ = params.matrix(prefix + (recurrent_ ? "rnn.weight_ih" : "rnn.weight"));
  b_ih_ = params.vector(prefix + (recurrent_ ? "rnn.bias_ih" : "rnn.bias"));
  if (!recurrent_) return;
  w_hh_ = params.matrix(prefix + "rnn.weight_hh");
  b_hh_ = params.vector(prefix + "rnn.bias_hh");
}

Vector AgentStep::gru(const Vector& x, const Vector& state) const {
  const Eigen::Index h = hidden_dim();
  const Vector gi = w_ih_ * x + b_ih_;
  const Vector gh = w_hh_ * state + b_hh_;
  const Vector r = sigmoid(gi.head(h) + gh.head(h));
  const Vector z = sigmoid(gi.segment(h, h) + gh.segment(h, h));
  const Vector n = (gi.tail(h) + r.cwiseProduct(gh.tail(h))).array().tanh();
  return (1.0 - z.array()) * n.array() + z.array() * state.array();
}

double normalised_entropy(const Vector& credits) {
  const Vector s = credits.array() + 1e-8;
  const Vector p = s / s.sum();
  return -(p.array() * p.array().log()).sum() / std::log(static_cast<double>(credits.size()));
}

Reference::Reference(const credo::EnvShape& shape, const credo::TrainConfig& config,
                     const DoubleParams& params, const DoubleParams& target,
                     const std::vector<PlainEpisode>& episodes, const RewardMoments& moments)
    : shape_(shape), config_(config), episodes_(&episodes) {
  const auto& c = config_.learner;
  RewardMoments scale = moments;
  if (c.standardise_rewards && scale.deviation == 1.0)
    scale = reward_moments({all_rewards(episodes)});
  measuring_ = true;
  for (const PlainEpisode& e : episodes) {
    const std::vector<Matrix> online = agent_values(params, e);
    measuring_ = false;
    const std::vector<Matrix> frozen = agent_values(target, e);
    std::vector<std::vector<double>> next;  // [t][outputs]
    for (int t = 1; t <= e.length; ++t) {
      Vector q(shape_.n_agents);
      for (int i = 0; i < shape_.n_agents; ++i) {
        const Matrix& chooser = c.double_q ? online[sz(t)] : frozen[sz(t)];
        q[i] = frozen[sz(t)](i, greedy(e, t, i, chooser));
      }
      const Vector value = mix(target, q, state(e, t), credo::EluDerivative::kExact).q_tot;
      next.emplace_back(value.begin(), value.end());
    }
    measuring_ = true;
    base_q_.push_back(taken_values(params, e));
    for (int t = 0; t < e.length; ++t)
      mix(params, base_q_.back()[sz(t)], state(e, t), credo::EluDerivative::kExact);

    const std::vector<double> rewards = scaled_rewards(e, scale);
    std::vector<Vector> targets(sz(e.length));
    const std::size_t outputs = e.length > 0 ? next.front().size() : 0;
    for (Vector& y : targets) y.resize(static_cast<Eigen::Index>(outputs));
    for (std::size_t k = 0; k < outputs; ++k) {
      std::vector<double> values;
      for (const auto& v : next) values.push_back(v[k]);
      const auto returns = lambda_returns(rewards, values, e.terminated, c.gamma, c.td_lambda);
      for (std::size_t t = 0; t < returns.size(); ++t)
        targets[t][static_cast<Eigen::Index>(k)] = returns[t];
    }
    targets_.push_back(targets);
    steps_ += e.length;
  }
  measuring_ = false;
}

double Reference::loss(const DoubleParams& params, double td_weight) const {
  const auto& entropy = config_.entropy;
  double td = 0.0;
  double h = 0.0;
  for (std::size_t b = 0; b < episodes_->size(); ++b) {
    const PlainEpisode& e = (*episodes_)[b];
    const std::vector<Vector> q = taken_values(params, e);
    for (int t = 0; t < e.length; ++t) {
      const Mixed mixed = mix(params, q[sz(t)], state(e, t), entropy.elu_derivative);
      td += (mixed.q_tot - targets_[b][sz(t)]).squaredNorm() /
            static_cast<double>(mixed.q_tot.size());
      if (!entropy.enabled || shape_.n_agents == 1 || mixed.credits.size() == 0) continue;
      h += normalised_entropy(
          entropy.detach_agents
              ? mix(params, base_q_[b][sz(t)], state(e, t), entropy.elu_derivative).credits
              : mixed.credits);
    }
  }
  return (td_weight * config_.learner.loss_scale * td + entropy.lambda * h) / steps_;
}

std::vector<Matrix> Reference::agent_values(const DoubleParams& params,
                                            const PlainEpisode& e) const {
  const AgentStep step(params, "agent.");
  const auto& a = config_.agent;

  std::vector<Vector> hidden(sz(shape_.n_agents), Vector::Zero(step.hidden_dim()));
  std::vector<Matrix> values(sz(e.length + 1), Matrix(shape_.n_agents, shape_.n_actions));
  for (int t = 0; t <= e.length; ++t) {
    for (int i = 0; i < shape_.n_agents; ++i) {
      std::vector<double> in;
      for (int o = 0; o < shape_.obs_dim; ++o)
        in.push_back(e.obs[sz((t * shape_.n_agents + i) * shape_.obs_dim + o)]);
      for (int u = 0; a.obs_last_action && u < shape_.n_actions; ++u)
        in.push_back(t > 0 && e.action(t - 1, i) == u ? 1.0 : 0.0);
      for (int j = 0; a.obs_agent_id && j < shape_.n_agents; ++j) in.push_back(i == j ? 1.0 : 0.0);
      const Vector x = Eigen::Map<const Vector>(in.data(), static_cast<Eigen::Index>(in.size()));
      const auto kink = [this](const Vector& y) { near_kink(y); };
      values[sz(t)].row(i) = step(x, hidden[sz(i)], kink).transpose();
    }
  }
  return values;
}

Vector Reference::hyper(const DoubleParams& params, const std::string& name,
                        const Vector& s) const {
  if (params.has(name + ".weight"))
    return params.matrix(name + ".weight") * s + params.vector(name + ".bias");
  const Vector before = params.matrix(name + ".0.weight") * s + params.vector(name + ".0.bias");
  near_kink(before);
  return params.matrix(name + ".2.weight") * relu(before) + params.vector(name + ".2.bias");
}

Mixed Reference::mix(const DoubleParams& params, const Vector& q, const Vector& s,
                     credo::EluDerivative derivative) const {
  const Eigen::Index n = shape_.n_agents;
  if (config_.mixer.type == "none") return {q, {}};
  if (config_.mixer.type == "vdn") return {Vector::Constant(1, q.sum()), Vector::Ones(n)};
  const bool simple = config_.mixer.type == "qmix_simple";
  const Eigen::Index inputs = simple ? 1 : n;
  const Eigen::Index embed = simple ? 1 : config_.mixer.embed_dim;
  const Vector a1 = hyper(params, "mixer.hyper_w_1", s);
  const Vector a2 = hyper(params, "mixer.hyper_w_final", s);
  near_kink(a1);
  near_kink(a2);
  const Matrix w1 = Eigen::Map<const Matrix>(a1.data(), inputs, embed).cwiseAbs();
  const Vector w2 = a2.cwiseAbs();
  const Vector input = simple ? Vector(Vector::Constant(1, q.sum())) : q;
  const Vector z = w1.transpose() * input + hyper(params, "mixer.hyper_b_1", s);
  near_kink(z);
  Vector elu(embed), slope(embed);
  for (Eigen::Index k = 0; k < embed; ++k) {
    elu[k] = z[k] >= 0.0 ? z[k] : std::expm1(z[k]);
    slope[k] = z[k] >= 0.0                                      ? 1.0
               : derivative == credo::EluDerivative::kPublished ? std::exp(elu[k])
                                                                : std::exp(z[k]);
  }
  const double v = hyper(params, "mixer.V", s)[0];
  const Vector credits = w1 * slope.cwiseProduct(w2);
  return {Vector::Constant(1, elu.dot(w2) + v),
          simple ? Vector(Vector::Constant(n, credits[0])) : credits};
}

std::vector<Vector> Reference::taken_values(const DoubleParams& params,
                                            const PlainEpisode& e) const {
  const std::vector<Matrix> values = agent_values(params, e);
  std::vector<Vector> taken(sz(e.length), Vector(shape_.n_agents));
  for (int t = 0; t < e.length; ++t)
    for (int i = 0; i < shape_.n_agents; ++i) taken[sz(t)][i] = values[sz(t)](i, e.action(t, i));
  return taken;
}

Vector Reference::state(const PlainEpisode& e, int slot) const {
  Vector s(shape_.state_dim);
  for (int i = 0; i < shape_.state_dim; ++i) s[i] = e.state[sz(slot * shape_.state_dim + i)];
  return s;
}

int Reference::greedy(const PlainEpisode& e, int slot, int agent, const Matrix& values) {
  int best = -1;
  for (int a = 0; a < shape_.n_actions; ++a) {
    if (!e.is_available(slot, agent, a)) continue;
    if (best >= 0) margin_ = std::min(margin_, std::abs(values(agent, a) - values(agent, best)));
    if (best < 0 || values(agent, a) > values(agent, best)) best = a;
  }
  return best;
}

void Reference::near_kink(const Vector& x) const {
  if (measuring_) margin_ = std::min(margin_, x.cwiseAbs().minCoeff());
}

}  // namespace learner_tests
