// matrix_tables --out DIR: trains every value-based algorithm on matrix games under exactly uniform
// data and writes what it learnt beside what the algorithms' function classes can represent at
// best. COMA, which makes its own data, plays and is reported by its outcome.
//
// Exactly uniform: every joint action once per update. The learning rate falls in three stages, so
// that values settle. All else is profile matrix_uniform.
#include <Eigen/Core>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "envs/core/registry.hpp"
#include "learners/algorithm_table.hpp"
#include "learners/algorithms/q_learner.hpp"
#include "learners/base/index.hpp"
#include "learners/base/isa.hpp"
#include "learners/trainer.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/json.hpp"
#include "suite/common/text.hpp"
#include "suite/results/suite_manifest.hpp"
#include "suite/run/config.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

constexpr std::array<double, 3> kRates = {1e-3, 2e-4, 4e-5};
constexpr std::int64_t kPlayedSteps = 40'000;
constexpr std::int64_t kComaAnneal = 20'000;
const std::vector<std::string> kGames = {
    "matrix/qtran",     "matrix/qplex3",     "matrix/qplex1",
    "matrix/wqmix",     "matrix/pymarl2",    "matrix/climbing",
    "matrix/penalty-0", "matrix/penalty-25", "matrix/penalty-100"};

/// Two agents' values, row = agent 0.
using Table = Eigen::MatrixXd;
using Eigen::Index;

double squared_error(const Table& a, const Table& b) { return (a - b).squaredNorm(); }

double largest_difference(const Table& a, const Table& b) { return (a - b).cwiseAbs().maxCoeff(); }

std::string text(const Table& table) {
  std::string out;
  for (Index i = 0; i < table.rows(); ++i) {
    out += out.empty() ? "" : " / ";
    for (Index j = 0; j < table.cols(); ++j)
      out += fmt::format("{}{:.2f}", j == 0 ? "" : " ", table(i, j) == 0.0 ? 0.0 : table(i, j));
  }
  return out;
}

/// The least-squares sum of one value per agent: row mean + column mean - grand mean.
Table additive_fit(const Table& payoff) {
  const Index n = payoff.rows();
  return (payoff.rowwise().mean().replicate(1, n) + payoff.colwise().mean().replicate(n, 1))
             .array() -
         payoff.mean();
}

/// Upper sets of the n x n grid as the first column of each row that belongs to them: starts[i]
/// does not increase with i.
void collect_upper_sets(Index n, std::vector<Index>& starts, std::vector<std::vector<Index>>& out) {
  if (std::ssize(starts) == n) {
    out.push_back(starts);
    return;
  }
  for (Index s = 0; s <= (starts.empty() ? n : starts.back()); ++s) {
    starts.push_back(s);
    collect_upper_sets(n, starts, out);
    starts.pop_back();
  }
}

/// Least-squares fit that does not decrease along rows and columns: at each cell the largest over
/// upper sets U with it of the smallest over lower sets L with it of the mean over U and L
/// (Robertson, Wright and Dykstra 1988, theorem 1.4.4).
Table isotonic_fit(const Table& y) {
  const Index n = y.rows();
  std::vector<std::vector<Index>> sets;
  std::vector<Index> starts;
  collect_upper_sets(n, starts, sets);
  Table fit = y;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j) {
      double best = -std::numeric_limits<double>::infinity();
      for (const auto& upper : sets) {
        if (j < upper[sz(i)]) continue;
        double least = std::numeric_limits<double>::infinity();
        for (const auto& outside : sets) {  // the lower set is its complement
          if (j >= outside[sz(i)]) continue;
          double sum = 0.0;
          Index count = 0;
          for (Index a = 0; a < n; ++a) {
            const Index width = std::max<Index>(0, outside[sz(a)] - upper[sz(a)]);
            sum += y.row(a).segment(width == 0 ? 0 : upper[sz(a)], width).sum();
            count += width;
          }
          least = std::min(least, sum / static_cast<double>(count));
        }
        best = std::max(best, least);
      }
      fit(i, j) = best;
    }
  return fit;
}

