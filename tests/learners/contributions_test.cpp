// True contributions against closed forms: games on sets, one-step games, sequential games played
// in the real environments, the learner's side, and the measures of agreement.
#include <cmath>
#include <doctest/doctest.h>
#include <fstream>
#include <numeric>
#include <tbb/task_arena.h>

#include "envs/core/registry.hpp"
#include "learners/contributions/contribution.hpp"
#include "learners/contributions/learned.hpp"
#include "learners/nets/parameters.hpp"
#include "learners/network.hpp"
#include "tests/learners/contribution_support.hpp"
#include "tests/learners/support.hpp"

using namespace credo;
using namespace learner_tests;

namespace {

// H of |x|; -1 where it is undefined.
double entropy_of(const std::vector<double>& x) {
  double total = 0.0;
  for (const double y : x) total += std::abs(y);
  double h = total > 0.0 ? 0.0 : -1.0;
  for (const double y : x)
    if (y != 0.0) h -= std::abs(y) / total * std::log(std::abs(y) / total);
  return h / std::log(static_cast<double>(x.size()));
}

}  // namespace

TEST_CASE("contributions: games on sets") {
  // The value of a coalition, by its mask.
  const auto table = [](int k, const auto& value) {
    std::vector<double> v;
    for (Coalition c = 0; c <= grand_coalition(k); ++c) v.push_back(value(c));
    return v;
  };
  const auto glove = table(3, [](Coalition c) { return (c & 1) != 0 && (c & 6) != 0 ? 1.0 : 0.0; });
  check_values(shapley_values(3, glove), {2.0 / 3, 1.0 / 6, 1.0 / 6});
  check_values(differences(3, glove), {1, 0, 0});
  const auto unanimity = table(3, [](Coalition c) { return (c & 3) == 3 ? 1.0 : 0.0; });
  check_values(shapley_values(3, unanimity), {0.5, 0.5, 0.0});
  check_values(differences(3, unanimity), {1, 1, 0});

  const auto pairwise = [](Coalition c) {
    const auto has = [c](int i) { return (c >> i & 1U) != 0; };
    double v = 0.0;
    if (has(0)) v += 3.0;
    if (has(1)) v -= 1.0;
    if (has(2)) v += 2.0;
    if (has(0) && has(1)) v += 4.0;
    if (has(1) && has(2)) v -= 3.0;
    if (has(0) && has(3)) v += 5.0;
    if (has(2) && has(3)) v += 1.0;
    return v;
  };
  const std::vector<double> expected = {7.5, -0.5, 1.0, 3.0};
  check_values(shapley_values(4, table(4, pairwise)), expected);
  std::vector<int> order = {0, 1, 2, 3};
  std::vector<double> mean(4, 0.0);
  int orders = 0;
  do {
    const CoalitionPlan plan(4, 0, order);
    CHECK(static_cast<std::int64_t>(plan.coalitions().size()) == CoalitionPlan::size(4, 0));
    std::vector<double> v;
    for (const Coalition c : plan.coalitions()) v.push_back(pairwise(c));
    std::vector<double> phi(4), diff(4);
    plan.solve(v, phi, diff);
    check_values(phi, expected);  // pairs are exact where players interact two by two
    check_values(diff, differences(4, table(4, pairwise)));
    ++orders;
  } while (std::next_permutation(order.begin(), order.end()));
  CHECK(orders == 24);

  const auto all_three = [](Coalition c) { return c == 7 ? 1.0 : 0.0; };
  const std::vector<int> identity = {0, 1, 2};
  const CoalitionPlan plan(3, 0, identity);
  std::vector<double> v;
  for (const Coalition c : plan.coalitions()) v.push_back(all_three(c));
  std::vector<double> phi(3), diff(3);
  plan.solve(v, phi, diff);
  check_values(phi, {0.5, 0.0, 0.5});
  order = identity;
  std::fill(mean.begin(), mean.end(), 0.0);
  do {
    const CoalitionPlan pair(3, 0, order);
    v.clear();
    for (const Coalition c : pair.coalitions()) v.push_back(all_three(c));
    pair.solve(v, phi, diff);
    for (std::size_t i = 0; i < 3; ++i) mean[i] += phi[i] / 6.0;
  } while (std::next_permutation(order.begin(), order.end()));
  check_values({mean[0], mean[1], mean[2]}, {1.0 / 3, 1.0 / 3, 1.0 / 3});
}

