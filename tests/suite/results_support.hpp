// Result sets made by hand.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "suite/results/result_set.hpp"

namespace credo::suite::testing {

inline RunResult made_run(const std::string& task, const std::string& algorithm, std::uint64_t seed,
                          double score) {
  RunResult made;
  made.names = {task, algorithm};
  made.env = task;
  made.base_algorithm = algorithm;
  made.profile = "pymarl";
  made.seed = seed;
  made.status = RunStatus::kDone;
  EvaluationPoint point;
  point.episodes = 32;
  point.values[kReturnMetric] = score;
  made.evaluations = {point};
  made.final = point;
  return made;
}

/// In the order given; tasks and algorithms by first appearance.
inline ResultSet made_set(std::vector<RunResult> runs) {
  ResultSet set;
  set.runs = std::move(runs);
  const auto add = [](std::vector<std::string>& names, const std::string& name) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  };
  for (const RunResult& run : set.runs) {
    add(set.tasks, run.names.task);
    add(set.algorithms, run.names.algorithm);
  }
  return set;
}

}  // namespace credo::suite::testing
