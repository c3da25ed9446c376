#include "suite/credits/credits_study.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include "envs/core/error.hpp"
#include "learners/base/index.hpp"
#include "learners/rollout/evaluation.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/signals.hpp"
#include "suite/plan/cost_model.hpp"

namespace credo::suite {
namespace {

constexpr double kDefaultGamma = 0.99;
constexpr double kFloorShare = 0.001;  // of the reward range: an error that is always small enough
constexpr int kStatesPerThread = 8;    // between two looks at signals
// The part file, which holds all states, is written after so many environment steps and a sixteenth more
// states: often enough to lose little when killed, seldom enough to cost little.
constexpr std::int64_t kStepsPerPart = 1000000;
constexpr std::size_t kPartShare = 16;
constexpr std::string_view kPartTag = "credo.credits part 1";

std::string game_name(GameKind game) { return game == GameKind::kStep ? "step" : "absence"; }

// The network of a learner, ready to act.
struct Weights {
  Weights(const Env& env, const CreditsSubject& subject)
      : network(shape_of(env.spec()), *subject.config), params(network.layout.size()) {
    network.layout.from_tensors(subject.weights, subject.label, params);
  }
  Network network;
  std::vector<float> params;
};

class Studied {
 public:
  Studied(const Env& env, const CreditsSubject& subject) {
    if (subject.config) {
      weights_ = std::make_unique<Weights>(env, subject);
      subject_ = {
          .network = &weights_->network, .params = weights_->params.data(), .fixed = nullptr};
    } else {
      subject_.fixed = &*subject.fixed;
    }
  }
  const Subject& subject() const { return subject_; }

 private:
  std::unique_ptr<Weights> weights_;
  Subject subject_;
};

DefaultChoice resolve_choice(const EnvSpec& spec, const std::string& asked, std::string& name) {
  if (asked == "random" || (asked == "auto" && !spec.idle_action)) {
    name = "random";
    return {.random = true, .idle = {}};
  }
  if (asked == "auto" || asked == "idle") {
    if (!spec.idle_action)
      throw UserError(
          fmt::format("default idle: {} has no idle action; default random replaces actions by "
                      "random ones, default {} by that action",
                      spec.id, spec.action_names.front()));
    name = "idle";
    return {.random = false, .idle = spec.idle_action};
  }
  const auto found = std::find(spec.action_names.begin(), spec.action_names.end(), asked);
  if (found == spec.action_names.end()) {
    std::vector<std::string> allowed = {"auto", "idle", "random"};
    allowed.insert(allowed.end(), spec.action_names.begin(), spec.action_names.end());
    throw UserError(unknown_name_message("default", asked, allowed));
  }
  name = asked;
  return {.random = false, .idle = static_cast<int>(found - spec.action_names.begin())};
}

// Places 0 .. n-1 so that every prefix is spread out: by their bits read backwards.
std::vector<std::size_t> spread_order(std::size_t n) {
  unsigned bits = 0;
  while ((std::size_t{1} << bits) < n) ++bits;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < std::size_t{1} << bits; ++i) {
    std::size_t reversed = 0;
    for (unsigned b = 0; b < bits; ++b)
      if ((i >> b & 1U) != 0) reversed |= std::size_t{1} << (bits - 1 - b);
    if (reversed < n) order.push_back(reversed);
  }
  return order;
}

// The states whose highest cost stays within the budget, spread over the sample.
std::vector<std::uint8_t> within_budget(const std::vector<Situation>& situations,
                                        const CreditsPlan& plan, int limit) {
  std::vector<std::uint8_t> keep(situations.size(), 1);
  if (!plan.budget) return keep;
  std::fill(keep.begin(), keep.end(), std::uint8_t{0});
  std::int64_t cost = 0;
  for (const std::size_t i : spread_order(situations.size())) {
    const Situation& s = situations[i];
    const auto players = static_cast<int>(acting_agents(s, plan.options).size());
    cost += most_steps(players, limit - s.t, plan.options);
    if (cost > *plan.budget) break;
    keep[i] = 1;
  }
  return keep;
}

struct Sample {
  std::vector<int> lengths;  // of the episodes
  std::vector<Situation> situations;
  std::int64_t left_out = 0;  // for the budget's sake
};

Sample sample_situations(const Env& env, const Subject& subject, const CreditsPlan& plan) {
  Sample sample;
  sample.lengths = episode_lengths(env, subject, plan.episodes, plan.options.seed);
  const std::vector<Moment> moments =
      sample_moments(sample.lengths, plan.states, plan.options.seed);
  std::vector<Situation> all = record_situations(env, subject, moments, plan.options.seed);
  const std::vector<std::uint8_t> keep = within_budget(all, plan, env.spec().episode_limit);
  for (std::size_t i = 0; i < all.size(); ++i)
    if (keep[i] != 0) sample.situations.push_back(std::move(all[i]));
  sample.left_out = static_cast<std::int64_t>(all.size() - sample.situations.size());
  return sample;
}

// What is done, with a checksum behind it.
void save_part(const std::filesystem::path& path, const std::string& identity,
               const std::vector<MeasuredState>& states, std::size_t done) {
  ByteWriter out;
  out.put_tag(kPartTag);
  out.put_string(identity);
  out.put<std::uint64_t>(done);
  for (std::size_t i = 0; i < done; ++i) {
    states[i].truth.save(out);
    states[i].mixer.save(out);
    states[i].central.save(out);
  }
  out.put<std::uint64_t>(xxh64(out.bytes()));
  write_file(path, out.bytes());
}

std::size_t load_part(const std::filesystem::path& path, const std::string& identity,
                      std::vector<MeasuredState>& states, std::string& note) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return 0;
  try {
    const std::vector<std::byte> bytes = read_bytes(path);
    constexpr std::size_t kHash = sizeof(std::uint64_t);
    if (bytes.size() <= kHash) throw Error("too short");
    const std::span<const std::byte> all(bytes);
    const auto body = all.first(bytes.size() - kHash);
    ByteReader tail(all.last(kHash));
    if (tail.get<std::uint64_t>() != xxh64(body)) throw Error("damaged");
    ByteReader in(body);
    in.expect_tag(kPartTag);
    if (in.get_string() != identity) {
      note = fmt::format("{} belongs to other weights or options; starting again", path.string());
      return 0;
    }
    const auto done = in.get<std::uint64_t>();
    if (done > states.size()) throw Error("more states than asked for");
    for (std::size_t i = 0; i < done; ++i) {
      states[i].truth.load(in);
      states[i].mixer.load(in);
      states[i].central.load(in);
    }
    note = fmt::format("going on after {} of {} states", done, states.size());
    return done;
  } catch (const Error& problem) {
    note = fmt::format("{} is not usable ({}); starting again", path.string(), problem.what());
    return 0;
  }
}

}  // namespace

