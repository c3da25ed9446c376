#include "suite/batch/credits_run.hpp"

#include <atomic>
#include <chrono>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <numeric>
#include <oneapi/tbb/task_arena.h>
#include <thread>
#include <tuple>

#include "envs/core/error.hpp"
#include "suite/common/files.hpp"
#include "suite/common/signals.hpp"
#include "suite/common/text.hpp"
#include "suite/credits/credits_folder.hpp"
#include "suite/credits/subjects.hpp"
#include "suite/run/directory_lock.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/run_directory.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

CreditsOptions options_of(const CellCredits& credits, std::uint64_t seed) {
  const Params& p = credits.options;
  CreditsOptions options;
  if (p.text("game") == "absence") options.game = GameKind::kAbsence;
  options.choice = p.text("default");
  options.states = p.integer("states");
  options.episodes = p.integer32("episodes");
  if (p.real("gamma") > 0.0) options.gamma = p.real("gamma");
  options.exact_up_to = p.integer32("exact_up_to");
  std::tie(options.least_branches, options.most_branches) =
      parse_branches("credits.branches", p.text("branches"));
  if (p.integer("budget") > 0) options.budget = p.integer("budget");
  options.seed = seed;
  return options;
}

// One that stands for a cell's policy before it is there.
CreditsSubject stand_in(const RunConfig& config) {
  CreditsSubject subject;
  subject.algorithm = config.algorithm();
  subject.label = config.algorithm();
  if (config.is_learning())
    subject.config = config.train_config();
  else
    subject.fixed = FixedPolicy{.name = config.algorithm(), .search = nullptr};
  return subject;
}

std::string section_of(const CellCredits& credits) {
  return credits.study.empty() ? "[credits]" : fmt::format("[credits.{}]", credits.study);
}

bool share_policies(const CellCredits& a, const CellCredits& b) {
  return (a.has_final && b.has_final) || (a.has_best && b.has_best) || (a.has_kept && b.has_kept);
}

// Names of the policies to measure, as weights_subject takes them; "" is the newest.
std::vector<std::string> checkpoints_of(const Cell& cell, const CellCredits& credits,
                                        const fs::path& folder) {
  if (!cell.config.is_learning())
    return credits.has_final ? std::vector<std::string>{""} : std::vector<std::string>{};
  std::vector<std::string> names;
  const auto all = list_checkpoints(folder);
  for (std::size_t i = 0; credits.has_kept && i + 1 < all.size(); ++i)
    names.push_back(checkpoint_stem(all[i].t_env));
  std::error_code error;
  if (credits.has_best && fs::exists(run_file(folder, kBestWeights), error))
    names.emplace_back("best");
  if (credits.has_final) names.emplace_back("");
  return names;
}

// How many policies that will be.
std::int64_t expected_policies(const Cell& cell, const CellCredits& credits) {
  if (!cell.config.is_learning()) return credits.has_final ? 1 : 0;
  std::int64_t n =
      (credits.has_final ? 1 : 0) + (credits.has_best && cell.config.absolute_factor() > 0 ? 1 : 0);
  if (!credits.has_kept) return n;
  const KeepRule rule = cell.config.keep_rule();
  const TrainConfig train = cell.config.train_config();
  for (const std::int64_t step : rule.steps) n += step < train.t_max ? 1 : 0;
  if (rule.evaluations) n += 1 + (train.t_max - 1) / train.evaluation_interval;
  return n;
}

class CreditsRun {
 public:
  CreditsRun(const std::vector<Cell>& cells, const CreditsRunOptions& options, Progress& progress)
      : options_(options), progress_(progress), started_(Clock::now()) {
    for (const Cell& cell : cells) {
      const fs::path folder = options.out / cell.folder;
      if (cell.credits.empty() || cell_status(folder, cell.config) != RunStatus::kDone) continue;
      cells_.push_back({.begin = jobs_.size(), .end = jobs_.size()});
      for (const CellCredits& credits : cell.credits)
        for (const std::string& checkpoint : checkpoints_of(cell, credits, folder))
          jobs_.push_back({.cell = &cell, .credits = &credits, .checkpoint = checkpoint});
      cells_.back().end = jobs_.size();
    }
    shares_.assign(jobs_.size(), 0.0);
  }

