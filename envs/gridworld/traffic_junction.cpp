// TrafficJunction of ma-gym (traffic_junction.py): cars follow fixed routes through a junction and
// choose only between gas and brake. A car that drives into another one stays where it is and is
// penalised by 10 for every attempt; the cost of waiting grows with time.
//
// Each car drives once: four start at the four gates, the others enter later, at most one per step.
// Cars move one after another, so a follower with a lower index collides with a leader that is
// about to move on. ma-gym draws from an unseeded global generator, this from the stream.
// Cars waiting to enter observe zeros by default. In ma-gym they observe stale data of the last car
// in cell (0,0) (env.waiting_obs = original; with the route "none" of a first episode, where later
// episodes of ma-gym show the previous episode's).
//
// Time limit: ma-gym's own counter ends at 100 and the cut is stored as a true end (EPyMARL's gymma
// wrapper does the same), hence limit_is_terminal = true by default.
#include "envs/gridworld/grid.hpp"

namespace credo {
namespace {

using grid::Board;
using grid::Cell;

constexpr int kSize = 14;
constexpr int kGas = 0;
constexpr int kBrake = 1;
constexpr int kActions = 2;
constexpr std::size_t kGates = 4;
constexpr std::size_t kRoutes = 3;
constexpr std::size_t kLongest = 15;  // cells of the longest route
constexpr std::size_t kWindowCells = 9;
constexpr double kCollision = -10.0;
constexpr double kWait = -0.01;
constexpr double kEntryProbability = 0.5;
constexpr double kClockSteps = 100.0;
constexpr std::array<const char*, kRoutes> kRouteNames = {"straight", "right", "left"};

struct Path {
  std::array<Cell, kLongest> cells{};
  std::size_t length = 0;
};

constexpr bool is_inside(Cell cell) {
  return cell.row >= 0 && cell.row < kSize && cell.col >= 0 && cell.col < kSize;
}

constexpr bool is_junction(Cell cell) {
  return (cell.row == 6 || cell.row == 7) && (cell.col == 6 || cell.col == 7);
}

// Right turns come after six moves, left turns after seven.
constexpr std::array<std::array<Path, kRoutes>, kGates> kPaths = [] {
  std::array<std::array<Path, kRoutes>, kGates> paths{};
  constexpr std::array<Cell, kGates> kStart = {{{7, 0}, {13, 7}, {6, 13}, {0, 6}}};
  constexpr std::array<Cell, kGates> kHeading = {{{0, 1}, {-1, 0}, {0, -1}, {1, 0}}};
  for (std::size_t gate = 0; gate < kGates; ++gate) {
    for (std::size_t route = 0; route < kRoutes; ++route) {
      Path& path = paths[gate][route];
      Cell heading = kHeading[gate];
      for (Cell cell = kStart[gate]; is_inside(cell);) {
        path.cells[path.length++] = cell;
        if (route == 1 && path.length == 7) heading = {heading.col, -heading.row};
        if (route == 2 && path.length == 8) heading = {-heading.col, heading.row};
        cell = {cell.row + heading.row, cell.col + heading.col};
      }
    }
  }
  return paths;
}();

enum class CarState : std::uint8_t { kWaiting, kDriving, kArrived };

struct Car {
  CarState state = CarState::kWaiting;
  std::uint8_t gate = 0;
  std::uint8_t route = 0;
  std::uint8_t moves = 0;    // cells already driven
  std::int32_t on_road = 0;  // steps since it entered

  const Path& path() const { return kPaths[gate][route]; }
  Cell cell() const { return path().cells[moves]; }
  Cell next() const { return path().cells[moves + std::size_t{1}]; }  // invalid at the exit
  bool is_at_exit() const { return moves + 1U == path().length; }
};

struct Rules {
  int n_agents = 4;
  bool zero_waiting_obs = true;
  bool masks_actions = false;
  double reward_scale = 1.0;  // of the sum of the agents' rewards
};

class TrafficJunction final : public grid::ViewedEnv {
 public:
  TrafficJunction(EnvSpec spec, const grid::Views& views, const Rules& rules)
      : ViewedEnv(std::move(spec), views),
        rules_(rules),
        cars_(static_cast<std::size_t>(rules.n_agents)),
        board_(kSize, kSize, 1),
        cell_features_(cars_.size() + 2 + kRoutes) {}

  const std::vector<Car>& cars() const { return cars_; }
  const Board& board() const { return board_; }

