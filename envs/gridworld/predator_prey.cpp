// PredatorPrey of ma-gym: two or more predators beside a prey catch it; a lone predator beside a
// prey is penalised. Rules, order of moves and constants follow ma-gym (predator_prey.py),
// including its start area, which excludes the last row and column because ma-gym draws start
// coordinates with an exclusive upper bound.
//
// Time limit: ma-gym's own counter ends at 100; EPyMARL's gymma wrapper and the GRE paper use 25.
// Either way the original stores the cut as a true end, hence limit_is_terminal = true by default.
// The clock feature always counts in hundredths, whatever env.limit is.
#include <algorithm>
#include <array>

#include "envs/gridworld/grid.hpp"

namespace credo {
namespace {

using grid::Board;
using grid::Cell;

constexpr int kView = 2;  // half width of the 5x5 window; ma-gym fixes it
constexpr int kWindow = 2 * kView + 1;
constexpr int kOwnFeatures = 2 + kWindow * kWindow + 1;
constexpr double kClockSteps = 100.0;
constexpr std::uint8_t kPredator = 1;
constexpr std::uint8_t kPrey = 2;

struct Rules {
  int size = 5;
  int n_agents = 2;
  int n_prey = 1;
  bool static_prey = false;
  int start_size = 4;  // entities start in the first rows and columns
  bool masks_moves = false;
  double penalty = -0.5;
  double step_cost = -0.01;
  double capture_reward = 5.0;
  double reward_scale = 2.0;
};

// A prey draws a move up to five times (down, left, up, right .175 each, stay .3) until one leads
// to a cell with no predator beside it, else it stays. Drawing once from the resulting distribution
// is the same: P(m) = p_m (1 + r + r^2 + r^3 + r^4) for accepted m, with r the rejected mass.
struct PreyMoves {
  // [mask of accepted moves][move]: cumulative probabilities; the remainder is "stay".
  std::array<std::array<double, 4>, 32> cumulative{};

  constexpr PreyMoves() {
    constexpr std::array<double, grid::kMoves> kProbability = {0.175, 0.175, 0.175, 0.175, 0.3};
    for (std::size_t mask = 0; mask < cumulative.size(); ++mask) {
      double accepted = 0.0;
      for (std::size_t move = 0; move < kProbability.size(); ++move)
        if ((mask >> move & 1U) != 0) accepted += kProbability[move];
      const double rejected = 1.0 - accepted;
      double tries = 0.0;
      for (int draw = 0; draw < 5; ++draw) tries = 1.0 + rejected * tries;
      double sum = 0.0;
      for (std::size_t move = 0; move < 4; ++move) {
        if ((mask >> move & 1U) != 0) sum += kProbability[move] * tries;
        cumulative[mask][move] = sum;
      }
    }
  }
};
constexpr PreyMoves kPreyMoves;

class PredatorPrey final : public grid::ViewedEnv {
 public:
  PredatorPrey(EnvSpec spec, const grid::Views& views, const Rules& rules)
      : ViewedEnv(std::move(spec), views),
        rules_(rules),
        board_(rules.size, rules.size, 2),
        predators_(static_cast<std::size_t>(rules.n_agents)),
        prey_(static_cast<std::size_t>(rules.n_prey)),
        coordinate_(static_cast<std::size_t>(rules.size)) {
    for (std::size_t i = 0; i < coordinate_.size(); ++i)
      coordinate_[i] =
          static_cast<float>(static_cast<double>(i) / static_cast<double>(rules.size - 1));
  }

  struct Prey {
    Cell cell;
    bool is_alive = false;
  };

  const Board& board() const { return board_; }
  const std::vector<Cell>& predators() const { return predators_; }
  const std::vector<Prey>& prey() const { return prey_; }

  std::vector<std::pair<std::string, double>> info() const override {
    double captures = 0.0;
    for (const Prey& prey : prey_) captures += prey.is_alive ? 0.0 : 1.0;
    return {{"captures", captures}};
  }