TEST_CASE("contributions: random games are efficient, symmetric and ignore dummies") {
  learner_tests::Draw draw("random games");
  for (int game = 0; game < 50; ++game) {
    const int k = draw.integer(1, 7);
    std::vector<double> v(std::size_t{1} << k);
    for (double& x : v) x = draw.real(-5.0F, 5.0F);
    const std::vector<double> phi = shapley_values(k, v);
    CHECK(std::accumulate(phi.begin(), phi.end(), 0.0) ==
          doctest::Approx(v.back() - v.front()).epsilon(1e-12));
    // Player k joins any coalition for nothing.
    std::vector<double> with_dummy(v);
    with_dummy.insert(with_dummy.end(), v.begin(), v.end());
    std::vector<double> expected(phi);
    expected.push_back(0.0);
    check_values(shapley_values(k + 1, with_dummy), expected, 1e-12);
    if (k < 2) continue;
    std::vector<double> swapped(v.size());  // players 0 and 1 change places
    for (std::size_t c = 0; c < v.size(); ++c)
      swapped[(c & ~std::size_t{3}) | (c & 1U) << 1U | (c >> 1U & 1U)] = v[c];
    std::vector<double> permuted(phi);
    std::swap(permuted[0], permuted[1]);
    check_values(shapley_values(k, swapped), permuted, 1e-12);
  }
}

TEST_CASE("contributions: one-step games have their closed forms") {
  struct Case {
    const char* env;
    const char* agents;  // of matrix/qtran-n
    std::vector<int> actions;
    bool random;
    double none, all;
    std::vector<double> phi, diff;
    double h;
  };
  const std::vector<Case> cases = {
      {"matrix/linear", "", {2, 1}, true, 7.0 / 3, 5, {1, 5.0 / 3}, {1, 5.0 / 3}, .954434},
      {"matrix/qtran",
       "",
       {0, 0},
       true,
       -40.0 / 9,
       8,
       {56.0 / 9, 56.0 / 9},
       {40.0 / 3, 40.0 / 3},
       1},
      {"matrix/qtran", "", {1, 1}, true, -40.0 / 9, 0, {20.0 / 9, 20.0 / 9}, {4, 4}, 1},
      {"matrix/qtran", "", {1, 1}, false, 8, 0, {-4, -4}, {12, 12}, 1},
      {"matrix/qtran",
       "",
       {0, 1},
       true,
       -40.0 / 9,
       -12,
       {-40.0 / 9, -28.0 / 9},
       {-8, -20.0 / 3},
       .977418},
      {"matrix/climbing",
       "",
       {0, 0},
       true,
       -31.0 / 9,
       11,
       {65.0 / 9, 65.0 / 9},
       {52.0 / 3, 52.0 / 3},
       1},
      {"matrix/climbing",
       "",
       {2, 1},
       true,
       -31.0 / 9,
       6,
       {169.0 / 18, 1.0 / 18},
       {35.0 / 3, 7.0 / 3},
       .052046},
      {"matrix/penalty-100", "", {0, 2}, true, -178.0 / 9, 10, {134.0 / 9, 134.0 / 9}, {40, 40}, 1},
      {"matrix/climbing3",
       "",
       {0, 0, 0},
       true,
       -61.0 / 27,
       11,
       {358.0 / 81, 358.0 / 81, 358.0 / 81},
       {52.0 / 3, 52.0 / 3, 52.0 / 3},
       1},
      {"matrix/climbing3",
       "",
       {1, 1, 1},
       true,
       -61.0 / 27,
       7,
       {241.0 / 81, 241.0 / 81, 268.0 / 81},
       {14.0 / 3, 14.0 / 3, 14.0 / 3},
       .998834},
      {"matrix/qtran-n",
       "3",
       {0, 0, 0},
       true,
       -208.0 / 27,
       8,
       {424.0 / 81, 424.0 / 81, 424.0 / 81},
       {40.0 / 3, 40.0 / 3, 40.0 / 3},
       1},
      {"matrix/qtran-n",
       "4",
       {0, 0, 0, 0},
       true,
       -760.0 / 81,
       8,
       {352.0 / 81, 352.0 / 81, 352.0 / 81, 352.0 / 81},
       {40.0 / 3, 40.0 / 3, 40.0 / 3, 40.0 / 3},
       1},
      {"matrix/qtran-n",
       "4",
       {1, 1, 1, 1},
       true,
       -760.0 / 81,
       0,
       {190.0 / 81, 190.0 / 81, 190.0 / 81, 190.0 / 81},
       {4, 4, 4, 4},
       1},
  };
  const FixedPolicy policy{.name = "random", .search = nullptr};
  const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
  for (const Case& c : cases) {
    CAPTURE(c.env);
    CAPTURE(c.actions.front());
    const auto env = *c.agents != '\0' ? env_with(c.env, "n_agents", c.agents) : env_with(c.env);
    const Contribution got =
        contribution_of(start_of(*env, c.actions), subject, options_of(c.random));
    CHECK(got.exact);
    CHECK(std::abs(got.v_none - c.none) <= kExact);
    CHECK(std::abs(got.v_all - c.all) <= kExact);
    check_values(got.phi, c.phi);
    check_values(got.diff, c.diff);
    CHECK(entropy_of(got.phi) == doctest::Approx(c.h).epsilon(1e-5));
    for (const double se : got.phi_se) CHECK(se == 0.0);
  }
}

