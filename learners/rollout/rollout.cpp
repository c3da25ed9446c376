#include "learners/rollout/rollout.hpp"

#include <algorithm>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include "learners/base/index.hpp"
#include "learners/rollout/policy.hpp"

namespace credo {

Rollout::Rollout(const Env& prototype, int count, bool parallel)
    : shape_(shape_of(prototype.spec())),
      limit_(prototype.spec().episode_limit),
      parallel_(parallel && count > 1) {
  for (int e = 0; e < count; ++e) envs_.push_back(prototype.clone());
  const std::size_t slots = sz(limit_ + 1) * sz(count);
  obs_.resize(slots * sz(shape_.n_agents) * sz(shape_.obs_dim));
  state_.resize(slots * sz(shape_.state_dim));
  avail_.resize(slots * sz(shape_.n_agents) * sz(shape_.n_actions));
  actions_.resize(slots * sz(shape_.n_agents));
  rewards_.resize(slots);
  q_.resize(slots * sz(shape_.n_agents));
  lengths_.resize(sz(count));
  terminated_.resize(sz(count));
  returns_.resize(sz(count));
  last_action_.resize(sz(count * shape_.n_agents));
  values_.resize(sz(count * shape_.n_agents) * sz(shape_.n_actions));
}

void Rollout::observe(int e, int t) {
  const Env& env = *envs_[sz(e)];
  const int obs_width = shape_.n_agents * shape_.obs_dim;
  const int avail_width = shape_.n_agents * shape_.n_actions;
  env.write_obs(
      {slot(obs_, t, obs_width) + static_cast<std::ptrdiff_t>(e) * obs_width, sz(obs_width)});
  env.write_state(
      {slot(state_, t, shape_.state_dim) + static_cast<std::ptrdiff_t>(e) * shape_.state_dim,
       sz(shape_.state_dim)});
  const auto avail = env.avail_actions();
  std::copy(avail.begin(), avail.end(),
            slot(avail_, t, avail_width) + static_cast<std::ptrdiff_t>(e) * avail_width);
}

void Rollout::choose(int e, int t, const Behaviour& behaviour, Stream& stream) {
  const int n = shape_.n_agents;
  const int n_actions = shape_.n_actions;
  const auto first = static_cast<std::ptrdiff_t>(e) * n * n_actions;
  const std::uint8_t* avail = slot(avail_, t, n * n_actions) + first;
  int* actions = slot(actions_, t, n) + static_cast<std::ptrdiff_t>(e) * n;
  stream.seek(static_cast<std::uint64_t>(t));
  if (behaviour.sample && behaviour.epsilon == 0.0)
    masked_softmax(n, n_actions, values_.data() + first, avail, softmax_.data() + first,
                   pi_.data() + first);
  else if (behaviour.sample)
    floored_softmax(n, n_actions, values_.data() + first, avail,
                    static_cast<float>(behaviour.epsilon), softmax_.data() + first,
                    pi_.data() + first);
  for (int i = 0; i < n; ++i, avail += n_actions) {
    const std::ptrdiff_t row = first + static_cast<std::ptrdiff_t>(i) * n_actions;
    const float* q = values_.data() + row;
    int chosen = -1;
    if (behaviour.sample) {
      chosen = draw_action({pi_.data() + row, sz(n_actions)}, stream);
    } else if (behaviour.epsilon > 0.0 && stream.bernoulli(behaviour.epsilon)) {
      const auto available = static_cast<std::uint32_t>(std::count(avail, avail + n_actions, 1));
      std::uint32_t skip = stream.below(available);
      for (int a = 0; chosen < 0; ++a)
        if (avail[a] != 0 && skip-- == 0) chosen = a;
    } else {
      chosen = greedy_action(n_actions, q, avail);
    }
    actions[i] = chosen;
    q_[(sz(e) * sz(limit_ + 1) + sz(t)) * sz(n) + sz(i)] = q[chosen];
  }
}

void Rollout::play(const Network& network, const float* params, const Behaviour& behaviour,
                   std::vector<EpisodeStreams>& streams) {
  const int n = shape_.n_agents;
  const int count = static_cast<int>(streams.size());
  const int hidden = network.agent.hidden_dim();
  CREDO_CHECK(count <= this->count(), "more episodes than environments");
  hidden_.assign(sz(count * n) * sz(hidden), 0.0F);
  if (behaviour.sample) {
    softmax_.resize(values_.size());
    pi_.resize(values_.size());
  }
  const auto for_envs = [&](const auto& body) {
    if (parallel_ && oneapi::tbb::this_task_arena::max_concurrency() > 1)
      oneapi::tbb::parallel_for(0, count, body);
    else
      for (int e = 0; e < count; ++e) body(e);
  };
  for_envs([&](int e) {
    envs_[sz(e)]->reset(streams[sz(e)].env);
    lengths_[sz(e)] = -1;  // still playing
    returns_[sz(e)] = 0.0;
    observe(e, 0);
  });

  const int obs_width = n * shape_.obs_dim;
  int playing = count;
  for (int t = 0; playing > 0; ++t) {
    const int* previous = t > 0 ? slot(actions_, t - 1, n) : nullptr;
    for (int i = 0; i < count * n; ++i) last_action_[sz(i)] = t > 0 ? previous[i] : -1;
    // The network runs over each stretch of neighbouring environments that still play.
    for (int first = 0; first < count;) {
      if (lengths_[sz(first)] >= 0) {
        ++first;
        continue;
      }
      int last = first;
      while (last < count && lengths_[sz(last)] < 0) ++last;
      scratch_.reset();
      network.agent.act(params, (last - first) * n,
                        slot(obs_, t, obs_width) + static_cast<std::ptrdiff_t>(first) * obs_width,
                        last_action_.data() + first * n,
                        hidden_.data() + static_cast<std::ptrdiff_t>(first) * n * hidden,
                        values_.data() + static_cast<std::ptrdiff_t>(first) * n * shape_.n_actions,
                        scratch_);
      first = last;
    }
    for_envs([&](int e) {
      if (lengths_[sz(e)] >= 0) return;
      choose(e, t, behaviour, streams[sz(e)].policy);
      const int* actions = slot(actions_, t, n) + static_cast<std::ptrdiff_t>(e) * n;
      const StepResult result = envs_[sz(e)]->step({actions, sz(n)});
      slot(rewards_, t, 1)[e] = static_cast<float>(result.reward);
      returns_[sz(e)] += result.reward;
      observe(e, t + 1);
      if (result.terminated || result.truncated) {
        lengths_[sz(e)] = t + 1;
        terminated_[sz(e)] = result.terminated ? 1 : 0;
      }
    });
    playing = static_cast<int>(
        std::count_if(lengths_.begin(), lengths_.begin() + count, [](int l) { return l < 0; }));
  }
}

EpisodeView Rollout::episode(int e) const {
  const EpisodeArrays arrays{.obs = obs_.data(),
                             .state = state_.data(),
                             .avail = avail_.data(),
                             .actions = actions_.data(),
                             .rewards = rewards_.data(),
                             .count = count()};
  return arrays.view(shape_, lengths_[sz(e)], terminated_[sz(e)] != 0, e);
}

const float* Rollout::chosen_q(int e) const {
  return q_.data() + static_cast<std::ptrdiff_t>(e) * (limit_ + 1) * shape_.n_agents;
}

}  // namespace credo
