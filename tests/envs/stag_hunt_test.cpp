// Stag hunt: rules in hand-made situations, conservation over random play, published values.
#include <algorithm>
#include <array>
#include <numeric>

#include "support.hpp"

using namespace env_tests;

namespace {

constexpr int kStay = 4;
constexpr int kCatch = 5;
constexpr int kSize = 10;

struct Cell {
  int row = 0;
  int col = 0;
};

// Puts `agents` and `prey` (stags first) on the 10x10 board; cells off the board are gone.
void place_all(credo::Env& env, int t, std::uint64_t episode, const std::vector<Cell>& agents,
               const std::vector<Cell>& prey) {
  const auto write_cell = [](credo::ByteWriter& out, Cell cell, bool is_gone_flag) {
    const bool is_gone = cell.row < 0;
    out.put<std::int32_t>((cell.row + 2) * 14 + cell.col + 2);
    out.put<std::uint8_t>(is_gone == is_gone_flag ? 1 : 0);
  };
  place(env, t, episode, [&](credo::ByteWriter& out) {
    out.put<std::int32_t>(0);
    for (const Cell cell : agents) write_cell(out, cell, true);  // flag: frozen
    for (const Cell cell : prey) write_cell(out, cell, false);   // flag: alive
  });
}

float at(const std::vector<float>& state, Cell cell, int channel) {
  return state[static_cast<std::size_t>((cell.row * kSize + cell.col) * 3 + channel)];
}

std::array<int, 3> counts(const std::vector<float>& state) {
  std::array<int, 3> n{};
  for (std::size_t i = 0; i < state.size(); ++i) n[i % 3] += state[i] > 0.5F ? 1 : 0;
  return n;
}

double info_of(const credo::Env& env, std::string_view name) {
  for (const auto& [key, value] : env.info())
    if (key == name) return value;
  FAIL("no such info: " << name);
  return 0.0;
}

bool may_catch(const credo::Env& env, std::size_t agent) {
  return env.avail_actions()[agent * 6 + kCatch] != 0;
}

}  // namespace

TEST_CASE("stag_hunt: nothing appears or vanishes without a reason") {
  for (const char* penalty : {"-2", "0", "-0.5"}) {
    const auto env = make("stag_hunt/8x8", {{"miscapture_penalty", penalty}, {"n_hares", "2"}});
    const double miscapture = std::stod(penalty);
    std::vector<int> actions(8);
    for (std::uint64_t episode = 0; episode < 150; ++episode) {
      env->reset(env_stream(2, episode));
      credo::Stream stream(2, credo::purpose("policy"), 0, episode);
      auto before = counts(state_of(*env));
      REQUIRE(before == std::array<int, 3>{8, 8, 2});
      double sum = 0.0;
      int stags = 0;
      int hares = 0;
      while (!env->done()) {
        stream.seek(static_cast<std::uint64_t>(env->t()));
        random_actions(*env, stream, actions);
        for (std::size_t agent = 0; agent < 8; ++agent)
          if (may_catch(*env, agent) && stream.bernoulli(0.5)) actions[agent] = kCatch;
        const credo::StepResult result = env->step(actions);
        const auto state = state_of(*env);
        const auto after = counts(state);
        // No cell holds two things.
        bool is_shared = false;
        for (std::size_t cell = 0; cell < state.size(); cell += 3)
          is_shared = is_shared || state[cell] + state[cell + 1] + state[cell + 2] > 1.0F;
        REQUIRE_FALSE(is_shared);
        const int new_stags = before[1] - after[1];
        const int new_hares = before[2] - after[2];
        const int new_frozen = before[0] - after[0];
        REQUIRE(new_stags >= 0);
        REQUIRE(new_hares >= 0);
        REQUIRE(new_frozen >= 2 * new_stags + new_hares);
        stags += new_stags;
        hares += new_hares;
        sum += result.reward;
        REQUIRE(8 - after[0] == static_cast<int>(info_of(*env, "frozen_agents")));
        REQUIRE(env->done() == (after[0] == 0 || after[1] + after[2] == 0 || env->t() == 200));
        REQUIRE(result.truncated == (env->done() && !(after[0] == 0 || after[1] + after[2] == 0)));
        before = after;
      }
      REQUIRE(stags + hares == static_cast<int>(info_of(*env, "captures")));
      REQUIRE(stags <= 4);
      REQUIRE(sum == doctest::Approx(10.0 * stags + 1.0 * hares +
                                     miscapture * info_of(*env, "miscaptures")));
      REQUIRE(sum <= *env->spec().return_bound);
    }
  }
}