TEST_CASE("contributions: the two-step game") {
  const auto env = env_with("two_step");
  const FixedPolicy policy = make_fixed_policy(*env, "scripted", 0);
  const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
  const auto situations = scripted_situations(*env, policy, 1, 0);
  REQUIRE(situations.size() == 2);
  REQUIRE(situations[0].actions == std::vector<int>{1, 1});

  const Contribution step_random = contribution_of(situations[0], subject, options_of(true));
  CHECK(std::abs(step_random.v_none - 7.425) <= kExact);
  check_values(step_random.phi, {.495, 0});
  check_values(step_random.diff, {.495, 0});
  const Contribution step_a = contribution_of(situations[0], subject, options_of(false, 0));
  CHECK(std::abs(step_a.v_none - 6.93) <= kExact);
  check_values(step_a.phi, {.99, 0});
  CHECK(step_a.inert == std::vector<std::uint8_t>{0, 1});
  const Contribution absent =
      contribution_of(situations[0], subject, options_of(true, 0, GameKind::kAbsence));
  CHECK(std::abs(absent.v_none - 4.7025) <= kExact);
  check_values(absent.phi, {.99, 2.2275});
  check_values(absent.diff, {2.2275, 3.465});
  const Contribution absent_a =
      contribution_of(situations[0], subject, options_of(false, 0, GameKind::kAbsence));
  CHECK(std::abs(absent_a.v_none - 6.93) <= kExact);
  check_values(absent_a.phi, {-2.475, 3.465});
  check_values(absent_a.diff, {.99, 6.93});

  const Contribution last = contribution_of(situations[1], subject, options_of(true));
  CHECK(std::abs(last.v_none - 2.5) <= kExact);
  check_values(last.phi, {2.75, 2.75});
  check_values(last.diff, {3.5, 3.5});
}

