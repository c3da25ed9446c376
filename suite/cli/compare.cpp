#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "envs/core/parse_number.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/json.hpp"
#include "suite/common/text.hpp"
#include "suite/results/summary.hpp"

namespace credo::suite {
namespace {

// What the paired test says of a row at the chosen level.
enum class Verdict { kEqual, kNotMoved, kMoved, kCannotTell };

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kEqual:
      return "equal";
    case Verdict::kMoved:
      return "moved";
    case Verdict::kCannotTell:
      return "cannot tell";
    default:
      return "not moved";
  }
}

// Equal bits need no test. Too few pairs cannot reach the level, however large the differences are.
Verdict judge(std::size_t n_pairs, std::size_t n_equal, double p_value, double level) {
  if (n_equal == n_pairs) return Verdict::kEqual;
  if (smallest_sign_flip_p(n_pairs) >= level) return Verdict::kCannotTell;
  return p_value < level ? Verdict::kMoved : Verdict::kNotMoved;
}

// One row of the comparison: runs of the same task, algorithm and seed in both folders.
struct Change {
  std::string task, algorithm;
  std::size_t n_pairs = 0;
  std::size_t n_equal = 0;  ///< to the last bit
  double old_mean = 0.0, new_mean = 0.0;
  Estimate difference;  ///< new - old
  double p_value = 1.0;
  Verdict verdict = Verdict::kEqual;
};

// Runs with a score in one folder and none in the other.
struct Lost {
  std::string task, algorithm;
  std::string why;  ///< status in the other folder, or "missing"
  std::vector<std::uint64_t> seeds;

  std::string text() const {
    return fmt::format("{}/{}: seed{} {} {}", task, algorithm, seeds.size() == 1 ? "" : "s",
                       seed_list_text(seeds), why);
  }
};

const RunResult* find_run(const ResultSet& set, const RunResult& like) {
  for (const RunResult* run : set.of(like.names.task, like.names.algorithm))
    if (run->seed == like.seed) return run;
  return nullptr;
}

// Runs that finished in `here` and did not in `there`.
std::vector<Lost> lost_runs(const ResultSet& here, const ResultSet& there) {
  std::vector<Lost> lost;
  for (const RunResult& run : here.runs) {
    if (!run.final) continue;
    const RunResult* other = find_run(there, run);
    if (other != nullptr && other->final) continue;
    const std::string why(status_name(other == nullptr ? RunStatus::kMissing : other->status));
    auto at = std::find_if(lost.begin(), lost.end(), [&](const Lost& entry) {
      return entry.task == run.names.task && entry.algorithm == run.names.algorithm &&
             entry.why == why;
    });
    if (at == lost.end())
      at = lost.insert(lost.end(), {run.names.task, run.names.algorithm, why, {}});
    at->seeds.push_back(run.seed);
  }
  return lost;
}

std::vector<Change> changes_of(const ResultSet& before, const ResultSet& after, double level) {
  std::vector<Change> changes;
  for (const std::string& task : after.tasks) {
    for (const std::string& algorithm : after.algorithms) {
      Change change;
      change.task = task;
      change.algorithm = algorithm;
      std::vector<double> old_scores, new_scores, differences;
      for (const RunResult* run : after.of(task, algorithm)) {
        const RunResult* other = find_run(before, *run);
        if (!run->final || other == nullptr || !other->final) continue;
        old_scores.push_back(other->final->return_mean());
        new_scores.push_back(run->final->return_mean());
        differences.push_back(new_scores.back() - old_scores.back());
        if (differences.back() == 0.0) ++change.n_equal;
      }
      change.n_pairs = differences.size();
      if (differences.empty()) continue;
      change.old_mean = mean(old_scores);
      change.new_mean = mean(new_scores);
      change.difference = estimate_mean_difference({differences});
      change.p_value = sign_flip_p_value(differences);
      change.verdict = judge(change.n_pairs, change.n_equal, change.p_value, level);
      changes.push_back(std::move(change));
    }
  }
  return changes;
}