  std::vector<std::pair<std::string, double>> info() const override {
    const auto arrived = std::count_if(
        cars_.begin(), cars_.end(), [](const Car& car) { return car.state == CarState::kArrived; });
    return {{"arrived", static_cast<double>(arrived)},
            {"collisions", static_cast<double>(collisions_)}};
  }

 protected:
  void do_reset(Stream& stream) override {
    board_.clear();
    collisions_ = 0;
    std::fill(cars_.begin(), cars_.end(), Car{});
    std::array<std::uint8_t, kGates> gates = {0, 1, 2, 3};
    stream.shuffle(std::span<std::uint8_t>(gates));
    n_entered_ = std::min(kGates, cars_.size());
    for (std::size_t i = 0; i < n_entered_; ++i) enter(i, gates[i], stream);
  }

  Outcome do_step(std::span<const int> actions, Stream& stream) override {
    double reward = 0.0;
    bool all_arrived = true;
    for (std::size_t i = 0; i < cars_.size(); ++i) {
      if (cars_[i].state == CarState::kDriving) reward += drive(i, actions[i] == kGas);
      all_arrived = all_arrived && cars_[i].state == CarState::kArrived;
    }
    if (n_entered_ < cars_.size()) let_enter(stream);
    return {.reward = reward * rules_.reward_scale, .terminated = all_arrived};
  }

  void write_own(std::span<float> out) const override {
    const std::size_t own = kWindowCells * cell_features_;
    for (std::size_t i = 0; i < cars_.size(); ++i)
      write_window(cars_[i], out.subspan(i * own, own));
  }

  void write_true_state(std::span<float> out) const override {
    float* next = out.data();
    for (const Car& car : cars_) {
      next[0] = car.state == CarState::kDriving ? 1.0F : 0.0F;
      next[1] = car.state == CarState::kArrived ? 1.0F : 0.0F;
      if (car.state == CarState::kDriving) {
        next[2] = scaled(car.cell().row);
        next[3] = scaled(car.cell().col);
        next[4U + car.route] = 1.0F;
        next[4U + kRoutes] = static_cast<float>(car.on_road / kClockSteps);
      }
      next += 5 + kRoutes;
    }
  }

  void do_write_avail_actions(std::span<std::uint8_t> out) const override {
    if (!rules_.masks_actions) return;
    for (std::size_t i = 0; i < cars_.size(); ++i)
      if (cars_[i].state != CarState::kDriving) out[i * kActions + kGas] = 0;
  }

  std::unique_ptr<Env> do_clone() const override {
    return std::make_unique<TrafficJunction>(*this);
  }

  void do_save(ByteWriter& out) const override {
    out.put<std::int32_t>(collisions_);
    for (const Car& car : cars_) {
      out.put(car.state);
      out.put(car.gate);
      out.put(car.route);
      out.put(car.moves);
      out.put(car.on_road);
    }
  }

  void do_load(ByteReader& in) override {
    const auto collisions = in.get<std::int32_t>();
    std::vector<Car> cars(cars_.size());
    for (Car& car : cars) {
      car.state = in.get<CarState>();
      car.gate = in.get<std::uint8_t>();
      car.route = in.get<std::uint8_t>();
      car.moves = in.get<std::uint8_t>();
      car.on_road = in.get<std::int32_t>();
      CREDO_CHECK(car.state <= CarState::kArrived && car.gate < kGates && car.route < kRoutes &&
                      car.moves < car.path().length,
                  "saved state holds an impossible car");
    }
    collisions_ = collisions;
    cars_ = std::move(cars);
    board_.clear();
    n_entered_ = 0;
    for (std::size_t i = 0; i < cars_.size(); ++i) {
      if (cars_[i].state != CarState::kWaiting) n_entered_ = i + 1;
      if (cars_[i].state == CarState::kDriving) board_[cars_[i].cell()] = code(i);
    }
  }

  std::string do_render_text() const override {
    return fmt::format("{} t={}\n", spec().id, t()) +
           grid::board_text(kSize, kSize, [this](Cell cell) {
             const std::uint8_t what = board_[cell];
             const bool is_road = cell.row == 6 || cell.row == 7 || cell.col == 6 || cell.col == 7;
             return what != Board::kEmpty ? static_cast<char>('A' + what - 1) : is_road ? '.' : '#';
           });
  }

  std::unique_ptr<ScriptedPolicy> do_make_scripted(std::string_view name) const override;