  CreditsRunOutcome run() {
    std::vector<std::thread> workers;
    for (int i = 1; i < options_.jobs; ++i) workers.emplace_back([this] { work(); });
    work();
    for (std::thread& worker : workers) worker.join();
    progress_.clear();
    return outcome_;
  }

 private:
  struct Job {
    const Cell* cell = nullptr;
    const CellCredits* credits = nullptr;
    std::string checkpoint;
  };

  // The jobs of one cell, which share its folder and so follow each other.
  struct Range {
    std::size_t begin = 0, end = 0;
  };

  void work() {
    tbb::task_arena arena(options_.jobs > 1 ? 1 : options_.threads);
    for (;;) {
      const std::size_t cell = next_.fetch_add(1);
      if (cell >= cells_.size()) return;
      for (std::size_t job = cells_[cell].begin; job < cells_[cell].end; ++job) {
        if (stop_requested()) {
          const std::lock_guard guard(mutex_);
          outcome_.stopped = true;
          return;
        }
        arena.execute([&] { run_job(job); });
      }
    }
  }

  void run_job(std::size_t index) {
    const Job& job = jobs_[index];
    std::string name = fmt::format("{} {}", job.cell->name, section_of(*job.credits));
    try {
      measure(index, name);
    } catch (const InUseError& error) {
      const std::lock_guard guard(mutex_);
      ++outcome_.n_busy;
      progress_.note(fmt::format("{}: left alone: {}", name, error.what()));
    } catch (const std::exception& error) {
      const std::lock_guard guard(mutex_);
      const std::string problem = fmt::format("{}: {}", name, one_line(error.what()));
      if (outcome_.n_failed++ == 0) outcome_.problem = problem;
      progress_.note("failed: " + problem);
    }
    const std::lock_guard guard(mutex_);
    shares_[index] = 1.0;
  }

  void measure(std::size_t index, std::string& name) {
    const Job& job = jobs_[index];
    const RunConfig& config = job.cell->config;
    const fs::path folder = options_.out / job.cell->folder;
    const auto env = make_run_env(config);
    const CreditsSubject subject =
        config.is_learning()
            ? weights_subject(folder, config, *env, job.checkpoint)
            : fixed_subject(*env, config.algorithm(), config.seed(), config.open_loop_budget());
    const CreditsPlan plan =
        plan_credits(*env, config.env_settings(), subject, options_of(*job.credits, config.seed()));
    name = fmt::format("{} {}", job.cell->name, plan.stem);
    const fs::path credits = run_file(folder, kCreditsFolder);
    if (has_credits(credits, plan)) return;
    make_directories(credits);
    const DirectoryLock lock(credits);
    const fs::path part = credits / ("." + plan.stem + ".part");
    std::string note;
    const auto began = Clock::now();
    const auto result =
        run_credits(*env, subject, plan, part, note, [&](const CreditsProgress& now) {
          show(index, static_cast<double>(now.done) / static_cast<double>(now.total));
        });
    if (!note.empty()) {
      const std::lock_guard guard(mutex_);
      progress_.note(fmt::format("{}: {}", name, note));
    }
    if (!result) {
      const std::lock_guard guard(mutex_);
      outcome_.stopped = true;
      return;
    }
    lock.check();
    write_credits(credits, *env, subject, plan, *result);
    std::error_code ignored;
    fs::remove(part, ignored);
    const std::chrono::duration<double> elapsed = Clock::now() - began;
    const std::lock_guard guard(mutex_);
    ++outcome_.n_measured;
    progress_.note(fmt::format("{}  {} of {} states decided  {:.1f} s", name,
                               result->fidelity.decided_states, result->fidelity.states,
                               elapsed.count()));
  }

