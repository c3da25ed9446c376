#include <algorithm>
#include <fmt/format.h>

#include "envs/core/error.hpp"
#include "suite/check/learner_check.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/json.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

constexpr std::int64_t kMostUpdates = 1'000'000;

Json json_of(const RunConfig& config, const LearnerCheck& check) {
  Json rows = Json::array();
  for (const CheckRow& row : check.rows)
    rows.push_back(Json{{"kind", row.kind},
                        {"name", row.name},
                        {"entries", row.entries},
                        {"largest", row.largest},
                        {"deviation", row.deviation},
                        {"tolerance", row.tolerance},
                        {"update", row.update},
                        {"ok", row.ok()}});
  return Json{{"env", config.env_id()},
              {"algorithm", config.algorithm()},
              {"seed", config.seed()},
              {"updates", check.updates},
              {"episodes", check.episodes},
              {"env_steps", check.env_steps},
              {"ties", check.ties},
              {"ok", check.ok()},
              {"rows", rows}};
}

std::string text_of(const RunConfig& config, const LearnerCheck& check) {
  std::size_t width = 4;
  for (const CheckRow& row : check.rows) width = std::max(width, row.name.size());
  std::string text = fmt::format(
      "# {} on {}, seed {}: {} updates, {} episodes, {} steps\n{:<8}  {:<{}}  {:>8}  {:>9}  "
      "{:>9}  {:>9}  {:>6}\n",
      config.algorithm(), config.env_id(), config.seed(), check.updates, check.episodes,
      check.env_steps, "kind", "name", width, "entries", "largest", "deviation", "tolerance",
      "update");
  for (const CheckRow& row : check.rows)
    text += fmt::format("{:<8}  {:<{}}  {:>8}  {:>9.2e}  {:>9.2e}  {:>9.2e}  {:>6}{}\n", row.kind,
                        row.name, width, row.entries, row.largest, row.deviation, row.tolerance,
                        row.update, row.ok() ? "" : "  above");
  if (check.ties > 0)
    text += fmt::format("# {} choices between values equal within rounding follow the learner\n",
                        check.ties);
  const CheckRow& worst = check.worst();
  return text + fmt::format("{}: {} {} deviates by {:.2g} of its tolerance\n",
                            check.ok() ? "ok" : "MISMATCH", worst.kind, worst.name,
                            worst.deviation / worst.tolerance);
}

int run_check(const Arguments& arguments) {
  const RunConfig config = RunConfig::resolve(make_request(arguments));
  if (!config.is_learning())
    throw UserError(fmt::format(
        "--alg {}: a policy without weights has nothing to check; credo list algs shows learners",
        config.algorithm()));
  CheckOptions options;
  options.updates = arguments.integer("updates", 1, kMostUpdates).value_or(options.updates);
  const auto env = make_run_env(config);
  const LearnerCheck check = check_learner(*env, config.train_config(), options);
  print_out(arguments.json() ? json_text(json_of(config, check)) : text_of(config, check));
  return check.ok() ? kExitOk : kExitMismatch;
}

}  // namespace

Command check_command() {
  Command command;
  command.name = "check";
  command.arguments = "--env ENV --alg ALG [--updates N] [OPTIONS]";
  command.help = "train an algorithm beside its double-precision reference and compare";
  command.details =
      "The learner plays and learns as in `credo run`. A second learner, written for reading "
      "(learners/reference), starts from the same weights, learns from the same episodes in double "
      "precision with gradients found by differentiating its formulas, and chooses as the learner "
      "does only between values that are equal within rounding. One row per tensor: of all entries "
      "and updates the deviation that comes closest to its tolerance (docs/numerics.md). Exit code 3 "
      "when one exceeds its tolerance.";
  command.examples = {"credo check --env switch/2 --alg qmix",
                      "credo check --env skirmish/3m --alg coma --updates 3 --json"};
  command.options = request_options();
  command.options.push_back({"updates", "N", "updates to compare (default 10)", false});
  command.options.push_back(json_option());
  command.run = run_check;
  return command;
}

}  // namespace credo::suite
