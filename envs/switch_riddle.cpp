// Switch riddle (Foerster et al., "Learning to communicate with deep multi-agent reinforcement
// learning", 2016; rules of JaxMARL's switch_riddle.py): in every step one prisoner, drawn at
// random, is in the interrogation room and may toggle the light or announce that all prisoners have
// been there. A true announcement pays the team +1, a false one -1; either ends the episode. Only
// the prisoner in the room sees the light.
//
// Time limit: 4n - 6 steps for n prisoners, ended like any other end in the original, hence
// limit_is_terminal = true by default.
#include <bit>

#include "envs/gridworld/grid.hpp"

namespace credo {
namespace {

constexpr int kNothing = 0;
constexpr int kFlip = 1;
constexpr int kTell = 2;
constexpr int kActions = 3;
constexpr int kMaxAgents = 32;

struct Rules {
  int n_agents = 3;
  bool masks_actions = false;
  double reward_scale = 3.0;
};

class SwitchRiddle final : public grid::ViewedEnv {
 public:
  SwitchRiddle(EnvSpec spec, const grid::Views& views, const Rules& rules)
      : ViewedEnv(std::move(spec), views), rules_(rules) {}

  std::size_t in_room() const { return in_room_; }
  /// Whether all prisoners, including the one now in the room, have been there.
  bool is_everybody_in() const {
    return std::popcount(visited_ | bit(in_room_)) == rules_.n_agents;
  }

  std::optional<bool> won() const override { return won_; }
  std::vector<std::pair<std::string, double>> info() const override {
    return {{"visited", static_cast<double>(std::popcount(visited_))}};
  }

 protected:
  void do_reset(Stream& stream) override {
    visited_ = 0;
    is_light_on_ = false;
    won_ = false;
    in_room_ = draw(stream);
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    const int action = actions[in_room_];
    visited_ |= bit(in_room_);
    if (action == kFlip) is_light_on_ = !is_light_on_;
    won_ = action == kTell && std::popcount(visited_) == rules_.n_agents;
    in_room_ = draw(stream);
    if (action != kTell) return {.reward = 0.0, .terminated = false};
    return {.reward = won_ ? rules_.reward_scale : -rules_.reward_scale, .terminated = true};
  }

  void write_own(std::span<float> out) const override {
    out[2 * in_room_] = 1.0F;
    out[2 * in_room_ + 1] = is_light_on_ ? 1.0F : 0.0F;
  }

  void write_true_state(std::span<float> out) const override {
    const auto n_agents = static_cast<std::size_t>(rules_.n_agents);
    out[in_room_] = 1.0F;
    for (std::size_t i = 0; i < n_agents; ++i)
      out[n_agents + i] = (visited_ & bit(i)) != 0 ? 1.0F : 0.0F;
    out[2 * n_agents] = is_light_on_ ? 1.0F : 0.0F;
  }

  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    if (!rules_.masks_actions) return;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rules_.n_agents); ++i)
      if (i != in_room_) out[i * kActions + kFlip] = out[i * kActions + kTell] = 0;
  }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<SwitchRiddle>(*this); }

  void do_save(ByteWriter& out) const override {
    out.put(visited_);
    out.put<std::uint8_t>(static_cast<std::uint8_t>(in_room_));
    out.put<std::uint8_t>(is_light_on_ ? 1 : 0);
    out.put<std::uint8_t>(won_ ? 1 : 0);
  }

  void do_load(ByteReader& in) override {
    const auto visited = in.get<std::uint64_t>();
    const auto in_room = in.get<std::uint8_t>();
    CREDO_CHECK(visited < (std::uint64_t{1} << static_cast<unsigned>(rules_.n_agents)) &&
                    in_room < rules_.n_agents,
                "saved state holds a prisoner who does not exist");
    visited_ = visited;
    in_room_ = in_room;
    is_light_on_ = in.get<std::uint8_t>() != 0;
    won_ = in.get<std::uint8_t>() != 0;
  }

  std::string do_render_text() const override {
    std::string text = fmt::format("{} t={}\nin the room: {}, light {}\nvisited:", spec().id, t(),
                                   in_room_, is_light_on_ ? "on" : "off");
    for (std::size_t i = 0; i < static_cast<std::size_t>(rules_.n_agents); ++i)
      if ((visited_ & bit(i)) != 0) text += fmt::format(" {}", i);
    return text + "\n";
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  static std::uint64_t bit(std::size_t agent) { return std::uint64_t{1} << agent; }
  std::size_t draw(Stream& stream) const {
    return stream.below(static_cast<std::uint32_t>(rules_.n_agents));
  }

  Rules rules_;
  std::uint64_t visited_ = 0;  // bit per prisoner who has been in the room
  std::size_t in_room_ = 0;
  bool is_light_on_ = false;
  bool won_ = false;
};