  void show(std::size_t index, double share) {
    const std::lock_guard guard(mutex_);
    shares_[index] = share;
    const double done = std::accumulate(shares_.begin(), shares_.end(), 0.0);
    const std::chrono::duration<double> elapsed = Clock::now() - started_;
    progress_.update(
        fmt::format("credits  {:.1f}/{} measurements  ETA {}", done, jobs_.size(),
                    eta_text(done, static_cast<double>(jobs_.size()), elapsed.count())));
  }

  const CreditsRunOptions& options_;
  Progress& progress_;
  Clock::time_point started_;
  std::vector<Job> jobs_;
  std::vector<Range> cells_;
  std::vector<double> shares_;  // done of each
  std::mutex mutex_;
  std::atomic<std::size_t> next_{0};
  CreditsRunOutcome outcome_;
};

}  // namespace

void check_credits(const std::vector<Cell>& cells) {
  std::string checked;  // cells of a row follow each other
  for (const Cell& cell : cells) {
    const std::string row = cell.names.task + " " + cell.names.algorithm;
    if (cell.credits.empty() || row == checked) continue;
    checked = row;
    const auto env = make_run_env(cell.config);
    std::vector<std::pair<const CellCredits*, std::string>> stems;  // of files
    for (const CellCredits& credits : cell.credits) {
      const std::string section = section_of(credits);
      try {
        const CreditsPlan plan =
            plan_credits(*env, cell.config.env_settings(), stand_in(cell.config),
                         options_of(credits, cell.config.seed()));
        for (const auto& [other, stem] : stems)
          if (stem == plan.stem && share_policies(*other, credits))
            throw UserError(
                fmt::format("its files would have the names of those of {}, which has the same "
                            "policies, game and default",
                            section_of(*other)));
        stems.emplace_back(&credits, plan.stem);
      } catch (const UserError& error) {
        throw UserError(fmt::format(
            "{}: {}: {}; checkpoints = \"\" in [when.\"{}\".alg.\"{}\".{} leaves it out", section,
            cell.name, error.what(), cell.config.env_id(), cell.config.algorithm(),
            section.substr(1)));
      }
    }
  }
}

CreditsCost CreditsCounter::count(const Cell& cell) {
  CreditsCost cost;
  if (cell.credits.empty()) return cost;
  const RunConfig& config = cell.config;
  const auto env = make_run_env(config);
  const std::string task = fmt::format("{} {} {}", config.env_id(), config.env_settings(),
                                       config.is_learning() ? "" : config.algorithm());
  for (const CellCredits& credits : cell.credits) {
    const std::int64_t policies = expected_policies(cell, credits);
    if (policies == 0) continue;
    std::string key = task;
    for (const ParamSpec& option : credits.options.specs())
      key += fmt::format(" {}={}", option.name, to_text(option.value));
    auto found = known_.find(key);
    if (found == known_.end()) {
      // Before training, random play stands in for a learner.
      CreditsSubject subject = stand_in(config);
      subject.config.reset();
      subject.fixed = make_fixed_policy(
          *env,
          config.is_learning() || config.algorithm() == "open_loop" ? "random" : config.algorithm(),
          0);
      const CreditsPlan plan =
          plan_credits(*env, config.env_settings(), subject, options_of(credits, 0));
      const CreditsEstimate e = estimate_credits(*env, subject, plan, config.is_learning());
      found = known_
                  .emplace(key, CreditsCost{.measurements = 1,
                                            .likely_seconds = e.likely_seconds,
                                            .most_seconds = e.most_seconds})
                  .first;
    }
    cost.measurements += policies;
    cost.likely_seconds += static_cast<double>(policies) * found->second.likely_seconds;
    cost.most_seconds += static_cast<double>(policies) * found->second.most_seconds;
  }
  return cost;
}

CreditsRunOutcome measure_credits(const std::vector<Cell>& cells, const CreditsRunOptions& options,
                                  Progress& progress) {
  return CreditsRun(cells, options, progress).run();
}

}  // namespace credo::suite
