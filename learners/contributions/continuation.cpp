#include "learners/contributions/continuation.hpp"

#include <algorithm>
#include <cmath>
#include <oneapi/tbb/parallel_for.h>
#include <utility>

#include "learners/base/index.hpp"
#include "learners/rollout/evaluation.hpp"
#include "learners/rollout/policy.hpp"

namespace credo {

namespace {

constexpr int kChunk = 64;  // branches side by side; only a matter of speed

std::span<const std::uint8_t> avail_of(const Env& env, int agent) {
  const auto width = sz(env.spec().n_actions);
  return env.avail_actions().subspan(sz(agent) * width, width);
}

void choose_greedily(const Env& env, const float* q, std::span<int> actions) {
  const int n_actions = env.spec().n_actions;
  for (std::size_t i = 0; i < actions.size(); ++i)
    actions[i] = greedy_action(n_actions, q + at(static_cast<std::int64_t>(i), n_actions),
                               avail_of(env, static_cast<int>(i)).data());
}

// Plays one evaluation episode, telling `visit` of every step before it is taken.
class Recorder {
 public:
  Recorder(const Env& prototype, const Subject& subject)
      : subject_(subject), env_(prototype.clone()) {
    const EnvSpec& spec = env_->spec();
    const auto n = sz(spec.n_agents);
    if (subject.network != nullptr) {
      hidden_.resize(n * sz(subject.network->agent.hidden_dim()));
      q_.resize(n * sz(spec.n_actions));
      if (subject.network->central != nullptr) {
        central_hidden_.resize(n * sz(subject.network->central->agent.hidden_dim()));
        central_q_.resize(q_.size());
      }
    } else {
      player_ = std::make_unique<FixedPlayer>(*env_, *subject.fixed);
    }
    obs_.resize(n * sz(spec.obs_dim));
    actions_.resize(n);
    last_actions_.resize(n);
  }

  template <typename Visit>
  void play(std::uint64_t seed, std::int64_t episode, const Visit& visit) {
    EpisodeStreams streams = evaluation_streams(seed, episode);
    env_->reset(streams.env);
    std::fill(hidden_.begin(), hidden_.end(), 0.0F);
    std::fill(central_hidden_.begin(), central_hidden_.end(), 0.0F);
    std::fill(last_actions_.begin(), last_actions_.end(), -1);
    if (player_ != nullptr) player_->reset();
    while (!env_->done()) {
      if (player_ != nullptr) {
        streams.policy.seek(static_cast<std::uint64_t>(env_->t()));
        player_->act(*env_, streams.policy, actions_);
      } else {
        act();
      }
      visit(*this);
      env_->step(actions_);
      last_actions_ = actions_;
    }
  }

  Situation situation(std::int64_t episode) const {
    Situation s;
    s.episode = episode;
    s.t = env_->t();
    s.env = env_->clone();
    s.actions = actions_;
    s.last_actions = last_actions_;
    s.hidden.assign(hidden_.begin(), hidden_.end());
    s.q.assign(q_.begin(), q_.end());
    s.central_q.assign(central_q_.begin(), central_q_.end());
    if (player_ != nullptr)
      s.player = std::make_unique<FixedPlayer>(*env_, *subject_.fixed, *player_);
    return s;
  }

  const Env& env() const { return *env_; }

 private:
  void act() {
    const int n = env_->spec().n_agents;
    env_->write_obs(obs_);
    scratch_.reset();
    subject_.network->agent.act(subject_.params, n, obs_.data(), last_actions_.data(),
                                hidden_.data(), q_.data(), scratch_);
    if (subject_.network->central != nullptr)
      subject_.network->central->agent.act(subject_.params, n, obs_.data(), last_actions_.data(),
                                           central_hidden_.data(), central_q_.data(), scratch_);
    choose_greedily(*env_, q_.data(), actions_);
  }

