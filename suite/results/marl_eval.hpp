// Results for other programs: marl-eval (Gorsane et al. 2022; rules: marl_eval_rules.hpp) and
// rliable (Agarwal et al. 2021). Both require complete tables. What does not fit is left out, and
// every export lists it.
#pragma once

#include <string>
#include <vector>

#include "suite/results/summary.hpp"

namespace credo::suite {

struct Export {
  std::string bytes;                  ///< the file
  std::vector<std::string> left_out;  ///< runs, algorithms and tasks that are not in it, and why
  std::vector<std::string> problems;  ///< rules of the format that it violates nevertheless
  std::vector<std::string> notes;     ///< what it holds in another form

  /// Everything is there, and by the rules.
  bool is_whole() const { return left_out.empty() && problems.empty(); }
};

/// environment > task > algorithm > seed_N > step_K with "return" (one value per episode where the
/// run folders are there, else the mean) and "win_rate" where every task of the environment has
/// wins; absolute_metrics last. An environment is a family of ids; tasks with other budgets make
/// one of their own, FAMILY-BUDGET. marl-eval wants equal shapes, so an environment keeps the
/// algorithms that finished on all of its tasks, the seeds that all of these share, and every n-th
/// evaluation where some runs have n times as many as others. A final evaluation that is not as far
/// from the one before as evaluations are from each other is no step, and an absolute metric of
/// other than ten times the episodes is written as its mean. Policies that do not learn repeat
/// their one evaluation. Errors: UserError when nothing is left.
Export marl_eval_json(const ResultSet& set);

/// {"tasks": [...], "seeds": {ALG: [...]}, "scores": {ALG: [[run][task]]}} with normalised scores,
/// what rliable takes as dict[alg] of arrays n_runs x n_tasks. A row is a seed; the seeds of an
/// algorithm are those that finished on every task. Errors: UserError when nothing is left.
Export rliable_json(const ResultSet& set);

/// The same for numpy.load: one float64 array [run, task] per algorithm, under the algorithm's
/// name, so that dict(numpy.load(FILE)) is what rliable takes. Tasks and seeds, as in rliable_json
/// without "scores", are JSON in the archive's comment. Errors: UserError when nothing is left.
Export rliable_npz(const ResultSet& set);

}  // namespace credo::suite
