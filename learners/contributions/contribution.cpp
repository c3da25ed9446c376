#include "learners/contributions/contribution.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "envs/core/error.hpp"
#include "learners/base/index.hpp"

namespace credo {

namespace {

constexpr std::int64_t kMostDraws = 4096;        // joint defaults that are enumerated
constexpr std::int64_t kAgreeingReplicates = 8;  // equal to the bit: no chance acts
constexpr double kRounding = 1e-12;              // differences of equal values, relative

double scale_of(std::span<const double> values) {
  double scale = 1.0;
  for (const double x : values) scale = std::max(scale, std::abs(x));
  return scale;
}

// Everything that replicates are condensed to, added in their order.
struct Sums {
  explicit Sums(std::size_t k) : phi(k), diff(k), even(k), odd(k), pairs(k * k), inert(k, 1) {}

  std::vector<Moments> phi, diff, even, odd, pairs;
  std::vector<std::uint8_t> inert;
  Moments all, none;
  std::vector<Moments> value;  // of every coalition, where they are enumerated
};

bool same_bits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

// Who changed nothing by joining, among the coalitions of a plan.
void note_changes(const CoalitionPlan& plan, std::span<const double> v,
                  std::vector<std::uint8_t>& inert) {
  const auto coalitions = plan.coalitions();
  // Enumerated plans are sorted by mask; others are short.
  const auto value_of = [&](Coalition mask) -> const double* {
    if (coalitions.size() == std::size_t{1} << inert.size()) return &v[mask];
    const auto found = std::find(coalitions.begin(), coalitions.end(), mask);
    return found == coalitions.end() ? nullptr : &v[sz(found - coalitions.begin())];
  };
  for (std::size_t i = 0; i < inert.size(); ++i) {
    if (inert[i] == 0) continue;
    for (std::size_t c = 0; c < coalitions.size() && inert[i] != 0; ++c) {
      if ((coalitions[c] >> i & 1U) != 0) continue;
      const double* joined = value_of(coalitions[c] | Coalition{1} << i);
      if (joined != nullptr && !same_bits(*joined, v[c])) inert[i] = 0;
    }
  }
}

class Estimator {
 public:
  Estimator(const Situation& situation, Continuations& continuations,
            const ContributionOptions& options)
      : situation_(situation),
        continuations_(continuations),
        options_(options),
        players_(acting_agents(situation, options)),
        k_(players_.size()),
        sums_(k_) {}

  Contribution run() {
    Contribution result;
    result.episode = situation_.episode;
    result.t = situation_.t;
    result.ends = situation_.ends;
    result.actions = situation_.actions;
    result.players = players_;
    if (k_ == 0) {
      result.exact = true;
      return result;
    }
    const bool enumerated = CoalitionPlan::enumerates(static_cast<int>(k_), options_.exact_up_to);
    coalitions_ = CoalitionPlan::size(static_cast<int>(k_), options_.exact_up_to);
    if (enumerated) sums_.value.resize(sz(coalitions_));
    result.coalitions = coalitions_;
    if (!(enumerated && !situation_.env->spec().is_stochastic && play_exactly(result)))
      sample(result);
    fill(result);
    return result;
  }

 private:
  // Nothing draws but, at most, the random default: every joint default is played, equally likely.
  // False when the policy draws after all, or there are too many joint defaults.
  bool play_exactly(Contribution& result) {
    const int n = situation_.env->spec().n_agents;
    if (options_.choice.random && options_.game == GameKind::kAbsence) {
      std::vector<double> v;
      BranchCount count;
      for (Coalition c = 0; c <= grand_coalition(static_cast<int>(k_)); ++c) {
        const auto value =
            continuations_.expected_return(situation_, players_, c, kMostDraws, count);
        if (!value) return false;
        v.push_back(*value);
      }
      result.steps = count.steps;
      add(CoalitionPlan(static_cast<int>(k_), options_.exact_up_to, {}), v, 0);
      result.replicates = 1;
      result.exact = true;
      return true;
    }
    std::vector<int> defaults = joint_defaults();
    if (defaults.empty()) return false;
    const std::int64_t replicates = static_cast<std::int64_t>(defaults.size()) / n;
    const CoalitionPlan plan(static_cast<int>(k_), options_.exact_up_to, {});
    std::vector<Branch> branches;
    std::vector<int> first;
    for (const Coalition c : plan.coalitions()) {
      branches.push_back({.coalition = c, .replicate = 0});
    }
    std::vector<double> v(branches.size());
    std::vector<std::vector<double>> all;
    BranchCount count;
    for (std::int64_t m = 0; m < replicates; ++m) {
      first.clear();
      for (std::size_t b = 0; b < branches.size(); ++b)
        first.insert(first.end(), defaults.begin() + at(m, n), defaults.begin() + at(m + 1, n));
      // In absence with a fixed default later steps take it as the first one does.
      continuations_.play_with_defaults(situation_, players_, branches, first, v, count);
      if (count.policy_drew) return false;
      all.push_back(v);
    }
    for (std::size_t m = 0; m < all.size(); ++m) add(plan, all[m], static_cast<std::int64_t>(m));
    result.steps = count.steps;
    result.replicates = replicates;
    result.exact = true;
    result.defaults = std::move(defaults);
    return true;
  }