 private:
  static std::uint8_t code(std::size_t car) { return static_cast<std::uint8_t>(car + 1); }
  static float scaled(int i) {
    return static_cast<float>(static_cast<double>(i) / static_cast<double>(kSize - 1));
  }

  void enter(std::size_t i, std::uint8_t gate, Stream& stream) {
    cars_[i] = {.state = CarState::kDriving,
                .gate = gate,
                .route = static_cast<std::uint8_t>(stream.below(kRoutes)),
                .moves = 0,
                .on_road = 0};
    board_[cars_[i].cell()] = code(i);
  }

  double drive(std::size_t i, bool is_gas) {
    Car& car = cars_[i];
    double reward = 0.0;
    ++car.on_road;
    if (is_gas) {
      const Cell next = car.next();
      if (board_[next] != Board::kEmpty) {
        reward += kCollision;
        ++collisions_;
      } else {
        board_[car.cell()] = Board::kEmpty;
        board_[next] = code(i);
        ++car.moves;
      }
    }
    reward += kWait * car.on_road;
    if (car.is_at_exit()) {
      car.state = CarState::kArrived;
      board_[car.cell()] = Board::kEmpty;
    }
    return reward;
  }

  // The next waiting car may enter at a free gate.
  void let_enter(Stream& stream) {
    std::array<std::uint8_t, kGates> free{};
    std::uint32_t n_free = 0;
    for (std::uint8_t gate = 0; gate < kGates; ++gate)
      if (board_[kPaths[gate][0].cells[0]] == Board::kEmpty) free[n_free++] = gate;
    if (n_free == 0 || !stream.bernoulli(kEntryProbability)) return;
    enter(n_entered_, free[stream.below(n_free)], stream);
    ++n_entered_;
  }

  void write_window(const Car& own, std::span<float> out) const {
    if (own.state == CarState::kWaiting) {
      if (rules_.zero_waiting_obs) return;
      // ma-gym stamps waiting cars on cell (0,0), the last one on top, with route "none".
      const auto centre = out.subspan(kWindowCells / 2 * cell_features_, cell_features_);
      centre[cars_.size() - 1] = 1.0F;
      centre[cars_.size() + 2 + 1] = 1.0F;
      return;
    }
    const Cell middle = own.cell();
    std::size_t first = 0;
    for (int row = middle.row - 1; row <= middle.row + 1; ++row) {
      for (int col = middle.col - 1; col <= middle.col + 1; ++col, first += cell_features_) {
        const std::uint8_t what = board_[{row, col}];
        if (what == Board::kEmpty || what == Board::kWall) continue;
        const auto cell = out.subspan(first, cell_features_);
        cell[what - std::size_t{1}] = 1.0F;
        cell[cars_.size()] = scaled(row);
        cell[cars_.size() + 1] = scaled(col);
        cell[cars_.size() + 2 + cars_[what - std::size_t{1}].route] = 1.0F;
      }
    }
  }

  Rules rules_;
  std::vector<Car> cars_;
  Board board_;  // cars on the road
  std::size_t cell_features_;
  std::size_t n_entered_ = 0;
  std::int32_t collisions_ = 0;
};

/// Never collides: simulates the step in the order of the cars and gives gas only into a cell that
/// is free at that point, and into the junction only if it is empty.
class YieldBox final : public ScriptedPolicy {
 public:
  void act(const Env& env, Stream& stream, std::span<int> actions) override {
    (void)stream;
    const auto& world = dynamic_cast<const TrafficJunction&>(env);
    board_ = world.board();
    int n_in_junction = 0;
    for (const Car& car : world.cars())
      n_in_junction += car.state == CarState::kDriving && is_junction(car.cell());
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const Car& car = world.cars()[i];
      actions[i] = kBrake;
      if (car.state != CarState::kDriving || board_[car.next()] != Board::kEmpty) continue;
      const bool was_in = is_junction(car.cell());
      const bool goes_in = is_junction(car.next());
      if (goes_in && !was_in && n_in_junction > 0) continue;
      n_in_junction += static_cast<int>(goes_in) - static_cast<int>(was_in);
      board_[car.cell()] = Board::kEmpty;
      if (car.moves + 2U < car.path().length) board_[car.next()] = 1;
      actions[i] = kGas;
    }
  }

