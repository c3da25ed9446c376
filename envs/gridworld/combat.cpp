// Combat of ma-gym (combat.py): five agents against five scripted bots on a 15x15 board. A shot
// takes one of three health points and needs one idle step afterwards; agents earn +1 per hit and
// -1 per hit taken, nothing for winning. Resolution order as in the original: agents shoot, bots
// shoot (including bots killed in this step), agents move, bots move.
//
// Kept from the original: teams start within a 4x4 square (exclusive upper ends of random ranges;
// env.start_area = full uses the 5x5 square that its comments describe), and dead bots still see
// for the others (env.dead_vision). Its full_observable flag has no effect and is not offered.
//
// Time limit: ma-gym's own counter ends at 100 and the cut is stored as a true end (EPyMARL's gymma
// wrapper does the same), hence limit_is_terminal = true by default.
#include "envs/gridworld/grid.hpp"

namespace credo {
namespace {

using grid::Board;
using grid::Cell;

constexpr int kSize = 15;
constexpr std::size_t kTeam = 5;
constexpr int kHealth = 3;
constexpr int kRange = 1;  // shots reach the 3x3 square around a unit
constexpr int kSight = 2;  // units see the 5x5 square around them
constexpr int kWindow = 2 * kSight + 1;
constexpr std::size_t kWindowCells = kWindow * kWindow;
constexpr int kAttack = grid::kMoves;  // first attack action
constexpr int kActions = kAttack + static_cast<int>(kTeam);
constexpr std::array<const char*, 6> kChannels = {"type", "id", "health", "ready", "row", "col"};
constexpr std::size_t kOwn = kChannels.size() * kWindowCells;

struct Unit {
  Cell cell;
  int health = 0;
  bool is_ready = true;
  int cool_down = 0;  // steps until ready again

  bool is_alive() const { return health > 0; }
};
using Team = std::array<Unit, kTeam>;

bool is_within(Cell a, Cell b, int range) {
  const int rows = a.row - b.row;
  const int cols = a.col - b.col;
  return rows >= -range && rows <= range && cols >= -range && cols <= range;
}

bool can_hit(const Unit& shooter, const Unit& target) {
  return shooter.is_ready && is_within(shooter.cell, target.cell, kRange);
}

int total_health(const Team& team) {
  int sum = 0;
  for (const Unit& unit : team) sum += unit.health;
  return sum;
}

// Living units of `others` that are visible to any unit of `team`.
std::array<bool, kTeam> seen_by(const Team& team, const Team& others, bool dead_vision) {
  std::array<bool, kTeam> seen{};
  for (const Unit& unit : team) {
    if (!unit.is_alive() && !dead_vision) continue;
    for (std::size_t i = 0; i < kTeam; ++i)
      seen[i] = seen[i] || (others[i].is_alive() && is_within(unit.cell, others[i].cell, kSight));
  }
  return seen;
}

// A move that reduces the distance; a random one if two do.
int approach(Cell from, Cell to, Stream& stream) {
  const int along_rows = from.row > to.row ? grid::kUp : grid::kDown;
  const int along_cols = from.col > to.col ? grid::kLeft : grid::kRight;
  CREDO_CHECK(from != to, "combat: two units in one cell");
  if (from.row == to.row) return along_cols;
  if (from.col == to.col) return along_rows;
  return stream.below(2) == 0 ? along_rows : along_cols;
}

// The scripted bots: shoot the nearest unit visible to any of them (the first of equally near
// ones), or walk towards it if out of range; walk at random if no unit is visible.
int bot_action(const Unit& self, const Team& others, const std::array<bool, kTeam>& seen,
               Stream& stream) {
  if (!self.is_alive()) return grid::kNoop;
  std::size_t target = kTeam;
  for (std::size_t i = 0; i < kTeam; ++i) {
    if (!seen[i]) continue;
    if (target == kTeam ||
        grid::distance(self.cell, others[i].cell) < grid::distance(self.cell, others[target].cell))
      target = i;
  }
  if (target == kTeam) return static_cast<int>(stream.below(grid::kMoves));
  if (can_hit(self, others[target])) return kAttack + static_cast<int>(target);
  return approach(self.cell, others[target].cell, stream);
}

struct Rules {
  bool dead_vision = true;
  bool masks_actions = false;
  bool full_start = false;
  double reward_scale = 1.0;  // of the sum of the agents' rewards
};

class Combat final : public grid::ViewedEnv {
 public:
  Combat(EnvSpec spec, const grid::Views& views, const Rules& rules)
      : ViewedEnv(std::move(spec), views), rules_(rules), board_(kSize, kSize, kSight) {}

