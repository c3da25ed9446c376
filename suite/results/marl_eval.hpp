// Results for marl-eval (Gorsane et al. 2022) and its rules as a check of our own, and score arrays
// for rliable.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "suite/results/summary.hpp"

namespace credo::suite {

/// environment (the family of an id) > task > algorithm > seed_N > step_K with "return" (one value
/// per episode where the run folders are there, else the mean) and "win_rate" where every task of
/// the family has wins; absolute_metrics last. marl-eval wants equal shapes, so a family keeps the
/// algorithms and seeds that finished on all of its tasks and as many steps as its shortest run
/// (evenly chosen from longer ones); policies that do not learn repeat their one evaluation.
/// Errors: UserError when nothing is left, or a run has no absolute metric.
std::string marl_eval_json(const ResultSet& set);

/// What is wrong with a marl-eval file; empty for a good one.
std::vector<std::string> marl_eval_problems(std::string_view json);

/// {"tasks": [...], "scores": {ALG: [[run][task]]}} with normalised scores, what rliable takes as
/// dict[alg] of arrays n_runs x n_tasks: the runs by seed, cut to the fewest of any task.
std::string rliable_json(const NormalisedScores& scores);

}  // namespace credo::suite