  // [joint, n_agents]; empty when there are too many.
  std::vector<int> joint_defaults() const {
    const EnvSpec& spec = situation_.env->spec();
    const auto width = sz(spec.n_actions);
    const auto avail = situation_.env->avail_actions();
    std::vector<int> joint = situation_.actions;
    if (!options_.choice.random) {
      for (const int agent : players_)
        joint[sz(agent)] = options_.choice.action(avail.subspan(sz(agent) * width, width));
      return joint;
    }
    std::vector<std::vector<int>> choices;
    std::int64_t ways = 1;
    for (const int agent : players_) {
      std::vector<int> mine;
      for (int a = 0; a < spec.n_actions; ++a)
        if (avail[sz(agent) * width + sz(a)] != 0) mine.push_back(a);
      ways *= static_cast<std::int64_t>(mine.size());
      if (ways > kMostDraws) return {};
      choices.push_back(std::move(mine));
    }
    std::vector<int> all;
    for (std::int64_t way = 0; way < ways; ++way) {
      std::int64_t rest = way;
      for (std::size_t j = 0; j < choices.size(); ++j) {
        const auto size = static_cast<std::int64_t>(choices[j].size());
        joint[sz(players_[j])] = choices[j][sz(rest % size)];
        rest /= size;
      }
      all.insert(all.end(), joint.begin(), joint.end());
    }
    return all;
  }

  void sample(Contribution& result) {
    const int n = situation_.env->spec().n_agents;
    std::vector<double> first;  // values of replicate 0, to see whether chance acts at all
    bool differs = false;
    std::int64_t done = 0;
    BranchCount count;
    // All at once, so that the network runs over many branches; added in their order.
    const auto play_to = [&](std::int64_t replicates) {
      std::vector<CoalitionPlan> plans;
      std::vector<Branch> branches;
      for (std::int64_t m = done; m < replicates; ++m) {
        plans.push_back(plan_of(m));
        for (const Coalition c : plans.back().coalitions())
          branches.push_back({.coalition = c, .replicate = static_cast<std::uint64_t>(m)});
      }
      std::vector<double> values(branches.size());
      continuations_.play(situation_, players_, branches, values, count);
      auto v = std::span<const double>(values);
      for (const CoalitionPlan& plan : plans) {
        const auto mine = v.first(plan.coalitions().size());
        v = v.subspan(mine.size());
        if (done == 0) first.assign(mine.begin(), mine.end());
        for (std::size_t c = 0; c < mine.size() && !differs; ++c)
          differs = !same_bits(mine[c], first[c]);
        if (options_.choice.random && options_.game == GameKind::kStep) {
          result.defaults.resize(sz(done + 1) * sz(n));
          continuations_.draw_defaults(situation_, static_cast<std::uint64_t>(done),
                                       std::span(result.defaults).subspan(sz(done) * sz(n), sz(n)));
        }
        add(plan, mine, done++);
      }
    };
    // Different orders value different coalitions, so agreement tells nothing there.
    const bool comparable = CoalitionPlan::enumerates(static_cast<int>(k_), options_.exact_up_to);
    play_to(kAgreeingReplicates);
    if (comparable && !differs && !options_.choice.random) {
      result.no_chance = true;
    } else {
      std::int64_t target = options_.rule.first(coalitions_);
      for (play_to(target); !enough(); play_to(target)) {
        if (!options_.rule.may_double(target, coalitions_)) {
          result.capped = true;
          break;
        }
        target *= 2;
      }
    }
    if (!options_.choice.random && options_.game == GameKind::kStep)
      result.defaults = joint_defaults();
    result.replicates = done;
    result.steps = count.steps;
  }

  CoalitionPlan plan_of(std::int64_t m) const {
    std::vector<int> order(k_);
    std::iota(order.begin(), order.end(), 0);
    if (!CoalitionPlan::enumerates(static_cast<int>(k_), options_.exact_up_to)) {
      Stream stream(options_.seed, purpose("credits_order"), situation_.id(),
                    static_cast<std::uint64_t>(m));
      stream.seek(0);
      stream.shuffle(std::span(order));
    }
    return CoalitionPlan(static_cast<int>(k_), options_.exact_up_to, order);
  }

  void add(const CoalitionPlan& plan, std::span<const double> v, std::int64_t m) {
    std::vector<double> phi(k_);
    std::vector<double> diff(k_);
    plan.solve(v, phi, diff);
    for (std::size_t i = 0; i < k_; ++i) {
      sums_.phi[i].add(phi[i]);
      sums_.diff[i].add(diff[i]);
      (m % 2 == 0 ? sums_.even : sums_.odd)[i].add(phi[i]);
      for (std::size_t j = 0; j < i; ++j) sums_.pairs[i * k_ + j].add(phi[i] - phi[j]);
    }
    sums_.all.add(plan.all(v));
    sums_.none.add(plan.none(v));
    for (std::size_t c = 0; c < sums_.value.size(); ++c) sums_.value[c].add(v[c]);
    note_changes(plan, v, sums_.inert);
  }