 protected:
  void do_reset(Stream& stream) override {
    board_.clear();
    const auto range = static_cast<std::uint32_t>(rules_.start_size);
    const auto draw_cell = [&stream, range] {
      const int row = static_cast<int>(stream.below(range));
      return Cell{row, static_cast<int>(stream.below(range))};
    };
    for (Cell& predator : predators_) {
      do predator = draw_cell();
      while (board_[predator] != Board::kEmpty);
      board_[predator] = kPredator;
    }
    for (Prey& prey : prey_) {
      do prey.cell = draw_cell();
      while (board_[prey.cell] != Board::kEmpty ||
             board_.count_neighbours(prey.cell, kPredator) > 0);
      prey.is_alive = true;
      board_[prey.cell] = kPrey;
    }
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    for (std::size_t agent = 0; agent < predators_.size(); ++agent) {
      const Cell target = grid::moved(predators_[agent], actions[agent]);
      if (board_[target] != Board::kEmpty) continue;
      board_[predators_[agent]] = Board::kEmpty;
      board_[target] = kPredator;
      predators_[agent] = target;
    }
    double reward = rules_.step_cost;  // of each agent; all earn the same
    bool any_alive = false;
    for (Prey& prey : prey_) {
      if (!prey.is_alive) continue;
      const int n_near = board_.count_neighbours(prey.cell, kPredator);
      if (n_near >= 2) {
        reward += rules_.capture_reward;
        prey.is_alive = false;
        board_[prey.cell] = Board::kEmpty;
        continue;
      }
      if (n_near == 1) reward += rules_.penalty;
      any_alive = true;
      if (!rules_.static_prey) move_prey(prey, stream);
    }
    return {.reward = reward * rules_.reward_scale, .terminated = !any_alive};
  }

  void write_own(std::span<float> out) const override {
    constexpr std::size_t kOwn = kOwnFeatures;
    for (std::size_t agent = 0; agent < predators_.size(); ++agent)
      write_agent(agent, out.subspan(agent * kOwn, kOwn));
  }

  void write_true_state(std::span<float> out) const override {
    std::size_t i = 0;
    for (const Cell predator : predators_) {
      out[i++] = coordinate(predator.row);
      out[i++] = coordinate(predator.col);
    }
    for (const Prey& prey : prey_) {
      out[i++] = prey.is_alive ? 1.0F : 0.0F;
      out[i++] = prey.is_alive ? coordinate(prey.cell.row) : 0.0F;
      out[i++] = prey.is_alive ? coordinate(prey.cell.col) : 0.0F;
    }
    out[i] = clock();
  }

  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    if (!rules_.masks_moves) return;
    for (std::size_t agent = 0; agent < predators_.size(); ++agent)
      grid::mask_moves(board_, predators_[agent], out.subspan(agent * grid::kMoves, grid::kMoves));
  }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<PredatorPrey>(*this); }

  void do_save(ByteWriter& out) const override {
    for (const Cell predator : predators_) {
      out.put<std::int16_t>(static_cast<std::int16_t>(predator.row));
      out.put<std::int16_t>(static_cast<std::int16_t>(predator.col));
    }
    for (const Prey& prey : prey_) {
      out.put<std::int16_t>(static_cast<std::int16_t>(prey.cell.row));
      out.put<std::int16_t>(static_cast<std::int16_t>(prey.cell.col));
      out.put<std::uint8_t>(prey.is_alive ? 1 : 0);
    }
  }

  void do_load(ByteReader& in) override {
    const auto read_cell = [this, &in] {
      const int row = in.get<std::int16_t>();
      const Cell cell{row, in.get<std::int16_t>()};
      CREDO_CHECK(board_.holds(cell), "saved state holds a cell outside the board");
      return cell;
    };
    std::vector<Cell> predators(predators_.size());
    std::vector<Prey> all_prey(prey_.size());
    for (Cell& predator : predators) predator = read_cell();
    for (Prey& prey : all_prey) {
      prey.cell = read_cell();
      prey.is_alive = in.get<std::uint8_t>() != 0;
    }
    predators_ = std::move(predators);
    prey_ = std::move(all_prey);
    board_.clear();
    for (const Cell predator : predators_) board_[predator] = kPredator;
    for (const Prey& prey : prey_)
      if (prey.is_alive) board_[prey.cell] = kPrey;
  }

