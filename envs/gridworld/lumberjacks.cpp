// Lumberjacks of ma-gym (lumberjacks.py): agents may share cells; a tree falls when the number of
// agents on its cell is at least its strength, and every agent is rewarded for every tree.
//
// ma-gym clips positions one row and column short of the board: agents can never stand in the last
// ones, are moved inward by their first action, and most episodes cannot be finished. Here
// env.clip = fixed by default; env.clip = original restores the bug. Its first episode starts from
// an unshuffled layout, here env.first_layout = original (episode 0 of a random stream). Its loop
// against repeated layouts does not change their distribution and is omitted.
//
// Time limit: ma-gym's own counter ends at 100 and the cut is stored as a true end (EPyMARL's gymma
// wrapper does the same), hence limit_is_terminal = true by default. The clock feature always
// counts in hundredths, whatever env.limit is.
#include <numeric>

#include "envs/gridworld/grid.hpp"

namespace credo {
namespace {

using grid::Cell;

constexpr int kNoop = 0;
constexpr double kClockSteps = 100.0;
constexpr double kStepCost = -1.0;
constexpr double kTreeReward = 10.0;

// Lumberjacks puts "noop" first; the moves keep ma-gym's order.
constexpr int to_move(int action) { return (action + grid::kNoop) % grid::kMoves; }
constexpr int from_move(int move) { return (move + 1) % grid::kMoves; }

struct Rules {
  int size = 5;
  int n_agents = 2;
  int n_trees = 12;
  int reach = 5;  // rows and columns that agents can enter
  bool first_is_unshuffled = false;
  bool masks_moves = false;
  double reward_scale = 2.0;
};

class Lumberjacks final : public grid::ViewedEnv {
 public:
  Lumberjacks(EnvSpec spec, const grid::Views& views, const Rules& rules)
      : ViewedEnv(std::move(spec), views),
        rules_(rules),
        agents_(static_cast<std::size_t>(rules.n_agents)),
        trees_(static_cast<std::size_t>(rules.size * rules.size)),
        labels_(trees_.size()) {}

  const std::vector<Cell>& agents() const { return agents_; }
  int size() const { return rules_.size; }
  int reach() const { return rules_.reach; }
  /// Strength of the tree in a cell; 0: none.
  int tree(Cell cell) const { return trees_[index(cell)]; }

  std::vector<std::pair<std::string, double>> info() const override {
    return {{"trees_left", static_cast<double>(trees_left_)}};
  }

 protected:
  void do_reset(Stream& stream) override {
    const auto n_agents = agents_.size();
    const auto n_trees = static_cast<std::size_t>(rules_.n_trees);
    for (std::size_t i = 0; i < labels_.size(); ++i)
      labels_[i] = i < n_agents             ? Label::kAgent
                   : i < n_agents + n_trees ? Label::kTree
                                            : Label::kNone;
    if (!rules_.first_is_unshuffled || stream.episode() != 0)
      stream.shuffle(std::span<Label>(labels_));
    // Agents are numbered in the order of their cells, as in the original.
    std::size_t agent = 0;
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      trees_[i] = 0;
      if (labels_[i] == Label::kAgent) agents_[agent++] = cell_at(i);
      if (labels_[i] == Label::kTree)
        trees_[i] = static_cast<std::uint8_t>(
            1 + stream.below(static_cast<std::uint32_t>(rules_.n_agents)));
    }
    trees_left_ = rules_.n_trees;
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    (void)stream;
    for (std::size_t i = 0; i < agents_.size(); ++i) {
      const Cell to = grid::moved(agents_[i], to_move(actions[i]));
      agents_[i] = {std::clamp(to.row, 0, rules_.reach - 1),
                    std::clamp(to.col, 0, rules_.reach - 1)};
    }
    int n_felled = 0;
    for (const Cell cell : agents_) {
      std::uint8_t& strength = trees_[index(cell)];
      if (strength == 0 || agents_in(cell) < strength) continue;
      strength = 0;
      ++n_felled;
    }
    trees_left_ -= n_felled;
    return {.reward = rules_.reward_scale * (kStepCost + n_felled * kTreeReward),
            .terminated = trees_left_ == 0};
  }