  bool enough() const {
    std::vector<double> phi(k_);
    std::vector<double> errors(k_);
    for (std::size_t i = 0; i < k_; ++i) {
      phi[i] = sums_.phi[i].mean();
      errors[i] = sums_.phi[i].standard_error();
    }
    return options_.rule.enough(phi, errors);
  }

  void fill(Contribution& result) const {
    const bool certain = result.exact || result.no_chance;
    const auto error = [certain](const Moments& m) { return certain ? 0.0 : m.standard_error(); };
    result.pair_se.assign(k_ * k_, 0.0);
    for (std::size_t i = 0; i < k_; ++i) {
      result.phi.push_back(sums_.phi[i].mean());
      result.phi_se.push_back(error(sums_.phi[i]));
      result.diff.push_back(sums_.diff[i].mean());
      result.diff_se.push_back(error(sums_.diff[i]));
      if (!certain) {
        result.phi_even.push_back(sums_.even[i].mean());
        result.phi_odd.push_back(sums_.odd[i].mean());
      }
      for (std::size_t j = 0; j < i; ++j)
        result.pair_se[i * k_ + j] = result.pair_se[j * k_ + i] = error(sums_.pairs[i * k_ + j]);
    }
    result.inert = sums_.inert;
    result.v_all = sums_.all.mean();
    result.v_all_se = error(sums_.all);
    result.v_none = sums_.none.mean();
    for (const Moments& m : sums_.value) result.v.push_back(m.mean());
  }

  const Situation& situation_;
  Continuations& continuations_;
  const ContributionOptions& options_;
  std::vector<int> players_;
  std::size_t k_;
  std::int64_t coalitions_ = 0;
  Sums sums_;
};

}  // namespace

std::vector<int> acting_agents(const Situation& situation, const ContributionOptions& options) {
  const EnvSpec& spec = situation.env->spec();
  const auto width = sz(spec.n_actions);
  const auto avail = situation.env->avail_actions();
  std::vector<int> players;
  for (int i = 0; i < spec.n_agents; ++i) {
    const auto mine = avail.subspan(sz(i) * width, width);
    const bool acts =
        options.game == GameKind::kAbsence ||
        (options.choice.random ? std::count(mine.begin(), mine.end(), 1) > 1
                               : options.choice.action(mine) != situation.actions[sz(i)]);
    if (acts) players.push_back(i);
  }
  return players;
}

bool Contribution::decided(std::size_t i, std::size_t j) const {
  return std::abs(phi[i] - phi[j]) > 3.0 * pair_se[i * phi.size() + j] + kRounding * scale_of(phi);
}

bool Contribution::any_decided() const {
  for (std::size_t i = 0; i < phi.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (decided(i, j)) return true;
  return false;
}

bool Contribution::is_nonzero(std::size_t i) const {
  return std::abs(phi[i]) > 3.0 * phi_se[i] + kRounding * scale_of(phi);
}

Contribution estimate_contribution(const Situation& situation, Continuations& continuations,
                                   const ContributionOptions& options) {
  return Estimator(situation, continuations, options).run();
}

std::int64_t most_steps(int players, int steps_left, const ContributionOptions& options) {
  if (players == 0) return 0;
  const std::int64_t coalitions = CoalitionPlan::size(players, options.exact_up_to);
  std::int64_t replicates = options.rule.first(coalitions);
  while (options.rule.may_double(replicates, coalitions)) replicates *= 2;
  return replicates * coalitions * steps_left;
}

void Contribution::save(ByteWriter& out) const {
  out.put(episode);
  out.put(t);
  out.put<std::uint8_t>(ends ? 1 : 0);
  out.put_vector(actions);
  out.put_vector(players);
  for (const auto* list : {&phi, &phi_se, &diff, &diff_se, &pair_se, &phi_even, &phi_odd, &v})
    out.put_vector(*list);
  out.put_vector(inert);
  for (const double x : {v_all, v_all_se, v_none}) out.put(x);
  for (const std::int64_t x : {coalitions, replicates, steps}) out.put(x);
  for (const bool x : {exact, no_chance, capped}) out.put<std::uint8_t>(x ? 1 : 0);
  out.put_vector(defaults);
}

void Contribution::load(ByteReader& in) {
  episode = in.get<std::int64_t>();
  t = in.get<int>();
  ends = in.get<std::uint8_t>() != 0;
  actions = in.get_vector<int>();
  players = in.get_vector<int>();
  for (auto* list : {&phi, &phi_se, &diff, &diff_se, &pair_se, &phi_even, &phi_odd, &v})
    *list = in.get_vector<double>();
  inert = in.get_vector<std::uint8_t>();
  for (double* x : {&v_all, &v_all_se, &v_none}) *x = in.get<double>();
  for (std::int64_t* x : {&coalitions, &replicates, &steps}) *x = in.get<std::int64_t>();
  for (bool* x : {&exact, &no_chance, &capped}) *x = in.get<std::uint8_t>() != 0;
  defaults = in.get_vector<int>();
}

}  // namespace credo
