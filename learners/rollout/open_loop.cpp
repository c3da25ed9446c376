#include "learners/rollout/open_loop.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <memory>
#include <oneapi/tbb/parallel_for.h>

#include "learners/base/index.hpp"

namespace credo {
namespace {

constexpr int kElites = 8;
constexpr int kChildren = 48;
constexpr int kLongestPlan = 1000;  // steps; bounds the memory of environments without a near end
constexpr int kEpisodes = 4;        // per plan and generation where chance plays a part
constexpr double kExploration = 0.35;  // share of the budget for new plans rather than better ones
constexpr double kFinalShare = 0.15;

struct Candidate {
  OpenLoopPlan plan;
  double sum = 0.0;
  double sum_squares = 0.0;
  std::int64_t episodes = 0;
  std::int64_t new_steps = 0;  // of the episodes played last
  int longest = 0;             // episode

  double mean() const { return episodes == 0 ? 0.0 : sum / static_cast<double>(episodes); }
};

/// Makes and changes plans.
class Breeder {
 public:
  Breeder(const EnvSpec& spec, int length)
      : n_agents_(spec.n_agents), n_actions_(spec.n_actions), length_(length) {}

  /// A few phases of one action each, for all agents alike or for each its own.
  OpenLoopPlan random_plan(Stream& stream) const {
    OpenLoopPlan plan{.n_agents = n_agents_,
                      .n_actions = n_actions_,
                      .length = length_,
                      .actions = std::vector<std::uint16_t>(sz(length_) * sz(n_agents_)),
                      .fallback = std::vector<std::uint16_t>(sz(n_agents_) * sz(n_actions_))};
    const bool same_phases = stream.bernoulli(0.7);
    const bool same_order = stream.bernoulli(0.7);
    const Stream start = stream;
    for (int agent = 0; agent < n_agents_; ++agent) {
      Stream own = start;
      own.seek(same_phases ? 1U : 2U + static_cast<unsigned>(agent));
      const int phases = 1 + static_cast<int>(own.below(3));
      int from = 0;
      for (int phase = 0; phase < phases && from < length_; ++phase) {
        const int until = phase + 1 == phases ? length_ : from + stretch(own, length_ - from);
        set_range(plan, agent, from, until, any_action(own));
        from = until;
      }
      own.seek((1U << 20U) + (same_order ? 1U : 2U + static_cast<unsigned>(agent)));
      random_order(order_of(plan, agent), own);
    }
    return plan;
  }

  /// `horizon`: steps that were ever played; changes later than that do nothing.
  OpenLoopPlan child(const OpenLoopPlan& mother, const OpenLoopPlan& father, int horizon,
                     Stream& stream) const {
    OpenLoopPlan plan = mother;
    horizon = std::clamp(horizon, 1, length_);
    do {
      mutate(plan, father, horizon, stream);
    } while (stream.bernoulli(0.5));
    return plan;
  }

 private:
  int any_action(Stream& stream) const {
    return static_cast<int>(stream.below(static_cast<std::uint32_t>(n_actions_)));
  }
  int any_agent(Stream& stream) const {
    return static_cast<int>(stream.below(static_cast<std::uint32_t>(n_agents_)));
  }
  // 1 to `most` (at least 1), every order of magnitude alike: uniform below a power of two.
  static int stretch(Stream& stream, int most) {
    const auto bits = static_cast<std::uint32_t>(std::bit_width(static_cast<unsigned>(most)));
    const std::uint32_t bound = 1U << (1 + stream.below(bits));
    return std::min(most, 1 + static_cast<int>(stream.below(bound)));
  }
  std::span<std::uint16_t> order_of(OpenLoopPlan& plan, int agent) const {
    return std::span(plan.fallback).subspan(sz(agent) * sz(n_actions_), sz(n_actions_));
  }
  void set_range(OpenLoopPlan& plan, int agent, int from, int until, int action) const {
    for (int t = from; t < until; ++t)
      plan.actions[sz(t) * sz(n_agents_) + sz(agent)] = static_cast<std::uint16_t>(action);
  }