 private:
  Board board_ = Board(kSize, kSize, 1);
};

std::unique_ptr<ScriptedPolicy> TrafficJunction::do_make_scripted(std::string_view name) const {
  (void)name;
  return std::make_unique<YieldBox>();
}

std::vector<Feature> own_features(int n_agents) {
  std::vector<Feature> features;
  for (int row = -1; row <= 1; ++row) {
    for (int col = -1; col <= 1; ++col) {
      const std::string cell = fmt::format("cell({:+},{:+})", row, col);
      for (int id = 0; id < n_agents; ++id)
        features.push_back({fmt::format("{}.car{}", cell, id), 0.0F, 1.0F});
      features.push_back({cell + ".row", 0.0F, 1.0F});
      features.push_back({cell + ".col", 0.0F, 1.0F});
      for (const char* route : kRouteNames)
        features.push_back({fmt::format("{}.{}", cell, route), 0.0F, 1.0F});
    }
  }
  return features;
}

std::vector<Feature> true_state_features(int n_agents, int episode_limit) {
  std::vector<Feature> features;
  for (int id = 0; id < n_agents; ++id) {
    for (const char* name : {"driving", "arrived", "row", "col"})
      features.push_back({fmt::format("car{}.{}", id, name), 0.0F, 1.0F});
    for (const char* route : kRouteNames)
      features.push_back({fmt::format("car{}.{}", id, route), 0.0F, 1.0F});
    features.push_back(
        {fmt::format("car{}.on_road", id), 0.0F, static_cast<float>(episode_limit / kClockSteps)});
  }
  return features;
}

std::unique_ptr<Env> make_traffic_junction(EnvSpec spec, const Params& params) {
  Rules rules;
  rules.n_agents = params.integer32("n_agents");
  rules.zero_waiting_obs = params.text("waiting_obs") == "zero";
  rules.masks_actions = params.text("avail") == "legal";
  rules.reward_scale = grid::reward_scale(params, rules.n_agents) / rules.n_agents;

  spec.n_agents = rules.n_agents;
  spec.n_actions = kActions;
  spec.action_names = {"gas", "brake"};
  spec.noop_action = kBrake;
  const grid::Views views = grid::read_views(params);
  grid::set_features(spec, views, own_features(rules.n_agents),
                     true_state_features(rules.n_agents, spec.episode_limit));
  spec.reward_low = rules.reward_scale * rules.n_agents * (kCollision + kWait * spec.episode_limit);
  spec.reward_high = 0.0;
  // Cars that start on the road drive at least the shortest route, or until the limit; waiting cars
  // may never have to enter.
  const int n_starting = std::min(static_cast<int>(kGates), rules.n_agents);
  const int shortest = std::min(12, spec.episode_limit);
  spec.return_bound = rules.reward_scale * n_starting * kWait * (shortest * (shortest + 1)) / 2;
  spec.is_stochastic = true;
  spec.scripted.push_back(
      {"default", "sees the whole crossing; one car at a time in the junction"});
  return std::make_unique<TrafficJunction>(std::move(spec), views, rules);
}

std::string describe(const Params& params) {
  return fmt::format("TrafficJunction with {} cars, {} observation", params.integer("n_agents"),
                     grid::view_name(params));
}

}  // namespace

EnvFamily traffic_junction_family() {
  EnvFamily family;
  family.name = "traffic_junction";
  family.help = "ma-gym TrafficJunction: cross without collisions, with gas and brake only";
  family.params = {
      ParamSpec::integer("n_agents", 4, 1, 26, "number of cars; four of them start on the road"),
      ParamSpec::choice("waiting_obs", "zero", {"zero", "original"},
                        "observations of waiting cars: zeros, or the original's stale data"),
      grid::reward_param(), grid::avail_param()};
  for (ParamSpec& param : grid::view_params()) family.params.push_back(std::move(param));
  for (ParamSpec& param : limit_params(100, true)) family.params.push_back(std::move(param));
  for (const int n_agents : {4, 10}) {
    for (const bool is_full : {false, true}) {
      std::vector<std::pair<std::string, ParamValue>> defaults;
      if (n_agents != 4) defaults.emplace_back("n_agents", std::int64_t{n_agents});
      if (is_full) defaults.emplace_back("full_obs", true);
      family.variants.push_back(
          {fmt::format("{}{}", n_agents, is_full ? "-full" : ""), "", std::move(defaults)});
    }
  }
  family.describe = describe;
  family.make = make_traffic_junction;
  return family;
}

}  // namespace credo
