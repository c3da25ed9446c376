// Stag hunt, the cooperative predator-prey of DCG (Boehmer et al. 2020) and Weighted QMIX (Rashid
// et al. 2020), same rules in both. Two agents beside a stag must choose "catch" together; both are
// then frozen and leave the board. A catch that comes alone costs `miscapture_penalty`, per prey
// touched. The reward is one number for the team.
//
// Time limit: the original reports it as a truncation (bootstrap), hence limit_is_terminal = false.
// It does so even if the hunt ends on that very step; here that is a true end.
#include <algorithm>
#include <array>
#include <cstddef>
#include <fmt/format.h>
#include <numeric>

#include "envs/core/registry.hpp"

namespace credo {
namespace {

constexpr int kActions = 6;
constexpr int kStay = 4;
constexpr int kCatch = 5;
constexpr std::size_t kMoveActions = 4;  // right, down, left, up
constexpr std::size_t kChannels = 3;     // agent, stag, hare
constexpr int kStagCatchers = 2;
constexpr int kHareCatchers = 1;

enum Content : std::uint8_t { kEmpty = 0, kAgent = 1, kStag = 2, kHare = 3, kWall = 255 };

struct Rules {
  int size = 10;
  int sight = 2;
  int n_agents = 8;
  int n_stags = 8;
  int n_hares = 0;
  double stag_reward = 10.0;
  double hare_reward = 1.0;
  double miscapture_penalty = -2.0;
};

// Upper bound of the return: each stag removes two agents, each hare one.
double best_catch(const Rules& rules) {
  double best = 0.0;
  for (int stags = 0; stags <= std::min(rules.n_stags, rules.n_agents / kStagCatchers); ++stags) {
    const int hares = std::min(rules.n_hares, rules.n_agents - kStagCatchers * stags);
    best = std::max(best, stags * rules.stag_reward + hares * rules.hare_reward);
  }
  return best;
}

class StagHunt final : public Env {
 public:
  StagHunt(EnvSpec spec, const Rules& rules)
      : Env(std::move(spec)),
        rules_(rules),
        width_(rules.size + 2 * std::max(rules.sight, 1)),
        margin_(std::max(rules.sight, 1)),
        step_{1, width_, -1, -width_},
        agents_(static_cast<std::size_t>(rules.n_agents)),
        prey_(static_cast<std::size_t>(rules.n_stags + rules.n_hares)),
        order_(std::max(agents_.size(), prey_.size())) {
    cells_.assign(static_cast<std::size_t>(width_) * static_cast<std::size_t>(width_), kWall);
    planes_.assign(cells_.size() * kChannels, 0.0F);
    clear_board();
  }

  /// `cell` indexes the board with its border of walls.
  struct Agent {
    int cell = 0;
    bool is_frozen = true;
  };
  struct Prey {
    int cell = 0;
    bool is_alive = false;
  };

  const std::vector<Agent>& agents() const { return agents_; }
  const std::vector<Prey>& prey() const { return prey_; }
  int row(int cell) const { return cell / width_ - margin_; }
  int col(int cell) const { return cell % width_ - margin_; }
  int neighbour(int cell, int move) const { return cell + step_[static_cast<std::size_t>(move)]; }
  bool is_stag(std::size_t prey) const { return prey < static_cast<std::size_t>(rules_.n_stags); }
  int catchers_needed(std::size_t prey) const {
    return is_stag(prey) ? kStagCatchers : kHareCatchers;
  }
  bool are_adjacent(int a, int b) const {
    return std::any_of(step_.begin(), step_.end(), [a, b](int step) { return a + step == b; });
  }

  std::vector<std::pair<std::string, double>> info() const override {
    double captures = 0.0;
    double frozen = 0.0;
    for (const Prey& prey : prey_) captures += prey.is_alive ? 0.0 : 1.0;
    for (const Agent& agent : agents_) frozen += agent.is_frozen ? 1.0 : 0.0;
    return {{"captures", captures},
            {"frozen_agents", frozen},
            {"miscaptures", static_cast<double>(miscaptures_)}};
  }

