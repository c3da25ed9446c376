#include "suite/cli/suite_plan.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <oneapi/tbb/info.h>

#include "suite/batch/credits_run.hpp"
#include "suite/common/json.hpp"
#include "suite/common/text.hpp"
#include "suite/plan/cell_work.hpp"
#include "suite/plan/cost_model.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

constexpr double kMebibyte = 1024.0 * 1024.0;

struct PlanLine {
  const Cell* cell = nullptr;
  CellWork work;
  CellEstimate estimate;
  CreditsCost credits;
  bool is_finished = false;
};

// Two digits are more than an estimate is worth.
std::string about(double seconds) {
  if (seconds < 10.0) return fmt::format("{:.1f} s", seconds);
  if (seconds < 100.0) return fmt::format("{:.0f} s", seconds);
  if (seconds < 6000.0) return fmt::format("{:.0f} min", seconds / 60.0);
  return fmt::format("{:.1f} h", seconds / 3600.0);
}

std::string mebibytes(double bytes) {
  return fmt::format("{:.0f} MiB", std::ceil(bytes / kMebibyte));
}

struct PlanTotal {
  std::int64_t steps = 0;
  int n_finished = 0;
  double cpu_s = 0.0;
  double wall_s = 0.0;
  double bytes = 0.0;
  int workers = 1;
  CreditsCost credits;
};

PlanTotal total_of(const std::vector<PlanLine>& lines, int jobs) {
  PlanTotal total;
  std::vector<double> seconds, bytes;
  for (const PlanLine& line : lines) {
    total.steps += budget(line.cell->config);
    total.n_finished += line.is_finished ? 1 : 0;
    total.credits.measurements += line.credits.measurements;
    total.credits.likely_seconds += line.credits.likely_seconds;
    total.credits.most_seconds += line.credits.most_seconds;
    if (line.is_finished) continue;
    seconds.push_back(line.estimate.seconds);
    bytes.push_back(line.estimate.bytes);
    total.cpu_s += line.estimate.seconds;
  }
  // More jobs than cores share the cores.
  total.workers = std::min(jobs, oneapi::tbb::info::default_concurrency());
  total.wall_s = makespan(std::move(seconds), total.workers);
  total.bytes = CostModel::builtin().base_bytes() + largest(std::move(bytes), jobs);
  return total;
}

Json work_json(const CellWork& work) {
  return Json{{"train_steps", work.train_steps},
              {"train_episodes", work.train_episodes},
              {"updates", work.updates},
              {"evaluations", work.evaluations},
              {"evaluation_steps", work.evaluation_steps},
              {"checkpoints", work.checkpoints},
              {"n_agents", work.n_agents},
              {"n_envs", work.n_envs},
              {"batch_size", work.batch_size},
              {"episode_limit", work.episode_limit},
              {"episode_length", work.episode_length},
              {"floats_per_step", work.floats_per_step},
              {"agent_weights", work.agent_weights},
              {"further_weights", work.further_weights},
              {"other_weights", work.other_weights},
              {"replay_episodes", work.replay_episodes},
              {"episode_bytes", work.episode_bytes}};
}

Json cost_json(const CreditsCost& cost) {
  return Json{{"measurements", cost.measurements},
              {"estimated_s", cost.likely_seconds},
              {"estimated_most_s", cost.most_seconds}};
}

std::string plan_json(const std::vector<PlanLine>& lines, const PlanTotal& total, int jobs) {
  Json rows = Json::array();
  for (const PlanLine& line : lines) {
    const Cell& cell = *line.cell;
    rows.push_back(Json{{"cell", cell.name},
                        {"env", cell.config.env_id()},
                        {"algorithm", cell.config.algorithm()},
                        {"seed", cell.config.seed()},
                        {"profile", cell.config.profile()},
                        {"t_max", budget(cell.config)},
                        {"run_id", cell.config.id()},
                        {"finished", line.is_finished},
                        {"estimated_s", line.estimate.seconds},
                        {"estimated_bytes", line.estimate.bytes},
                        {"work", work_json(line.work)}});
    if (line.credits.measurements > 0) rows.back()["credits"] = cost_json(line.credits);
  }
  Json out;
  out["cells"] = std::move(rows);
  out["total"] = Json{{"cells", lines.size()},
                      {"finished", total.n_finished},
                      {"steps", total.steps},
                      {"jobs", jobs},
                      {"workers", total.workers},
                      {"estimated_cpu_s", total.cpu_s},
                      {"estimated_wall_s", total.wall_s},
                      {"estimated_bytes", total.bytes},
                      {"program_bytes", CostModel::builtin().base_bytes()},
                      {"machine", CostModel::builtin().machine()}};
  if (total.credits.measurements > 0) out["total"]["credits"] = cost_json(total.credits);
  return json_text(out);
}

std::string plan_text(const std::vector<PlanLine>& lines, const PlanTotal& total, int jobs) {
  std::size_t width = 4;
  for (const PlanLine& line : lines) width = std::max(width, line.cell->name.size());
  std::string text =
      fmt::format("{:<{}}  {:>12}  {:>8}  {:>9}\n", "cell", width, "steps", "time", "memory");
  for (const PlanLine& line : lines)
    text += fmt::format("{:<{}}  {:>12}  {:>8}  {:>9}\n", line.cell->name, width,
                        with_thousands(budget(line.cell->config)),
                        line.is_finished ? "finished" : about(line.estimate.seconds),
                        line.is_finished ? "" : mebibytes(line.estimate.bytes));
  text += fmt::format("{} cells, {} environment steps", lines.size(), with_thousands(total.steps));
  if (total.n_finished > 0) text += fmt::format("; {} cells are finished", total.n_finished);
  text += fmt::format("\nabout {} in sequence, {} with {} job{}", about(total.cpu_s),
                      about(total.wall_s), jobs, jobs == 1 ? "" : "s");
  if (total.workers < jobs) text += fmt::format(" on {} cores", total.workers);
  text += fmt::format("; up to {}\n", mebibytes(total.bytes));
  if (total.credits.measurements > 0)
    text += fmt::format("then {} measurements of credits, {} to {} in sequence\n",
                        total.credits.measurements, about(total.credits.likely_seconds),
                        about(total.credits.most_seconds));
  return text + fmt::format("estimated for {}\n", CostModel::builtin().machine());
}

}  // namespace

int show_plan(const Arguments& arguments, const std::vector<Cell>& cells,
              const SuiteOptions& options, const fs::path& out) {
  const CostModel& model = CostModel::builtin();
  const int threads = options.jobs > 1 ? 1 : options.threads;
  check_credits(cells);
  WorkCounter counter;
  CreditsCounter credits;
  std::vector<PlanLine> lines;
  for (const Cell& cell : cells) {
    PlanLine line;
    line.cell = &cell;
    line.work = counter.count(cell.config);
    line.estimate = model.estimate(line.work, threads);
    line.credits = credits.count(cell);
    line.is_finished = !out.empty() && is_finished(cell_status(out / cell.folder, cell.config));
    lines.push_back(std::move(line));
  }
  const PlanTotal total = total_of(lines, options.jobs);
  print_out(arguments.json() ? plan_json(lines, total, options.jobs)
                             : plan_text(lines, total, options.jobs));
  return kExitOk;
}

}  // namespace credo::suite