  const Team& agents() const { return agents_; }
  const Team& bots() const { return bots_; }
  bool dead_vision() const { return rules_.dead_vision; }

  std::optional<bool> won() const override { return total_health(bots_) == 0; }

  std::vector<std::pair<std::string, double>> info() const override {
    constexpr int kAll = kHealth * static_cast<int>(kTeam);
    return {{"hits", static_cast<double>(kAll - total_health(bots_))},
            {"hits_taken", static_cast<double>(kAll - total_health(agents_))}};
  }

 protected:
  void do_reset(Stream& stream) override {
    board_.clear();
    place_team(agents_, kAgentCode, stream);
    place_team(bots_, kBotCode, stream);
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    // Bots decide from what they see at the start of the step.
    const Team old_agents = agents_;
    const Team old_bots = bots_;
    const auto seen = seen_by(old_bots, old_agents, rules_.dead_vision);
    std::array<int, kTeam> bot_actions{};
    for (std::size_t i = 0; i < kTeam; ++i)
      bot_actions[i] = bot_action(old_bots[i], old_agents, seen, stream);

    const int n_hits = shoot(agents_, old_agents, bots_, actions);
    const int n_taken = shoot(bots_, old_bots, agents_, bot_actions);
    move(agents_, kAgentCode, actions);
    move(bots_, kBotCode, bot_actions);
    return {.reward = rules_.reward_scale * (n_hits - n_taken),
            .terminated = total_health(agents_) == 0 || total_health(bots_) == 0};
  }

  void write_own(std::span<float> out) const override {
    for (std::size_t agent = 0; agent < kTeam; ++agent)
      if (agents_[agent].is_alive())
        write_window(agents_[agent].cell, out.subspan(agent * kOwn, kOwn));
  }

  void write_true_state(std::span<float> out) const override {
    for (const bool is_bot : {false, true}) {
      for (std::size_t i = 0; i < kTeam; ++i) {
        const Unit& unit = is_bot ? bots_[i] : agents_[i];
        if (!unit.is_alive()) continue;
        const std::size_t first = ((is_bot ? kTeam : 0) + i) * kChannels.size();
        write_unit(unit, i, is_bot, out.subspan(first, kChannels.size()), 1);
      }
    }
  }

  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    if (!rules_.masks_actions) return;
    for (std::size_t agent = 0; agent < kTeam; ++agent) {
      const auto row = out.subspan(agent * kActions, kActions);
      const Unit& unit = agents_[agent];
      if (!unit.is_alive()) {
        std::fill(row.begin(), row.end(), std::uint8_t{0});
        row[grid::kNoop] = 1;
        continue;
      }
      grid::mask_moves(board_, unit.cell, row);
      for (std::size_t i = 0; i < kTeam; ++i)
        row[kAttack + i] = bots_[i].is_alive() && can_hit(unit, bots_[i]);
    }
  }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<Combat>(*this); }

  void do_save(ByteWriter& out) const override {
    for (const Team* team : {&agents_, &bots_}) {
      for (const Unit& unit : *team) {
        for (const int value :
             {unit.cell.row, unit.cell.col, unit.health, unit.is_ready ? 1 : 0, unit.cool_down})
          out.put<std::uint8_t>(static_cast<std::uint8_t>(value));
      }
    }
  }

