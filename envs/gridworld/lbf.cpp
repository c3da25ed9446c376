// Level-based foraging (Christianos et al. 2020; rules of semitable/lb-foraging, v3 ids): food has
// a level, and players beside it must load together until their levels add up to it. A whole
// episode returns exactly 1, whoever collects. Moves are simultaneous.
//
// Two ambiguities of the original are resolved here. It resolves moves in one pass, so a player can
// walk into the cell of one whose own move failed (env.overlap = original); by default conflicts
// are resolved repeatedly until no player moves into an occupied cell. It visits loading players in
// the order of a Python set, that is of memory addresses; here by index, which matters only to
// players beside two foods. Its start positions also avoid the players' cells of the previous
// episode; here they do not.
//
// Time limit: the original returns done = true at 50 steps, which EPyMARL stores as a true end,
// hence limit_is_terminal = true by default.
#include <charconv>
#include <limits>

#include "envs/gridworld/grid.hpp"

namespace credo {
namespace {

using grid::Board;
using grid::Cell;

constexpr int kNone = 0;
constexpr int kLoad = 5;
constexpr int kActions = 6;
constexpr std::uint8_t kFood = 1;
constexpr std::uint8_t kPlayer = 2;
constexpr int kFoodTries = 1000;
constexpr int kAbsent = -1;  // row and column of absent or unseen entities
constexpr std::array<Cell, kLoad> kStep = {{{0, 0}, {-1, 0}, {1, 0}, {0, -1}, {0, 1}}};

Cell stepped(Cell cell, int action) {
  const Cell step = kStep[static_cast<std::size_t>(action)];
  return {cell.row + step.row, cell.col + step.col};
}

struct Rules {
  int size = 8;
  int n_agents = 2;
  int n_food = 2;
  int sight = 8;
  int max_player_level = 2;
  bool coop = false;
  bool overlaps = false;
  bool masks_actions = false;
  double penalty = 0.0;
  double reward_scale = 1.0;  // of the sum of the players' rewards

  int max_food_level() const { return std::min(n_agents, 3) * max_player_level; }
};

class Foraging final : public grid::ViewedEnv {
 public:
  Foraging(EnvSpec spec, const grid::Views& views, const Rules& rules)
      : ViewedEnv(std::move(spec), views),
        rules_(rules),
        players_(static_cast<std::size_t>(rules.n_agents)),
        food_(static_cast<std::size_t>(rules.n_food)),
        targets_(players_.size()),
        scratch_(players_.size()),
        board_(rules.size, rules.size, 1) {}

  struct Player {
    Cell cell;
    int level = 1;
  };
  struct Food {
    Cell cell;
    int level = 0;  // 0: collected, or never placed
  };

  const std::vector<Player>& players() const { return players_; }
  /// In row-major order of the cells.
  const std::vector<Food>& food() const { return food_; }
  /// Food only, without the players.
  const Board& board() const { return board_; }

  std::vector<std::pair<std::string, double>> info() const override {
    return {{"food_left", static_cast<double>(food_left())}};
  }

 protected:
  void do_reset(Stream& stream) override {
    board_.clear();
    place_players(stream);
    place_food(stream);
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    (void)stream;
    move_players(actions);
    const double reward = load_food(actions);
    return {.reward = reward * rules_.reward_scale, .terminated = food_left() == 0};
  }

  void write_own(std::span<float> out) const override {
    float* next = out.data();
    for (std::size_t i = 0; i < players_.size(); ++i) next = write_agent(i, next);
  }

  void write_true_state(std::span<float> out) const override {
    float* next = out.data();
    for (const Player& player : players_) next = put(player.cell, player.level, next);
    for (const Food& food : food_)
      next = food.level > 0 ? put(food.cell, food.level, next) : put_absent(next);
  }

  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    if (!rules_.masks_actions) return;
    for (std::size_t i = 0; i < players_.size(); ++i)
      for (int action = 0; action < kActions; ++action)
        out[i * kActions + static_cast<std::size_t>(action)] = is_valid(i, action) ? 1 : 0;
  }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<Foraging>(*this); }