  void write_own(std::span<float> out) const override {
    const auto n = static_cast<double>(rules_.n_agents);
    float* next = out.data();
    for (std::size_t i = 0; i < agents_.size(); ++i) {
      const Cell own = agents_[i];
      *next++ = static_cast<float>(static_cast<double>(i) / n);
      *next++ = scaled(own.row);
      *next++ = scaled(own.col);
      *next++ = clock();
      for (int row = own.row - 1; row <= own.row + 1; ++row) {
        for (int col = own.col - 1; col <= own.col + 1; ++col, next += 2) {
          if (row < 0 || row >= rules_.size || col < 0 || col >= rules_.size) continue;
          next[0] = static_cast<float>(agents_in({row, col}) / n);
          next[1] = static_cast<float>(tree({row, col}) / n);
        }
      }
    }
  }

  void write_true_state(std::span<float> out) const override {
    float* next = out.data();
    for (const Cell own : agents_) {
      *next++ = scaled(own.row);
      *next++ = scaled(own.col);
    }
    for (const std::uint8_t strength : trees_)
      *next++ = static_cast<float>(strength / static_cast<double>(rules_.n_agents));
    *next = clock();
  }

  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    if (!rules_.masks_moves) return;
    for (std::size_t i = 0; i < agents_.size(); ++i) {
      for (int move = 0; move < grid::kNoop; ++move) {
        const Cell to = grid::moved(agents_[i], move);
        if (to.row < 0 || to.row >= rules_.reach || to.col < 0 || to.col >= rules_.reach)
          out[i * grid::kMoves + static_cast<std::size_t>(from_move(move))] = 0;
      }
    }
  }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<Lumberjacks>(*this); }

  void do_save(ByteWriter& out) const override {
    for (const Cell cell : agents_) {
      out.put<std::uint8_t>(static_cast<std::uint8_t>(cell.row));
      out.put<std::uint8_t>(static_cast<std::uint8_t>(cell.col));
    }
    out.put_vector(trees_);
  }

  void do_load(ByteReader& in) override {
    std::vector<Cell> agents(agents_.size());
    for (Cell& cell : agents) {
      cell.row = in.get<std::uint8_t>();
      cell.col = in.get<std::uint8_t>();
      CREDO_CHECK(cell.row < rules_.size && cell.col < rules_.size,
                  "saved state holds a cell outside the board");
    }
    std::vector<std::uint8_t> trees(trees_.size());
    in.get_span(std::span<std::uint8_t>(trees));
    agents_ = std::move(agents);
    trees_ = std::move(trees);
    trees_left_ = static_cast<int>(trees_.size()) -
                  static_cast<int>(std::count(trees_.begin(), trees_.end(), std::uint8_t{0}));
  }

  std::string do_render_text() const override {
    return fmt::format("{} t={}\n", spec().id, t()) +
           grid::board_text(rules_.size, rules_.size, [this](Cell cell) {
             const int strength = tree(cell);
             const auto here = std::find(agents_.begin(), agents_.end(), cell);
             return fmt::format(
                 "{}{}", strength > 0 ? fmt::format("{}", strength) : ".",
                 here == agents_.end() ? ' ' : static_cast<char>('A' + (here - agents_.begin())));
           });
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  enum class Label : std::uint8_t { kAgent, kTree, kNone };

  std::size_t index(Cell cell) const {
    return static_cast<std::size_t>(cell.row * rules_.size + cell.col);
  }
  Cell cell_at(std::size_t index) const {
    const auto i = static_cast<int>(index);
    return {i / rules_.size, i % rules_.size};
  }
  int agents_in(Cell cell) const {
    return static_cast<int>(std::count(agents_.begin(), agents_.end(), cell));
  }
  float scaled(int i) const {
    return static_cast<float>(static_cast<double>(i) / static_cast<double>(rules_.size - 1));
  }
  float clock() const { return static_cast<float>(t() / kClockSteps); }

  Rules rules_;
  std::vector<Cell> agents_;
  std::vector<std::uint8_t> trees_;  // [size, size] strengths
  std::vector<Label> labels_;        // scratch of do_reset
  int trees_left_ = 0;
};