  std::string do_render_text() const override {
    return fmt::format("{} t={}\n", spec().id, t()) +
           grid::board_text(rules_.size, rules_.size, [this](Cell cell) {
             const std::uint8_t content = board_[cell];
             if (content != kPredator) return content == kPrey ? '*' : '.';
             const auto found = std::find(predators_.begin(), predators_.end(), cell);
             return static_cast<char>('A' + (found - predators_.begin()));
           });
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  // A move may be accepted and still fail (off the board, or into a cell that is taken): that is
  // how a threatened prey can linger.
  void move_prey(Prey& prey, Stream& stream) {
    std::size_t mask = 0;
    for (int move = 0; move < grid::kMoves; ++move)
      if (board_.count_neighbours(grid::moved(prey.cell, move), kPredator) == 0)
        mask |= std::size_t{1} << move;
    const auto& cumulative = kPreyMoves.cumulative[mask];
    const double draw = stream.uniform();
    int move = grid::kDown;
    while (move < grid::kNoop && draw >= cumulative[static_cast<std::size_t>(move)]) ++move;
    const Cell target = grid::moved(prey.cell, move);
    if (board_[target] != Board::kEmpty) return;
    board_[prey.cell] = Board::kEmpty;
    board_[target] = kPrey;
    prey.cell = target;
  }

  float coordinate(int i) const { return coordinate_[static_cast<std::size_t>(i)]; }
  float clock() const { return static_cast<float>(t() / kClockSteps); }

  // Own position, prey in the 5x5 window, clock.
  void write_agent(std::size_t agent, std::span<float> out) const {
    const Cell own = predators_[agent];
    out[0] = coordinate(own.row);
    out[1] = coordinate(own.col);
    for (const Prey& prey : prey_) {
      const int row = prey.cell.row - own.row + kView;
      const int col = prey.cell.col - own.col + kView;
      if (prey.is_alive && row >= 0 && row < kWindow && col >= 0 && col < kWindow)
        out[static_cast<std::size_t>(2 + row * kWindow + col)] = 1.0F;
    }
    out[kOwnFeatures - 1] = clock();
  }

  Rules rules_;
  Board board_;
  std::vector<Cell> predators_;
  std::vector<Prey> prey_;
  std::vector<float> coordinate_;  // row or column scaled to [0, 1]
};

/// Privileged (sees everything). Predators hunt in pairs (0 and 1, 2 and 3, ...): both wait at
/// distance 2, where they neither affect the prey nor are penalised, then step beside it together.
class PairHunt final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    const auto& world = dynamic_cast<const PredatorPrey&>(env);
    Board board = world.board();
    std::vector<Cell> predators = world.predators();
    std::vector<int> targets(world.prey().size(), 0);  // pairs already hunting each prey
    std::fill(actions.begin(), actions.end(), grid::kNoop);
    for (std::size_t first = 0; first + 1 < predators.size(); first += 2) {
      const int target = choose_target(world, predators, first, targets);
      if (target < 0) continue;
      ++targets[static_cast<std::size_t>(target)];
      choose_moves(world, board, predators, first, static_cast<std::size_t>(target), stream,
                   actions);
    }
    grid::keep_available(env, actions, grid::kNoop);
  }

 private:
  static int choose_target(const PredatorPrey& world, const std::vector<Cell>& predators,
                           std::size_t first, const std::vector<int>& targets) {
    int best = -1;
    int best_score = 0;
    for (std::size_t i = 0; i < world.prey().size(); ++i) {
      const auto& prey = world.prey()[i];
      if (!prey.is_alive) continue;
      const int score = grid::distance(predators[first], prey.cell) +
                        grid::distance(predators[first + 1], prey.cell) + 100 * targets[i];
      if (best < 0 || score < best_score) {
        best = static_cast<int>(i);
        best_score = score;
      }
    }
    return best;
  }

  struct Joint {
    std::array<int, 2> moves = {grid::kNoop, grid::kNoop};
    std::array<Cell, 2> after;
  };

  // The best of the pair's 25 joint moves: catch, else approach to distance 2 without standing
  // alone beside any prey. If there is none (one blocks the other), any move without penalty.
  static void choose_moves(const PredatorPrey& world, Board& board, std::vector<Cell>& predators,
                           std::size_t first, std::size_t target, Stream& stream,
                           std::span<int> actions) {
    const std::array<Cell, 2> before = {predators[first], predators[first + 1]};
    const Cell goal = world.prey()[target].cell;
    Joint best{.after = before};
    Joint free_move{.after = before};
    int best_score = 0;
    int n_free = 0;
    for (int joint = 0; joint < grid::kMoves * grid::kMoves; ++joint) {
      Joint option{{joint / grid::kMoves, joint % grid::kMoves}, before};
      for (std::size_t i = 0; i < 2; ++i) {
        const Cell to = grid::moved(before[i], option.moves[i]);
        if (board[to] != Board::kEmpty) continue;
        move(board, before[i], to);
        option.after[i] = to;
      }
      const int gain = value_of(world, board);
      for (std::size_t i = 2; i-- > 0;) move(board, option.after[i], before[i]);

      // Doubled, with a random bit below: ties are broken at random.
      const int score =
          2 * (gain - off_staging(option.after, goal)) + static_cast<int>(stream.below(2));
      if (joint == 0 || score > best_score) {
        best_score = score;
        best = option;
      }
      if (gain >= 0 && stream.below(static_cast<std::uint32_t>(++n_free)) == 0) free_move = option;
    }
    const bool leads_nowhere =
        best_score < kCatch && off_staging(best.after, goal) >= off_staging(before, goal);
    const Joint& chosen = leads_nowhere ? free_move : best;
    for (const Cell cell : before) board[cell] = Board::kEmpty;
    for (std::size_t i = 0; i < 2; ++i) {
      board[chosen.after[i]] = kPredator;
      predators[first + i] = chosen.after[i];
      actions[first + i] = chosen.moves[i];
    }
  }

  static constexpr int kCatch = 1000;
  static constexpr int kAlone = 50;

  static void move(Board& board, Cell from, Cell to) {
    board[from] = Board::kEmpty;
    board[to] = kPredator;
  }

  static int value_of(const PredatorPrey& world, const Board& board) {
    int value = 0;
    for (const auto& prey : world.prey()) {
      if (!prey.is_alive) continue;
      const int n_near = board.count_neighbours(prey.cell, kPredator);
      value += n_near >= 2 ? kCatch : n_near == 1 ? -kAlone : 0;
    }
    return value;
  }

  // Distance of the pair from the waiting positions.
  static int off_staging(const std::array<Cell, 2>& cells, Cell prey) {
    int sum = 0;
    for (const Cell cell : cells) {
      const int off = grid::distance(cell, prey) - 2;
      sum += off < 0 ? -off : off;
    }
    return sum;
  }
};