  void do_save(ByteWriter& out) const override {
    out.put<std::int32_t>(total_level_);
    for (const Player& player : players_) save_item(out, player.cell, player.level);
    for (const Food& food : food_) save_item(out, food.cell, food.level);
  }

  void do_load(ByteReader& in) override {
    const auto total_level = in.get<std::int32_t>();
    std::vector<Player> players(players_.size());
    std::vector<Food> all_food(food_.size());
    for (Player& player : players) load_item(in, player.cell, player.level);
    for (Food& food : all_food) load_item(in, food.cell, food.level);
    total_level_ = total_level;
    players_ = std::move(players);
    food_ = std::move(all_food);
    board_.clear();
    for (const Food& food : food_)
      if (food.level > 0) board_[food.cell] = kFood;
  }

  std::string do_render_text() const override {
    std::string text = fmt::format("{} t={}\n", spec().id, t()) +
                       grid::board_text(rules_.size, rules_.size, [this](Cell cell) {
                         char symbol = '.';
                         for (const Food& food : food_)
                           if (food.level > 0 && food.cell == cell)
                             symbol = static_cast<char>('0' + food.level);
                         for (std::size_t i = 0; i < players_.size(); ++i)
                           if (players_[i].cell == cell) symbol = static_cast<char>('A' + i);
                         return symbol;
                       });
    text += "levels:";
    for (const Player& player : players_) text += fmt::format(" {}", player.level);
    return text + "\n";
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  static void save_item(ByteWriter& out, Cell cell, int level) {
    for (const int value : {cell.row, cell.col, level})
      out.put<std::int16_t>(static_cast<std::int16_t>(value));
  }

  void load_item(ByteReader& in, Cell& cell, int& level) const {
    cell.row = in.get<std::int16_t>();
    cell.col = in.get<std::int16_t>();
    level = in.get<std::int16_t>();
    CREDO_CHECK(board_.holds(cell) && level >= 0 && level <= rules_.max_food_level(),
                "saved state holds an impossible player or food");
  }

  int food_left() const {
    return static_cast<int>(
        std::count_if(food_.begin(), food_.end(), [](const Food& food) { return food.level > 0; }));
  }

  static Cell draw_cell(Stream& stream, int first, int n) {
    const int row = first + static_cast<int>(stream.below(static_cast<std::uint32_t>(n)));
    return {row, first + static_cast<int>(stream.below(static_cast<std::uint32_t>(n)))};
  }

  void place_players(Stream& stream) {
    for (Player& player : players_) {
      player.level =
          1 + static_cast<int>(stream.below(static_cast<std::uint32_t>(rules_.max_player_level)));
      do player.cell = draw_cell(stream, 0, rules_.size);
      while (board_[player.cell] != Board::kEmpty);
      board_[player.cell] = kPlayer;
    }
  }

  // Food keeps a distance of three from other food and stays off the edge; after a thousand tries
  // in total the rest is left out, as in the original.
  void place_food(Stream& stream) {
    for (std::size_t i = 0; i < players_.size(); ++i) scratch_[i] = players_[i].level;
    std::sort(scratch_.begin(), scratch_.end());
    int max_level = 0;
    for (std::size_t i = 0; i < std::min<std::size_t>(scratch_.size(), 3); ++i)
      max_level += scratch_[i];
    std::fill(food_.begin(), food_.end(), Food{});
    std::size_t n_placed = 0;
    total_level_ = 0;
    for (int tries = 0; tries < kFoodTries && n_placed < food_.size(); ++tries) {
      const Cell cell = draw_cell(stream, 1, rules_.size - 2);
      const bool is_taken =
          board_[cell] != Board::kEmpty ||
          std::any_of(food_.begin(), food_.begin() + static_cast<std::ptrdiff_t>(n_placed),
                      [cell](const Food& food) { return grid::distance(food.cell, cell) <= 2; });
      if (is_taken) continue;
      const int level =
          rules_.coop ? max_level
                      : 1 + static_cast<int>(stream.below(static_cast<std::uint32_t>(max_level)));
      food_[n_placed++] = {.cell = cell, .level = level};
      total_level_ += level;
    }
    std::sort(food_.begin(), food_.begin() + static_cast<std::ptrdiff_t>(n_placed),
              [](const Food& a, const Food& b) {
                return a.cell.row != b.cell.row ? a.cell.row < b.cell.row : a.cell.col < b.cell.col;
              });
    for (const Player& player : players_) board_[player.cell] = Board::kEmpty;
    for (std::size_t i = 0; i < n_placed; ++i) board_[food_[i].cell] = kFood;
  }

  bool is_valid(std::size_t player, int action) const {
    const Cell cell = players_[player].cell;
    if (action == kNone) return true;
    if (action == kLoad) return board_.count_neighbours(cell, kFood) > 0;
    return board_[stepped(cell, action)] == Board::kEmpty;
  }

  void move_players(std::span<const int> actions) {
    for (std::size_t i = 0; i < players_.size(); ++i)
      targets_[i] = actions[i] != kLoad && is_valid(i, actions[i])
                        ? stepped(players_[i].cell, actions[i])
                        : players_[i].cell;
    // Players that claim the same cell all stay where they are, which may make further moves fail;
    // the original stops after the first round.
    bool is_stable = false;
    while (!is_stable) {
      is_stable = true;
      for (std::size_t i = 0; i < players_.size(); ++i)
        scratch_[i] = static_cast<int>(std::count(targets_.begin(), targets_.end(), targets_[i]));
      for (std::size_t i = 0; i < players_.size(); ++i) {
        if (scratch_[i] == 1 || targets_[i] == players_[i].cell) continue;
        targets_[i] = players_[i].cell;
        is_stable = rules_.overlaps;
      }
    }
    for (std::size_t i = 0; i < players_.size(); ++i) players_[i].cell = targets_[i];
  }

  // Each player loads the first adjacent food (north, south, west, east), together with all players
  // beside that food that are loading and have not yet loaded in this step.
  double load_food(std::span<const int> actions) {
    double reward = 0.0;
    // Players still to load; they did not move in this step.
    for (std::size_t i = 0; i < players_.size(); ++i) scratch_[i] = actions[i] == kLoad ? 1 : 0;
    for (std::size_t i = 0; i < players_.size(); ++i) {
      if (scratch_[i] == 0) continue;
      Food* food = food_beside(players_[i].cell);
      if (food == nullptr) continue;
      int level = 0;
      int n_loading = 0;
      for (std::size_t k = 0; k < players_.size(); ++k) {
        if (scratch_[k] == 0 || grid::distance(players_[k].cell, food->cell) != 1) continue;
        level += players_[k].level;
        ++n_loading;
        scratch_[k] = 0;
      }
      if (level < food->level) {
        reward -= n_loading * rules_.penalty;
        continue;
      }
      reward += food->level / static_cast<double>(total_level_);
      board_[food->cell] = Board::kEmpty;
      food->level = 0;
    }
    return reward;
  }

  Food* food_beside(Cell cell) {
    for (int action = 1; action < kLoad; ++action) {
      const Cell beside = stepped(cell, action);
      if (board_[beside] != kFood) continue;
      for (Food& food : food_)
        if (food.level > 0 && food.cell == beside) return &food;
    }
    return nullptr;
  }

  static float* put(Cell cell, int level, float* next) {
    next[0] = static_cast<float>(cell.row);
    next[1] = static_cast<float>(cell.col);
    next[2] = static_cast<float>(level);
    return next + 3;
  }
  static float* put_absent(float* next) { return put({kAbsent, kAbsent}, 0, next); }

  // Coordinates count from the upper left corner of the visible window, which the board's edge
  // clips. As in the original, players are looked for in a full square from that corner, food only
  // where the agent sees.
  float* write_agent(std::size_t agent, float* next) const {
    const Cell own = players_[agent].cell;
    const Cell corner = {std::max(own.row - rules_.sight, 0), std::max(own.col - rules_.sight, 0)};
    std::size_t n_seen = 0;
    for (const Food& food : food_) {
      if (food.level == 0 || food.cell.row < corner.row || food.cell.col < corner.col ||
          food.cell.row > own.row + rules_.sight || food.cell.col > own.col + rules_.sight)
        continue;
      next = put({food.cell.row - corner.row, food.cell.col - corner.col}, food.level, next);
      ++n_seen;
    }
    for (; n_seen < food_.size(); ++n_seen) next = put_absent(next);
    next = put({own.row - corner.row, own.col - corner.col}, players_[agent].level, next);
    n_seen = 1;
    for (std::size_t i = 0; i < players_.size(); ++i) {
      const Cell seen = {players_[i].cell.row - corner.row, players_[i].cell.col - corner.col};
      if (i == agent || seen.row < 0 || seen.col < 0 || seen.row > 2 * rules_.sight ||
          seen.col > 2 * rules_.sight)
        continue;
      next = put(seen, players_[i].level, next);
      ++n_seen;
    }
    for (; n_seen < players_.size(); ++n_seen) next = put_absent(next);
    return next;
  }

  Rules rules_;
  std::vector<Player> players_;
  std::vector<Food> food_;
  std::vector<Cell> targets_;  // scratch: requested cells
  std::vector<int> scratch_;   // one number per player
  Board board_;
  std::int32_t total_level_ = 0;  // of all food of the episode
};

/// Privileged (sees everything). All players go to the food with the smallest total distance and
/// load beside it; while they are too few, one step in eight is random, which resolves deadlocks.
class GoTogether final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    const auto& world = dynamic_cast<const Foraging&>(env);
    int best = kFar;
    Foraging::Food goal;
    for (const Foraging::Food& food : world.food()) {
      if (food.level == 0) continue;
      measure(world, food.cell, false);
      int sum = 0;
      for (const Foraging::Player& player : world.players()) sum += way(world, player.cell);
      if (sum >= best) continue;
      best = sum;
      goal = food;
    }
    std::fill(actions.begin(), actions.end(), kNone);
    if (goal.level == 0) return;
    measure(world, goal.cell, true);
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const Cell own = world.players()[i].cell;
      if (stream.below(8) == 0)  // a random move or no-op, which resolves deadlocks
        actions[i] = static_cast<int>(stream.below(kLoad));
      else
        actions[i] = grid::distance(own, goal.cell) == 1 ? kLoad : step_closer(world, own, stream);
    }
    grid::keep_available(env, actions, kNone);
  }

 private:
  static constexpr int kFar = std::numeric_limits<int>::max() / 64;

  int& way(const Foraging& world, Cell cell) {
    return ways_[static_cast<std::size_t>(cell.row * world.board().cols() + cell.col)];
  }

  // Distance from every cell to the food, around other food (which stays far) and optionally around
  // players that have already arrived.
  void measure(const Foraging& world, Cell food, bool avoids_loading) {
    const Board& board = world.board();
    ways_.assign(static_cast<std::size_t>(board.rows() * board.cols()), kFar);
    queue_.clear();
    queue_.push_back(food);
    for (std::size_t head = 0; head < queue_.size(); ++head) {
      const Cell from = queue_[head];
      const int length = from == food ? 0 : way(world, from);
      for (int action = 1; action < kLoad; ++action) {
        const Cell to = stepped(from, action);
        if (board[to] != Board::kEmpty || way(world, to) != kFar) continue;
        if (avoids_loading && from == food && is_taken(world, to)) continue;
        way(world, to) = length + 1;
        queue_.push_back(to);
      }
    }
  }

  // A random shortest path, through a cell without a player if possible.
  int step_closer(const Foraging& world, Cell own, Stream& stream) {
    int chosen = kNone;
    int best_score = kFar;
    std::uint32_t n_equal = 0;
    for (int action = 1; action < kLoad; ++action) {
      const Cell to = stepped(own, action);
      if (world.board()[to] != Board::kEmpty || way(world, to) >= way(world, own)) continue;
      const int score = is_taken(world, to) ? 1 : 0;
      if (score < best_score) n_equal = 0;
      if (score > best_score || stream.below(++n_equal) != 0) continue;
      best_score = score;
      chosen = action;
    }
    return chosen;
  }

  static bool is_taken(const Foraging& world, Cell cell) {
    return std::any_of(world.players().begin(), world.players().end(),
                       [cell](const Foraging::Player& player) { return player.cell == cell; });
  }

  std::vector<int> ways_;
  std::vector<Cell> queue_;
};