CreditsPlan plan_credits(const Env& env, const std::string& env_settings,
                         const CreditsSubject& subject, const CreditsOptions& options) {
  const EnvSpec& spec = env.spec();
  if (spec.n_agents < 2)
    throw UserError(fmt::format("{} has one agent: there is no credit to share", spec.id));
  if (spec.n_agents > kMostPlayers)
    throw UserError(fmt::format("{} has {} agents; contributions are measured for at most {}",
                                spec.id, spec.n_agents, kMostPlayers));
  CreditsPlan plan;
  plan.env_settings = env_settings;
  plan.options.game = options.game;
  plan.options.choice = resolve_choice(spec, options.choice, plan.choice_name);
  if (subject.fixed) {
    if (subject.algorithm == "scripted:heuristic_ai")
      throw UserError(
          "scripted:heuristic_ai gives its orders inside the environment, whatever actions say, so "
          "no agent can be held back; scripted:heuristic_rest plays by actions");
    if (subject.algorithm == "noop" && plan.choice_name == "idle")
      throw UserError(
          "the policy noop does what held-back agents do by default (idle), so no agent acts; take "
          "another policy");
  }
  const double learner_gamma = subject.config ? subject.config->learner.gamma : kDefaultGamma;
  plan.options.gamma = options.gamma.value_or(learner_gamma);
  if (!(plan.options.gamma > 0.0 && plan.options.gamma <= 1.0))
    throw UserError(fmt::format("gamma {}; allowed: above 0 and at most 1", plan.options.gamma));
  plan.options.exact_up_to = options.exact_up_to;
  plan.options.rule = {.least_branches = options.least_branches,
                       .most_branches = options.most_branches,
                       .floor = kFloorShare * (spec.reward_high - spec.reward_low)};
  plan.options.seed = options.seed;
  if (options.budget && *options.budget < most_steps(1, 1, plan.options))
    throw UserError(fmt::format(
        "a budget of {} environment steps does not pay for one state, which may take {} or more",
        *options.budget, most_steps(1, 1, plan.options)));
  plan.states = options.states;
  plan.episodes = options.episodes;
  plan.budget = options.budget;
  std::string label = subject.label;
  std::replace(label.begin(), label.end(), ':', '_');
  plan.stem = fmt::format("{}.{}.{}", label, game_name(options.game), plan.choice_name);
  plan.identity = sha256_hex(
      fmt::format(
          "credits 1\nenv {} {}\nalgorithm {}\nweights {}\ngame {}\ndefault {}\ngamma {}\nexact_up_to "
          "{}\nbranches {}:{}\nstates {}\nepisodes {}\nbudget {}\nseed {}\n",
          spec.id, env_settings, subject.algorithm, hex64(subject.weights_hash),
          game_name(options.game), plan.choice_name, plan.options.gamma, options.exact_up_to,
          options.least_branches, options.most_branches, options.states, options.episodes,
          options.budget.value_or(-1), options.seed) +
      (subject.search.empty() ? "" : fmt::format("search {}\n", subject.search)));
  return plan;
}

