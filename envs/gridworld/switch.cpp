// Switch of ma-gym (switch_one_corridor.py): two or four agents must pass a corridor one cell wide
// to reach the opposite side. Deterministic; the only difficulty is exploration.
//
// Time limit: ma-gym's own counter ends at 50 and the cut is stored as a true end (EPyMARL's gymma
// wrapper does the same), hence limit_is_terminal = true by default. The clock feature always
// divides by 50, whatever env.limit is.
#include <algorithm>
#include <array>

#include "envs/gridworld/grid.hpp"

namespace credo {
namespace {

using grid::Board;
using grid::Cell;

constexpr int kRows = 3;
constexpr int kCols = 7;
constexpr int kMaxAgents = 4;
constexpr double kClockSteps = 50.0;
constexpr double kArrivalReward = 5.0;
constexpr double kStepCost = -0.1;
constexpr std::uint8_t kAgent = 1;
constexpr std::array<Cell, kMaxAgents> kStart = {{{0, 1}, {0, 5}, {2, 1}, {2, 5}}};
constexpr std::array<Cell, kMaxAgents> kGoal = {{{0, 6}, {0, 0}, {2, 6}, {2, 0}}};
// ma-gym rounds coordinates to two digits.
constexpr std::array<float, kRows> kRowFeature = {0.0F, 0.5F, 1.0F};
constexpr std::array<float, kCols> kColFeature = {0.0F, 0.17F, 0.33F, 0.5F, 0.67F, 0.83F, 1.0F};

constexpr bool is_wall(Cell cell) { return cell.row != 1 && cell.col >= 2 && cell.col <= 4; }

struct Rules {
  int n_agents = 2;
  bool clock = false;
  bool masks_moves = false;
  double reward_scale = 1.0;  // agents' rewards differ, so the mean divides their sum
};

class Switch final : public grid::ViewedEnv {
 public:
  Switch(EnvSpec spec, const grid::Views& views, const Rules& rules)
      : ViewedEnv(std::move(spec), views),
        rules_(rules),
        n_agents_(static_cast<std::size_t>(rules.n_agents)),
        board_(kRows, kCols, 1) {
    place(kStart);
  }

  std::vector<std::pair<std::string, double>> info() const override {
    return {{"arrived", static_cast<double>(std::count(arrived_.begin(), arrived_.end(), true))}};
  }

 protected:
  void do_reset(Stream& stream) override {
    (void)stream;
    arrived_.fill(false);
    place(kStart);
  }

  // Agents move one after another; one that has arrived keeps blocking its cell.
  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    (void)stream;
    double reward = 0.0;
    bool all_arrived = true;
    for (std::size_t agent = 0; agent < n_agents_; ++agent) {
      if (arrived_[agent]) continue;
      const Cell target = grid::moved(position_[agent], actions[agent]);
      if (board_[target] == Board::kEmpty) {
        board_[position_[agent]] = Board::kEmpty;
        board_[target] = kAgent;
        position_[agent] = target;
      }
      arrived_[agent] = position_[agent] == kGoal[agent];
      reward += arrived_[agent] ? kArrivalReward : kStepCost;
      all_arrived = all_arrived && arrived_[agent];
    }
    return {.reward = reward * rules_.reward_scale, .terminated = all_arrived};
  }

  void write_own(std::span<float> out) const override {
    std::size_t i = 0;
    for (std::size_t agent = 0; agent < n_agents_; ++agent) {
      out[i++] = kRowFeature[static_cast<std::size_t>(position_[agent].row)];
      out[i++] = kColFeature[static_cast<std::size_t>(position_[agent].col)];
      if (rules_.clock) out[i++] = clock();
    }
  }

  void write_true_state(std::span<float> out) const override {
    std::size_t i = 0;
    for (std::size_t agent = 0; agent < n_agents_; ++agent) {
      out[i++] = kRowFeature[static_cast<std::size_t>(position_[agent].row)];
      out[i++] = kColFeature[static_cast<std::size_t>(position_[agent].col)];
    }
    out[i] = clock();
  }

  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    if (!rules_.masks_moves) return;
    for (std::size_t agent = 0; agent < n_agents_; ++agent) {
      const auto row = out.subspan(agent * grid::kMoves, grid::kMoves);
      if (arrived_[agent]) {
        std::fill_n(row.begin(), grid::kNoop, std::uint8_t{0});
      } else {
        grid::mask_moves(board_, position_[agent], row);
      }
    }
  }

  std::unique_ptr<Env> do_clone() const override { return std::make_unique<Switch>(*this); }

  void do_save(ByteWriter& out) const override {
    for (std::size_t agent = 0; agent < n_agents_; ++agent) {
      out.put<std::uint8_t>(static_cast<std::uint8_t>(position_[agent].row));
      out.put<std::uint8_t>(static_cast<std::uint8_t>(position_[agent].col));
      out.put<std::uint8_t>(arrived_[agent] ? 1 : 0);
    }
  }

  void do_load(ByteReader& in) override {
    std::array<Cell, kMaxAgents> position = kStart;
    std::array<bool, kMaxAgents> arrived{};
    for (std::size_t agent = 0; agent < n_agents_; ++agent) {
      position[agent].row = in.get<std::uint8_t>();
      position[agent].col = in.get<std::uint8_t>();
      arrived[agent] = in.get<std::uint8_t>() != 0;
      CREDO_CHECK(board_.holds(position[agent]) && !is_wall(position[agent]),
                  "saved state holds a cell outside the board");
    }
    arrived_ = arrived;
    place(position);
  }