std::unique_ptr<ScriptedPolicy> Foraging::do_make_scripted(std::string_view name) const {
  (void)name;
  return std::make_unique<GoTogether>();
}

void add_item(std::vector<Feature>& features, const std::string& name, const Rules& rules,
              int max_level) {
  const auto last = static_cast<float>(rules.size - 1);
  features.push_back({name + ".row", kAbsent, last});
  features.push_back({name + ".col", kAbsent, last});
  features.push_back({name + ".level", 0.0F, static_cast<float>(max_level)});
}

std::vector<Feature> own_features(const Rules& rules) {
  std::vector<Feature> features;
  for (int i = 0; i < rules.n_food; ++i)
    add_item(features, fmt::format("food{}", i), rules, rules.max_food_level());
  add_item(features, "own", rules, rules.max_player_level);
  for (int i = 1; i < rules.n_agents; ++i)
    add_item(features, fmt::format("other{}", i), rules, rules.max_player_level);
  return features;
}

std::vector<Feature> true_state_features(const Rules& rules) {
  std::vector<Feature> features;
  for (int i = 0; i < rules.n_agents; ++i)
    add_item(features, fmt::format("player{}", i), rules, rules.max_player_level);
  for (int i = 0; i < rules.n_food; ++i)
    add_item(features, fmt::format("food{}", i), rules, rules.max_food_level());
  return features;
}