  // Actions of a kind have neighbouring numbers (targets, directions), so half of the orders walk
  // up from a random action and a quarter down.
  void random_order(std::span<std::uint16_t> order, Stream& stream) const {
    const std::uint32_t shape = stream.below(4);
    const int first = any_action(stream);
    for (int k = 0; k < n_actions_; ++k) {
      const int step = shape == 3 ? n_actions_ - k : k;
      order[sz(k)] = static_cast<std::uint16_t>((first + step) % n_actions_);
    }
    if (shape == 2) stream.shuffle(order);
  }

  void mutate(OpenLoopPlan& plan, const OpenLoopPlan& father, int horizon, Stream& stream) const {
    const bool all = n_agents_ > 1 && stream.bernoulli(0.35);
    const int one = any_agent(stream);
    const int first = all ? 0 : one;
    const int last = all ? n_agents_ : one + 1;
    const int t = static_cast<int>(stream.below(static_cast<std::uint32_t>(horizon)));
    switch (stream.below(6)) {
      case 0: {  // another action for a stretch
        const int until = std::min(length_, t + stretch(stream, horizon - t));
        const int action = any_action(stream);
        for (int agent = first; agent < last; ++agent) set_range(plan, agent, t, until, action);
        break;
      }
      case 1: {  // another action at one step
        const int action = any_action(stream);
        for (int agent = first; agent < last; ++agent) set_range(plan, agent, t, t + 1, action);
        break;
      }
      case 2: {  // an action moves up the order of preference
        const int action = any_action(stream);
        const int a = any_action(stream);
        const int b = any_action(stream);
        const std::ptrdiff_t place = std::min(a, b);
        for (int agent = first; agent < last; ++agent) {
          const auto order = order_of(plan, agent);
          const auto at = std::find(order.begin(), order.end(), action);
          const auto to = order.begin() + place;
          if (to < at)
            std::rotate(to, at, at + 1);
          else
            std::rotate(at, at + 1, to + 1);
        }
        break;
      }
      case 3: {  // what follows comes later, or sooner
        const bool later = stream.bernoulli(0.5);
        for (int agent = first; agent < last; ++agent) shift(plan, agent, t, later);
        break;
      }
      case 4: {  // one agent does as another
        const int model = any_agent(stream);
        copy_agent(plan, one, plan, model);
        break;
      }
      default: {  // of the other parent: some agents, or everything from t on
        if (stream.bernoulli(0.5)) {
          copy_agent(plan, one, father, one);
        } else {
          const auto from = static_cast<std::ptrdiff_t>(sz(t) * sz(n_agents_));
          std::copy(father.actions.begin() + from, father.actions.end(),
                    plan.actions.begin() + from);
        }
        break;
      }
    }
  }

  void shift(OpenLoopPlan& plan, int agent, int t, bool later) const {
    const auto at = [&](int step) -> std::uint16_t& {
      return plan.actions[sz(step) * sz(n_agents_) + sz(agent)];
    };
    if (later) {
      for (int step = length_ - 1; step > t; --step) at(step) = at(step - 1);
    } else {
      for (int step = t; step + 1 < length_; ++step) at(step) = at(step + 1);
    }
  }

  void copy_agent(OpenLoopPlan& to, int to_agent, const OpenLoopPlan& from, int from_agent) const {
    for (int t = 0; t < length_; ++t)
      to.actions[sz(t) * sz(n_agents_) + sz(to_agent)] =
          from.actions[sz(t) * sz(n_agents_) + sz(from_agent)];
    std::copy_n(
        from.fallback.begin() + static_cast<std::ptrdiff_t>(sz(from_agent) * sz(n_actions_)),
        n_actions_,
        to.fallback.begin() + static_cast<std::ptrdiff_t>(sz(to_agent) * sz(n_actions_)));
  }

