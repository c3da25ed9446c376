#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/cli/cli.hpp"
#include "suite/json.hpp"
#include "suite/summary.hpp"

namespace credo::suite {
namespace {

// One row of the comparison: runs of the same task, algorithm and seed in both folders.
struct Change {
  std::string task, algorithm;
  std::size_t n_pairs = 0;
  std::size_t n_equal = 0;  ///< to the last bit
  double old_mean = 0.0, new_mean = 0.0;
  Estimate difference;  ///< new - old
  double p_value = 1.0;

  /// The interval of the difference leaves out 0.
  bool is_moved() const { return difference.interval.low > 0.0 || difference.interval.high < 0.0; }
};

std::vector<double> paired_differences(const ResultSet& before, const ResultSet& after,
                                       Change& change) {
  std::vector<double> old_scores, new_scores, differences;
  for (const RunResult* run : after.of(change.task, change.algorithm)) {
    const auto others = before.of(change.task, change.algorithm);
    const auto other = std::find_if(others.begin(), others.end(), [&](const RunResult* candidate) {
      return candidate->seed == run->seed;
    });
    if (!run->final || other == others.end() || !(*other)->final) continue;
    old_scores.push_back((*other)->final->return_mean);
    new_scores.push_back(run->final->return_mean);
    differences.push_back(new_scores.back() - old_scores.back());
    if (differences.back() == 0.0) ++change.n_equal;
  }
  change.n_pairs = differences.size();
  if (differences.empty()) return differences;
  change.old_mean = mean(old_scores);
  change.new_mean = mean(new_scores);
  change.difference = estimate_mean_difference({differences});
  change.p_value = sign_flip_p_value(differences);
  return differences;
}

Json change_json(const Change& change) {
  return Json{
      {"task", change.task},
      {"algorithm", change.algorithm},
      {"n_pairs", change.n_pairs},
      {"n_equal", change.n_equal},
      {"old_mean", change.old_mean},
      {"new_mean", change.new_mean},
      {"difference", change.difference.value},
      {"ci", Json::array({change.difference.interval.low, change.difference.interval.high})},
      {"p_value", change.p_value},
      {"moved", change.is_moved()}};
}

std::string change_line(const Change& change) {
  const auto& d = change.difference;
  return fmt::format(
      "{:<32} {:<24} {:>5} {:>5}  {:>9.3f} {:>9.3f}  {:>+8.3f} [{:+.3f}, {:+.3f}]  "
      "{:.4f}{}\n",
      change.task, change.algorithm, change.n_pairs, change.n_equal, change.old_mean,
      change.new_mean, d.value, d.interval.low, d.interval.high, change.p_value,
      change.is_moved() ? "  moved" : "");
}

int run_compare(const Arguments& arguments) {
  if (arguments.positional.size() != 2) throw UserError("compare needs two folders: OLD NEW");
  const LoadOptions options{.allow_mixed = arguments.has("allow-mixed"),
                            .verify = !arguments.has("no-verify")};
  const ResultSet before = load_results({arguments.positional[0]}, options);
  const ResultSet after = load_results({arguments.positional[1]}, options);
  std::vector<Change> changes;
  for (const std::string& task : after.tasks) {
    for (const std::string& algorithm : after.algorithms) {
      Change change;
      change.task = task;
      change.algorithm = algorithm;
      if (!paired_differences(before, after, change).empty()) changes.push_back(std::move(change));
    }
  }
  if (changes.empty())
    throw UserError("the folders share no finished run of the same task, algorithm and seed");

  // Over tasks: normalised differences of each algorithm.
  const NormalisedScores old_scores = normalised_scores(before);
  const NormalisedScores new_scores = normalised_scores(after);
  std::vector<PairRow> overall;
  if (old_scores.tasks == new_scores.tasks)
    for (const auto& x : new_scores.algorithms)
      for (const auto& y : old_scores.algorithms)
        if (x.name == y.name) overall.push_back(compare_pair(x, y));

  const bool moved = std::any_of(changes.begin(), changes.end(),
                                 [](const Change& change) { return change.is_moved(); });
  if (arguments.json()) {
    Json out;
    out["changes"] = Json::array();
    for (const Change& change : changes) out["changes"].push_back(change_json(change));
    out["overall"] = Json::array();
    for (const PairRow& pair : overall) {
      if (!pair.difference) continue;
      const Interval& ci = pair.difference->interval;
      out["overall"].push_back(Json{{"algorithm", pair.x},
                                    {"n_pairs", pair.n_pairs},
                                    {"difference", pair.difference->value},
                                    {"ci", Json::array({ci.low, ci.high})},
                                    {"p_value", json_or_null(pair.p_value)}});
    }
    out["moved"] = moved;
    print_out(json_text(out));
  } else {
    std::string text =
        fmt::format("{:<32} {:<24} {:>5} {:>5}  {:>9} {:>9}  {}\n", "task", "algorithm", "pairs",
                    "equal", "old", "new", "new - old [95% CI]  p");
    for (const Change& change : changes) text += change_line(change);
    for (const PairRow& pair : overall)
      if (pair.difference && new_scores.tasks.size() > 1)
        text += fmt::format("all {} tasks, normalised: {} {:+.3f} [{:+.3f}, {:+.3f}], p {:.4f}\n",
                            new_scores.tasks.size(), pair.x, pair.difference->value,
                            pair.difference->interval.low, pair.difference->interval.high,
                            pair.p_value.value_or(1.0));
    print_out(text);
  }
  return moved && arguments.has("strict") ? kExitMismatch : kExitOk;
}

}  // namespace

Command compare_command() {
  Command command;
  command.name = "compare";
  command.arguments = "OLD NEW [--strict] [--json]";
  command.help = "did a change move results? runs of two folders paired by seed";
  command.details =
      "Each row pairs the runs of one task and algorithm by seed: the mean difference of the "
      "final\n"
      "scores with a bootstrap interval over the pairs, an exact sign-flip test, and how many "
      "pairs\n"
      "are equal to the bit. `moved` marks rows whose interval leaves out 0; among many rows some\n"
      "will by chance. Exit code 0, or with --strict 3 when a row moved.\n\n"
      "examples:\n  credo compare results/quick runs/quick\n"
      "  credo compare old new --strict --json\n";
  command.options = {{"strict", "", "exit with 3 when a row moved", false},
                     {"allow-mixed", "", "a folder may hold different programs or settings", false},
                     no_verify_option(),
                     json_option()};
  command.most_positional = 2;
  command.run = run_compare;
  command.needs_arena = false;
  return command;
}

}  // namespace credo::suite