std::unique_ptr<Env> make_lbf(EnvSpec spec, const Params& params) {
  Rules rules;
  rules.size = params.integer32("size");
  rules.n_agents = params.integer32("n_agents");
  rules.n_food = params.integer32("n_food");
  const int sight = params.integer32("sight");
  rules.sight = sight == 0 ? rules.size : sight;
  rules.max_player_level = params.integer32("max_player_level");
  rules.coop = params.boolean("coop");
  rules.overlaps = params.text("overlap") == "original";
  rules.masks_actions = params.text("avail") == "legal";
  rules.penalty = params.real("penalty");
  rules.reward_scale = grid::reward_scale(params, rules.n_agents) / rules.n_agents;

  spec.n_agents = rules.n_agents;
  spec.n_actions = kActions;
  spec.action_names = {"none", "north", "south", "west", "east", "load"};
  spec.noop_action = kNone;
  const grid::Views views = grid::read_views(params);
  grid::set_features(spec, views, own_features(rules), true_state_features(rules));
  spec.reward_low = 0.0 - rules.reward_scale * rules.n_agents * rules.penalty;
  spec.reward_high = rules.reward_scale;
  spec.return_bound = rules.reward_scale;
  spec.is_stochastic = true;
  spec.scripted.push_back({"default", "knows all positions; everybody walks to the same food"});
  return std::make_unique<Foraging>(std::move(spec), views, rules);
}