TEST_CASE("contributions: switch, hallway and predator-prey as played by their scripts") {
  {
    Params params = env_params("switch/2");
    params.set_text("limit", "50");
    const auto env = make_env("switch/2", params);
    const FixedPolicy policy = make_fixed_policy(*env, "scripted", 0);
    const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
    const auto situations = scripted_situations(*env, policy, 1, 0);
    const int idle = *env->spec().idle_action;
    for (const GameKind game : {GameKind::kStep, GameKind::kAbsence}) {
      const Contribution c = contribution_of(situations[1], subject, options_of(false, idle, game));
      CHECK(std::abs(c.v_none - -7.7776552093) <= 1e-8);
      CHECK(std::abs(c.v_all - 7.8305818736) <= 1e-8);
      check_values(c.phi, {7.8041185415, 7.8041185415}, 1e-8);
      check_values(c.diff, {15.6082370830, 15.6082370830}, 1e-8);
    }
    const Contribution first = contribution_of(situations[0], subject, options_of(false, idle));
    CHECK(std::abs(first.v_none - -7.8998786572) <= 1e-8);
    check_values(first.phi, {4.0360707848, 11.4160839273}, 1e-8);
    check_values(first.diff, {8.0721415696, 15.4521547121}, 1e-8);
  }
  {
    const auto env = env_with("hallway");
    const FixedPolicy policy = make_fixed_policy(*env, "scripted", 0);
    const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
    int seen = 0;
    for (const Situation& s : scripted_situations(*env, policy, 6, 3)) {
      const Contribution step = contribution_of(s, subject, options_of(false, 0));
      if (std::abs(step.v_all - 10.0) > kExact) continue;  // both are one step away
      ++seen;
      CHECK(std::abs(step.v_none - 9.9) <= kExact);
      check_values(step.phi, {.05, .05});
      check_values(step.diff, {10, 10});
      const Contribution absent =
          contribution_of(s, subject, options_of(false, 0, GameKind::kAbsence));
      CHECK(std::abs(absent.v_none) <= kExact);
      check_values(absent.phi, {5, 5});
      check_values(absent.diff, {10, 10});
    }
    CHECK(seen >= 3);
  }
  {
    const auto env = env_with("predator_prey/5x5-static");
    const FixedPolicy policy = make_fixed_policy(*env, "scripted", 0);
    const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
    const int idle = *env->spec().idle_action;
    int seen = 0;
    for (const Situation& s : scripted_situations(*env, policy, 40, 1)) {
      const Contribution c = contribution_of(s, subject, options_of(false, idle));
      // Both step beside the prey and catch it at once.
      if (c.phi.size() != 2 || std::abs(c.v_all - 9.98) > kExact) continue;
      if (std::abs(c.v_none - 9.8602) > kExact) continue;
      ++seen;
      check_values(c.phi, {.0599, .0599});
      check_values(c.diff, {1.1198, 1.1198});
    }
    CHECK(seen >= 1);
  }
}

namespace {

// The mixer of docs/algorithms/qmix.md's worked example, whatever the state.
struct GoldenMixer {
  explicit GoldenMixer(const Env& env) {
    config.mixer.embed_dim = 3;
    config.mixer.hypernet_layers = 1;
    network = std::make_unique<Network>(shape_of(env.spec()), config);
    params.assign(network->layout.size(), 0.0F);
    TensorFile tensors;
    network->layout.to_tensors(params, tensors);
    const auto set = [&](const std::string& name, const std::vector<float>& values) {
      Tensor& tensor = tensors.tensors.at(name);
      REQUIRE(tensor.size() == values.size());
      tensor = Tensor::f32(tensor.shape, values);
    };
    set("mixer.hyper_w_1.bias", {.3F, -.2F, .1F, -.4F, .5F, .25F});
    set("mixer.hyper_b_1.bias", {.1F, .2F, .3F});
    set("mixer.hyper_w_final.bias", {.6F, -.7F, .8F});
    set("mixer.V.2.bias", {.05F});
    network->layout.from_tensors(tensors, "test", params);
  }
  TrainConfig config;
  std::unique_ptr<Network> network;
  std::vector<float> params;
};

}  // namespace