  int n_agents_;
  int n_actions_;
  int length_;
};

class Search {
 public:
  Search(const Env& prototype, std::uint64_t seed, const OpenLoopOptions& options)
      : prototype_(prototype),
        seed_(seed),
        options_(options),
        limit_(prototype.spec().episode_limit),
        is_stochastic_(prototype.spec().is_stochastic),
        breeder_(prototype.spec(), std::min(prototype.spec().episode_limit, kLongestPlan)) {}

  OpenLoopSearch run() {
    const auto reserve = static_cast<std::int64_t>(
        is_stochastic_ ? kFinalShare * static_cast<double>(options_.budget) : 0.0);
    for (std::uint64_t generation = 0;; ++generation) {
      const std::int64_t affordable = (options_.budget - reserve - spent_) / limit_;  // episodes
      // Where nothing is random one episode decides, and survivors need not play again.
      const std::int64_t episodes = is_stochastic_ ? kEpisodes : 1;
      const auto again = is_stochastic_ ? static_cast<std::int64_t>(elites_.size()) : 0;
      std::int64_t children = std::min<std::int64_t>(kChildren, affordable / episodes - again);
      if (generation == 0) children = std::max<std::int64_t>(children, 1);
      if (children <= 0) break;
      if (!keep_going()) return finish(true);
      const bool fits = children * episodes * limit_ <= options_.budget;
      advance(generation, static_cast<int>(children), fits ? static_cast<int>(episodes) : 1);
    }
    return finish(is_stochastic_ && !choose());
  }

 private:
  bool keep_going() const { return !options_.keep_going || options_.keep_going(spent_); }

  OpenLoopSearch finish(bool was_stopped) {
    OpenLoopSearch result;
    result.stopped = was_stopped;
    result.env_steps = spent_;
    result.episodes = played_;
    if (was_stopped) return result;
    result.return_mean = elites_.front().mean();
    result.plan = std::move(elites_.front().plan);
    return result;
  }

  void advance(std::uint64_t generation, int n_children, int episodes) {
    std::vector<Candidate> population = breed(generation, n_children);
    if (episodes > 1) {  // one episode rules out most newcomers
      judge(population, 1);
      rank(population);
      const std::size_t most = std::max<std::size_t>(1, population.size() / 3);
      population.resize(most);
      --episodes;
    }
    // Children come first: of equal plans the newer one survives, so that the search drifts over
    // plateaus.
    std::move(elites_.begin(), elites_.end(), std::back_inserter(population));
    judge(is_stochastic_ ? std::span(population) : std::span(population).first(sz(n_children)),
          episodes);
    rank(population);
    if (population.size() > sz(kElites)) population.resize(sz(kElites));
    elites_ = std::move(population);
  }

  std::vector<Candidate> breed(std::uint64_t generation, int n_children) const {
    const auto parents = static_cast<std::uint32_t>(elites_.size());
    const bool explores =
        static_cast<double>(spent_) < kExploration * static_cast<double>(options_.budget);
    const double fresh = parents == 0 ? 1.0 : explores ? 0.9 : 0.1;
    std::vector<Candidate> children(sz(n_children));
    for (std::size_t k = 0; k < children.size(); ++k) {
      Stream stream(seed_, purpose("open_loop_search"), generation, k);
      if (stream.bernoulli(fresh)) {
        children[k].plan = breeder_.random_plan(stream);
        continue;
      }
      const std::uint32_t a = stream.below(parents);
      const std::uint32_t b = stream.below(parents);
      const Candidate& mother = elites_[std::min(a, b)];
      const Candidate& father = elites_[stream.below(parents)];
      children[k].plan = breeder_.child(mother.plan, father.plan, mother.longest, stream);
    }
    return children;
  }

  // All candidates play the same new episodes.
  void judge(std::span<Candidate> candidates, int episodes) {
    oneapi::tbb::parallel_for(std::size_t{0}, candidates.size(),
                              [&](std::size_t k) { play(candidates[k], next_episode_, episodes); });
    next_episode_ += episodes;
    for (Candidate& candidate : candidates) {
      spent_ += candidate.new_steps;
      played_ += episodes;
    }
  }

