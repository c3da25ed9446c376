// The two-step game of the QMIX paper (Rashid et al. 2018, section 5). Agent 0's first action picks
// the game of the second step: 2A pays 7 whatever is played, 2B pays [[0, 1], [1, 8]]. Factored
// linearly the safe 7 looks better; a monotonic mixer can see the 8.
//
// The second step is a true end; a lower env.limit would be stored as one too, as EPyMARL's gymma
// wrapper stores every limit, hence limit_is_terminal = true by default.
#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "envs/core/registry.hpp"

namespace credo {
namespace {

enum class Phase : std::uint8_t { kFirst, kGameA, kGameB, kEnd };

constexpr std::size_t kAgents = 2;
constexpr std::size_t kStates = 3;  // one-hot; all zeros after the end
constexpr std::array<std::array<double, 2>, 2> kPayoffB = {{{0.0, 1.0}, {1.0, 8.0}}};

class TwoStep final : public Env {
 public:
  explicit TwoStep(EnvSpec spec) : Env(std::move(spec)) {}

 protected:
  void do_reset(Stream& stream) override {
    (void)stream;
    phase_ = Phase::kFirst;
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    (void)stream;
    if (phase_ == Phase::kFirst) {
      phase_ = actions[0] == 0 ? Phase::kGameA : Phase::kGameB;
      return {};
    }
    const double reward =
        phase_ == Phase::kGameA
            ? 7.0
            : kPayoffB[static_cast<std::size_t>(actions[0])][static_cast<std::size_t>(actions[1])];
    phase_ = Phase::kEnd;
    return {.reward = reward, .terminated = true};
  }

  void do_write_obs(std::span<float> out) const override {
    do_write_state(out.first(kStates));
    do_write_state(out.last(kStates));
  }

  void do_write_state(std::span<float> out) const override {
    std::fill(out.begin(), out.end(), 0.0F);
    if (phase_ != Phase::kEnd) out[static_cast<std::size_t>(phase_)] = 1.0F;
  }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<TwoStep>(*this); }

  void do_save(ByteWriter& out) const override { out.put(phase_); }

  void do_load(ByteReader& in) override {
    const auto phase = in.get<std::uint8_t>();
    CREDO_CHECK(phase <= static_cast<std::uint8_t>(Phase::kEnd), "saved state is damaged");
    phase_ = static_cast<Phase>(phase);
  }

  std::string do_render_text() const override {
    switch (phase_) {
      case Phase::kFirst:
        return "state 1: agent 0 chooses between 2A (action A) and 2B (action B)\n";
      case Phase::kGameA:
        return "state 2A: every joint action pays 7\n";
      case Phase::kGameB:
        return "state 2B: payoff [[0, 1], [1, 8]]\n";
      case Phase::kEnd:
        break;
    }
    return "the game is over\n";
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  Phase phase_ = Phase::kFirst;
};

/// B at both steps: state 2B, then its 8.
class AlwaysB final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    (void)env;
    (void)stream;
    std::fill(actions.begin(), actions.end(), 1);
  }
};

std::unique_ptr<ScriptedPolicy> TwoStep::do_make_scripted(std::string_view name) const {
  (void)name;
  return std::make_unique<AlwaysB>();
}

std::unique_ptr<Env> make_two_step(EnvSpec spec, const Params& params) {
  (void)params;
  const bool has_second_step = spec.episode_limit > 1;
  spec.n_agents = kAgents;
  spec.n_actions = 2;
  spec.obs_dim = spec.state_dim = kStates;
  spec.reward_low = 0.0;
  spec.reward_high = 8.0;
  spec.return_bound = has_second_step ? 8.0 : 0.0;
  spec.random_return = has_second_step ? (7.0 + (0.0 + 1.0 + 1.0 + 8.0) / 4.0) / 2.0 : 0.0;
  spec.is_stochastic = false;
  spec.action_names = {"A", "B"};
  spec.obs_features = {{"state_1", 0.0F, 1.0F}, {"state_2A", 0.0F, 1.0F}, {"state_2B", 0.0F, 1.0F}};
  spec.state_features = spec.obs_features;
  spec.scripted = {{"default", "plays the optimal B, B for 8"}};
  return std::make_unique<TwoStep>(std::move(spec));
}

}  // namespace

EnvFamily two_step_family() {
  EnvFamily family;
  family.name = "two_step";
  family.help = "two-step game of the QMIX paper";
  family.params = limit_params(2, true);
  family.variants = {{"", "two-step game of the QMIX paper (Rashid et al. 2018)", {}}};
  family.make = make_two_step;
  return family;
}

}  // namespace credo