  std::string do_render_text() const override {
    return fmt::format("{} t={}\n", spec().id, t()) +
           grid::board_text(kRows, kCols, [this](Cell cell) {
             char symbol = is_wall(cell) ? '#' : '.';
             for (std::size_t agent = 0; agent < n_agents_; ++agent) {
               if (symbol == '.' && kGoal[agent] == cell)
                 symbol = static_cast<char>('a' + static_cast<int>(agent));
               if (position_[agent] == cell)
                 symbol = static_cast<char>('A' + static_cast<int>(agent));
             }
             return symbol;
           });
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  float clock() const { return static_cast<float>(t() / kClockSteps); }

  void place(const std::array<Cell, kMaxAgents>& position) {
    position_ = position;
    for (int row = 0; row < kRows; ++row)
      for (int col = 0; col < kCols; ++col)
        board_[{row, col}] = is_wall({row, col}) ? Board::kWall : Board::kEmpty;
    for (std::size_t agent = 0; agent < n_agents_; ++agent) board_[position_[agent]] = kAgent;
  }

  Rules rules_;
  std::size_t n_agents_;
  Board board_;
  std::array<Cell, kMaxAgents> position_{};
  std::array<bool, kMaxAgents> arrived_{};
};

// Shortest joint plans, found by search: 8.3 with two agents, 16.1 with four.
constexpr std::array<std::string_view, 2> kPlanOfTwo = {"0333323", "004442111112"};
constexpr std::array<std::string_view, 4> kPlanOfFour = {"0333332", "444444440111112", "42333330",
                                                         "4444442111101"};

std::unique_ptr<ScriptedPolicy> Switch::do_make_scripted(std::string_view name) const {
  (void)name;
  if (n_agents_ == 2) return std::make_unique<grid::Replay>(kPlanOfTwo);
  return std::make_unique<grid::Replay>(kPlanOfFour);
}

std::unique_ptr<Env> make_switch(EnvSpec spec, const Params& params) {
  Rules rules;
  rules.n_agents = params.integer32("n_agents");
  rules.clock = params.boolean("clock");
  rules.masks_moves = params.text("avail") == "legal";
  rules.reward_scale = grid::reward_scale(params, rules.n_agents) / rules.n_agents;

  spec.n_agents = rules.n_agents;
  spec.n_actions = grid::kMoves;
  spec.action_names = grid::move_names();
  spec.noop_action = grid::kNoop;
  const Feature clock = {"clock", 0.0F, static_cast<float>(spec.episode_limit / kClockSteps)};
  const std::vector<Feature> position = {{"own.row", 0.0F, 1.0F}, {"own.col", 0.0F, 1.0F}};
  std::vector<Feature> own = position;
  if (rules.clock) own.push_back(clock);
  std::vector<Feature> true_state = grid::repeat_features(position, rules.n_agents);
  true_state.push_back(clock);
  const grid::Views views = grid::read_views(params);
  grid::set_features(spec, views, own, std::move(true_state));
  spec.reward_low = rules.reward_scale * rules.n_agents * kStepCost;
  spec.reward_high = rules.reward_scale * rules.n_agents * kArrivalReward;
  // Exact optima by search; for three agents the sum of lone shortest paths (seven moves each).
  const double best = rules.n_agents == 2   ? 8.3
                      : rules.n_agents == 4 ? 16.1
                                            : rules.n_agents * (kArrivalReward + 6 * kStepCost);
  spec.return_bound = rules.reward_scale * best;
  spec.is_stochastic = false;
  if (rules.n_agents != 3) spec.scripted.push_back({"default", "replays a shortest joint plan"});
  return std::make_unique<Switch>(std::move(spec), views, rules);
}

std::string describe(const Params& params) {
  return fmt::format("Switch with {} agents, {} observation{}", params.integer("n_agents"),
                     grid::view_name(params), params.boolean("clock") ? " and clock" : "");
}

}  // namespace

EnvFamily switch_family() {
  EnvFamily family;
  family.name = "switch";
  family.help = "ma-gym Switch: pass a corridor one cell wide";
  family.params = {ParamSpec::integer("n_agents", 2, 2, kMaxAgents, "number of agents"),
                   ParamSpec::boolean("clock", false, "observations end with steps / 50"),
                   grid::reward_param(), grid::avail_param()};
  for (ParamSpec& param : grid::view_params()) family.params.push_back(std::move(param));
  for (ParamSpec& param : limit_params(50, true)) family.params.push_back(std::move(param));
  for (const int n_agents : {2, 4}) {
    for (const bool has_clock : {false, true}) {
      for (const bool is_full : {false, true}) {
        std::vector<std::pair<std::string, ParamValue>> defaults;
        if (n_agents != 2) defaults.emplace_back("n_agents", std::int64_t{n_agents});
        if (is_full) defaults.emplace_back("full_obs", true);
        if (has_clock) defaults.emplace_back("clock", true);
        family.variants.push_back(
            {fmt::format("{}{}{}", n_agents, is_full ? "-full" : "", has_clock ? "-clock" : ""), "",
             std::move(defaults)});
      }
    }
  }
  family.describe = describe;
  family.make = make_switch;
  return family;
}

}  // namespace credo