  void do_load(ByteReader& in) override {
    Team agents;
    Team bots;
    for (Team* team : {&agents, &bots}) {
      for (Unit& unit : *team) {
        unit.cell.row = in.get<std::uint8_t>();
        unit.cell.col = in.get<std::uint8_t>();
        unit.health = in.get<std::uint8_t>();
        unit.is_ready = in.get<std::uint8_t>() != 0;
        unit.cool_down = in.get<std::uint8_t>();
        CREDO_CHECK(board_.holds(unit.cell) && unit.health <= kHealth,
                    "saved state holds an impossible unit");
      }
    }
    agents_ = agents;
    bots_ = bots;
    board_.clear();
    put_on_board(agents_, kAgentCode);
    put_on_board(bots_, kBotCode);
  }

  std::string do_render_text() const override {
    std::string text = fmt::format("{} t={}\n", spec().id, t()) +
                       grid::board_text(kSize, kSize, [this](Cell cell) {
                         const std::uint8_t code = board_[cell];
                         return code == Board::kEmpty ? '.'
                                : code < kBotCode     ? static_cast<char>('A' + code - kAgentCode)
                                                      : static_cast<char>('v' + code - kBotCode);
                       });
    text += "health:";
    for (const Unit& unit : agents_) text += fmt::format(" {}", unit.health);
    text += " against";
    for (const Unit& unit : bots_) text += fmt::format(" {}", unit.health);
    return text + "\n";
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  // On the board a unit is its index plus the code of its team.
  static constexpr std::uint8_t kAgentCode = 1;
  static constexpr std::uint8_t kBotCode = 11;

  void place_team(Team& team, std::uint8_t code, Stream& stream) {
    constexpr int kFirst = 2;  // centres keep this far from the upper and left edge
    const int n_centres = rules_.full_start ? kSize - 2 * kFirst : kSize - 2 * kFirst - 1;
    const int square = rules_.full_start ? 5 : 4;
    const auto draw = [&stream](int n) {
      return static_cast<int>(stream.below(static_cast<std::uint32_t>(n)));
    };
    Cell centre;
    do {
      centre.row = kFirst + draw(n_centres);
      centre.col = kFirst + draw(n_centres);
    } while (board_[centre] != Board::kEmpty);
    for (std::size_t i = 0; i < kTeam; ++i) {
      Cell cell;
      do {
        cell.row = centre.row - 2 + draw(square);
        cell.col = centre.col - 2 + draw(square);
      } while (board_[cell] != Board::kEmpty);
      team[i] = {.cell = cell, .health = kHealth, .is_ready = true, .cool_down = 0};
      board_[cell] = static_cast<std::uint8_t>(code + i);
    }
  }

  void put_on_board(const Team& team, std::uint8_t code) {
    for (std::size_t i = 0; i < kTeam; ++i)
      if (team[i].is_alive()) board_[team[i].cell] = static_cast<std::uint8_t>(code + i);
  }

  // Shots of all units that lived at the start of the step; returns the hits.
  int shoot(Team& team, const Team& before, Team& others, std::span<const int> actions) {
    int n_hits = 0;
    for (std::size_t i = 0; i < kTeam; ++i) {
      if (!before[i].is_alive()) continue;
      Unit& unit = team[i];
      if (actions[i] >= kAttack) {
        Unit& target = others[static_cast<std::size_t>(actions[i] - kAttack)];
        if (target.is_alive() && can_hit(unit, target)) {
          ++n_hits;
          --target.health;
          if (!target.is_alive()) board_[target.cell] = Board::kEmpty;
          unit.is_ready = false;
          unit.cool_down = 2;  // decremented below: one idle step remains
        }
      }
      unit.cool_down = std::max(unit.cool_down - 1, 0);
      if (unit.cool_down == 0) unit.is_ready = true;
    }
    return n_hits;
  }

  void move(Team& team, std::uint8_t code, std::span<const int> actions) {
    for (std::size_t i = 0; i < kTeam; ++i) {
      if (!team[i].is_alive() || actions[i] >= grid::kNoop) continue;
      const Cell target = grid::moved(team[i].cell, actions[i]);
      if (board_[target] != Board::kEmpty) continue;
      board_[team[i].cell] = Board::kEmpty;
      board_[target] = static_cast<std::uint8_t>(code + i);
      team[i].cell = target;
    }
  }

  // The six numbers of a unit, `stride` apart.
  static void write_unit(const Unit& unit, std::size_t id, bool is_bot, std::span<float> out,
                         std::size_t stride) {
    out[0] = is_bot ? -1.0F : 1.0F;
    out[stride] = static_cast<float>(id);
    out[2 * stride] = static_cast<float>(unit.health);
    out[3 * stride] = unit.is_ready ? 1.0F : -1.0F;
    out[4 * stride] = static_cast<float>(unit.cell.row / static_cast<double>(kSize));
    out[5 * stride] = static_cast<float>(unit.cell.col / static_cast<double>(kSize));
  }

  void write_window(Cell centre, std::span<float> out) const {
    std::size_t i = 0;
    for (int row = centre.row - kSight; row <= centre.row + kSight; ++row) {
      for (int col = centre.col - kSight; col <= centre.col + kSight; ++col, ++i) {
        const std::uint8_t code = board_[{row, col}];
        if (code == Board::kEmpty || code == Board::kWall) continue;
        const bool is_bot = code >= kBotCode;
        const std::size_t id = code - static_cast<std::size_t>(is_bot ? kBotCode : kAgentCode);
        write_unit(is_bot ? bots_[id] : agents_[id], id, is_bot, out.subspan(i), kWindowCells);
      }
    }
  }

  Rules rules_;
  Board board_;
  Team agents_{};
  Team bots_{};
};

/// The policy of the scripted bots.
class Mirror final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    const auto& world = dynamic_cast<const Combat&>(env);
    const auto seen = seen_by(world.agents(), world.bots(), world.dead_vision());
    for (std::size_t i = 0; i < kTeam; ++i)
      actions[i] = bot_action(world.agents()[i], world.bots(), seen, stream);
    grid::keep_available(env, actions, grid::kNoop);
  }
};