// Over tasks: normalised differences of each algorithm.
struct Overall {
  std::vector<PairRow> pairs;
  std::size_t n_tasks = 0;
  std::string why_not;  ///< where there is none
};

Overall compare_overall(const ResultSet& before, const ResultSet& after) {
  const NormalisedScores old_scores = normalised_scores(before);
  const NormalisedScores new_scores = normalised_scores(after, ScoreKind::kFinal, &before);
  Overall overall;
  overall.n_tasks = new_scores.tasks.size();
  if (old_scores.tasks != new_scores.tasks) {
    overall.why_not = "the tasks with bounds differ";
    return overall;
  }
  for (const auto& x : new_scores.algorithms)
    for (const auto& y : old_scores.algorithms)
      if (x.name == y.name) overall.pairs.push_back(compare_pair(x, y));
  std::erase_if(overall.pairs, [](const PairRow& pair) { return !pair.difference; });
  return overall;
}

Verdict judge(const PairRow& pair, double level) {
  const double p = pair.p_value.value_or(1.0);
  const bool is_equal = p == 1.0 && pair.difference->value == 0.0;
  return is_equal ? Verdict::kEqual : judge(pair.n_pairs, 0, p, level);
}

Json ci_json(const std::optional<Interval>& interval) {
  return interval ? Json::array({interval->low, interval->high}) : Json(nullptr);
}

Json change_json(const Change& change) {
  return Json{{"task", change.task},
              {"algorithm", change.algorithm},
              {"n_pairs", change.n_pairs},
              {"n_equal", change.n_equal},
              {"old_mean", change.old_mean},
              {"new_mean", change.new_mean},
              {"difference", change.difference.value},
              {"ci", ci_json(change.difference.interval)},
              {"p_value", change.p_value},
              {"verdict", verdict_name(change.verdict)},
              {"moved", change.verdict == Verdict::kMoved}};
}

Json lost_json(const std::vector<Lost>& lost) {
  Json out = Json::array();
  for (const Lost& entry : lost)
    out.push_back(Json{{"task", entry.task},
                       {"algorithm", entry.algorithm},
                       {"seeds", entry.seeds},
                       {"why", entry.why}});
  return out;
}

std::string estimate_text(const Estimate& estimate) {
  std::string text = fmt::format("{:>+8.3f}", estimate.value);
  if (const auto& ci = estimate.interval)
    text += fmt::format(" [{:+.3f}, {:+.3f}]", ci->low, ci->high);
  return text;
}

std::string change_line(const Change& change) {
  return fmt::format("{:<32} {:<24} {:>5} {:>5}  {:>9.3f} {:>9.3f}  {}  {:.4f}  {}\n", change.task,
                     change.algorithm, change.n_pairs, change.n_equal, change.old_mean,
                     change.new_mean, estimate_text(change.difference), change.p_value,
                     verdict_name(change.verdict));
}

double level_of(const Arguments& arguments) {
  const std::string text = arguments.text("level").value_or("0.05");
  const auto level = parse_number<double>(text);
  if (!level || !(*level > 0.0 && *level < 1.0))
    throw UserError(fmt::format("--level: '{}' is not a number in (0, 1)", one_line(text)));
  return *level;
}