TEST_CASE("stag_hunt: observations are windows of the state, frozen agents see nothing") {
  const auto env = make("stag_hunt/8x8");
  std::vector<int> actions(8);
  int n_frozen_seen = 0;
  for (std::uint64_t episode = 0; episode < 20; ++episode) {
    env->reset(env_stream(3, episode));
    credo::Stream stream(3, credo::purpose("policy"), 0, episode);
    const auto hunters = scripted(*env);
    while (!env->done()) {
      stream.seek(static_cast<std::uint64_t>(env->t()));
      hunters(*env, stream, actions);
      env->step(actions);
      const auto obs = obs_of(*env);
      const auto state = state_of(*env);
      for (std::size_t agent = 0; agent < 8; ++agent) {
        const std::span<const float> own = std::span(obs).subspan(agent * 75, 75);
        const auto avail = env->avail_actions().subspan(agent * 6, 6);
        const bool is_frozen = own[36] < 0.5F;  // centre, agent channel
        n_frozen_seen += is_frozen ? 1 : 0;
        if (is_frozen) {
          REQUIRE(std::count(own.begin(), own.end(), 0.0F) == 75);
          REQUIRE(std::accumulate(avail.begin(), avail.end(), 0) == 1);
          REQUIRE(avail[kStay] == 1);
          continue;
        }
        // Catch is allowed exactly beside a prey: right, down, left, up of the centre.
        bool beside = false;
        for (const std::size_t cell : {13U, 17U, 11U, 7U})
          beside = beside || own[cell * 3 + 1] > 0.5F || own[cell * 3 + 2] > 0.5F;
        REQUIRE((avail[kCatch] != 0) == beside);
        REQUIRE(avail[kStay] == 1);
        // The window must be found around some agent of the grid.
        bool is_found = false;
        for (int row = 0; row < kSize && !is_found; ++row)
          for (int col = 0; col < kSize && !is_found; ++col) {
            if (at(state, {row, col}, 0) < 0.5F) continue;
            bool is_same = true;
            std::size_t i = 0;
            for (int r = row - 2; r <= row + 2; ++r)
              for (int c = col - 2; c <= col + 2; ++c)
                for (int channel = 0; channel < 3; ++channel, ++i) {
                  const bool is_inside = r >= 0 && r < kSize && c >= 0 && c < kSize;
                  is_same = is_same && own[i] == (is_inside ? at(state, {r, c}, channel) : 0.0F);
                }
            const bool edges_match = (avail[0] != 0) == (col < kSize - 1) &&
                                     (avail[1] != 0) == (row < kSize - 1) &&
                                     (avail[2] != 0) == (col > 0) && (avail[3] != 0) == (row > 0);
            is_found = is_same && edges_match;
          }
        REQUIRE(is_found);
      }
    }
  }
  CHECK(n_frozen_seen > 100);
}

TEST_CASE("stag_hunt: two catch together, every catcher beside the stag is spent") {
  const auto env = make("stag_hunt/8x8", {{"n_agents", "3"}, {"n_prey", "2"}});
  // Three around the stag at (5, 5); the other stag is far away.
  const std::vector<Cell> around = {{5, 4}, {5, 6}, {4, 5}};
  place_all(*env, 5, 0, around, {{5, 5}, {0, 0}});
  const credo::StepResult all = env->step(std::vector<int>{kCatch, kCatch, kCatch});
  CHECK(all.reward == 10.0);
  CHECK(all.terminated);  // nobody is left
  CHECK(counts(state_of(*env)) == std::array<int, 3>{0, 1, 0});

  place_all(*env, 5, 0, around, {{5, 5}, {0, 0}});
  const credo::StepResult two = env->step(std::vector<int>{kCatch, kCatch, kStay});
  CHECK(two.reward == 10.0);
  CHECK_FALSE(two.terminated);  // a lone agent goes on, in vain
  CHECK(counts(state_of(*env)) == std::array<int, 3>{1, 1, 0});

  place_all(*env, 5, 0, around, {{5, 5}, {0, 0}});
  const credo::StepResult one = env->step(std::vector<int>{kCatch, kStay, kStay});
  CHECK(one.reward == -2.0);
  CHECK(counts(state_of(*env)) == std::array<int, 3>{3, 2, 0});
}