/// Privileged (sees all positions). Shoots the weakest bot in range, with no more shots than it has
/// health; the others converge on the bot nearest to the team.
class FocusFire final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    const auto& world = dynamic_cast<const Combat&>(env);
    Team bots = world.bots();  // health after the planned shots
    const std::size_t prey = nearest_to_team(world.agents(), bots);
    for (std::size_t i = 0; i < kTeam; ++i) {
      const Unit& self = world.agents()[i];
      actions[i] = grid::kNoop;
      if (!self.is_alive()) continue;
      std::size_t weakest = kTeam;
      for (std::size_t k = 0; k < kTeam; ++k)
        if (bots[k].is_alive() && can_hit(self, bots[k]) &&
            (weakest == kTeam || bots[k].health < bots[weakest].health))
          weakest = k;
      if (weakest < kTeam) {
        actions[i] = kAttack + static_cast<int>(weakest);
        --bots[weakest].health;
      } else if (prey < kTeam && !is_within(self.cell, bots[prey].cell, kRange)) {
        actions[i] = approach(self.cell, bots[prey].cell, stream);
      }
    }
    grid::keep_available(env, actions, grid::kNoop);
  }

 private:
  static std::size_t nearest_to_team(const Team& agents, const Team& bots) {
    std::size_t nearest = kTeam;
    int best = 0;
    for (std::size_t k = 0; k < kTeam; ++k) {
      if (!bots[k].is_alive()) continue;
      int sum = 0;
      for (const Unit& agent : agents)
        if (agent.is_alive()) sum += grid::distance(agent.cell, bots[k].cell);
      if (nearest < kTeam && sum >= best) continue;
      nearest = k;
      best = sum;
    }
    return nearest;
  }
};