std::unique_ptr<ScriptedPolicy> PredatorPrey::do_make_scripted(std::string_view name) const {
  (void)name;
  return std::make_unique<PairHunt>();
}

std::vector<Feature> own_features(int episode_limit) {
  std::vector<Feature> features = {{"own.row", 0.0F, 1.0F}, {"own.col", 0.0F, 1.0F}};
  for (int row = -kView; row <= kView; ++row)
    for (int col = -kView; col <= kView; ++col)
      features.push_back({fmt::format("cell({:+},{:+}).prey", row, col), 0.0F, 1.0F});
  features.push_back({"clock", 0.0F, static_cast<float>(episode_limit / kClockSteps)});
  return features;
}

std::vector<Feature> true_state_features(const Rules& rules, int episode_limit) {
  std::vector<Feature> features;
  for (int agent = 0; agent < rules.n_agents; ++agent) {
    features.push_back({fmt::format("predator{}.row", agent), 0.0F, 1.0F});
    features.push_back({fmt::format("predator{}.col", agent), 0.0F, 1.0F});
  }
  for (int prey = 0; prey < rules.n_prey; ++prey) {
    features.push_back({fmt::format("prey{}.alive", prey), 0.0F, 1.0F});
    features.push_back({fmt::format("prey{}.row", prey), 0.0F, 1.0F});
    features.push_back({fmt::format("prey{}.col", prey), 0.0F, 1.0F});
  }
  features.push_back({"clock", 0.0F, static_cast<float>(episode_limit / kClockSteps)});
  return features;
}