/// The best fit that is monotone in some order of each agent's actions.
Table monotone_fit(const Table& payoff) {
  std::vector<Index> rows(sz(payoff.rows()));
  std::iota(rows.begin(), rows.end(), 0);
  Table best;
  double least = std::numeric_limits<double>::infinity();
  do {
    std::vector<Index> columns(sz(payoff.cols()));
    std::iota(columns.begin(), columns.end(), 0);
    do {
      const Table y = payoff(rows, columns);
      const Table ordered = isotonic_fit(y);
      const double error = squared_error(ordered, y);
      if (error >= least - 1e-9) continue;
      least = error;
      best.resizeLike(payoff);
      best(rows, columns) = ordered;
    } while (std::next_permutation(columns.begin(), columns.end()));
  } while (std::next_permutation(rows.begin(), rows.end()));
  return best;
}

/// Every joint action of a one-shot game of two agents, once.
struct Game {
  std::string id;
  EnvShape shape;
  Table payoff;
  std::vector<Episode> episodes;
  std::vector<const Episode*> batch;

  explicit Game(std::string name) : id(std::move(name)) {
    const auto env = make_env(id);
    const EnvSpec& spec = env->spec();
    shape = shape_of(spec);
    if (shape.n_agents != 2 || spec.episode_limit != 1 || !id.starts_with("matrix/"))
      throw UserError(fmt::format("--game {}: needs a matrix game of two agents and one play", id));
    const std::size_t obs_width = sz(2 * shape.obs_dim);
    std::vector<float> obs(2 * obs_width), state(2 * sz(shape.state_dim));
    std::vector<std::uint8_t> avail(sz(4 * shape.n_actions), 1);
    EpisodeEncoder encoder(shape);
    payoff = Table::Zero(shape.n_actions, shape.n_actions);
    episodes.resize(sz(shape.n_actions * shape.n_actions));
    for (int a = 0; a < shape.n_actions; ++a)
      for (int b = 0; b < shape.n_actions; ++b) {
        env->reset(Stream(0, purpose("matrix_tables")));
        env->write_obs(std::span(obs).first(obs_width));
        env->write_state(std::span(state).first(sz(shape.state_dim)));
        const std::array<int, 2> actions = {a, b};
        const StepResult result = env->step(actions);
        env->write_obs(std::span(obs).last(obs_width));
        env->write_state(std::span(state).last(sz(shape.state_dim)));
        payoff(a, b) = result.reward + 0.0;  // no negative zero
        const auto reward = static_cast<float>(result.reward);
        const EpisodeArrays arrays{.obs = obs.data(),
                                   .state = state.data(),
                                   .avail = avail.data(),
                                   .actions = actions.data(),
                                   .rewards = &reward};
        encoder.encode(arrays.view(shape, 1, result.terminated),
                       episodes[sz(a * shape.n_actions + b)]);
      }
    for (const Episode& e : episodes) batch.push_back(&e);
  }
};

struct Learnt {
  std::string algorithm;
  std::uint64_t seed = 0;
  Table joint{};  ///< Q_tot; empty where there is none
  Table own{};    ///< [agent][action]: values, or an actor's probabilities
  std::array<int, 2> greedy{};
  bool is_policy = false;
};

TrainConfig game_config(const Game& game, const std::string& algorithm, std::uint64_t seed) {
  RunRequest request;
  request.env = game.id;
  request.algorithm = algorithm;
  request.profile = "matrix_uniform";
  request.seed = seed;
  if (algorithm == "coma")
    request.sets = {fmt::format("exploration.epsilon_anneal_steps={}", kComaAnneal)};
  return RunConfig::resolve(request).train_config();
}

// QTRAN's and QPLEX's free joint values need longer than the rest.
int updates_per_stage(const std::string& algorithm) {
  return algorithm == "qplex" ? 6000 : algorithm == "qtran" ? 5000 : 2000;
}

