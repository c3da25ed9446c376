// Checkers of ma-gym (checkers.py): two agents walk over a board of apples and lemons. The
// rewards of agent 0 are ten times those of agent 1, so agent 1 should eat the lemons that block
// the way. Nothing is random.
//
// Time limit: ma-gym's own counter ends at 100 and the cut is stored as a true end (EPyMARL's gymma
// wrapper does the same), hence limit_is_terminal = true by default. The clock feature always
// counts in hundredths, whatever env.limit is. As in the original, the row feature is divided by
// the number of rows, and the "wall" flags of the window are never set.
#include "envs/gridworld/grid.hpp"

namespace credo {
namespace {

using grid::Cell;

constexpr std::size_t kAgents = 2;
constexpr int kRows = 3;
constexpr int kCols = 8;
constexpr int kFoodCols = 6;  // the last two columns are empty
constexpr double kClockSteps = 100.0;
constexpr double kStepCost = -0.01;
constexpr std::array<double, kAgents> kFoodReward = {10.0, 1.0};
constexpr std::array<Cell, kAgents> kStart = {{{0, 6}, {2, 6}}};
// ma-gym rounds coordinates to two digits.
constexpr std::array<float, kRows> kRowFeature = {0.0F, 0.33F, 0.67F};
constexpr std::array<float, kCols> kColFeature = {0.0F,  0.14F, 0.29F, 0.43F,
                                                  0.57F, 0.71F, 0.86F, 1.0F};
constexpr std::array<const char*, 5> kFlags = {"lemon", "apple", "agent0", "agent1", "wall"};
constexpr std::size_t kLemonFlag = 0;
constexpr std::size_t kAppleFlag = 1;
constexpr std::size_t kAgentFlag = 2;

constexpr bool is_on_board(Cell cell) {
  return cell.row >= 0 && cell.row < kRows && cell.col >= 0 && cell.col < kCols;
}

// One bit per food cell; 0 for cells without food.
constexpr std::uint32_t food_bit(Cell cell) {
  return cell.col < kFoodCols ? 1U << static_cast<unsigned>(cell.row * kFoodCols + cell.col) : 0U;
}

constexpr bool is_apple(Cell cell) { return (cell.row + cell.col) % 2 == 0; }

constexpr std::uint32_t kAllFood = (1U << static_cast<unsigned>(kRows * kFoodCols)) - 1U;
constexpr std::uint32_t kApples = [] {
  std::uint32_t apples = 0;
  for (int row = 0; row < kRows; ++row)
    for (int col = 0; col < kFoodCols; ++col)
      if (is_apple({row, col})) apples |= food_bit({row, col});
  return apples;
}();

struct Rules {
  bool clock = false;
  bool masks_moves = false;
  double reward_scale = 1.0;  // of the sum of the agents' rewards
};

class Checkers final : public grid::ViewedEnv {
 public:
  Checkers(EnvSpec spec, const grid::Views& views, const Rules& rules)
      : ViewedEnv(std::move(spec), views), rules_(rules) {}

  std::vector<std::pair<std::string, double>> info() const override {
    return {{"apples_left", static_cast<double>(std::popcount(food_ & kApples))},
            {"lemons_left", static_cast<double>(std::popcount(food_ & ~kApples))}};
  }

 protected:
  void do_reset(Stream& stream) override {
    (void)stream;
    position_ = kStart;
    food_ = kAllFood;
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    (void)stream;
    double reward = 0.0;
    for (std::size_t agent = 0; agent < kAgents; ++agent) {
      reward += kStepCost;
      const Cell target = grid::moved(position_[agent], actions[agent]);
      if (!is_on_board(target) || target == position_[1 - agent]) continue;
      position_[agent] = target;
      if ((food_ & food_bit(target)) == 0) continue;
      reward += is_apple(target) ? kFoodReward[agent] : -kFoodReward[agent];
      food_ &= ~food_bit(target);
    }
    return {.reward = reward * rules_.reward_scale, .terminated = (food_ & kApples) == 0};
  }

  void write_own(std::span<float> out) const override {
    float* next = out.data();
    for (const Cell own : position_) {
      *next++ = kRowFeature[static_cast<std::size_t>(own.row)];
      *next++ = kColFeature[static_cast<std::size_t>(own.col)];
      for (int row = own.row - 1; row <= own.row + 1; ++row)
        for (int col = own.col - 1; col <= own.col + 1; ++col, next += kFlags.size())
          if (is_on_board({row, col})) write_flags({row, col}, next);
      if (rules_.clock) *next++ = clock();
    }
  }

  void write_true_state(std::span<float> out) const override {
    float* next = out.data();
    for (const Cell own : position_) {
      *next++ = kRowFeature[static_cast<std::size_t>(own.row)];
      *next++ = kColFeature[static_cast<std::size_t>(own.col)];
    }
    for (std::uint32_t rest = kAllFood, food = food_; rest != 0; rest >>= 1, food >>= 1)
      *next++ = static_cast<float>(food & 1U);
    *next = clock();
  }

  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    if (!rules_.masks_moves) return;
    for (std::size_t agent = 0; agent < kAgents; ++agent)
      for (int move = 0; move < grid::kNoop; ++move)
        if (!is_on_board(grid::moved(position_[agent], move)))
          out[agent * grid::kMoves + static_cast<std::size_t>(move)] = 0;
  }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<Checkers>(*this); }

  void do_save(ByteWriter& out) const override {
    for (const Cell cell : position_) {
      out.put<std::uint8_t>(static_cast<std::uint8_t>(cell.row));
      out.put<std::uint8_t>(static_cast<std::uint8_t>(cell.col));
    }
    out.put(food_);
  }

