// Hallway (join1 of NDQ; Wang et al., "Learning nearly decomposable value functions via
// communication minimization", ICLR 2020): each agent walks along its own corridor and must
// reach the end, position 0, in the same step as all others. An agent that arrives alone ends the
// episode without reward. Agents observe only their own position.
//
// Time limit: the original ends ten steps after the length of the longest corridor, whatever the
// lengths are, and does not mark this as a cut, hence limit_is_terminal = true by default.
#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "envs/core/registry.hpp"

namespace credo {
namespace {

constexpr int kStay = 0;
constexpr int kForward = 1;  // towards the end
constexpr int kActions = 3;
constexpr int kMaxLength = 1000;
constexpr std::size_t kMaxAgents = 32;
constexpr double kReward = 10.0;
constexpr std::int64_t kSpareSteps = 10;  // of the limit, beyond the longest corridor

class Hallway final : public Env {
 public:
  Hallway(EnvSpec spec, std::vector<std::int32_t> lengths)
      : Env(std::move(spec)), lengths_(std::move(lengths)), position_(lengths_) {}

  const std::vector<std::int32_t>& position() const { return position_; }

  std::optional<bool> won() const override { return n_at_end() == position_.size(); }
  std::vector<std::pair<std::string, double>> info() const override {
    return {{"at_end", static_cast<double>(n_at_end())}};
  }

 protected:
  void do_reset(Stream& stream) override {
    for (std::size_t i = 0; i < position_.size(); ++i)
      position_[i] =
          1 + static_cast<std::int32_t>(stream.below(static_cast<std::uint32_t>(lengths_[i])));
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    (void)stream;
    for (std::size_t i = 0; i < position_.size(); ++i) {
      const int move = actions[i] == kStay ? 0 : actions[i] == kForward ? -1 : 1;
      position_[i] = std::clamp(position_[i] + move, 0, lengths_[i]);
    }
    const std::size_t n_arrived = n_at_end();
    return {.reward = n_arrived == position_.size() ? kReward : 0.0, .terminated = n_arrived > 0};
  }

  void do_write_obs(std::span<float> out) const override {
    for (std::size_t i = 0; i < position_.size(); ++i) out[i] = static_cast<float>(position_[i]);
  }
  void do_write_state(std::span<float> out) const override { do_write_obs(out); }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<Hallway>(*this); }

  void do_save(ByteWriter& out) const override { out.put_vector(position_); }

  void do_load(ByteReader& in) override {
    std::vector<std::int32_t> position(position_.size());
    in.get_span(std::span<std::int32_t>(position));
    for (std::size_t i = 0; i < position.size(); ++i)
      CREDO_CHECK(position[i] >= 0 && position[i] <= lengths_[i],
                  "saved state holds a position outside the corridor");
    position_ = std::move(position);
  }

  std::string do_render_text() const override {
    std::string text = fmt::format("{} t={}\n", spec().id, t());
    for (std::size_t i = 0; i < position_.size(); ++i) {
      std::string corridor(static_cast<std::size_t>(lengths_[i]) + 1, '.');
      corridor[0] = '|';
      corridor[static_cast<std::size_t>(position_[i])] = static_cast<char>('A' + i % 26);
      text += corridor + '\n';
    }
    return text;
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  std::size_t n_at_end() const {
    return static_cast<std::size_t>(std::count(position_.begin(), position_.end(), 0));
  }

  std::vector<std::int32_t> lengths_;
  std::vector<std::int32_t> position_;
};

/// Privileged (sees all positions): only the agents farthest from the end walk.
class CatchUp final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    (void)stream;
    const auto& position = dynamic_cast<const Hallway&>(env).position();
    const auto farthest = *std::max_element(position.begin(), position.end());
    for (std::size_t i = 0; i < actions.size(); ++i)
      actions[i] = position[i] == farthest ? kForward : kStay;
  }
};

