// Plays one step of a matrix game with the installed headers and libraries.
#include <cstdio>
#include <vector>

#include "envs/core/registry.hpp"
#include "learners/rollout/evaluation.hpp"

int main() {
  const auto env = credo::make_env("matrix/climbing");
  const credo::Evaluation result = credo::evaluate_fixed_policy(*env, "random", 4, /*seed=*/1);
  std::printf("%s: mean return %g over %zu episodes\n", env->spec().id.c_str(),
              result.return_mean(), result.episodes.size());
  return result.episodes.size() == 4 ? 0 : 1;
}