 protected:
  void do_reset(Stream& stream) override {
    clear_board();
    miscaptures_ = 0;
    const auto free_cell = [this, &stream] {
      const auto size = static_cast<std::uint32_t>(rules_.size);
      while (true) {
        const int row = static_cast<int>(stream.below(size));
        const int col = static_cast<int>(stream.below(size));
        const int cell = (row + margin_) * width_ + col + margin_;
        if (at(cell) == kEmpty) return cell;
      }
    };
    for (Agent& agent : agents_) {
      agent = {.cell = free_cell(), .is_frozen = false};
      put(agent.cell, kAgent);
    }
    for (std::size_t i = 0; i < prey_.size(); ++i) {
      prey_[i] = {.cell = free_cell(), .is_alive = true};
      put(prey_[i].cell, content_of(i));
    }
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    for (const std::size_t agent : shuffled(agents_.size(), stream)) move_agent(agent, actions);
    double reward = 0.0;
    for (const std::size_t i : shuffled(prey_.size(), stream)) {
      if (!prey_[i].is_alive) continue;
      const int n_catchers = count_catchers(prey_[i].cell, actions);
      if (n_catchers >= catchers_needed(i)) {
        reward += is_stag(i) ? rules_.stag_reward : rules_.hare_reward;
        capture(i, actions);
        continue;
      }
      if (n_catchers > 0) {
        reward += rules_.miscapture_penalty;
        ++miscaptures_;
      }
      move_prey(i, stream);
    }
    const bool no_prey =
        std::none_of(prey_.begin(), prey_.end(), [](const Prey& prey) { return prey.is_alive; });
    const bool no_agent = std::all_of(agents_.begin(), agents_.end(),
                                      [](const Agent& agent) { return agent.is_frozen; });
    return {.reward = reward, .terminated = no_prey || no_agent};
  }

  void do_write_obs(std::span<float> out) const override {
    const std::size_t window = static_cast<std::size_t>(2 * rules_.sight + 1);
    const std::size_t line = window * kChannels;
    float* target = out.data();
    for (const Agent& agent : agents_) {
      if (agent.is_frozen) {
        std::fill_n(target, window * line, 0.0F);
        target += window * line;
        continue;
      }
      int corner = agent.cell - rules_.sight * width_ - rules_.sight;
      for (std::size_t row = 0; row < window; ++row, corner += width_, target += line)
        std::copy_n(planes_.data() + static_cast<std::size_t>(corner) * kChannels, line, target);
    }
  }

  void do_write_state(std::span<float> out) const override {
    const std::size_t line = static_cast<std::size_t>(rules_.size) * kChannels;
    for (int row = 0; row < rules_.size; ++row) {
      const auto first = static_cast<std::size_t>((row + margin_) * width_ + margin_);
      std::copy_n(planes_.data() + first * kChannels, line,
                  out.data() + static_cast<std::size_t>(row) * line);
    }
  }

  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    std::uint8_t* row = out.data();
    for (const Agent& agent : agents_) {
      if (agent.is_frozen) {
        std::fill_n(row, kActions, std::uint8_t{0});
        row[kStay] = 1;
      } else {
        bool touches_prey = false;
        for (std::size_t move = 0; move < kMoveActions; ++move) {
          const Content there = at(agent.cell + step_[move]);
          row[move] = there != kWall;
          touches_prey = touches_prey || there == kStag || there == kHare;
        }
        row[kCatch] = touches_prey;
      }
      row += kActions;
    }
  }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<StagHunt>(*this); }

  void do_save(ByteWriter& out) const override {
    out.put<std::int32_t>(miscaptures_);
    for (const Agent& agent : agents_) {
      out.put<std::int32_t>(agent.cell);
      out.put<std::uint8_t>(agent.is_frozen ? 1 : 0);
    }
    for (const Prey& prey : prey_) {
      out.put<std::int32_t>(prey.cell);
      out.put<std::uint8_t>(prey.is_alive ? 1 : 0);
    }
  }

