// Games small enough that the right answer is known: training on exactly uniform data, and reading
// joint values out of what was learnt.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "learners/algorithms/q_learner.hpp"
#include "tests/learners/episodes.hpp"
#include "tests/learners/training.hpp"

namespace learning_tests {

using credo::TrainConfig;
using learner_tests::sz;

/// Two agents' joint values of one situation, row = agent 0.
using Table = std::vector<std::vector<double>>;

/// Reads joint values out of a trained network by acting through an episode.
class ValueReader {
 public:
  ValueReader(const credo::Env& env, const TrainConfig& config, std::vector<float> params)
      : env_(env.clone()),
        shape_(credo::shape_of(env.spec())),
        network_(shape_, config),
        params_(std::move(params)) {
    hidden_.resize(sz(shape_.n_agents * config.agent.hidden_dim));
    last_.assign(sz(shape_.n_agents), -1);
    env_->reset(credo::Stream(0, credo::purpose("reader")));
    look();
  }

  /// Q_tot of every joint action here (iql: use `own`). All actions are available in these games.
  Table joint() {
    Table table(sz(shape_.n_actions), std::vector<double>(sz(shape_.n_actions)));
    std::vector<float> state(sz(shape_.state_dim));
    env_->write_state(state);
    const std::vector<int> greedy = {best(0), best(1)};
    const float q_max[] = {value(0, greedy[0]), value(1, greedy[1])};
    std::vector<int> orders;  // both orders in turns, as many as SHAQ wants
    for (int m = 0; m < network_.mixer->needs().orders; ++m)
      orders.insert(orders.end(), {m % 2, 1 - m % 2});
    for (int a = 0; a < shape_.n_actions; ++a) {
      for (int b = 0; b < shape_.n_actions; ++b) {
        const float q[] = {value(0, a), value(1, b)};
        const int actions[] = {a, b};
        scratch_.reset();
        table[sz(a)][sz(b)] = network_.mixer
                                  ->forward(params_.data(),
                                            {.rows = 1,
                                             .q = q,
                                             .state = state.data(),
                                             .actions = actions,
                                             .q_max = q_max,
                                             .greedy = greedy.data(),
                                             .hidden = hidden_.data(),
                                             .obs = obs_.data(),
                                             .orders = orders.data()},
                                            false, scratch_)
                                  .q_tot[0];
      }
    }
    return table;
  }
  /// The agent's greedy action.
  int best(int agent) const {
    const std::vector<double> values = own(agent);
    return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
  }
  std::vector<double> own(int agent) const {
    return {q_.begin() + agent * shape_.n_actions, q_.begin() + (agent + 1) * shape_.n_actions};
  }

  void step(const std::vector<int>& actions) {
    env_->step(actions);
    last_ = actions;
    look();
  }

 private:
  float value(int agent, int action) const { return q_[sz(agent * shape_.n_actions + action)]; }
  void look() {
    obs_.resize(sz(shape_.n_agents * shape_.obs_dim));
    env_->write_obs(obs_);
    q_.resize(sz(shape_.n_agents * shape_.n_actions));
    scratch_.reset();
    network_.agent.act(params_.data(), shape_.n_agents, obs_.data(), last_.data(), hidden_.data(),
                       q_.data(), scratch_);
  }

