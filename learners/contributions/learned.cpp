#include "learners/contributions/learned.hpp"

#include <algorithm>
#include <numeric>

#include "learners/base/index.hpp"
#include "learners/nets/critic_input.hpp"
#include "learners/rollout/policy.hpp"

namespace credo {

namespace {

constexpr std::int64_t kPairs = 64;      // antithetic orders, above what is enumerated
constexpr std::size_t kMostRows = 1024;  // of one forward pass

class Account {
 public:
  Account(const Network& network, const float* params, const TrainConfig& config,
          CreditSource source, const Situation& situation, const Contribution& truth,
          const ContributionOptions& options, Scratch& scratch)
      : network_(network),
        params_(params),
        config_(config),
        mixer_(source == CreditSource::kCentral ? network.central->mixer.get()
                                                : network.mixer.get()),
        q_(source == CreditSource::kCentral ? situation.central_q : situation.q),
        central_(source == CreditSource::kCentral),
        situation_(situation),
        truth_(truth),
        options_(options),
        scratch_(scratch),
        n_(situation.env->spec().n_agents),
        n_actions_(situation.env->spec().n_actions),
        k_(truth.players.size()),
        n_draws_(static_cast<std::int64_t>(truth.defaults.size()) / n_) {
    state_.resize(sz(situation.env->spec().state_dim));
    situation.env->write_state(state_);
    greedy_.resize(sz(n_));
    q_max_.resize(sz(n_));
    for (int i = 0; i < n_; ++i) {
      const float* row = q_.data() + at(i, n_actions_);
      greedy_[sz(i)] = greedy_action(n_actions_, row, avail(i).data());
      q_max_[sz(i)] = row[greedy_[sz(i)]];
    }
    if (mixer_ != nullptr) read_needs();
  }

  LearnedCredits run() {
    LearnedCredits out;
    if (k_ == 0 || n_draws_ == 0) return out;
    if (config_.learner.kind == LearnerKind::kComa) {
      from_critic(out);
      return out;
    }
    if (config_.learner.kind != LearnerKind::kQLearning) return out;
    for (const int agent : truth_.players) {
      out.q_action.push_back(value(agent, situation_.actions[sz(agent)]));
      out.q_default.push_back(default_value(agent));
    }
    if (mixer_->outputs() != 1) {  // independent learners
      for (std::size_t j = 0; j < k_; ++j) out.first.push_back(out.q_action[j] - out.q_default[j]);
      return out;
    }
    from_gradient(out);
    from_coalitions(out);
    return out;
  }

 private:
  // What some mixers read beside values and state. All coalitions have the same orders, so that they
  // differ by their members alone.
  void read_needs() {
    const EnvSpec& spec = situation_.env->spec();
    if (mixer_->needs().obs) {
      obs_.resize(sz(n_) * sz(spec.obs_dim));
      situation_.env->write_obs(obs_);
    }
    Stream stream(options_.seed, purpose("credits_mixer"), situation_.id());
    stream.seek(0);
    std::vector<int> order(sz(n_));
    for (int k = 0; k < mixer_->needs().orders; ++k) {
      std::iota(order.begin(), order.end(), 0);
      stream.shuffle(std::span(order));
      orders_.insert(orders_.end(), order.begin(), order.end());
    }
  }

  std::span<const std::uint8_t> avail(int agent) const {
    return situation_.env->avail_actions().subspan(sz(agent) * sz(n_actions_), sz(n_actions_));
  }
  double value(int agent, int action) const { return q_[sz(at(agent, n_actions_) + action)]; }
  int drawn(std::int64_t draw, int agent) const { return truth_.defaults[sz(draw * n_ + agent)]; }

  // b_i: the mean over all available actions where the default is random, without its draws.
  double default_value(int agent) const {
    if (!options_.choice.random) return value(agent, drawn(0, agent));
    double sum = 0.0;
    int count = 0;
    for (int a = 0; a < n_actions_; ++a)
      if (avail(agent)[sz(a)] != 0) {
        sum += value(agent, a);
        ++count;
      }
    return sum / count;
  }