// ---- ids: lbf/[2s-]SxS-Pp-Ff[-coop] -------------------------------------------------------------

constexpr int kShortSight = 2;

class IdReader {
 public:
  explicit IdReader(std::string_view text) : rest_(text) {}

  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  /// A number without leading zeros in [low, high]; 0 when there is none.
  std::int64_t number(std::int64_t low, std::int64_t high) {
    std::int64_t value = 0;
    const auto parsed = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (parsed.ec != std::errc() || rest_.front() == '0' || value < low || value > high) return 0;
    rest_.remove_prefix(static_cast<std::size_t>(parsed.ptr - rest_.data()));
    return value;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

std::optional<EnvVariant> parse_variant(std::string_view name) {
  IdReader id(name);
  const bool is_short_sighted = id.take("2s-");
  const std::int64_t size = id.number(5, 19);
  if (size == 0 || !id.take(fmt::format("x{}-", size))) return std::nullopt;
  const std::int64_t n_agents = id.number(2, 9);
  if (n_agents == 0 || !id.take("p-")) return std::nullopt;
  const std::int64_t n_food = id.number(1, 9);
  if (n_food == 0 || !id.take("f")) return std::nullopt;
  const bool is_coop = id.take("-coop");
  if (!id.at_end()) return std::nullopt;
  EnvVariant variant{.name = std::string(name),
                     .help = "",
                     .defaults = {{"size", size}, {"n_agents", n_agents}, {"n_food", n_food}}};
  if (is_short_sighted) variant.defaults.emplace_back("sight", std::int64_t{kShortSight});
  if (is_coop) variant.defaults.emplace_back("coop", true);
  return variant;
}

std::string describe(const Params& params) {
  const std::int64_t n_agents = params.integer("n_agents");
  const std::int64_t sight = params.integer("sight");
  const char* coop = n_agents > 3 ? ", three needed for each" : ", all needed for each";
  return fmt::format("foraging on {0}x{0}, {1} players, {2} food{3}{4}", params.integer("size"),
                     n_agents, params.integer("n_food"), params.boolean("coop") ? coop : "",
                     sight == 0 ? "" : fmt::format(", sight {}", sight));
}

}  // namespace

EnvFamily lbf_family() {
  EnvFamily family;
  family.name = "lbf";
  family.help = "level-based foraging: load food together";
  family.params = {
      ParamSpec::integer("size", 8, 5, 64, "rows and columns of the board"),
      ParamSpec::integer("n_agents", 2, 1, 9, "number of players"),
      ParamSpec::integer("n_food", 2, 1, 9, "number of foods (fewer if they do not fit)"),
      ParamSpec::integer("sight", 0, 0, 64, "how far players see; 0: everything"),
      ParamSpec::boolean("coop", false,
                         "every food needs the three weakest players together (all of two)"),
      ParamSpec::integer("max_player_level", 2, 1, 9, "player levels are uniform from 1 to this"),
      ParamSpec::real("penalty", 0.0, 0.0, 1000.0, "penalty of each player whose load fails"),
      ParamSpec::choice("overlap", "fixed", {"fixed", "original"},
                        "original: a player may walk into the cell of one whose move failed"),
      grid::reward_param(),
      grid::avail_param(),
      grid::partial_state_param()};
  for (ParamSpec& param : limit_params(50, true)) family.params.push_back(std::move(param));
  // The list of EPyMARL, and 8x8-2p-2f without coop.
  for (const char* name : {"8x8-2p-2f", "8x8-2p-2f-coop", "2s-8x8-2p-2f-coop", "10x10-3p-3f",
                           "2s-10x10-3p-3f", "15x15-3p-5f", "15x15-4p-3f", "15x15-4p-5f"})
    family.variants.push_back(parse_variant(name).value());
  family.parse_variant = parse_variant;
  family.variant_grammar =
      "[2s-]SxS-Pp-Ff[-coop] with S in 5..19, P in 2..9, F in 1..9, e.g. 8x8-2p-2f-coop";
  family.describe = describe;
  family.make = make_lbf;
  return family;
}

}  // namespace credo