int run_compare(const Arguments& arguments) {
  if (arguments.positional.size() != 2) throw UserError("compare needs two folders: OLD NEW");
  const double level = level_of(arguments);
  const LoadOptions options{.allow_mixed = arguments.has("allow-mixed"),
                            .verify = !arguments.has("no-verify")};
  const ResultSet before = load_results({arguments.positional[0]}, options);
  const ResultSet after = load_results({arguments.positional[1]}, options);
  const std::vector<Lost> lost = lost_runs(before, after);
  const std::vector<Lost> gained = lost_runs(after, before);
  const std::vector<Change> changes = changes_of(before, after, level);
  if (changes.empty())
    throw UserError(
        fmt::format("the folders share no finished run of the same task, algorithm and seed{}",
                    lost.empty() ? "" : "; in NEW " + lost.front().text()));
  const Overall overall = compare_overall(before, after);
  const bool shows_overall = overall.n_tasks > 1;

  const auto any = [&](Verdict verdict) {
    return std::any_of(changes.begin(), changes.end(),
                       [&](const Change& change) { return change.verdict == verdict; });
  };
  const bool moved = any(Verdict::kMoved) ||
                     (shows_overall && std::any_of(overall.pairs.begin(), overall.pairs.end(),
                                                   [&](const PairRow& pair) {
                                                     return judge(pair, level) == Verdict::kMoved;
                                                   }));
  const bool cannot_tell = any(Verdict::kCannotTell);
  if (arguments.json()) {
    Json out;
    out["level"] = level;
    out["changes"] = Json::array();
    for (const Change& change : changes) out["changes"].push_back(change_json(change));
    out["lost"] = lost_json(lost);
    out["only_new"] = lost_json(gained);
    out["overall"] = Json::array();
    for (const PairRow& pair : overall.pairs)
      out["overall"].push_back(Json{{"algorithm", pair.x},
                                    {"n_pairs", pair.n_pairs},
                                    {"difference", pair.difference->value},
                                    {"ci", ci_json(pair.difference->interval)},
                                    {"p_value", json_or_null(pair.p_value)},
                                    {"verdict", verdict_name(judge(pair, level))}});
    out["moved"] = moved;
    out["cannot_tell"] = cannot_tell;
    print_out(json_text(out));
  } else {
    std::string text =
        fmt::format("{:<32} {:<24} {:>5} {:>5}  {:>9} {:>9}  {}\n", "task", "algorithm", "pairs",
                    "equal", "old", "new", "new - old [95% CI]  p  verdict");
    for (const Change& change : changes) text += change_line(change);
    for (const Lost& entry : lost) text += fmt::format("lost in NEW: {}\n", entry.text());
    if (shows_overall)
      for (const PairRow& pair : overall.pairs)
        text += fmt::format("all {} tasks, normalised: {} {}, p {:.4f}, {}\n", overall.n_tasks,
                            pair.x, estimate_text(*pair.difference), pair.p_value.value_or(1.0),
                            verdict_name(judge(pair, level)));
    print_out(text);
  }
  for (const Lost& entry : lost)
    print_message(arguments, fmt::format("not compared, no score in NEW: {}", entry.text()));
  for (const Lost& entry : gained)
    print_message(arguments, fmt::format("not compared, no score in OLD: {}", entry.text()));
  if (!overall.why_not.empty())
    print_message(arguments, fmt::format("no comparison over all tasks: {}", overall.why_not));
  if (!arguments.has("strict")) return kExitOk;
  if (moved || !lost.empty()) return kExitMismatch;
  return cannot_tell ? kExitFailed : kExitOk;
}

}  // namespace

Command compare_command() {
  Command command;
  command.name = "compare";
  command.arguments = "OLD NEW [--strict] [--level P] [--json]";
  command.help = "test whether results changed, pairing the runs of two folders by seed";
  command.details =
      "One row per task and algorithm: the mean difference of the final mean returns with a "
      "bootstrap interval over the pairs (from two pairs on), the p-value of an exact sign-flip "
      "test, and the number of bit-identical pairs.\n\n"
      "The verdict is `moved` where p is below --level (default 0.05); `cannot tell` where so few "
      "pairs cannot reach it (6 are needed for 0.05, 5 for 0.1); `equal` where all pairs are "
      "bit-identical. With many rows, some move by chance. A run that finished in OLD but not in "
      "NEW is lost.\n\n"
      "The exit status is 0. With --strict it is 3 when a row, or an algorithm over all tasks, "
      "moved or a run is lost, else 1 when a row cannot tell.";
  command.examples = {"credo compare results/quick runs/quick",
                      "credo compare old new --strict --json"};
  command.positional = {"DIR", "DIR"};
  command.options = {
      {"strict", "", "exit with 3 when a row moved or a run is lost, 1 when a row cannot tell"},
      {"level", "P", "level of the test (default 0.05)"},
      {"allow-mixed", "", "accept different programs and settings in one folder"},
      no_verify_option(),
      json_option()};
  command.run = run_compare;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