Learnt learn(const Game& game, const std::string& algorithm, std::uint64_t seed, int updates) {
  TrainConfig config = game_config(game, algorithm, seed);
  std::vector<std::byte> state;
  Learnt learnt{.algorithm = algorithm, .seed = seed};
  for (std::size_t stage = 0; stage < kRates.size(); ++stage) {
    config.optimizer.lr = kRates[stage];
    QLearner learner(game.shape, config);
    if (stage > 0) {
      ByteReader in(state);
      learner.load(in);
    }
    UpdateStats stats;
    for (int update = 0; update < updates; ++update) {
      stats = learner.compute_gradient(game.batch);
      if (!std::isfinite(stats.loss) || !std::isfinite(stats.grad_norm))
        throw DivergedError(
            fmt::format("{} {} seed {}: loss {}", game.id, algorithm, seed, stats.loss));
      learner.apply_gradient(stats);
      if (update % 100 == 99) learner.sync_target();
    }
    ByteWriter out;
    learner.save(out);
    state = out.take();
    if (stage + 1 < kRates.size()) continue;
    UpdateTrace trace;
    trace.slots = 2;
    learner.compute_gradient(game.batch, &trace);
    const Index n = game.payoff.rows();
    using Floats = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    learnt.own = Eigen::Map<const Floats>(trace.agent_qs.data(), 2, n).cast<double>();
    learnt.greedy = {trace.greedy_actions[0], trace.greedy_actions[1]};
    if (learner.network().mixer->outputs() != 1) continue;
    learnt.joint = Eigen::Map<const Floats>(trace.q_tot.data(), n, n).cast<double>();
  }
  return learnt;
}

bool is_on_policy(const Game& game, const std::string& algorithm) {
  return game_config(game, algorithm, 0).learner.kind != LearnerKind::kQLearning;
}

/// An actor's probabilities are read off its logits.
Learnt play(const Game& game, const std::string& algorithm, std::uint64_t seed,
            std::int64_t steps) {
  TrainConfig config = game_config(game, algorithm, seed);
  config.t_max = steps;
  const auto env = make_env(game.id);
  Trainer trainer(*env, config);
  while (!trainer.finished()) trainer.iterate();
  const Network network(game.shape, config);
  std::vector<float> params(network.layout.size());
  network.layout.from_tensors(trainer.weights(), "weights", params);
  std::vector<float> obs(sz(2 * game.shape.obs_dim)), hidden(sz(2 * config.agent.hidden_dim));
  std::vector<float> logits(sz(2 * game.shape.n_actions));
  env->reset(Stream(0, purpose("matrix_tables")));
  env->write_obs(obs);
  const std::array<int, 2> none = {-1, -1};
  Scratch scratch;
  network.agent.act(params.data(), 2, obs.data(), none.data(), hidden.data(), logits.data(),
                    scratch);
  Learnt learnt{.algorithm = algorithm, .seed = seed, .is_policy = true};
  const Index n = game.payoff.rows();
  learnt.own.resize(2, n);
  for (Index i = 0; i < 2; ++i) {
    const Eigen::Map<const Eigen::RowVectorXf> of_agent(logits.data() + i * n, n);
    const float most = of_agent.maxCoeff(&learnt.greedy[sz(i)]);
    const Eigen::RowVectorXd p = (of_agent.array() - most).cast<double>().exp();
    learnt.own.row(i) = p / p.sum();
  }
  return learnt;
}

/// What uniform data leads to, where it is known: VDN's and Qatten's fit, the payoffs for the unrestricted
/// values, and for the QTRAN game the fixed points of weighted QMIX (docs/algorithms/wqmix.md).
std::optional<Table> fixed_point(const Game& game, const std::string& algorithm) {
  if (algorithm == "vdn" || algorithm == "qatten") return additive_fit(game.payoff);
  if (algorithm == "qtran" || algorithm == "qplex") return game.payoff;
  if (game.id != "matrix/qtran" || (algorithm != "cw_qmix" && algorithm != "ow_qmix"))
    return std::nullopt;
  constexpr double kAlpha = 0.1;  // wqmix.weight of the profile
  const double rest = algorithm == "cw_qmix" ? -6.0 : -12.0 * kAlpha / (1.0 + kAlpha);
  Table table = Table::Constant(3, 3, rest);
  table(0, 0) = 8.0;
  return table;
}

std::string analytic_row(const char* name, const Game& game, const Table& fit) {
  // Ties of a fit are left open: every best joint action counts.
  const double top = fit.maxCoeff();
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (Index i = 0; i < fit.rows(); ++i)
    for (Index j = 0; j < fit.cols(); ++j)
      if (fit(i, j) > top - 1e-9) {
        low = std::min(low, game.payoff(i, j));
        high = std::max(high, game.payoff(i, j));
      }
  const std::string gain =
      low == high ? fmt::format("{:g}", low) : fmt::format("{:g} or {:g}", low, high);
  return fmt::format("| *{}* | | {} | | {} | {:.2f} | |\n", name, text(fit), gain,
                     squared_error(fit, game.payoff));
}