  void do_load(ByteReader& in) override {
    std::array<Cell, kAgents> position;
    for (Cell& cell : position) {
      cell.row = in.get<std::uint8_t>();
      cell.col = in.get<std::uint8_t>();
      CREDO_CHECK(is_on_board(cell), "saved state holds a cell outside the board");
    }
    const auto food = in.get<std::uint32_t>();
    CREDO_CHECK((food & ~kAllFood) == 0, "saved state holds food outside the board");
    position_ = position;
    food_ = food;
  }

  std::string do_render_text() const override {
    return fmt::format("{} t={}\n", spec().id, t()) +
           grid::board_text(kRows, kCols, [this](Cell cell) {
             char symbol = (food_ & food_bit(cell)) == 0 ? '.' : is_apple(cell) ? 'a' : 'l';
             for (std::size_t agent = 0; agent < kAgents; ++agent)
               if (position_[agent] == cell)
                 symbol = static_cast<char>('0' + static_cast<int>(agent));
             return symbol;
           });
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  float clock() const { return static_cast<float>(t() / kClockSteps); }

  void write_flags(Cell cell, float* flags) const {
    if ((food_ & food_bit(cell)) != 0) flags[is_apple(cell) ? kAppleFlag : kLemonFlag] = 1.0F;
    for (std::size_t agent = 0; agent < kAgents; ++agent)
      if (position_[agent] == cell) flags[kAgentFlag + agent] = 1.0F;
  }

  Rules rules_;
  std::array<Cell, kAgents> position_ = kStart;
  std::uint32_t food_ = kAllFood;
};

// A shortest plan in which agent 0 eats all apples and agent 1 the three lemons that connect them.
constexpr std::array<std::string_view, kAgents> kPlan = {"0132300142111304224401113042244011022",
                                                         "3142113323011411133042021111330420202"};
constexpr double kBestReturn = 86.26;

std::unique_ptr<ScriptedPolicy> Checkers::do_make_scripted(std::string_view name) const {
  (void)name;
  return std::make_unique<grid::Replay>(kPlan);
}

std::vector<Feature> position_features() {
  return {{"own.row", 0.0F, kRowFeature.back()}, {"own.col", 0.0F, 1.0F}};
}

std::vector<Feature> own_features() {
  std::vector<Feature> features = position_features();
  for (int row = -1; row <= 1; ++row)
    for (int col = -1; col <= 1; ++col)
      for (const char* flag : kFlags)
        features.push_back({fmt::format("cell({:+},{:+}).{}", row, col, flag), 0.0F,
                            flag == kFlags.back() ? 0.0F : 1.0F});
  return features;
}

std::vector<Feature> true_state_features() {
  std::vector<Feature> features = grid::repeat_features(position_features(), kAgents);
  for (int row = 0; row < kRows; ++row)
    for (int col = 0; col < kFoodCols; ++col)
      features.push_back(
          {fmt::format("grid({},{}).{}", row, col, is_apple({row, col}) ? "apple" : "lemon"), 0.0F,
           1.0F});
  return features;
}

std::unique_ptr<Env> make_checkers(EnvSpec spec, const Params& params) {
  Rules rules;
  rules.clock = params.boolean("clock");
  rules.masks_moves = params.text("avail") == "legal";
  spec.n_agents = kAgents;
  rules.reward_scale = grid::reward_scale(params, spec.n_agents) / spec.n_agents;

  spec.n_actions = grid::kMoves;
  spec.action_names = grid::move_names();
  spec.noop_action = grid::kNoop;
  const Feature clock = {"clock", 0.0F, static_cast<float>(spec.episode_limit / kClockSteps)};
  std::vector<Feature> own = own_features();
  if (rules.clock) own.push_back(clock);
  std::vector<Feature> true_state = true_state_features();
  true_state.push_back(clock);
  const grid::Views views = grid::read_views(params);
  grid::set_features(spec, views, own, std::move(true_state));
  const double best_food = kFoodReward[0] + kFoodReward[1];
  spec.reward_low = rules.reward_scale * (spec.n_agents * kStepCost - best_food);
  spec.reward_high = rules.reward_scale * (spec.n_agents * kStepCost + best_food);
  spec.return_bound = rules.reward_scale * kBestReturn;
  spec.is_stochastic = false;
  spec.scripted.push_back({"default", "replays a plan of 37 steps with the highest return"});
  return std::make_unique<Checkers>(std::move(spec), views, rules);
}

std::string describe(const Params& params) {
  return fmt::format("Checkers, {} observation{}", grid::view_name(params),
                     params.boolean("clock") ? " and clock" : "");
}

}  // namespace

EnvFamily checkers_family() {
  EnvFamily family;
  family.name = "checkers";
  family.help = "ma-gym Checkers: the less sensitive agent clears the way for the other";
  family.params = {ParamSpec::boolean("clock", false, "observations end with steps / 100"),
                   grid::reward_param(), grid::avail_param()};
  for (ParamSpec& param : grid::view_params()) family.params.push_back(std::move(param));
  for (ParamSpec& param : limit_params(100, true)) family.params.push_back(std::move(param));
  family.variants = {{"", "", {}},
                     {"full", "", {{"full_obs", true}}},
                     {"clock", "", {{"clock", true}}},
                     {"full-clock", "", {{"full_obs", true}, {"clock", true}}}};
  family.describe = describe;
  family.make = make_checkers;
  return family;
}

}  // namespace credo