  void play(Candidate& candidate, std::int64_t first, int episodes) const {
    const std::unique_ptr<Env> env = prototype_.clone();
    std::vector<int> actions(sz(env->spec().n_agents));
    candidate.new_steps = 0;
    for (int e = 0; e < episodes; ++e) {
      env->reset(Stream(seed_, purpose("open_loop_env"), 0, static_cast<std::uint64_t>(first + e)));
      double total = 0.0;
      while (!env->done()) {
        candidate.plan.act(env->t(), env->avail_actions(), actions);
        total += env->step(actions).reward;
      }
      candidate.sum += total;
      candidate.sum_squares += total * total;
      ++candidate.episodes;
      candidate.new_steps += env->t();
      candidate.longest = std::max(candidate.longest, env->t());
    }
  }

  // By mean return less one standard error of it, so that luck in few episodes counts for little.
  // The deviation is that of all candidates together: few episodes say little about one's own.
  static void rank(std::vector<Candidate>& candidates) {
    double squares = 0.0;
    std::int64_t freedom = 0;
    for (const Candidate& c : candidates) {
      squares += c.sum_squares - c.sum * c.mean();
      freedom += c.episodes - 1;
    }
    const double variance =
        freedom > 0 ? std::max(0.0, squares) / static_cast<double>(freedom) : 0.0;
    const auto score = [variance](const Candidate& c) {
      return c.mean() - std::sqrt(variance / static_cast<double>(c.episodes));
    };
    std::stable_sort(candidates.begin(), candidates.end(),
                     [&](const Candidate& a, const Candidate& b) { return score(a) > score(b); });
  }

  // Halves the survivors on further episodes until the budget is spent. Returns false if stopped.
  bool choose() {
    while (elites_.size() > 1) {
      int rounds = 0;
      for (std::size_t n = elites_.size(); n > 1; n = (n + 1) / 2) ++rounds;
      const std::int64_t affordable = (options_.budget - spent_) / limit_;
      const std::int64_t episodes = affordable / rounds / static_cast<std::int64_t>(elites_.size());
      if (episodes == 0) break;
      if (!keep_going()) return false;
      judge(elites_, static_cast<int>(std::min<std::int64_t>(episodes, 1'000'000)));
      rank(elites_);
      elites_.resize((elites_.size() + 1) / 2);
    }
    return true;
  }

  const Env& prototype_;
  std::uint64_t seed_;
  const OpenLoopOptions& options_;
  int limit_;
  bool is_stochastic_;
  Breeder breeder_;
  std::vector<Candidate> elites_;  // best first
  std::int64_t spent_ = 0, played_ = 0, next_episode_ = 0;
};

}  // namespace

void OpenLoopPlan::act(int t, std::span<const std::uint8_t> avail, std::span<int> out) const {
  const std::size_t row = sz(std::min(t, length - 1)) * sz(n_agents);
  for (std::size_t agent = 0; agent < out.size(); ++agent) {
    const auto mine = avail.subspan(agent * sz(n_actions), sz(n_actions));
    int action = actions[row + agent];
    const std::uint16_t* next = fallback.data() + agent * sz(n_actions);
    while (mine[sz(action)] == 0) action = *next++;
    out[agent] = action;
  }
}

void check_open_loop_budget(const EnvSpec& spec, std::int64_t budget) {
  if (budget >= spec.episode_limit) return;
  throw UserError(
      fmt::format("open_loop.budget = '{}': one episode of {} may take {} steps; "
                  "allowed: at least that many",
                  budget, spec.id, spec.episode_limit));
}

OpenLoopSearch search_open_loop(const Env& prototype, std::uint64_t seed,
                                const OpenLoopOptions& options) {
  const EnvSpec& spec = prototype.spec();
  CREDO_CHECK(spec.n_actions <= std::numeric_limits<std::uint16_t>::max(),
              "an open-loop plan holds actions in 16 bits");
  check_open_loop_budget(spec, options.budget);
  return Search(prototype, seed, options).run();
}

}  // namespace credo
