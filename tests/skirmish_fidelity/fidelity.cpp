// Measures what docs/skirmish-fidelity.md reports and prints it as Markdown tables. Not a test:
//   build/skirmish_fidelity WHAT [N] [env parameter=value ...]
// WHAT: policies|openloop|spread|crowding|fairness|lanchester|ablation|scaling|peer|fuzz; N:
// episodes, battles, loops or steps. Parameters apply to policies, openloop, spread and crowding;
// `peer N [MAP [DISPLACEMENT]]` moves every start at random by up to that many cells.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <set>
#include <string>
#include <string_view>

#include "tests/skirmish/support.hpp"
#include "tests/skirmish_fidelity/crowding.hpp"

using namespace credo::skirmish;
using namespace credo::skirmish::test;

namespace {

using Values = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kMaps[] = {"3m",           "8m",        "25m",
                                 "5m_vs_6m",     "8m_vs_9m",  "10m_vs_11m",
                                 "27m_vs_30m",   "MMM",       "MMM2",
                                 "2s3z",         "3s5z",      "3s5z_vs_3s6z",
                                 "3s_vs_3z",     "3s_vs_4z",  "3s_vs_5z",
                                 "1c3s5z",       "2m_vs_1z",  "corridor",
                                 "6h_vs_8z",     "2s_vs_1sc", "so_many_baneling",
                                 "bane_vs_bane", "2c_vs_64zg"};

struct Outcome {
  double wins = 0.0;
  double returns = 0.0;
  double length = 0.0;
};

/// What an agent does at a step without looking at anything but its available actions.
struct OpenLoop {
  int approach = 0;  ///< steps to walk before standing
  int direction = kEast;
  std::vector<int> targets;  ///< order of preference
};

void open_loop_actions(const credo::Env& env, const OpenLoop& plan, std::span<int> actions) {
  const auto width = static_cast<std::size_t>(env.spec().n_actions);
  for (std::size_t k = 0; k < actions.size(); ++k) {
    const auto avail = env.avail_actions().subspan(k * width, width);
    actions[k] = avail[kNoop] != 0 ? kNoop : kStop;
    if (env.t() < plan.approach && avail[static_cast<std::size_t>(plan.direction)] != 0) {
      actions[k] = plan.direction;
      continue;
    }
    for (const int target : plan.targets) {
      if (avail[static_cast<std::size_t>(kFirstTarget + target)] == 0) continue;
      actions[k] = kFirstTarget + target;
      break;
    }
  }
}

Outcome play(credo::Env& env, const std::string& policy, int episodes, std::uint64_t seed,
             const OpenLoop* plan = nullptr) {
  Outcome outcome;
  std::vector<int> actions(static_cast<std::size_t>(env.spec().n_agents));
  credo::Stream stream(seed, credo::purpose("policy"));
  for (int n = 0; n < episodes; ++n) {
    env.reset({seed, credo::purpose("fidelity"), 0, static_cast<std::uint64_t>(n)});
    const bool scripted = policy != "random" && policy != "stop" && policy != "open loop";
    const auto script = scripted ? env.make_scripted(policy) : nullptr;
    while (!env.done()) {
      if (plan != nullptr) {
        open_loop_actions(env, *plan, actions);
      } else if (script != nullptr) {
        script->act(env, stream, actions);
      } else if (policy == "random") {
        random_actions(env, stream, actions);
      } else {
        open_loop_actions(env, {}, actions);
      }
      outcome.returns += env.step(actions).reward / episodes;
    }
    outcome.length += static_cast<double>(env.t()) / episodes;
    outcome.wins += env.won().value_or(false) ? 1.0 / episodes : 0.0;
  }
  return outcome;
}

std::string cell(const Outcome& outcome) {
  return fmt::format(" {:.0f} / {:.1f} |", 100.0 * outcome.wins, outcome.returns);
}

void policies(int episodes, const Values& values) {
  fmt::print("| map | random | stop | heuristic_ai | heuristic_rest | closest | focus | kite |\n");
  fmt::print("|---|---|---|---|---|---|---|---|\n");
  for (const char* map : kMaps) {
    std::string row = fmt::format("| {} |", map);
    const auto env = make(std::string("skirmish/") + map, values);
    Values with_heuristic = values;
    with_heuristic.emplace_back("heuristic_ai", "true");
    const auto heuristic = make(std::string("skirmish/") + map, with_heuristic);
    row += cell(play(*env, "random", episodes, 1));
    row += cell(play(*env, "stop", episodes, 1));
    row += cell(play(*heuristic, "random", episodes, 1));
    for (const char* policy : {"heuristic_rest", "closest", "focus", "kite"})
      row += cell(play(*env, policy, episodes, 1));
    fmt::print("{}\n", row);
    std::fflush(stdout);
  }
}

// The best of many random plans, judged again on fresh episodes.
void openloop(int episodes, const Values& values) {
  constexpr int kPlans = 300;
  constexpr int kTrials = 4;
  fmt::print("| map | win % | return | plan |\n|---|---|---|---|\n");
  for (const char* map : kMaps) {
    const auto env = make(std::string("skirmish/") + map, values);
    credo::Stream stream(5, credo::purpose("plans"));
    OpenLoop best;
    double best_score = -1.0;
    for (int n = 0; n < kPlans; ++n) {
      OpenLoop plan;
      plan.approach = static_cast<int>(stream.below(16));
      plan.direction = kNorth + static_cast<int>(stream.below(4));
      for (int j = 0; j < env->spec().n_actions - kFirstTarget; ++j) plan.targets.push_back(j);
      stream.shuffle(std::span<int>(plan.targets));
      const Outcome outcome = play(*env, "open loop", kTrials, 100, &plan);
      const double score = outcome.wins * 100.0 + outcome.returns;
      if (score <= best_score) continue;
      best_score = score;
      best = plan;
    }
    const Outcome outcome = play(*env, "open loop", episodes, 1, &best);
    fmt::print("| {} | {:.0f} | {:.1f} | {} steps {}, then stand and shoot |\n", map,
               100.0 * outcome.wins, outcome.returns, best.approach,
               env->spec().action_names[static_cast<std::size_t>(best.direction)]);
    std::fflush(stdout);
  }
}

// How much the battles of one fixed policy differ: SMAC's heuristic within its available actions.
void spread(int episodes, const Values& values) {
  fmt::print(
      "| map | win % | returns: mean | standard deviation | least | most | different endings |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const char* map : {"3m", "8m", "2s3z", "5m_vs_6m", "3s5z", "MMM", "10m_vs_11m"}) {
    const auto env = make(std::string("skirmish/") + map, values);
    std::vector<int> actions(static_cast<std::size_t>(env->spec().n_agents));
    credo::Stream stream(1, credo::purpose("policy"));
    double wins = 0.0;
    double sum = 0.0;
    double sum2 = 0.0;
    double least = 1e9;
    double most = -1e9;
    std::set<std::array<int, 3>> endings;  // length, survivors of both sides
    for (int n = 0; n < episodes; ++n) {
      env->reset({1, credo::purpose("fidelity"), 0, static_cast<std::uint64_t>(n)});
      const auto script = env->make_scripted("heuristic_rest");
      double total = 0.0;
      while (!env->done()) {
        script->act(*env, stream, actions);
        total += env->step(actions).reward;
      }
      const Battle& battle = as_skirmish(*env).battle();
      endings.insert({env->t(), battle.n_alive(0), battle.n_alive(1)});
      wins += env->won().value_or(false) ? 1.0 / episodes : 0.0;
      sum += total / episodes;
      sum2 += total * total / episodes;
      least = std::min(least, total);
      most = std::max(most, total);
    }
    fmt::print("| {} | {:.0f} | {:.2f} | {:.2f} | {:.1f} | {:.1f} | {} |\n", map, 100.0 * wins, sum,
               std::sqrt(std::max(sum2 - sum * sum, 0.0)), least, most, endings.size());
    std::fflush(stdout);
  }
}

struct Score {
  int wins = 0;
  int losses = 0;
  int draws = 0;
  double survivors2 = 0.0;  ///< mean square of the winner's survivors
};

Score attack_both_ways(const std::string& map, const std::string& data_dir, int battles,
                       float start_jitter = 0.0F) {
  ScenarioOptions options;
  options.map = map;
  options.data_dir = data_dir;
  options.ally_style = Style::kSticky;
  options.sort_allies = false;
  Battle battle(load_scenario(options).setup);
  credo::Stream keys(3, credo::purpose("battles"));
  Score score;
  for (int n = 0; n < battles; ++n) {
    const std::uint64_t high = keys.bits32();
    battle.reset(high << 32U | keys.bits32());
    for (int i = 0; start_jitter > 0.0F && i < battle.setup().slots; ++i) {
      if (!battle.alive(i)) continue;
      const float dx = start_jitter * (2.0F * keys.uniform_float() - 1.0F);
      const float dy = start_jitter * (2.0F * keys.uniform_float() - 1.0F);
      battle.place(i, battle.type(i), battle.x(i) + dx, battle.y(i) + dy);
    }
    battle.muster();
    for (int loop = 0; loop < 4000 && battle.n_fighters(0) > 0 && battle.n_fighters(1) > 0; ++loop)
      battle.run_step(1);
    const int a = battle.n_fighters(0);
    const int b = battle.n_fighters(1);
    ++(a > b ? score.wins : a < b ? score.losses : score.draws);
    score.survivors2 += static_cast<double>(a * a - b * b) / battles;
  }
  return score;
}

void fairness(int battles) {
  fmt::print(
      "| map | west wins | east wins | draws | west share | 99% interval |\n"
      "|---|---|---|---|---|---|\n");
  for (const char* map : {"3m", "8m", "25m", "MMM", "2s3z", "3s5z", "1c3s5z", "bane_vs_bane"}) {
    const Score score = attack_both_ways(map, "", battles);
    const double decided = score.wins + score.losses;
    const double half = 2.576 * 0.5 / std::sqrt(decided);
    fmt::print("| {} | {} | {} | {} | {:.4f} | {:.4f} to {:.4f} |\n", map, score.wins, score.losses,
               score.draws, score.wins / decided, 0.5 - half, 0.5 + half);
    std::fflush(stdout);
  }
}

std::string builtin(const std::string& path) {
  for (const EmbeddedFile& file : embedded_files())
    if (file.path == path) return std::string(file.text);
  return {};
}

/// A data folder with changed files, removed at the end.
class DataFolder {
 public:
  explicit DataFolder(const std::string& name)
      : path_(std::filesystem::temp_directory_path() / ("credo_fidelity_" + name)) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_ / "maps");
    std::filesystem::create_directories(path_ / "profiles");
  }
  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;
  ~DataFolder() { std::filesystem::remove_all(path_); }
  void write(const std::string& file, const std::string& text) const {
    std::ofstream(path_ / file) << text;
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

void lanchester(int battles) {
  // The square law: N^2 - M^2 of the two armies equals the square of the survivors.
  // With starts fixed to a lattice its geometry decides close fights; shifted starts average over
  // it.
  fmt::print(
      "| marines | N^2 - M^2 | survivors^2, fixed starts | west wins % | survivors^2, starts "
      "shifted by 0.5 | ratio | west wins % |\n|---|---|---|---|---|---|---|\n");
  const std::array<std::array<int, 2>, 9> armies = {
      {{5, 6}, {8, 9}, {10, 11}, {27, 30}, {6, 4}, {10, 8}, {10, 5}, {20, 16}, {27, 20}}};
  for (const auto& [n, m] : armies) {
    const DataFolder folder("lanchester");
    const std::string marines = builtin("maps/3m.toml");
    std::string text = marines;
    text.replace(text.find("count = 3"), 9, fmt::format("count = {}", n));
    text.replace(text.rfind("count = 3"), 9, fmt::format("count = {}", m));
    folder.write("maps/marines.toml", text);
    const Score fixed = attack_both_ways("marines", folder.path(), battles);
    const Score shifted = attack_both_ways("marines", folder.path(), battles, 0.5F);
    const double law = n * n - m * m;
    fmt::print("| {} vs {} | {} | {:.1f} | {:.1f} | {:.1f} | {:.2f} | {:.1f} |\n", n, m, law,
               fixed.survivors2, 100.0 * fixed.wins / battles, shifted.survivors2,
               shifted.survivors2 / law, 100.0 * shifted.wins / battles);
    std::fflush(stdout);
  }
}

struct Change {
  const char* name;
  const char* from;
  const char* to;
  Values values;
};

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

void ablation(int episodes) {
  const Change changes[] = {
      {"none", "", "", {}},
      {"ladder data (lotv)", "", "", {{"profile", "lotv"}}},
      {"1.4 times faster", "time_scale = 1.0", "time_scale = 1.4", {}},
      {"banelings deal 80 to all", "damage = 20\nbonus = 15", "damage = 80\nbonus = 0", {}},
      {"banelings do not burst when killed",
       "bursts_on_death = true",
       "bursts_on_death = false",
       {}},
      {"enemies prefer healers", "", "", {{"healer_priority", "true"}}},
      {"no attack jitter", "", "", {{"attack_jitter", "false"}}},
      {"no damage point", "damage_point = ", "damage_point = 0.0 #", {}},
      {"instant missiles", "missile_speed = ", "missile_speed = 0.0 #", {}},
      {"no help for victims", "call_for_help = 4.0", "call_for_help = 0.0", {}},
      {"no shield regeneration", "shield_regen = 2.0", "shield_regen = 0.0", {}},
  };
  const char* const maps[] = {
      "2s3z",     "3s5z",         "MMM",        "1c3s5z", "3s_vs_5z",
      "corridor", "bane_vs_bane", "2c_vs_64zg", "8m",     "so_many_baneling"};
  for (const char* policy : {"heuristic_ai", "focus", "kite"}) {
    fmt::print("\n`{}`\n\n| change |", policy);
    for (const char* map : maps) fmt::print(" {} |", map);
    fmt::print("\n|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (const Change& change : changes) {
      const DataFolder folder("ablation");
      Values values = change.values;
      if (*change.from != '\0') {
        const std::string before = builtin("profiles/liberty.toml");
        const std::string after = replace_all(before, change.from, change.to);
        CREDO_CHECK(after != before, std::string("not in the profile: ") + change.from);
        folder.write("profiles/liberty.toml", after);
        values.emplace_back("data_dir", folder.path());
      }
      const bool heuristic = std::string_view(policy) == "heuristic_ai";
      if (heuristic) values.emplace_back("heuristic_ai", "true");
      std::string row = fmt::format("| {} |", change.name);
      for (const char* map : maps) {
        const auto env = make(std::string("skirmish/") + map, values);
        row += cell(play(*env, heuristic ? "random" : policy, episodes, 1));
      }
      fmt::print("{}\n", row);
      std::fflush(stdout);
    }
  }
}

// Random legal actions on every map until that many steps are played, with other options from
// episode to episode, and a save and load now and then. For builds with sanitizers.
void fuzz(int steps) {
  const Values variants[] = {{},
                             {{"opponent", "closest"}, {"obs_last_action", "true"}},
                             {{"opponent", "focus"}, {"spawn_jitter", "0.5"}},
                             {{"opponent", "random"}, {"compat_enemy_ids", "shuffled"}},
                             {{"opponent", "kite"}, {"profile", "lotv"}},
                             {{"obs_pathing_grid", "true"}, {"obs_terrain_height", "true"}},
                             {{"obs_instead_of_state", "true"}, {"use_unit_ranges", "true"}}};
  credo::Stream stream(9, credo::purpose("fuzz"));
  std::int64_t done = 0;
  int episodes = 0;
  double sum = 0.0;
  for (std::size_t round = 0; done < steps; ++round) {
    for (const std::string& id : credo::list_envs()) {
      if (!id.starts_with("skirmish/") || done >= steps) continue;
      const auto env = make(id, variants[round % std::size(variants)]);
      const credo::EnvSpec& spec = env->spec();
      std::vector<int> actions(static_cast<std::size_t>(spec.n_agents));
      std::vector<float> obs(actions.size() * static_cast<std::size_t>(spec.obs_dim));
      std::vector<float> state(static_cast<std::size_t>(spec.state_dim));
      for (int n = 0; n < 10 && done < steps; ++n, ++episodes) {
        env->reset({round, credo::purpose("fuzz"), 0, static_cast<std::uint64_t>(n)});
        while (!env->done()) {
          random_actions(*env, stream, actions);
          sum += env->step(actions).reward;
          env->write_obs(obs);
          env->write_state(state);
          for (const float x : obs) sum += x;
          for (const float x : state) sum += x;
          ++done;
          if (stream.below(100) != 0) continue;
          credo::ByteWriter out;
          env->save(out);
          const std::vector<std::byte> bytes = out.take();
          credo::ByteReader in(bytes);
          env->load(in);
        }
      }
    }
  }
  if (!std::isfinite(sum)) {
    fmt::print(stderr, "a number that is not finite\n");
    std::exit(1);
  }
  fmt::print("{} steps, {} episodes, sum of all numbers {:.3f}\n", done, episodes, sum);
}

// Cost of a loop per unit as armies grow; obs, state and availability are not part of it.
void scaling(int loops) {
  fmt::print("| marines | ns per loop | ns per unit and loop |\n|---|---|---|\n");
  for (const int n : {1, 2, 4, 8, 16, 24, 32, 48, 64}) {
    Scenario scenario = field({{"marine", n, 9.0, 16.0}}, {{"marine", n, 23.0, 16.0}},
                              Style::kSticky, Style::kSticky, "liberty", true);
    Battle battle(scenario.setup);
    double units = 0.0;
    int done = 0;
    const std::clock_t start = std::clock();
    for (std::uint64_t key = 1; done < loops; ++key) {
      battle.reset(key);
      // A minute at most: the last two may have walked past each other.
      for (int k = 0; k < 120 && battle.n_alive(0) > 0 && battle.n_alive(1) > 0; ++k) {
        units += battle.n_alive(0) + battle.n_alive(1);
        battle.run_step(8);
        done += 8;
      }
    }
    const double ns = 1e9 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    fmt::print("| {} vs {} | {:.0f} | {:.1f} |\n", n, n, ns / done, ns / (8.0 * units));
  }
}

// Profile smaclite on the maps SMAClite has, to be held against SMAClite itself: the share of hit
// points and shields left on both sides, and steps; mean and standard deviation over episodes.
void peer(int episodes, std::string_view only, const std::string& displacement) {
  fmt::print(
      "| map | policy | enemy left | own left | steps | return | wins |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const char* map :
       {"2s3z", "3s5z", "3s5z_vs_3s6z", "3s_vs_5z", "2s_vs_1sc", "10m_vs_11m", "27m_vs_30m", "MMM",
        "MMM2", "corridor", "bane_vs_bane", "2c_vs_64zg", "3m"}) {
    if (!only.empty() && only != map) continue;
    const auto env = make(
        std::string("skirmish/") + map,
        {{"profile", "smaclite"}, {"spawn_jitter", displacement}, {"limit_is_terminal", "true"}});
    const BattleSetup& setup = as_skirmish(*env).battle().setup();
    for (const std::string policy : {"random", "stop", "closest", "focus", "kite", "closest25"}) {
      std::array<double, 5> sum{};
      std::array<double, 5> squares{};
      credo::Stream stream(1, credo::purpose("policy"));
      std::vector<int> actions(static_cast<std::size_t>(env->spec().n_agents));
      std::vector<int> chance(actions.size());
      for (int n = 0; n < episodes; ++n) {
        env->reset({1, credo::purpose("peer"), 0, static_cast<std::uint64_t>(n)});
        const bool mixed = policy == "closest25";
        const bool scripted = policy != "random" && policy != "stop";
        const auto script = scripted ? env->make_scripted(mixed ? "closest" : policy) : nullptr;
        const auto vitality = [&](int team) {
          double left = 0.0;
          for (int k = 0; k < setup.count[static_cast<std::size_t>(team)]; ++k) {
            const Battle& battle = as_skirmish(*env).battle();
            left += hp(battle, setup.slot(team, k)) + shield(battle, setup.slot(team, k));
          }
          return left;
        };
        double total = 0.0;
        const double own = vitality(0);
        const double enemy = vitality(1);
        while (!env->done()) {
          if (scripted)
            script->act(*env, stream, actions);
          else
            open_loop_actions(*env, {}, actions);
          if (policy == "random" || mixed) {
            random_actions(*env, stream, chance);
            for (std::size_t k = 0; k < actions.size(); ++k) {
              if (!mixed || stream.uniform_float() < 0.25F) actions[k] = chance[k];
            }
          }
          total += env->step(actions).reward;
        }
        const std::array<double, 5> values = {vitality(1) / enemy, vitality(0) / own,
                                              static_cast<double>(env->t()), total,
                                              env->won().value_or(false) ? 1.0 : 0.0};
        for (std::size_t k = 0; k < values.size(); ++k) {
          sum[k] += values[k] / episodes;
          squares[k] += values[k] * values[k] / episodes;
        }
      }
      const auto spread = [&](std::size_t k) {
        return std::sqrt(std::max(squares[k] - sum[k] * sum[k], 0.0));
      };
      fmt::print(
          "| {} | {} | {:.3f} ({:.3f}) | {:.3f} ({:.3f}) | {:.1f} ({:.1f}) | {:.2f} ({:.2f}) | "
          "{:.2f} |\n",
          map, policy, sum[0], spread(0), sum[1], spread(1), sum[2], spread(2), sum[3], spread(3),
          sum[4]);
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  const int n = argc > 2 ? std::atoi(argv[2]) : 0;
  Values values;
  for (int k = 3; k < argc; ++k) {
    const std::string_view text = argv[k];
    const std::size_t equals = std::min(text.find('='), text.size() - 1);
    values.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  const auto or_else = [n](int otherwise) { return n > 0 ? n : otherwise; };
  if (what == "policies")
    policies(or_else(500), values);
  else if (what == "openloop")
    openloop(or_else(300), values);
  else if (what == "spread")
    spread(or_else(500), values);
  else if (what == "crowding")
    crowding(or_else(100), values);
  else if (what == "fairness")
    fairness(or_else(10000));
  else if (what == "lanchester")
    lanchester(or_else(1000));
  else if (what == "ablation")
    ablation(or_else(300));
  else if (what == "peer")
    peer(or_else(20), argc > 3 ? argv[3] : "", argc > 4 ? argv[4] : "0");
  else if (what == "fuzz")
    fuzz(or_else(1000000));
  else if (what == "scaling")
    scaling(or_else(400000));
  else {
    fmt::print(stderr,
               "usage: {} "
               "policies|openloop|spread|crowding|fairness|lanchester|ablation|scaling|peer|fuzz "
               "[EPISODES, loops or steps] [MAP [DISPLACEMENT]] [env parameter=value ...]\n",
               argc > 0 ? argv[0] : "skirmish_fidelity");
    return 2;
  }
  return 0;
}