  std::unique_ptr<credo::Env> env_;
  credo::EnvShape shape_;
  credo::Network network_;
  std::vector<float> params_, hidden_, q_, obs_;
  std::vector<int> last_;
  credo::Scratch scratch_;
};

inline double largest_error(const Table& got, const Table& want) {
  double worst = 0.0;
  for (std::size_t a = 0; a < want.size(); ++a)
    for (std::size_t b = 0; b < want.size(); ++b)
      worst = std::max(worst, std::abs(got[a][b] - want[a][b]));
  return worst;
}

inline double squared_error(const Table& got, const Table& want) {
  double sum = 0.0;
  for (std::size_t a = 0; a < want.size(); ++a)
    for (std::size_t b = 0; b < want.size(); ++b)
      sum += (got[a][b] - want[a][b]) * (got[a][b] - want[a][b]);
  return sum;
}

inline std::string text(const Table& table) {
  std::string out;
  for (const auto& row : table) {
    out += out.empty() ? "[" : ", [";
    for (std::size_t i = 0; i < row.size(); ++i)
      out += (i == 0 ? "" : ", ") + std::to_string(row[i]).substr(0, 7);
    out += "]";
  }
  return out;
}

/// The QMIX paper's setting for matrix games: actions always random, small replay, narrow mixer.
inline TrainConfig uniform_config(const std::string& kind, std::int64_t steps) {
  TrainConfig c;
  c.seed = 1;
  c.t_max = steps;
  c.mixer = {.type = kind, .embed_dim = 8, .hypernet_layers = 2, .hypernet_embed = 64};
  c.agent.obs_last_action = false;
  c.exploration = {.epsilon_start = 1.0, .epsilon_finish = 1.0};
  c.replay_capacity = 500;
  c.learner.target_update_interval = 100;
  c.evaluation_episodes = 8;
  return c;
}

/// Trains on exactly uniform data: every action sequence of the game once per update. The learning
/// rate falls in three stages, so that values settle.
class ExactTraining {
 public:
  ExactTraining(const credo::Env& env, const TrainConfig& config)
      : env_(env.clone()), shape_(credo::shape_of(env.spec())), config_(config) {
    std::vector<std::vector<int>> prefix;
    collect(prefix);
  }

  std::vector<float> train(int updates_per_stage) {
    const learner_tests::Batch batch(episodes_);
    credo::ByteWriter state;
    std::vector<float> params;
    for (const double lr : {1e-3, 2e-4, 4e-5}) {
      config_.optimizer.lr = lr;
      credo::QLearner learner(shape_, config_);
      if (!params.empty()) {
        credo::ByteReader in(state.bytes());
        learner.load(in);
      }
      for (int update = 0; update < updates_per_stage; ++update) {
        learner.apply_gradient(learner.compute_gradient(batch.pointers));
        if (update % 100 == 99) learner.sync_target();
      }
      state = {};
      learner.save(state);
      params.assign(learner.params().begin(), learner.params().end());
    }
    return params;
  }

  std::size_t episodes() const { return episodes_.size(); }

 private:
  /// Plays every continuation of `actions`, depth first.
  void collect(std::vector<std::vector<int>>& actions) {
    learner_tests::PlainEpisode e;
    e.shape = shape_;
    env_->reset(credo::Stream(0, credo::purpose("exact")));
    look(e);
    for (const auto& joint : actions) {
      const credo::StepResult result = env_->step(joint);
      e.actions.insert(e.actions.end(), joint.begin(), joint.end());
      e.rewards.push_back(static_cast<float>(result.reward));
      e.terminated = result.terminated;
      ++e.length;
      look(e);
    }
    if (env_->done() && e.length > 0) {
      episodes_.push_back(e);
      return;
    }
    for (int a = 0; a < shape_.n_actions; ++a) {
      for (int b = 0; b < shape_.n_actions; ++b) {
        actions.push_back({a, b});
        collect(actions);
        actions.pop_back();
      }
    }
  }
  void look(learner_tests::PlainEpisode& e) const {
    e.obs.resize(e.obs.size() + sz(shape_.n_agents * shape_.obs_dim));
    env_->write_obs(std::span(e.obs).last(sz(shape_.n_agents * shape_.obs_dim)));
    e.state.resize(e.state.size() + sz(shape_.state_dim));
    env_->write_state(std::span(e.state).last(sz(shape_.state_dim)));
    const auto avail = env_->avail_actions();
    e.avail.insert(e.avail.end(), avail.begin(), avail.end());
  }

  std::unique_ptr<credo::Env> env_;
  credo::EnvShape shape_;
  TrainConfig config_;
  std::vector<learner_tests::PlainEpisode> episodes_;
};

}  // namespace learning_tests