  struct Rows {
    std::vector<float> q, q_max, state, hidden, obs;
    std::vector<int> actions, greedy, orders;
    int count = 0;
  };

  // Adds the row of a coalition under one draw of the defaults.
  void add_row(Rows& rows, Coalition coalition, std::int64_t draw) const {
    std::vector<int> actions = situation_.actions;
    for (std::size_t j = 0; j < k_; ++j)
      if ((coalition >> j & 1U) == 0)
        actions[sz(truth_.players[j])] = drawn(draw, truth_.players[j]);
    for (int i = 0; i < n_; ++i) rows.q.push_back(q_[sz(at(i, n_actions_) + actions[sz(i)])]);
    rows.actions.insert(rows.actions.end(), actions.begin(), actions.end());
    rows.greedy.insert(rows.greedy.end(), greedy_.begin(), greedy_.end());
    rows.q_max.insert(rows.q_max.end(), q_max_.begin(), q_max_.end());
    rows.state.insert(rows.state.end(), state_.begin(), state_.end());
    if (mixer_->needs().hidden)
      rows.hidden.insert(rows.hidden.end(), situation_.hidden.begin(), situation_.hidden.end());
    rows.obs.insert(rows.obs.end(), obs_.begin(), obs_.end());
    rows.orders.insert(rows.orders.end(), orders_.begin(), orders_.end());
    ++rows.count;
  }

  MixerPass forward(const Rows& rows) {
    scratch_.reset();
    return mixer_->forward(params_,
                           {.rows = rows.count,
                            .q = rows.q.data(),
                            .state = rows.state.data(),
                            .actions = rows.actions.data(),
                            .q_max = rows.q_max.data(),
                            .greedy = rows.greedy.data(),
                            .hidden = rows.hidden.empty() ? nullptr : rows.hidden.data(),
                            .obs = rows.obs.empty() ? nullptr : rows.obs.data(),
                            .orders = rows.orders.empty() ? nullptr : rows.orders.data()},
                           false, scratch_);
  }

  void from_gradient(LearnedCredits& out) {
    if (!mixer_->has_credits() || central_) return;
    Rows rows;
    add_row(rows, grand_coalition(static_cast<int>(k_)), 0);
    const MixerPass pass = forward(rows);
    for (std::size_t j = 0; j < k_; ++j) {
      out.g.push_back(pass.credits[truth_.players[j]]);
      out.first.push_back(out.g[j] * (out.q_action[j] - out.q_default[j]));
    }
  }

  void from_coalitions(LearnedCredits& out) {
    const bool enumerated = CoalitionPlan::enumerates(static_cast<int>(k_), options_.exact_up_to);
    const std::int64_t plans =
        enumerated ? n_draws_ : std::max(kPairs, std::min<std::int64_t>(n_draws_, 4 * kPairs));
    std::vector<Moments> psi(k_), delta(k_), table;
    if (enumerated) table.resize(std::size_t{1} << k_);
    Moments all, none;
    std::vector<CoalitionPlan> waiting;
    Rows rows;
    const auto flush = [&] {
      if (waiting.empty()) return;
      const MixerPass pass = forward(rows);
      const float* next = pass.q_tot;
      std::vector<double> phi(k_), diff(k_);
      for (const CoalitionPlan& plan : waiting) {
        const std::vector<double> w(next, next + plan.coalitions().size());
        next += plan.coalitions().size();
        plan.solve(w, phi, diff);
        for (std::size_t j = 0; j < k_; ++j) {
          psi[j].add(phi[j]);
          delta[j].add(diff[j]);
        }
        for (std::size_t c = 0; c < table.size(); ++c) table[c].add(w[c]);
        all.add(plan.all(w));
        none.add(plan.none(w));
      }
      waiting.clear();
      rows = {};
    };
    for (std::int64_t m = 0; m < plans; ++m) {
      std::vector<int> order(k_);
      std::iota(order.begin(), order.end(), 0);
      if (!enumerated) {
        Stream stream(options_.seed, purpose("credits_order"), situation_.id(),
                      static_cast<std::uint64_t>(m));
        stream.seek(0);
        stream.shuffle(std::span(order));
      }
      waiting.emplace_back(static_cast<int>(k_), options_.exact_up_to, order);
      for (const Coalition c : waiting.back().coalitions()) add_row(rows, c, m % n_draws_);
      if (sz(rows.count) >= kMostRows) flush();
    }
    flush();
    for (std::size_t j = 0; j < k_; ++j) {
      out.psi.push_back(psi[j].mean());
      out.delta.push_back(delta[j].mean());
    }
    for (const Moments& m : table) out.w.push_back(m.mean());
    out.w_all = all.mean();
    out.w_none = none.mean();
  }