std::unique_ptr<ScriptedPolicy> Hallway::do_make_scripted(std::string_view name) const {
  (void)name;
  return std::make_unique<CatchUp>();
}

std::vector<std::int32_t> parse_lengths(const std::string& text) {
  const auto fail = [&text] {
    throw UserError(
        fmt::format("env.lengths = '{}': give the corridor lengths of 1 to {} agents, each in "
                    "[1, {}], separated by commas, e.g. 6,6",
                    text, kMaxAgents, kMaxLength));
  };
  std::vector<std::int32_t> lengths;
  const char* next = text.data();
  const char* const end = text.data() + text.size();
  while (true) {
    std::int32_t length = 0;
    const auto parsed = std::from_chars(next, end, length);
    if (parsed.ec != std::errc() || length < 1 || length > kMaxLength) fail();
    lengths.push_back(length);
    if (parsed.ptr == end) break;
    if (*parsed.ptr != ',' || lengths.size() == kMaxAgents) fail();
    next = parsed.ptr + 1;
  }
  return lengths;
}

std::optional<ParamValue> original_limit(const Params& params) {
  try {
    const auto lengths = parse_lengths(params.text("lengths"));
    return *std::max_element(lengths.begin(), lengths.end()) + kSpareSteps;
  } catch (const UserError&) {
    return std::nullopt;
  }
}

std::string describe(const Params& params) {
  std::vector<std::int32_t> lengths;
  try {
    lengths = parse_lengths(params.text("lengths"));
  } catch (const UserError&) {
    return "agents in corridors of their own";
  }
  std::string text = fmt::format("{} agent{} in corridors of length", lengths.size(),
                                 lengths.size() == 1 ? "" : "s");
  for (std::size_t i = 0; i < lengths.size(); ++i)
    text += fmt::format("{} {}", i == 0 ? "" : ",", lengths[i]);
  return text;
}

std::unique_ptr<Env> make_hallway(EnvSpec spec, const Params& params) {
  auto lengths = parse_lengths(params.text("lengths"));
  const auto longest = static_cast<float>(*std::max_element(lengths.begin(), lengths.end()));
  spec.n_agents = static_cast<int>(lengths.size());
  spec.n_actions = kActions;
  spec.action_names = {"stay", "forward", "back"};
  spec.noop_action = kStay;
  spec.obs_features = {{"own.position", 0.0F, longest}};
  for (std::size_t i = 0; i < lengths.size(); ++i)
    spec.state_features.push_back(
        {fmt::format("agent{}.position", i), 0.0F, static_cast<float>(lengths[i])});
  spec.obs_dim = 1;
  spec.state_dim = spec.n_agents;
  spec.reward_low = 0.0;
  spec.reward_high = kReward;
  spec.return_bound = kReward;
  // From farther away than the limit no agent can arrive in time.
  double in_time = 1.0;
  for (const std::int32_t length : lengths)
    in_time *= static_cast<double>(std::min(length, spec.episode_limit)) / length;
  spec.best_return = kReward * in_time;
  spec.is_stochastic = true;
  spec.scripted.push_back({"default", "knows all positions; the farthest agents walk first"});
  return std::make_unique<Hallway>(std::move(spec), std::move(lengths));
}

}  // namespace

EnvFamily hallway_family() {
  EnvFamily family;
  family.name = "hallway";
  family.help = "NDQ's Hallway: arrive at the same time without seeing each other";
  family.params = {ParamSpec::text(
      "lengths", "6,6", "corridor length of each agent, e.g. 6,6; the limit is the longest + 10")};
  auto limit = limit_params(16, true);
  limit.front().follows = {"lengths"};
  limit.front().follow = original_limit;
  for (ParamSpec& param : limit) family.params.push_back(std::move(param));
  family.variants = {{"", "", {}}, {"2-6-10", "", {{"lengths", std::string("2,6,10")}}}};
  family.describe = describe;
  family.make = make_hallway;
  return family;
}

}  // namespace credo