  void do_load(ByteReader& in) override {
    const auto miscaptures = in.get<std::int32_t>();
    std::vector<Agent> agents(agents_.size());
    std::vector<Prey> all_prey(prey_.size());
    for (Agent& agent : agents) {
      agent.cell = in.get<std::int32_t>();
      agent.is_frozen = in.get<std::uint8_t>() != 0;
      CREDO_CHECK(agent.is_frozen || is_on_board(agent.cell),
                  "saved state holds a cell outside the board");
    }
    for (Prey& prey : all_prey) {
      prey.cell = in.get<std::int32_t>();
      prey.is_alive = in.get<std::uint8_t>() != 0;
      CREDO_CHECK(!prey.is_alive || is_on_board(prey.cell),
                  "saved state holds a cell outside the board");
    }
    miscaptures_ = miscaptures;
    agents_ = std::move(agents);
    prey_ = std::move(all_prey);
    clear_board();
    for (const Agent& agent : agents_)
      if (!agent.is_frozen) put(agent.cell, kAgent);
    for (std::size_t i = 0; i < prey_.size(); ++i)
      if (prey_[i].is_alive) put(prey_[i].cell, content_of(i));
  }

  std::string do_render_text() const override {
    std::string text = fmt::format("{} t={}\n", spec().id, t());
    for (int row = 0; row < rules_.size; ++row) {
      for (int col = 0; col < rules_.size; ++col) {
        const Content content = at((row + margin_) * width_ + col + margin_);
        text += content == kAgent ? 'A' : content == kStag ? 'S' : content == kHare ? 'h' : '.';
      }
      text += '\n';
    }
    return text;
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  Content at(int cell) const { return cells_[static_cast<std::size_t>(cell)]; }
  Content content_of(std::size_t prey) const { return is_stag(prey) ? kStag : kHare; }

  bool is_on_board(int cell) const {
    return cell >= 0 && static_cast<std::size_t>(cell) < cells_.size() && row(cell) >= 0 &&
           row(cell) < rules_.size && col(cell) >= 0 && col(cell) < rules_.size;
  }

  void clear_board() {
    for (int row = 0; row < rules_.size; ++row)
      std::fill_n(cells_.begin() + (row + margin_) * width_ + margin_, rules_.size, kEmpty);
    std::fill(planes_.begin(), planes_.end(), 0.0F);
  }

  // The float planes mirror the cells, so that observations are plain copies.
  float& plane(int cell, Content content) {
    return planes_[static_cast<std::size_t>(cell) * kChannels + content - 1U];
  }
  void put(int cell, Content content) {
    cells_[static_cast<std::size_t>(cell)] = content;
    plane(cell, content) = 1.0F;
  }
  void take(int cell) {
    plane(cell, at(cell)) = 0.0F;
    cells_[static_cast<std::size_t>(cell)] = kEmpty;
  }

  std::span<const std::size_t> shuffled(std::size_t n, Stream& stream) {
    const std::span<std::size_t> order = std::span(order_).first(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    stream.shuffle(order);
    return order;
  }

  void move_agent(std::size_t i, std::span<const int> actions) {
    Agent& agent = agents_[i];
    const auto action = static_cast<std::size_t>(actions[i]);
    if (agent.is_frozen || action >= kMoveActions) return;
    const int target = agent.cell + step_[action];
    if (at(target) != kEmpty) return;
    take(agent.cell);
    put(target, kAgent);
    agent.cell = target;
  }

  int count_catchers(int cell, std::span<const int> actions) const {
    int n = 0;
    for (std::size_t i = 0; i < agents_.size(); ++i)
      if (actions[i] == kCatch && !agents_[i].is_frozen && are_adjacent(agents_[i].cell, cell)) ++n;
    return n;
  }

  // Every agent that took part leaves the board at once and does not count for a later prey.
  void capture(std::size_t i, std::span<const int> actions) {
    const int cell = prey_[i].cell;
    for (std::size_t a = 0; a < agents_.size(); ++a) {
      if (actions[a] != kCatch || agents_[a].is_frozen || !are_adjacent(agents_[a].cell, cell))
        continue;
      agents_[a].is_frozen = true;
      take(agents_[a].cell);
    }
    prey_[i].is_alive = false;
    take(cell);
  }

  void move_prey(std::size_t i, Stream& stream) {
    std::array<int, kMoveActions> free{};
    std::size_t n_free = 0;
    for (const int step : step_)
      if (at(prey_[i].cell + step) == kEmpty) free[n_free++] = prey_[i].cell + step;
    if (n_free == 0) return;
    const int target = free[stream.below(static_cast<std::uint32_t>(n_free))];
    take(prey_[i].cell);
    put(target, content_of(i));
    prey_[i].cell = target;
  }

  Rules rules_;
  int width_;   // of the board with its border
  int margin_;  // width of the border: as far as agents see
  std::array<int, kMoveActions> step_;
  std::vector<Content> cells_;
  std::vector<float> planes_;  // [width, width, channels]
  std::vector<Agent> agents_;
  std::vector<Prey> prey_;  // stags first
  std::vector<std::size_t> order_;
  std::int32_t miscaptures_ = 0;
};

/// Privileged (sees everything): catches if enough free agents stand beside the same prey (at most
/// one prey per agent and step), else walks towards the nearest prey; one move in ten is random.
class JointHunt final : public ScriptedPolicy {
 public:
  /// sparing: no more catchers than a stag needs, since all of them leave the board.
  explicit JointHunt(bool sparing) : sparing_(sparing) {}

  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    const auto& world = dynamic_cast<const StagHunt&>(env);
    const auto avail = env.avail_actions();
    for (std::size_t agent = 0; agent < actions.size(); ++agent)
      actions[agent] =
          world.agents()[agent].is_frozen
              ? kStay
              : approach(world, agent, avail.subspan(agent * kActions, kActions), stream);
    for (std::size_t i = 0; i < world.prey().size(); ++i) catch_together(world, i, actions);
  }

 private:
  void catch_together(const StagHunt& world, std::size_t i, std::span<int> actions) const {
    if (!world.prey()[i].is_alive) return;
    const auto is_helper = [&](std::size_t agent) {
      return !world.agents()[agent].is_frozen && !(sparing_ && actions[agent] == kCatch) &&
             world.are_adjacent(world.agents()[agent].cell, world.prey()[i].cell);
    };
    int n_helpers = 0;
    for (std::size_t agent = 0; agent < actions.size(); ++agent) n_helpers += is_helper(agent);
    const int needed = world.catchers_needed(i);
    if (n_helpers < needed) return;
    int left = sparing_ ? needed : n_helpers;
    for (std::size_t agent = 0; agent < actions.size() && left > 0; ++agent) {
      if (!is_helper(agent)) continue;
      actions[agent] = kCatch;
      --left;
    }
  }

  static int approach(const StagHunt& world, std::size_t agent, std::span<const std::uint8_t> avail,
                      Stream& stream) {
    if (stream.bernoulli(0.1)) {
      int move = static_cast<int>(stream.below(kMoveActions));
      return avail[static_cast<std::size_t>(move)] != 0 ? move : kStay;
    }
    const int own = world.agents()[agent].cell;
    const StagHunt::Prey* nearest = nullptr;
    int best = 0;
    for (const auto& prey : world.prey()) {
      if (!prey.is_alive) continue;
      const int distance = world_distance(world, own, prey.cell);
      if (nearest == nullptr || distance < best) {
        nearest = &prey;
        best = distance;
      }
    }
    if (nearest == nullptr || best <= 1) return kStay;
    int action = kStay;
    for (int move = 0; move < static_cast<int>(kMoveActions); ++move) {
      if (avail[static_cast<std::size_t>(move)] == 0) continue;
      const int distance = world_distance(world, world.neighbour(own, move), nearest->cell);
      if (distance < best) {
        best = distance;
        action = move;
      }
    }
    return action;
  }

  static int world_distance(const StagHunt& world, int a, int b) {
    const int rows = world.row(a) - world.row(b);
    const int cols = world.col(a) - world.col(b);
    return (rows < 0 ? -rows : rows) + (cols < 0 ? -cols : cols);
  }

  bool sparing_;
};

std::unique_ptr<ScriptedPolicy> StagHunt::do_make_scripted(std::string_view name) const {
  return std::make_unique<JointHunt>(name == "sparing");
}

constexpr std::array<const char*, kChannels> kChannelNames = {"agent", "stag", "hare"};

std::vector<Feature> obs_features(const Rules& rules) {
  std::vector<Feature> features;
  for (int row = -rules.sight; row <= rules.sight; ++row)
    for (int col = -rules.sight; col <= rules.sight; ++col)
      for (const char* channel : kChannelNames)
        features.push_back({fmt::format("cell({:+},{:+}).{}", row, col, channel), 0.0F, 1.0F});
  return features;
}

std::vector<Feature> state_features(const Rules& rules) {
  std::vector<Feature> features;
  for (int row = 0; row < rules.size; ++row)
    for (int col = 0; col < rules.size; ++col)
      for (const char* channel : kChannelNames)
        features.push_back({fmt::format("grid({},{}).{}", row, col, channel), 0.0F, 1.0F});
  return features;
}

std::unique_ptr<Env> make_stag_hunt(EnvSpec spec, const Params& params) {
  Rules rules;
  rules.size = params.integer32("size");
  rules.sight = params.integer32("sight");
  rules.n_agents = params.integer32("n_agents");
  rules.n_stags = params.integer32("n_prey");
  rules.n_hares = params.integer32("n_hares");
  rules.stag_reward = params.real("capture_reward");
  rules.hare_reward = params.real("hare_reward");
  rules.miscapture_penalty = params.real("miscapture_penalty");
  const int n_prey = rules.n_stags + rules.n_hares;
  if (n_prey == 0)
    throw UserError(
        "env.n_prey = 0 and env.n_hares = 0: there is nothing to hunt; one must be > 0");
  if (rules.n_agents + n_prey > rules.size * rules.size)
    throw UserError(fmt::format(
        "env.size = {}: {} agents and {} prey do not fit on {} cells; raise env.size or lower "
        "env.n_agents, env.n_prey or env.n_hares",
        rules.size, rules.n_agents, n_prey, rules.size * rules.size));

  spec.n_agents = rules.n_agents;
  spec.n_actions = kActions;
  spec.action_names = {"right", "down", "left", "up", "stay", "catch"};
  spec.noop_action = kStay;
  spec.obs_features = obs_features(rules);
  spec.obs_dim = static_cast<int>(spec.obs_features.size());
  spec.state_features = state_features(rules);
  spec.state_dim = static_cast<int>(spec.state_features.size());
  // A lone catcher is beside at most four prey; a hare cannot escape a catch.
  spec.reward_low = std::min(rules.n_stags, 4 * rules.n_agents) * rules.miscapture_penalty;
  spec.reward_high = best_catch(rules);
  spec.return_bound = best_catch(rules);
  spec.is_stochastic = true;
  spec.scripted = {{"default", "knows all positions; catches only together"},
                   {"sparing", "the same, with no more catchers than a stag needs"}};
  return std::make_unique<StagHunt>(std::move(spec), rules);
}

std::string describe(const Params& params) {
  const std::int64_t hares = params.integer("n_hares");
  return fmt::format("{0} agents hunt {1} stags{2} on a {3}x{3} board", params.integer("n_agents"),
                     params.integer("n_prey"),
                     hares == 0 ? "" : fmt::format(" and {} hares", hares), params.integer("size"));
}

}  // namespace

EnvFamily stag_hunt_family() {
  EnvFamily family;
  family.name = "stag_hunt";
  family.help = "cooperative predator-prey of DCG and Weighted QMIX";
  family.params = {
      ParamSpec::integer("size", 10, 3, 64, "rows and columns of the board"),
      ParamSpec::integer("sight", 2, 0, 8, "agents see a square of 2 sight + 1 cells"),
      ParamSpec::integer("n_agents", 8, 1, 64, "number of agents"),
      ParamSpec::integer("n_prey", 8, 0, 64, "number of stags"),
      ParamSpec::integer("n_hares", 0, 0, 64, "number of hares, which one agent can catch"),
      ParamSpec::real("capture_reward", 10.0, 0.0, 1000.0, "team reward per stag"),
      ParamSpec::real("hare_reward", 1.0, 0.0, 1000.0, "team reward per hare"),
      ParamSpec::real("miscapture_penalty", -2.0, -1000.0, 0.0,
                      "team reward per stag that too few agents tried to catch")};
  for (ParamSpec& param : limit_params(200, false)) family.params.push_back(std::move(param));
  family.variants = {{"8x8", "", {}}};
  family.describe = describe;
  family.make = make_stag_hunt;
  return family;
}

}  // namespace credo