std::optional<CreditsResult> run_credits(
    const Env& env, const CreditsSubject& subject, const CreditsPlan& plan,
    const std::filesystem::path& part_file, std::string& note,
    const std::function<void(const CreditsProgress&)>& on_progress) {
  const EnvSpec& spec = env.spec();
  const Studied studied(env, subject);
  const Sample sample = sample_situations(env, studied.subject(), plan);
  const std::vector<Situation>& situations = sample.situations;
  if (situations.empty())
    throw UserError(
        fmt::format("a budget of {} environment steps does not pay for one state", *plan.budget));

  CreditsResult result;
  result.left_out = sample.left_out;
  result.states.resize(situations.size());
  const bool central =
      studied.subject().network != nullptr && studied.subject().network->central != nullptr;
  std::size_t done =
      part_file.empty() ? 0 : load_part(part_file, plan.identity, result.states, note);

  struct Worker {
    Continuations continuations;
    Scratch scratch;
  };
  oneapi::tbb::enumerable_thread_specific<Worker> workers([&] {
    return Worker{Continuations(studied.subject(), plan.options.game, plan.options.choice,
                                plan.options.gamma, plan.options.seed),
                  Scratch()};
  });
  const auto measure = [&](std::size_t i) {
    Worker& worker = workers.local();
    MeasuredState& state = result.states[i];
    state.truth = estimate_contribution(situations[i], worker.continuations, plan.options);
    if (!subject.config) return;
    const Network& network = *studied.subject().network;
    const float* params = studied.subject().params;
    state.mixer = learned_credits(network, params, *subject.config, CreditSource::kMixer,
                                  situations[i], state.truth, plan.options, worker.scratch);
    if (central)
      state.central = learned_credits(network, params, *subject.config, CreditSource::kCentral,
                                      situations[i], state.truth, plan.options, worker.scratch);
  };
  CreditsProgress progress{.done = static_cast<std::int64_t>(done),
                           .total = static_cast<std::int64_t>(situations.size()),
                           .steps = 0};
  std::size_t saved = done;
  std::int64_t saved_steps = 0;
  const std::size_t at_a_time =
      sz(kStatesPerThread * oneapi::tbb::this_task_arena::max_concurrency());
  while (done < situations.size()) {
    const std::size_t end = std::min(situations.size(), done + at_a_time);
    oneapi::tbb::parallel_for(done, end, measure, oneapi::tbb::simple_partitioner{});
    for (; done < end; ++done) progress.steps += result.states[done].truth.steps;
    progress.done = static_cast<std::int64_t>(done);
    if (on_progress) on_progress(progress);
    const bool stop = stop_requested();
    const bool is_due =
        progress.steps - saved_steps >= kStepsPerPart && kPartShare * (done - saved) >= done;
    if (!part_file.empty() && done < situations.size() && (stop || is_due)) {
      save_part(part_file, plan.identity, result.states, done);
      saved = done;
      saved_steps = progress.steps;
    }
    if (stop && done < situations.size()) return std::nullopt;
  }
  for (const MeasuredState& state : result.states) result.steps += state.truth.steps;
  result.fidelity = measure_fidelity(result.states, plan.options.gamma, spec.episode_limit,
                                     spec.n_agents, central, plan.options.seed);
  return result;
}

CreditsEstimate estimate_credits(const Env& env, const CreditsSubject& subject,
                                 const CreditsPlan& plan, bool by_network) {
  const EnvSpec& spec = env.spec();
  const Studied studied(env, subject);
  const Sample sample = sample_situations(env, studied.subject(), plan);
  CreditsEstimate estimate;
  const bool certain = !spec.is_stochastic && !plan.options.choice.random;
  for (const Situation& situation : sample.situations) {
    ++estimate.states;
    const auto players = static_cast<int>(acting_agents(situation, plan.options).size());
    if (players == 0) continue;
    const std::int64_t coalitions = CoalitionPlan::size(players, plan.options.exact_up_to);
    const double likely =
        static_cast<double>(coalitions * (certain ? 1 : plan.options.rule.first(coalitions)));
    // The recorded episode says how long branches last.
    estimate.likely_steps += likely * (sample.lengths[sz(situation.episode)] - situation.t);
    estimate.most_steps +=
        static_cast<double>(most_steps(players, spec.episode_limit - situation.t, plan.options));
  }
  const double step_s =
      CostModel::builtin().acting_step_seconds(spec.id, by_network ? spec.n_agents : 0);
  estimate.likely_seconds = estimate.likely_steps * step_s;
  estimate.most_seconds = estimate.most_steps * step_s;
  return estimate;
}

}  // namespace credo::suite