/// Privileged and optimal: knows who has been in the room. With three prisoners the light alone is
/// enough: the second visitor turns it on, and whoever sees it on at a first visit announces.
class AllKnowing final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    (void)stream;
    const auto& world = dynamic_cast<const SwitchRiddle&>(env);
    std::fill(actions.begin(), actions.end(), kNothing);
    if (world.is_everybody_in()) actions[world.in_room()] = kTell;
  }
};

std::unique_ptr<ScriptedPolicy> SwitchRiddle::do_make_scripted(std::string_view name) const {
  (void)name;
  return std::make_unique<AllKnowing>();
}

std::optional<ParamValue> original_limit(const Params& params) {
  return 4 * params.integer("n_agents") - 6;
}

std::string describe(const Params& params) {
  return fmt::format("{} prisoners, {} steps", params.integer("n_agents"), params.integer("limit"));
}

/// Mean returns, per prisoner, of announcing as soon as it is true and of random play.
struct Values {
  double best = 0.0;
  double random = 0.0;
};
Values exact_values(int n_agents, int limit) {
  const auto n = static_cast<std::size_t>(n_agents);
  std::vector<double> p(n + 1, 0.0);  // p[k]: k have been in the room
  p[0] = 1.0;
  Values values;
  double playing = 1.0;  // random play: probability that nobody has announced yet
  for (int step = 0; step < limit; ++step) {
    for (std::size_t k = n; k > 0; --k)
      p[k] = (p[k] * static_cast<double>(k) + p[k - 1] * static_cast<double>(n + 1 - k)) / n_agents;
    p[0] = 0.0;
    values.random += playing / kActions * (2.0 * p[n] - 1.0);
    playing *= 1.0 - 1.0 / kActions;
  }
  values.best = p[n];
  return values;
}

std::unique_ptr<Env> make_switch_riddle(EnvSpec spec, const Params& params) {
  Rules rules;
  rules.n_agents = params.integer32("n_agents");
  rules.masks_actions = params.text("avail") == "legal";
  rules.reward_scale = grid::reward_scale(params, rules.n_agents);

  spec.n_agents = rules.n_agents;
  spec.n_actions = kActions;
  spec.action_names = {"nothing", "flip", "tell"};
  spec.noop_action = kNothing;
  std::vector<Feature> true_state;
  for (const char* what : {"in_room", "visited"})
    for (int i = 0; i < rules.n_agents; ++i)
      true_state.push_back({fmt::format("agent{}.{}", i, what), 0.0F, 1.0F});
  true_state.push_back({"light", 0.0F, 1.0F});
  const grid::Views views = grid::read_views(params);
  grid::set_features(spec, views, {{"own.in_room", 0.0F, 1.0F}, {"own.light", 0.0F, 1.0F}},
                     std::move(true_state));
  spec.reward_low = -rules.reward_scale;
  spec.reward_high = rules.reward_scale;
  // With a limit below the number of prisoners no announcement can be true.
  spec.return_bound = spec.episode_limit < rules.n_agents ? 0.0 : rules.reward_scale;
  const Values values = exact_values(rules.n_agents, spec.episode_limit);
  spec.best_return = rules.reward_scale * values.best;
  spec.random_return = rules.reward_scale * values.random;
  spec.is_stochastic = true;
  spec.scripted.push_back(
      {"default", "knows who has been in the room; announces as soon as it is true"});
  return std::make_unique<SwitchRiddle>(std::move(spec), views, rules);
}

}  // namespace

EnvFamily switch_riddle_family() {
  EnvFamily family;
  family.name = "switch_riddle";
  family.help = "hundred-prisoners riddle: coordinate through one light bulb";
  family.params = {ParamSpec::integer("n_agents", 3, 3, kMaxAgents,
                                      "number of prisoners; the limit is 4 n_agents - 6"),
                   grid::reward_param(), grid::avail_param(), grid::partial_state_param()};
  auto limit = limit_params(6, true);
  limit.front().follows = {"n_agents"};
  limit.front().follow = original_limit;
  for (ParamSpec& param : limit) family.params.push_back(std::move(param));
  family.variants = {{"", "", {}}, {"4", "", {{"n_agents", std::int64_t{4}}}}};
  family.describe = describe;
  family.make = make_switch_riddle;
  return family;
}

}  // namespace credo