std::unique_ptr<Env> make_predator_prey(EnvSpec spec, const Params& params) {
  Rules rules;
  rules.size = params.integer32("size");
  rules.n_agents = params.integer32("n_agents");
  rules.n_prey = params.integer32("n_prey");
  rules.static_prey = params.boolean("static_prey");
  rules.start_size = params.text("start_area") == "original" ? rules.size - 1 : rules.size;
  rules.masks_moves = params.text("avail") == "legal";
  rules.penalty = params.real("penalty");
  rules.step_cost = params.real("step_cost");
  rules.capture_reward = params.real("capture_reward");
  rules.reward_scale = grid::reward_scale(params, rules.n_agents);
  // Every predator excludes at most five start cells for the prey, so this many always fit.
  const int start_cells = rules.start_size * rules.start_size;
  if (5 * rules.n_agents + rules.n_prey > start_cells)
    throw UserError(
        fmt::format("env.size = {}: too small for env.n_agents = {} and env.n_prey = {}; "
                    "the {}x{} start area must have at least 5 n_agents + n_prey = {} cells",
                    rules.size, rules.n_agents, rules.n_prey, rules.start_size, rules.start_size,
                    5 * rules.n_agents + rules.n_prey));

  spec.n_agents = rules.n_agents;
  spec.n_actions = grid::kMoves;
  spec.action_names = grid::move_names();
  spec.noop_action = grid::kNoop;
  const grid::Views views = grid::read_views(params);
  grid::set_features(spec, views, own_features(spec.episode_limit),
                     true_state_features(rules, spec.episode_limit));
  spec.reward_low = rules.reward_scale * (rules.step_cost + rules.n_prey * rules.penalty);
  spec.reward_high = rules.reward_scale * (rules.step_cost + rules.n_prey * rules.capture_reward);
  spec.return_bound = spec.reward_high;  // everything caught in the first step
  spec.is_stochastic = true;
  spec.scripted.push_back({"default", "knows all positions; pairs step beside a prey together"});
  return std::make_unique<PredatorPrey>(std::move(spec), views, rules);
}

std::string describe(const Params& params) {
  return fmt::format("PredatorPrey {0}x{0}, {1} prey, {2} observation", params.integer("size"),
                     params.boolean("static_prey") ? "static" : "moving", grid::view_name(params));
}

}  // namespace

EnvFamily predator_prey_family() {
  EnvFamily family;
  family.name = "predator_prey";
  family.help = "ma-gym PredatorPrey: catch prey in pairs; lone predators are penalised";
  family.params = {
      ParamSpec::integer("size", 5, 4, 32, "rows and columns of the board"),
      ParamSpec::integer("n_agents", 2, 2, 16, "number of predators"),
      ParamSpec::integer("n_prey", 1, 1, 16, "number of prey"),
      ParamSpec::boolean("static_prey", false, "prey never move"),
      ParamSpec::real("penalty", -0.5, -1000.0, 0.0,
                      "reward of each agent per prey touched by one predator only"),
      ParamSpec::real("step_cost", -0.01, -1000.0, 0.0, "reward of each agent per step"),
      ParamSpec::real("capture_reward", 5.0, 0.0, 1000.0, "reward of each agent per capture"),
      ParamSpec::choice("start_area", "original", {"original", "full"},
                        "where entities start: not in the last row and column (as the original), "
                        "or anywhere"),
      grid::reward_param(),
      grid::avail_param()};
  for (ParamSpec& param : grid::view_params()) family.params.push_back(std::move(param));
  for (ParamSpec& param : limit_params(100, true)) family.params.push_back(std::move(param));

  using Defaults = std::vector<std::pair<std::string, ParamValue>>;
  const std::array<std::pair<std::string, Defaults>, 2> boards = {
      {{"5x5", {}},
       {"7x7",
        {{"size", std::int64_t{7}}, {"n_agents", std::int64_t{4}}, {"n_prey", std::int64_t{2}}}}}};
  for (const auto& [board, defaults] : boards) {
    for (const bool is_static : {false, true}) {
      for (const bool is_full : {false, true}) {
        Defaults all = defaults;
        if (is_static) all.emplace_back("static_prey", true);
        if (is_full) all.emplace_back("full_obs", true);
        family.variants.push_back(
            {board + (is_static ? "-static" : "") + (is_full ? "-full" : ""), "", std::move(all)});
      }
    }
  }
  family.describe = describe;
  family.make = make_predator_prey;
  return family;
}

}  // namespace credo