TEST_CASE("contributions: the learner's account of the worked example") {
  const auto env = env_with("matrix/trivial");
  GoldenMixer golden(*env);
  Situation s = start_of(*env, {0, 0});
  s.q = {.5F, .2F, -9.0F, -1.0F, -1.5F, -9.0F};  // action 0 is taken, action 1 the default
  const ContributionOptions options = options_of(false, 1);
  const FixedPolicy policy{.name = "random", .search = nullptr};
  const Contribution truth =
      contribution_of(s, {.network = nullptr, .params = nullptr, .fixed = &policy}, options);
  Scratch scratch;
  const auto account = [&] {
    return learned_credits(*golden.network, golden.params.data(), golden.config,
                           CreditSource::kMixer, s, truth, options, scratch);
  };
  const LearnedCredits c = account();
  constexpr double kFloat = 2e-7;
  check_values(c.w, {-.486043123819, -.400599510411, -.182287173298, -.080463686990}, kFloat);
  check_values(c.g, {.349549741187, .693125677919}, kFloat);
  check_values(c.first, {.104864922356, .346562838960}, kFloat);
  check_values(c.delta, {.101823486307, .320135823420}, kFloat);
  check_values(c.psi, {.093633549858, .311945886971}, kFloat);
  CHECK(entropy_of(c.g) == doctest::Approx(.920193774224).epsilon(1e-5));
  CHECK(entropy_of(c.first) == doctest::Approx(.781992550986).epsilon(1e-5));
  CHECK(entropy_of(c.delta) == doctest::Approx(.797213885820).epsilon(1e-5));
  CHECK(entropy_of(c.psi) == doctest::Approx(.779513807048).epsilon(1e-5));

  // The gauge: a row of W1 times 10 and that agent's values over 10 change g and nothing else.
  TensorFile tensors;
  golden.network->layout.to_tensors(golden.params, tensors);
  tensors.tensors.at("mixer.hyper_w_1.bias") =
      Tensor::f32({6}, std::vector<float>{3.0F, -2.0F, 1.0F, -.4F, .5F, .25F});
  golden.network->layout.from_tensors(tensors, "test", golden.params);
  for (std::size_t a = 0; a < 3; ++a) s.q[a] /= 10.0F;
  const LearnedCredits scaled = account();
  check_values(scaled.g, {3.495497411874, .693125677919}, 3e-6);
  check_values(scaled.first, c.first, kFloat);
  check_values(scaled.delta, c.delta, kFloat);
  check_values(scaled.psi, c.psi, kFloat);
  CHECK(entropy_of(scaled.g) == doctest::Approx(.647255464382).epsilon(1e-5));
}

TEST_CASE("contributions: a monotone mixer cannot blame a greedy agent") {
  learner_tests::Draw draw("monotone");
  const auto env = env_with("matrix/qtran-n", "n_agents", "4");
  const FixedPolicy policy{.name = "random", .search = nullptr};
  for (const std::string kind : {"vdn", "qmix", "qmix_simple", "qplex"}) {
    for (int turn = 0; turn < 20; ++turn) {
      TrainConfig config;
      config.mixer.type = kind;
      const Network network(shape_of(env->spec()), config);
      const std::vector<float> params = draw.reals(network.layout.size(), -.5F, .5F);
      Situation s = start_of(*env, {0, 0, 0, 0});
      s.q = draw.reals(12);
      for (int i = 0; i < 4; ++i)
        s.actions[sz(i)] = static_cast<int>(
            std::max_element(s.q.begin() + 3 * i, s.q.begin() + 3 * i + 3) - (s.q.begin() + 3 * i));
      const ContributionOptions options = options_of(turn % 2 == 1, 1);
      const Contribution truth =
          contribution_of(s, {.network = nullptr, .params = nullptr, .fixed = &policy}, options);
      Scratch scratch;
      const LearnedCredits c = learned_credits(network, params.data(), config, CreditSource::kMixer,
                                               s, truth, options, scratch);
      const double sum = std::accumulate(c.psi.begin(), c.psi.end(), 0.0);
      if (!c.psi.empty()) CHECK(sum == doctest::Approx(*c.w_all - *c.w_none).epsilon(1e-5));
      for (std::size_t j = 0; j < c.psi.size(); ++j) {
        CHECK(c.first[j] >= -1e-6);
        CHECK(c.delta[j] >= -1e-6);
        if (kind != "qplex") CHECK(c.psi[j] >= -1e-6);
        if (kind == "vdn") {
          CHECK(c.psi[j] == doctest::Approx(c.first[j]).epsilon(1e-4));
          CHECK(c.delta[j] == doctest::Approx(c.q_action[j] - c.q_default[j]).epsilon(1e-4));
        }
      }
    }
  }
}

TEST_CASE("contributions: when replicates are enough") {
  // Replicates whose standard deviation is known: SE = std / sqrt(M).
  const auto replicates = [](std::int64_t coalitions, double std, double range) {
    const ReplicateRule rule{.least_branches = 512, .most_branches = 8192, .floor = .02};
    std::int64_t m = rule.first(coalitions);
    const std::vector<double> phi = {0.0, range};
    while (true) {
      const double se = std / std::sqrt(static_cast<double>(m));
      if (rule.enough(phi, std::vector<double>{se, se}) || !rule.may_double(m, coalitions))
        return m;
      m *= 2;
    }
  };
  CHECK(replicates(4, 1.2, 1) == 128);
  CHECK(replicates(8, .5, .3) == 128);
  CHECK(replicates(32, .2, .5) == 16);
  CHECK(replicates(256, .1, .05) == 32);
  CHECK(replicates(20, 3, .1) == 400);
}