/// Privileged (sees all trees). Greedily assigns the tree that its nearest free agents reach first
/// to as many agents as it needs; the remaining agents walk to their nearest tree.
class SplitUp final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    (void)stream;
    const auto& world = dynamic_cast<const Lumberjacks&>(env);
    std::fill(actions.begin(), actions.end(), -1);
    auto n_free = static_cast<int>(actions.size());
    claimed_.assign(static_cast<std::size_t>(world.size() * world.size()), 0);
    while (n_free > 0) {
      Plan best;
      for_each_tree(world, [&](Cell cell, int strength) {
        if (strength > n_free || claimed_[index(world, cell)] != 0) return;
        const Plan plan = make_plan(world, actions, cell, strength);
        if (best.strength == 0 || plan.steps < best.steps ||
            (plan.steps == best.steps && plan.strength < best.strength))
          best = plan;
      });
      if (best.strength == 0) break;
      claimed_[index(world, best.cell)] = 1;
      for (int sent = 0; sent < best.strength; ++sent) send_nearest(world, actions, best.cell);
      n_free -= best.strength;
    }
    for (std::size_t agent = 0; agent < actions.size(); ++agent) {
      if (actions[agent] >= 0) continue;
      Cell nearest = world.agents()[agent];
      int best = -1;
      for_each_tree(world, [&](Cell cell, int) {
        const int distance = grid::distance(world.agents()[agent], cell);
        if (best >= 0 && distance >= best) return;
        best = distance;
        nearest = cell;
      });
      actions[agent] = towards(world.agents()[agent], nearest);
    }
    grid::keep_available(env, actions, kNoop);
  }

 private:
  struct Plan {
    Cell cell;
    int strength = 0;
    int steps = 0;  // until the last required agent arrives
  };

  static std::size_t index(const Lumberjacks& world, Cell cell) {
    return static_cast<std::size_t>(cell.row * world.size() + cell.col);
  }

  template <typename Visit>
  static void for_each_tree(const Lumberjacks& world, const Visit& visit) {
    for (int row = 0; row < world.reach(); ++row)
      for (int col = 0; col < world.reach(); ++col)
        if (const int strength = world.tree({row, col}); strength > 0)
          visit(Cell{row, col}, strength);
  }

  Plan make_plan(const Lumberjacks& world, std::span<const int> actions, Cell cell, int strength) {
    distances_.clear();
    for (std::size_t agent = 0; agent < actions.size(); ++agent)
      if (actions[agent] < 0) distances_.push_back(grid::distance(world.agents()[agent], cell));
    std::sort(distances_.begin(), distances_.end());
    return {cell, strength, distances_[static_cast<std::size_t>(strength - 1)]};
  }

  static void send_nearest(const Lumberjacks& world, std::span<int> actions, Cell cell) {
    std::size_t nearest = actions.size();
    for (std::size_t agent = 0; agent < actions.size(); ++agent) {
      if (actions[agent] >= 0) continue;
      if (nearest == actions.size() || grid::distance(world.agents()[agent], cell) <
                                           grid::distance(world.agents()[nearest], cell))
        nearest = agent;
    }
    actions[nearest] = towards(world.agents()[nearest], cell);
  }

  static int towards(Cell from, Cell to) {
    if (from.row != to.row) return from_move(from.row < to.row ? grid::kDown : grid::kUp);
    if (from.col != to.col) return from_move(from.col < to.col ? grid::kRight : grid::kLeft);
    return kNoop;
  }

  std::vector<std::uint8_t> claimed_;
  std::vector<int> distances_;
};

std::unique_ptr<ScriptedPolicy> Lumberjacks::do_make_scripted(std::string_view name) const {
  (void)name;
  return std::make_unique<SplitUp>();
}

std::vector<Feature> own_features(const Feature& clock, int n_agents) {
  const float last_id = static_cast<float>((n_agents - 1) / static_cast<double>(n_agents));
  std::vector<Feature> features = {
      {"own.id", 0.0F, last_id}, {"own.row", 0.0F, 1.0F}, {"own.col", 0.0F, 1.0F}, clock};
  for (int row = -1; row <= 1; ++row) {
    for (int col = -1; col <= 1; ++col) {
      features.push_back({fmt::format("cell({:+},{:+}).agents", row, col), 0.0F, 1.0F});
      features.push_back({fmt::format("cell({:+},{:+}).tree", row, col), 0.0F, 1.0F});
    }
  }
  return features;
}