std::string learnt_row(const Game& game, const Learnt& learnt, double monotone_error) {
  const double gain = game.payoff(learnt.greedy[0], learnt.greedy[1]);
  std::string shown = text(learnt.joint), error, remark;
  if (learnt.joint.size() == 0) {
    shown = (learnt.is_policy ? "pi: " : "q: ") + text(learnt.own);
  } else {
    const double sse = squared_error(learnt.joint, game.payoff);
    error = fmt::format("{:.2f}", sse);
    if (const auto want = fixed_point(game, learnt.algorithm))
      remark = fmt::format("{:.3f} from its fixed point", largest_difference(learnt.joint, *want));
    else if (learnt.algorithm.starts_with("qmix"))
      remark = sse <= 1.02 * monotone_error + 0.05 ? "best monotone fit" : "a local fit";
  }
  return fmt::format("| {} | {} | {} | ({}, {}) | {:g} | {} | {} |\n", learnt.algorithm,
                     learnt.seed, shown, learnt.greedy[0], learnt.greedy[1], gain, error, remark);
}

std::string csv_rows(const Game& game, const Learnt& learnt) {
  std::string out;
  for (Index i = 0; i < game.payoff.rows(); ++i)
    for (Index j = 0; j < game.payoff.cols(); ++j)
      out += fmt::format(
          "{},{},{},{},{},{},{},{:.6f},{:.6f},{}\n", game.id, learnt.algorithm, learnt.seed, i, j,
          game.payoff(i, j),
          learnt.joint.size() == 0 ? "" : fmt::format("{:.6f}", learnt.joint(i, j)),
          learnt.own(0, i), learnt.own(1, j),
          learnt.greedy[0] == static_cast<int>(i) && learnt.greedy[1] == static_cast<int>(j) ? 1
                                                                                             : 0);
  return out;
}

struct Options {
  std::filesystem::path out;
  std::vector<std::uint64_t> seeds = {0, 1, 2};
  std::vector<std::string> games;
  std::int64_t updates = 0;  ///< per stage; 0: updates_per_stage
  std::string command;
};

constexpr const char* kUsage =
    "usage: matrix_tables --out DIR [--seeds LIST] [--game ENV]... [--updates N]\n"
    "Trains every algorithm on matrix games under exactly uniform data and writes tables.md,\n"
    "tables.csv and manifest.json.\n"
    "  --out DIR      where the three files go\n"
    "  --seeds LIST   e.g. 0-2 (the default) or 0,3\n"
    "  --game ENV     a matrix game of two agents and one play; repeat (default: nine games)\n"
    "  --updates N    per stage of the learning rate, for a quick look\n"
    "Example: build/matrix_tables --out results/matrix\n";

Options parse(int argc, char** argv) {
  Options options;
  options.command = "matrix_tables";
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const std::vector<std::string> allowed = {"--out", "--seeds", "--game", "--updates", "--help"};
    if (std::find(allowed.begin(), allowed.end(), name) == allowed.end())
      throw UserError(unknown_name_message("option", name, allowed));
    if (++i == argc) throw UserError(fmt::format("{} needs a value", name));
    const std::string value = argv[i];
    options.command += fmt::format(" {} {}", name, value);
    if (name == "--out") {
      options.out = value;
    } else if (name == "--seeds") {
      options.seeds = parse_seed_list("--seeds", value);
    } else if (name == "--game") {
      options.games.push_back(value);
    } else {
      const bool digits =
          !value.empty() && value.size() < 8 &&
          std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
      options.updates = digits ? std::stoll(value) : 0;
      if (options.updates < 1)
        throw UserError(fmt::format("--updates {}; allowed: an integer in [1, 9999999]", value));
    }
  }
  if (options.out.empty()) throw UserError("--out DIR is missing; see --help");
  if (options.games.empty()) options.games = kGames;
  return options;
}