  // The critic's values of each agent's actions while the others do what they did.
  void from_critic(LearnedCredits& out) {
    const EnvSpec& spec = situation_.env->spec();
    std::vector<float> obs(sz(n_) * sz(spec.obs_dim));
    situation_.env->write_obs(obs);
    scratch_.reset();
    const EnvShape shape = shape_of(spec);
    const bool first_step = situation_.t == 0;
    const int dense = critic_dense(shape);
    const int n_hot = critic_hot(shape, first_step);
    float* x = scratch_.floats(sz(n_) * sz(dense));
    int* hot = scratch_.take<int>(sz(n_) * sz(n_hot));
    write_critic_input(
        shape, first_step, state_.data(), obs.data(),
        [&](int agent) { return situation_.actions[sz(agent)]; },
        [&](int agent) { return situation_.last_actions[sz(agent)]; }, x, hot);
    const MlpInput in = {.rows = n_, .x = x, .ld = dense, .hot = hot, .n_hot = n_hot};
    const float* q = network_.action_critic->forward(params_, in, scratch_).out;
    for (const int agent : truth_.players) {
      const float* row = q + at(agent, n_actions_);
      double other = 0.0;
      for (std::int64_t m = 0; m < n_draws_; ++m) other += row[drawn(m, agent)];
      out.q_action.push_back(row[situation_.actions[sz(agent)]]);
      out.q_default.push_back(other / static_cast<double>(n_draws_));
      out.delta.push_back(out.q_action.back() - out.q_default.back());
    }
  }

  const Network& network_;
  const float* params_;
  const TrainConfig& config_;
  const Mixer* mixer_;  // null in actor-critic learners
  const std::vector<float>& q_;
  bool central_;
  const Situation& situation_;
  const Contribution& truth_;
  const ContributionOptions& options_;
  Scratch& scratch_;
  int n_;
  int n_actions_;
  std::size_t k_;
  std::int64_t n_draws_;
  std::vector<float> state_;
  std::vector<int> greedy_;
  std::vector<float> q_max_;
  std::vector<float> obs_;   // empty unless the mixer reads them
  std::vector<int> orders_;  // [orders, n_agents] likewise
};

}  // namespace

LearnedCredits learned_credits(const Network& network, const float* params,
                               const TrainConfig& config, CreditSource source,
                               const Situation& situation, const Contribution& truth,
                               const ContributionOptions& options, Scratch& scratch) {
  return Account(network, params, config, source, situation, truth, options, scratch).run();
}

void LearnedCredits::save(ByteWriter& out) const {
  for (const auto* list : {&g, &first, &delta, &psi, &q_action, &q_default, &w})
    out.put_vector(*list);
  for (const auto& x : {w_all, w_none}) {
    out.put<std::uint8_t>(x ? 1 : 0);
    out.put(x.value_or(0.0));
  }
}

void LearnedCredits::load(ByteReader& in) {
  for (auto* list : {&g, &first, &delta, &psi, &q_action, &q_default, &w})
    *list = in.get_vector<double>();
  for (auto* x : {&w_all, &w_none}) {
    const bool has = in.get<std::uint8_t>() != 0;
    const auto value = in.get<double>();
    if (has) *x = value;
  }
}

}  // namespace credo