TEST_CASE("stag_hunt: a lone catcher pays once per stag it touches") {
  const auto env = make("stag_hunt/8x8", {{"n_agents", "1"}, {"n_prey", "4"}});
  const std::vector<Cell> far = {{0, 0}, {0, 3}, {0, 6}, {0, 9}};
  const std::vector<Cell> near = {{5, 4}, {5, 6}, {4, 5}, {6, 5}};
  for (std::size_t n = 1; n <= 4; ++n) {
    for (std::uint64_t episode = 0; episode < 50; ++episode) {
      std::vector<Cell> prey = far;
      std::copy_n(near.begin(), n, prey.begin());
      place_all(*env, 5, episode, {{5, 5}}, prey);
      CHECK(env->step(std::vector<int>{kCatch}).reward == -2.0 * static_cast<double>(n));
    }
  }
}

TEST_CASE("stag_hunt: a pair between two stags catches either, half of the time each") {
  const auto env = make("stag_hunt/8x8", {{"n_agents", "2"}, {"n_prey", "2"}});
  int n_first = 0;
  constexpr int kTrials = 4000;
  for (std::uint64_t episode = 0; episode < kTrials; ++episode) {
    // Stags at (4, 4) and (5, 5), agents on the two cells that touch both.
    place_all(*env, 5, episode, {{4, 5}, {5, 4}}, {{4, 4}, {5, 5}});
    const credo::StepResult result = env->step(std::vector<int>{kCatch, kCatch});
    REQUIRE(result.reward == 10.0);  // one capture, no penalty for the other stag
    REQUIRE(result.terminated);
    REQUIRE(counts(state_of(*env)) == std::array<int, 3>{0, 1, 0});
    // A saved hunt ends with whether its last prey is alive.
    credo::ByteWriter bytes;
    env->save(bytes);
    n_first += bytes.bytes().back() != std::byte{0} ? 1 : 0;
  }
  CHECK(std::abs(n_first - kTrials / 2) < 4 * std::sqrt(kTrials / 4.0));
}

TEST_CASE("stag_hunt: agents act in random order and never onto something") {
  const auto env = make("stag_hunt/8x8", {{"n_agents", "2"}, {"n_prey", "1"}});
  int n_follows = 0;
  constexpr int kTrials = 4000;
  for (std::uint64_t episode = 0; episode < kTrials; ++episode) {
    // Both step right in a row: the follower only gets through when the leader went first.
    place_all(*env, 5, episode, {{9, 0}, {9, 1}}, {{0, 9}});
    env->step(std::vector<int>{0, 0});
    const auto state = state_of(*env);
    REQUIRE(at(state, {9, 2}, 0) == 1.0F);
    n_follows += at(state, {9, 1}, 0) > 0.5F ? 1 : 0;
    REQUIRE(at(state, {9, 0}, 0) + at(state, {9, 1}, 0) == 1.0F);
  }
  CHECK(std::abs(n_follows - kTrials / 2) < 4 * std::sqrt(kTrials / 4.0));
  // Into a stag: allowed by the mask, without effect.
  place_all(*env, 5, 0, {{5, 5}, {9, 9}}, {{5, 6}});
  CHECK(env->avail_actions()[0] == 1);
  env->step(std::vector<int>{0, kStay});
  CHECK(at(state_of(*env), {5, 5}, 0) == 1.0F);
}

TEST_CASE("stag_hunt: free stags move evenly to their free neighbours and stay only when shut in") {
  const auto env = make("stag_hunt/8x8", {{"n_agents", "2"}, {"n_prey", "1"}});
  std::array<int, 3> n{};
  constexpr int kTrials = 6000;
  for (std::uint64_t episode = 0; episode < kTrials; ++episode) {
    place_all(*env, 5, episode, {{4, 5}, {9, 9}}, {{5, 5}});
    env->step(std::vector<int>{kStay, kStay});
    const auto state = state_of(*env);
    const std::array<Cell, 3> free = {{{6, 5}, {5, 4}, {5, 6}}};
    float total = 0.0F;
    for (std::size_t i = 0; i < 3; ++i) {
      total += at(state, free[i], 1);
      n[i] += at(state, free[i], 1) > 0.5F ? 1 : 0;
    }
    REQUIRE(total == 1.0F);
  }
  for (const int count : n)
    CHECK(std::abs(count - kTrials / 3) < 4 * std::sqrt(kTrials * 2.0 / 9.0));
  place_all(*env, 5, 0, {{0, 1}, {1, 0}}, {{0, 0}});
  env->step(std::vector<int>{kStay, kStay});
  CHECK(at(state_of(*env), {0, 0}, 1) == 1.0F);
}