void write_results(const Options& options, const std::string& markdown, const std::string& csv,
                   const std::string& started, double wall_s) {
  const BuildInfo& build = build_info();
  const MachineInfo machine = machine_info();
  Json manifest;
  manifest["schema"] = kMatrixSchema;
  manifest["schema_version"] = 1;
  manifest["command"] = options.command;
  manifest["profile"] = "matrix_uniform";
  manifest["games"] = options.games;
  manifest["seeds"] = options.seeds;
  manifest["learning_rates"] = kRates;
  for (const Algorithm& a : learning_algorithms())
    if (!is_on_policy(Game(options.games.front()), a.name))
      manifest["updates_per_rate"][a.name] =
          options.updates > 0 ? options.updates : updates_per_stage(a.name);
  manifest["on_policy_steps"] = kPlayedSteps;
  manifest["coma_epsilon_anneal_steps"] = kComaAnneal;
  manifest["started"] = started;
  manifest["ended"] = utc_now();
  manifest["wall_s"] = wall_s;
  manifest["threads"] = 1;
  manifest["isa"] = current_isa();
  manifest["version"] = build.version;
  manifest["commit"] = build.commit;
  manifest["compiler"] = build.compiler;
  manifest["flags"] = build.flags;
  manifest["cpu"] = machine.cpu;
  manifest["cores"] = machine.cores;
  manifest["sha256"] = {{"tables.md", sha256_hex(markdown)}, {"tables.csv", sha256_hex(csv)}};
  make_directories(options.out);
  write_file(options.out / "tables.md", markdown);
  write_file(options.out / "tables.csv", csv);
  write_file(options.out / "manifest.json", json_text(manifest));
}

int run(const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  const std::string started = utc_now();
  std::vector<Game> games;
  games.reserve(options.games.size());
  for (const std::string& id : options.games) games.emplace_back(id);
  std::string markdown =
      "# Matrix games under uniform data\n\n"
      "Rows in italics are computed, the others learnt; one row per seed. `values` lists the joint\n"
      "values row by row (agent 0); for `iql` each agent's own values, for actors their probabilities.\n"
      "`error` is the summed squared difference to the payoffs, `return` what the greedy actions\n"
      "pay. How to make this file again: manifest.json.\n";
  std::string csv = "game,algorithm,seed,action_0,action_1,payoff,q_tot,own_0,own_1,greedy\n";
  for (const Game& game : games) {
    const Table monotone = monotone_fit(game.payoff);
    const double monotone_error = squared_error(monotone, game.payoff);
    markdown += fmt::format(
        "\n## {}\n\n| algorithm | seed | values | greedy | return | error | |\n", game.id);
    markdown += "|---|---:|---|---|---:|---:|---|\n";
    markdown += analytic_row("payoff", game, game.payoff);
    markdown += analytic_row("additive fit (vdn)", game, additive_fit(game.payoff));
    markdown += analytic_row("best monotone fit (qmix)", game, monotone);
    for (const Algorithm& algorithm : learning_algorithms())
      for (const std::uint64_t seed : options.seeds) {
        const std::int64_t updates =
            options.updates > 0 ? options.updates : updates_per_stage(algorithm.name);
        const Learnt learnt = is_on_policy(game, algorithm.name)
                                  ? play(game, algorithm.name, seed,
                                         options.updates > 0 ? options.updates : kPlayedSteps)
                                  : learn(game, algorithm.name, seed, static_cast<int>(updates));
        markdown += learnt_row(game, learnt, monotone_error);
        csv += csv_rows(game, learnt);
        fmt::print(stderr, "{} {} seed {}: greedy ({}, {})\n", game.id, algorithm.name, seed,
                   learnt.greedy[0], learnt.greedy[1]);
      }
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - began;
  write_results(options, markdown, csv, started, wall.count());
  fmt::print("{}", markdown);
  return 0;
}

}  // namespace
}  // namespace credo::suite

int main(int argc, char** argv) {
  try {
    for (int i = 1; i < argc; ++i)
      if (std::string(argv[i]) == "--help") {
        fmt::print("{}", credo::suite::kUsage);
        return 0;
      }
    return credo::suite::run(credo::suite::parse(argc, argv));
  } catch (const credo::UserError& e) {
    fmt::print(stderr, "matrix_tables: error: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "matrix_tables: error: {}\n", e.what());
    return 1;
  }
}