  Subject subject_;
  std::unique_ptr<Env> env_;
  std::unique_ptr<FixedPlayer> player_;
  FloatArray hidden_, q_, central_hidden_, central_q_, obs_;
  std::vector<int> actions_, last_actions_;
  Scratch scratch_;
};

}  // namespace

std::vector<int> episode_lengths(const Env& prototype, const Subject& subject, int count,
                                 std::uint64_t seed) {
  std::vector<int> lengths(sz(count));
  oneapi::tbb::parallel_for(0, count, [&](int e) {
    Recorder recorder(prototype, subject);
    recorder.play(seed, e, [](const Recorder&) {});
    lengths[sz(e)] = recorder.env().t();
  });
  return lengths;
}

std::vector<Moment> sample_moments(std::span<const int> lengths, std::int64_t count,
                                   std::uint64_t seed) {
  std::vector<Moment> all;
  for (std::size_t e = 0; e < lengths.size(); ++e)
    for (int t = 0; t < lengths[e]; ++t) all.push_back({static_cast<std::int64_t>(e), t});
  const auto total = static_cast<std::int64_t>(all.size());
  if (count >= total) return all;
  Stream stream(seed, purpose("credits_states"));
  stream.seek(0);
  const double offset = stream.uniform();
  std::vector<Moment> sample;
  for (std::int64_t j = 0; j < count; ++j) {
    const double place =
        (offset + static_cast<double>(j)) * static_cast<double>(total) / static_cast<double>(count);
    sample.push_back(all[std::min(sz(static_cast<std::int64_t>(place)), all.size() - 1)]);
  }
  return sample;
}

std::vector<Situation> record_situations(const Env& prototype, const Subject& subject,
                                         std::span<const Moment> moments, std::uint64_t seed) {
  std::vector<Situation> situations(moments.size());
  std::vector<std::size_t> starts;  // of the moments of one episode
  for (std::size_t i = 0; i < moments.size(); ++i)
    if (i == 0 || moments[i].episode != moments[i - 1].episode) starts.push_back(i);
  oneapi::tbb::parallel_for(std::size_t{0}, starts.size(), [&](std::size_t part) {
    const std::size_t begin = starts[part];
    const std::size_t end = part + 1 < starts.size() ? starts[part + 1] : moments.size();
    Recorder recorder(prototype, subject);
    std::size_t next = begin;
    const std::int64_t episode = moments[begin].episode;
    recorder.play(seed, episode, [&](const Recorder& now) {
      if (next < end && now.env().t() == moments[next].t)
        situations[next++] = now.situation(episode);
    });
    CREDO_CHECK(next == end, "a moment the episode does not have");
    for (std::size_t i = begin; i < end; ++i) situations[i].ends = !recorder.env().timed_out();
  });
  return situations;
}

Continuations::Continuations(const Subject& subject, GameKind game, DefaultChoice choice,
                             double gamma, std::uint64_t seed)
    : subject_(subject), game_(game), choice_(choice), gamma_(gamma), seed_(seed) {}

// One branch while it is played.
struct Continuations::Place {
  std::unique_ptr<Env> env;
  std::unique_ptr<FixedPlayer> player;
  const Branch* branch = nullptr;
  double* value = nullptr;
  Stream policy, defaults;
};

std::unique_ptr<FixedPlayer> Continuations::copy_player(const Env& env,
                                                        const FixedPlayer& player) const {
  return std::make_unique<FixedPlayer>(env, *subject_.fixed, player);
}

void Continuations::draw_defaults(const Situation& situation, std::uint64_t replicate,
                                  std::span<int> out) const {
  Stream stream(seed_, purpose("credits_default"), situation.id(), replicate);
  stream.seek(static_cast<std::uint64_t>(situation.t));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = random_action(avail_of(*situation.env, static_cast<int>(i)), stream);
}

void Continuations::play(const Situation& situation, std::span<const int> players,
                         std::span<const Branch> branches, std::span<double> returns,
                         BranchCount& count) {
  for (std::size_t first = 0; first < branches.size(); first += kChunk)
    play_chunk(situation, players,
               branches.subspan(first, std::min<std::size_t>(kChunk, branches.size() - first)),
               nullptr, returns.data() + first, count);
}

void Continuations::play_with_defaults(const Situation& situation, std::span<const int> players,
                                       std::span<const Branch> branches, std::span<const int> first,
                                       std::span<double> returns, BranchCount& count) {
  const std::size_t n = situation.actions.size();
  for (std::size_t begin = 0; begin < branches.size(); begin += kChunk)
    play_chunk(situation, players,
               branches.subspan(begin, std::min<std::size_t>(kChunk, branches.size() - begin)),
               first.data() + begin * n, returns.data() + begin, count);
}

void Continuations::play_chunk(const Situation& situation, std::span<const int> players,
                               std::span<const Branch> branches, const int* first, double* returns,
                               BranchCount& count) {
  const EnvSpec& spec = situation.env->spec();
  const int n = spec.n_agents;
  const bool network = subject_.network != nullptr;
  const int hidden = network ? subject_.network->agent.hidden_dim() : 0;
  const std::int64_t most = static_cast<std::int64_t>(branches.size()) * n;
  obs_.resize(sz(most) * sz(spec.obs_dim));
  hidden_.resize(sz(most) * sz(hidden));
  q_.resize(sz(most) * sz(spec.n_actions));
  last_action_.resize(sz(most));
  actions_.resize(sz(most));

  // Branches still played stand next to each other; the network runs over all of them at once.
  std::vector<Place> places(branches.size());
  const auto hold_back = [&](Place& place, std::span<int> actions, bool at_situation) {
    if (choice_.random && !(at_situation && first != nullptr))
      place.defaults.seek(static_cast<std::uint64_t>(place.env->t()));
    std::size_t player = 0;
    for (int i = 0; i < n; ++i) {
      const auto avail = avail_of(*place.env, i);
      const bool drawn = choice_.random && !(at_situation && first != nullptr);
      const int draw = drawn ? random_action(avail, place.defaults) : 0;  // whoever needs it
      if (player >= players.size() || players[player] != i) continue;
      if ((place.branch->coalition >> player++ & 1U) != 0) continue;
      if (at_situation && first != nullptr)
        actions[sz(i)] = first[at(place.branch - branches.data(), n) + i];
      else
        actions[sz(i)] = choice_.random ? draw : choice_.action(avail);
    }
  };
  for (std::size_t b = 0; b < branches.size(); ++b) {
    Place& place = places[b];
    place.branch = &branches[b];
    place.value = returns + b;
    *place.value = 0.0;
    place.env = situation.env->clone();
    place.env->branch(Stream(seed_, purpose("credits_env"), situation.id(), branches[b].replicate));
    place.policy = Stream(seed_, purpose("credits_policy"), situation.id(), branches[b].replicate);
    place.defaults =
        Stream(seed_, purpose("credits_default"), situation.id(), branches[b].replicate);
    if (situation.player != nullptr) place.player = copy_player(*place.env, *situation.player);
    std::copy(situation.hidden.begin(), situation.hidden.end(),
              hidden_.begin() + at(static_cast<std::int64_t>(b), n * hidden));
    const std::span<int> actions(actions_.data() + at(static_cast<std::int64_t>(b), n), sz(n));
    std::copy(situation.actions.begin(), situation.actions.end(), actions.begin());
    hold_back(place, actions, true);
  }

  double discount = 1.0;
  std::size_t live = places.size();
  for (bool at_situation = true; live > 0; at_situation = false) {
    if (!at_situation) {
      for (std::size_t b = 0; b < live; ++b)
        places[b].env->write_obs({obs_.data() + at(static_cast<std::int64_t>(b), n * spec.obs_dim),
                                  sz(n * spec.obs_dim)});
      if (network) {
        scratch_.reset();
        subject_.network->agent.act(subject_.params, static_cast<int>(live) * n, obs_.data(),
                                    last_action_.data(), hidden_.data(), q_.data(), scratch_);
      }
      for (std::size_t b = 0; b < live; ++b) {
        Place& place = places[b];
        const auto row = static_cast<std::int64_t>(b);
        const std::span<int> actions(actions_.data() + at(row, n), sz(n));
        if (network) {
          choose_greedily(*place.env, q_.data() + at(row, n * spec.n_actions), actions);
        } else {
          place.policy.seek(static_cast<std::uint64_t>(place.env->t()));
          place.player->act(*place.env, place.policy, actions);
          count.policy_drew |= place.policy.drawn();
        }
        if (game_ == GameKind::kAbsence) hold_back(place, actions, false);
      }
    }
    for (std::size_t b = 0; b < live; ++b) {
      const std::span<const int> actions(actions_.data() + at(static_cast<std::int64_t>(b), n),
                                         sz(n));
      *places[b].value += discount * places[b].env->step(actions).reward;
      std::copy(actions.begin(), actions.end(),
                last_action_.begin() + at(static_cast<std::int64_t>(b), n));
    }
    count.steps += static_cast<std::int64_t>(live);
    discount *= gamma_;
    for (std::size_t b = 0; b < live;) {
      if (!places[b].env->done()) {
        ++b;
        continue;
      }
      const auto from = static_cast<std::int64_t>(--live);
      const auto to = static_cast<std::int64_t>(b);
      if (from == to) break;
      std::swap(places[b], places[live]);
      std::copy_n(hidden_.begin() + at(from, n * hidden), n * hidden,
                  hidden_.begin() + at(to, n * hidden));
      std::copy_n(last_action_.begin() + at(from, n), n, last_action_.begin() + at(to, n));
    }
  }
}

std::optional<double> Continuations::expected_return(const Situation& situation,
                                                     std::span<const int> players,
                                                     Coalition coalition, std::int64_t most_leaves,
                                                     BranchCount& count) {
  const EnvSpec& spec = situation.env->spec();
  const int n = spec.n_agents;
  std::vector<int> held;
  for (std::size_t j = 0; j < players.size(); ++j)
    if ((coalition >> j & 1U) == 0) held.push_back(players[j]);
  std::int64_t leaves = 0;

  // Value of a node in which the policy has chosen `actions`; the draws of all held players follow.
  const auto value = [&](const auto& self, const Env& env, const std::vector<float>& hidden,
                         const FixedPlayer* player,
                         const std::vector<int>& actions) -> std::optional<double> {
    std::vector<std::vector<int>> choices;
    std::size_t ways = 1;
    for (const int agent : held) {
      std::vector<int> mine;
      const auto avail = avail_of(env, agent);
      for (int a = 0; a < spec.n_actions; ++a)
        if (avail[sz(a)] != 0) mine.push_back(a);
      ways *= mine.size();
      if (ways > sz(most_leaves)) return std::nullopt;
      choices.push_back(std::move(mine));
    }
    double sum = 0.0;
    for (std::size_t way = 0; way < ways; ++way) {
      std::vector<int> joint = actions;
      std::size_t rest = way;
      for (std::size_t j = 0; j < held.size(); ++j) {
        joint[sz(held[j])] = choices[j][rest % choices[j].size()];
        rest /= choices[j].size();
      }
      const auto next = env.clone();
      double term = next->step(joint).reward;
      ++count.steps;
      if (next->done()) {
        if (++leaves > most_leaves) return std::nullopt;
      } else {
        std::vector<float> h = hidden;
        std::vector<int> chosen(sz(n));
        std::unique_ptr<FixedPlayer> copy;
        if (player != nullptr) {
          copy = copy_player(*next, *player);
          Stream stream(seed_, purpose("credits_policy"), situation.id(), 0);
          stream.seek(static_cast<std::uint64_t>(next->t()));
          copy->act(*next, stream, chosen);
          if (stream.drawn()) return std::nullopt;
        } else {
          FloatArray obs(sz(n) * sz(spec.obs_dim));
          FloatArray memory(h.begin(), h.end());
          FloatArray q(sz(n) * sz(spec.n_actions));
          next->write_obs(obs);
          scratch_.reset();
          subject_.network->agent.act(subject_.params, n, obs.data(), joint.data(), memory.data(),
                                      q.data(), scratch_);
          h.assign(memory.begin(), memory.end());
          choose_greedily(*next, q.data(), chosen);
        }
        const auto later = self(self, *next, h, copy.get(), chosen);
        if (!later) return std::nullopt;
        term += gamma_ * *later;
      }
      sum += term;
    }
    return sum / static_cast<double>(ways);
  };
  return value(value, *situation.env, situation.hidden, situation.player.get(), situation.actions);
}

}  // namespace credo