std::vector<Feature> true_state_features(const Feature& clock, const Rules& rules) {
  std::vector<Feature> features =
      grid::repeat_features({{"own.row", 0.0F, 1.0F}, {"own.col", 0.0F, 1.0F}}, rules.n_agents);
  for (int row = 0; row < rules.size; ++row)
    for (int col = 0; col < rules.size; ++col)
      features.push_back({fmt::format("grid({},{}).tree", row, col), 0.0F, 1.0F});
  features.push_back(clock);
  return features;
}

std::unique_ptr<Env> make_lumberjacks(EnvSpec spec, const Params& params) {
  Rules rules;
  rules.size = params.integer32("size");
  rules.n_agents = params.integer32("n_agents");
  rules.n_trees = params.integer32("n_trees");
  rules.reach = params.text("clip") == "fixed" ? rules.size : rules.size - 1;
  rules.first_is_unshuffled = params.text("first_layout") == "original";
  rules.masks_moves = params.text("avail") == "legal";
  rules.reward_scale = grid::reward_scale(params, rules.n_agents);
  if (rules.n_agents + rules.n_trees > rules.size * rules.size)
    throw UserError(fmt::format(
        "env.size = {}: {} agents and {} trees do not fit on {} cells; raise env.size or lower "
        "env.n_agents or env.n_trees",
        rules.size, rules.n_agents, rules.n_trees, rules.size * rules.size));

  spec.n_agents = rules.n_agents;
  spec.n_actions = grid::kMoves;
  for (int action = 0; action < grid::kMoves; ++action)
    spec.action_names.push_back(grid::move_names()[static_cast<std::size_t>(to_move(action))]);
  spec.noop_action = kNoop;
  const Feature clock = {"clock", 0.0F, static_cast<float>(spec.episode_limit / kClockSteps)};
  const grid::Views views = grid::read_views(params);
  grid::set_features(spec, views, own_features(clock, rules.n_agents),
                     true_state_features(clock, rules));
  // At best every agent fells a tree in every step until no trees or no time are left.
  const int most_felled = std::min(rules.n_agents, rules.n_trees);
  const int fewest_steps =
      std::min((rules.n_trees + rules.n_agents - 1) / rules.n_agents, spec.episode_limit);
  const int felled = std::min(rules.n_trees, fewest_steps * rules.n_agents);
  spec.reward_low = rules.reward_scale * kStepCost;
  spec.reward_high = rules.reward_scale * (kStepCost + most_felled * kTreeReward);
  spec.return_bound = rules.reward_scale * (felled * kTreeReward + fewest_steps * kStepCost);
  spec.is_stochastic = true;
  spec.scripted.push_back(
      {"default", "knows all trees; agents split up where one or a few are enough"});
  return std::make_unique<Lumberjacks>(std::move(spec), views, rules);
}

std::string describe(const Params& params) {
  return fmt::format("Lumberjacks, {} observation", grid::view_name(params));
}

}  // namespace

EnvFamily lumberjacks_family() {
  EnvFamily family;
  family.name = "lumberjacks";
  family.help = "ma-gym Lumberjacks: strong trees need several agents at once";
  family.params = {
      ParamSpec::integer("size", 5, 2, 32, "rows and columns of the board"),
      ParamSpec::integer("n_agents", 2, 1, 16, "number of agents; trees are at most this strong"),
      ParamSpec::integer("n_trees", 12, 1, 1000, "number of trees"),
      ParamSpec::choice("clip", "fixed", {"fixed", "original"},
                        "fixed: agents reach every cell; original: not the last row and column"),
      ParamSpec::choice("first_layout", "shuffled", {"shuffled", "original"},
                        "original: episode 0 starts with agents and trees in the first cells"),
      grid::reward_param(),
      grid::avail_param()};
  for (ParamSpec& param : grid::view_params()) family.params.push_back(std::move(param));
  for (ParamSpec& param : limit_params(100, true)) family.params.push_back(std::move(param));
  family.variants = {{"", "", {}}, {"full", "", {{"full_obs", true}}}};
  family.describe = describe;
  family.make = make_lumberjacks;
  return family;
}

}  // namespace credo