namespace {

// Contributions of every fifth state of some battles or hunts, as bytes.
std::vector<std::byte> study(const std::string& id, const std::string& policy_name, int threads,
                             const ContributionOptions& options) {
  const auto env = make_env(id);
  const FixedPolicy policy = make_fixed_policy(*env, policy_name, 0);
  const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
  ByteWriter out;
  tbb::task_arena arena(threads);
  arena.execute([&] {
    const std::vector<int> lengths = episode_lengths(*env, subject, 4, 5);
    const auto moments = sample_moments(lengths, 6, 5);
    const auto situations = record_situations(*env, subject, moments, 5);
    Continuations continuations(subject, options.game, options.choice, options.gamma, options.seed);
    for (const Situation& s : situations)
      estimate_contribution(s, continuations, options).save(out);
  });
  return out.take();
}

}  // namespace

TEST_CASE("contributions: the same bytes for any number of threads, and other chance per seed") {
  ContributionOptions options = options_of(false, 1);
  options.rule = {.least_branches = 64, .most_branches = 256, .floor = 0.01};
  const auto one = study("skirmish/3m", "scripted:closest", 1, options);
  CHECK(one == study("skirmish/3m", "scripted:closest", 2, options));
  options.seed = 1;
  CHECK(one != study("skirmish/3m", "scripted:closest", 1, options));
}

TEST_CASE("contributions: sampled orders agree with enumeration, and estimates are unbiased") {
  const auto env = make_env("stag_hunt/8x8");
  const FixedPolicy policy = make_fixed_policy(*env, "scripted", 0);
  const Subject subject{.network = nullptr, .params = nullptr, .fixed = &policy};
  const auto situations = scripted_situations(*env, policy, 1, 2);
  // The last state with three actors: what is left of the episode is short.
  const auto first = std::find_if(situations.rbegin(), situations.rend(), [&](const Situation& s) {
    return acting_agents(s, options_of(false, *env->spec().idle_action)).size() >= 3;
  });
  REQUIRE(first != situations.rend());
  ContributionOptions options = options_of(false, *env->spec().idle_action);
  options.rule = {.least_branches = 24'000, .most_branches = 24'000, .floor = 1e9};
  const Contribution reference = contribution_of(*first, subject, options);
  options.rule = {.least_branches = 128, .most_branches = 128, .floor = 1e9};
  const std::size_t k = reference.phi.size();
  std::vector<Moments> enumerated(k), paired(k);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    options.seed = seed;
    options.exact_up_to = 8;
    const Contribution by_all = contribution_of(*first, subject, options);
    options.exact_up_to = 0;
    const Contribution by_orders = contribution_of(*first, subject, options);
    for (std::size_t i = 0; i < k; ++i) {
      enumerated[i].add(by_all.phi[i]);
      paired[i].add(by_orders.phi[i]);
    }
  }
  for (std::size_t i = 0; i < k; ++i) {
    CAPTURE(i);
    const double error = reference.phi_se[i];
    CHECK(std::abs(enumerated[i].mean() - reference.phi[i]) <=
          4.0 * std::hypot(error, enumerated[i].standard_error()));
    CHECK(std::abs(paired[i].mean() - reference.phi[i]) <=
          4.0 * std::hypot(error, paired[i].standard_error()));
  }
}

TEST_CASE("contributions: moments are sampled evenly, and all where there are few") {
  const std::vector<int> lengths = {3, 5, 2};
  CHECK(sample_moments(lengths, 10, 0).size() == 10);
  CHECK(sample_moments(lengths, 99, 0).size() == 10);
  std::vector<int> hits(10, 0);
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    int last = -1;
    for (const Moment& m : sample_moments(lengths, 4, seed)) {
      const int place = (m.episode == 0 ? 0 : m.episode == 1 ? 3 : 8) + m.t;
      CHECK(place > last);
      last = place;
      ++hits[sz(place)];
    }
  }
  for (const int n : hits) CHECK(std::abs(n - 800) < 130);  // 800 expected, deviation 22
}