TEST_CASE("stag_hunt: one agent is enough for a hare") {
  const auto env = make("stag_hunt/8x8", {{"n_agents", "2"}, {"n_prey", "0"}, {"n_hares", "1"}});
  CHECK(*env->spec().return_bound == 1.0);
  place_all(*env, 5, 0, {{5, 4}, {9, 9}}, {{5, 5}});
  const credo::StepResult result = env->step(std::vector<int>{kCatch, kStay});
  CHECK(result.reward == 1.0);
  CHECK(result.terminated);
  CHECK(counts(state_of(*env)) == std::array<int, 3>{1, 0, 0});
}

TEST_CASE("stag_hunt: the limit truncates, a hunt that ends on the last step terminates") {
  const auto env = make("stag_hunt/8x8", {{"n_agents", "2"}, {"n_prey", "1"}});
  CHECK_FALSE(env->spec().limit_is_terminal);
  place_all(*env, 199, 0, {{5, 4}, {5, 6}}, {{5, 5}});
  const credo::StepResult caught = env->step(std::vector<int>{kCatch, kCatch});
  CHECK(caught.terminated);
  CHECK_FALSE(caught.truncated);
  place_all(*env, 199, 0, {{5, 4}, {5, 6}}, {{5, 5}});
  const credo::StepResult cut = env->step(std::vector<int>{kStay, kStay});
  CHECK_FALSE(cut.terminated);
  CHECK(cut.truncated);
}

TEST_CASE("stag_hunt: published returns of simple policies") {
  const auto harsh = make("stag_hunt/8x8");
  const auto mild = make("stag_hunt/8x8", {{"miscapture_penalty", "0"}});
  CHECK(*harsh->spec().return_bound == 40.0);
  CHECK(*mild->spec().return_bound == 40.0);
  // Both published values are simulations of 2000 episodes; theirs have standard errors too.
  const Sample at_minus_two = sample_returns(*harsh, random_actions, 4000);
  CAPTURE(at_minus_two.mean);
  CHECK(agrees(at_minus_two, -93.5, 25.6 / std::sqrt(2000.0)));
  const Sample at_zero = sample_returns(*mild, random_actions, 4000);
  CAPTURE(at_zero.mean);
  CHECK(agrees(at_zero, 5.2, 6.2 / std::sqrt(2000.0)));

  const Policy never_catch = [](const credo::Env& env, credo::Stream& stream,
                                std::span<int> actions) {
    random_actions(env, stream, actions);
    for (int& action : actions)
      if (action == kCatch) action = kStay;
  };
  for (std::uint64_t episode = 0; episode < 20; ++episode)
    CHECK(play(*harsh, never_catch, 1, episode) == 0.0);
  CHECK(play(*harsh, constant_actions(kStay)) == 0.0);
  for (const auto& [env, published] : {std::pair(harsh.get(), 34.3), std::pair(mild.get(), 34.8)}) {
    const Sample hunters = sample_returns(*env, scripted(*env), 1000);
    CAPTURE(hunters.mean);
    CHECK(agrees(hunters, published, 5.2 / std::sqrt(2000.0)));
    // Who spends fewer agents on a stag catches more stags.
    const std::shared_ptr<credo::ScriptedPolicy> sparing = env->make_scripted("sparing");
    const Policy spare = [sparing](const credo::Env& world, credo::Stream& stream,
                                   std::span<int> actions) {
      sparing->act(world, stream, actions);
    };
    CHECK(sample_returns(*env, spare, 1000).mean > hunters.mean + 1.0);
  }
}

TEST_CASE("stag_hunt: counts that do not fit are refused") {
  CHECK(contains(user_error([] { make("stag_hunt/8x8", {{"size", "3"}}); }), "env.size = 3"));
  CHECK(contains(user_error([] { make("stag_hunt/8x8", {{"n_prey", "0"}}); }), "env.n_prey = 0"));
  CHECK(make("stag_hunt/8x8", {{"size", "4"}, {"n_agents", "8"}, {"n_prey", "8"}}) != nullptr);
  CHECK(make("stag_hunt/8x8", {{"sight", "3"}})->spec().obs_dim == 147);
}