std::unique_ptr<ScriptedPolicy> Combat::do_make_scripted(std::string_view name) const {
  if (name == "focus") return std::make_unique<FocusFire>();
  return std::make_unique<Mirror>();
}

Feature channel_feature(const std::string& prefix, std::size_t channel) {
  constexpr float kLast = static_cast<float>((kSize - 1) / static_cast<double>(kSize));
  constexpr std::array<float, kChannels.size()> kLow = {-1.0F, 0.0F, 0.0F, -1.0F, 0.0F, 0.0F};
  constexpr std::array<float, kChannels.size()> kHigh = {1.0F, kTeam - 1.0F, kHealth,
                                                         1.0F, kLast,        kLast};
  return {fmt::format("{}.{}", prefix, kChannels[channel]), kLow[channel], kHigh[channel]};
}

std::vector<Feature> own_features() {
  std::vector<Feature> features;
  for (std::size_t channel = 0; channel < kChannels.size(); ++channel)
    for (int row = -kSight; row <= kSight; ++row)
      for (int col = -kSight; col <= kSight; ++col)
        features.push_back(channel_feature(fmt::format("cell({:+},{:+})", row, col), channel));
  return features;
}

std::vector<Feature> true_state_features() {
  std::vector<Feature> features;
  for (const char* team : {"agent", "bot"})
    for (std::size_t i = 0; i < kTeam; ++i)
      for (std::size_t channel = 0; channel < kChannels.size(); ++channel)
        features.push_back(channel_feature(fmt::format("{}{}", team, i), channel));
  return features;
}

std::unique_ptr<Env> make_combat(EnvSpec spec, const Params& params) {
  constexpr int kAll = static_cast<int>(kTeam);
  Rules rules;
  rules.dead_vision = params.boolean("dead_vision");
  rules.masks_actions = params.text("avail") == "legal";
  rules.full_start = params.text("start_area") == "full";
  rules.reward_scale = grid::reward_scale(params, kAll) / kAll;

  spec.n_agents = kAll;
  spec.n_actions = kActions;
  spec.action_names = grid::move_names();
  for (int i = 0; i < kAll; ++i) spec.action_names.push_back(fmt::format("attack_{}", i));
  spec.noop_action = grid::kNoop;
  const grid::Views views = grid::read_views(params);
  grid::set_features(spec, views, own_features(), true_state_features());
  spec.reward_low = -rules.reward_scale * kAll;
  spec.reward_high = rules.reward_scale * kAll;
  spec.return_bound = rules.reward_scale * kAll * kHealth;
  spec.is_stochastic = true;
  spec.scripted = {{"default", "plays as the bots do"},
                   {"focus", "knows all positions; gathers on one bot, shoots at the weakest"}};
  return std::make_unique<Combat>(std::move(spec), views, rules);
}

}  // namespace

EnvFamily combat_family() {
  EnvFamily family;
  family.name = "combat";
  family.help = "ma-gym Combat: five agents against five scripted bots";
  family.params = {
      ParamSpec::boolean("dead_vision", true,
                         "dead bots still see for the others (as the original)"),
      ParamSpec::choice("start_area", "original", {"original", "full"},
                        "teams start within a 4x4 square (as the original) or a 5x5 square"),
      grid::reward_param(), grid::avail_param(), grid::partial_state_param()};
  for (ParamSpec& param : limit_params(100, true)) family.params.push_back(std::move(param));
  family.variants = {{"", "Combat, 5 against 5", {}}};
  family.make = make_combat;
  return family;
}

}  // namespace credo
