#include "suite/plan/memory_check.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <new>

#include "learners/config.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

constexpr double kMebibyte = 1024.0 * 1024.0;
constexpr double kGibibyte = 1024.0 * kMebibyte;
// Networks, working memory and the program itself, where nothing has been probed.
constexpr double kBesideReplay = 512.0 * kMebibyte;

std::string size_text(double bytes) {
  return bytes < kGibibyte ? fmt::format("{:.0f} MiB", bytes / kMebibyte)
                           : fmt::format("{:.1f} GiB", bytes / kGibibyte);
}

// What the replay could take if nothing of an episode were packed.
double replay_bound(const EnvSpec& spec, const TrainConfig& config) {
  const double n_agents = spec.n_agents;
  const double slot = sizeof(float) * (n_agents * spec.obs_dim + spec.state_dim + 1) +
                      n_agents * (spec.n_actions + static_cast<double>(sizeof(int)));
  const double episodes = std::min(static_cast<double>(config.replay_capacity),
                                   static_cast<double>(config.t_max + config.n_envs));
  const double slots =
      std::min(episodes * (spec.episode_limit + 1.0),
               2.0 * static_cast<double>(config.t_max) +
                   static_cast<double>(config.n_envs) * (spec.episode_limit + 1.0));
  return slots * slot;
}

struct NeedOfCell {
  const RunConfig* config = nullptr;
  CellWork work;
  MemoryNeed need;
};

// How many episodes of the largest cell would leave room for it.
std::string advice_text(const NeedOfCell& cell, double too_much, std::size_t n_cells) {
  const double episodes =
      cell.work.replay_episodes - too_much / static_cast<double>(n_cells) / cell.work.episode_bytes;
  const auto most = static_cast<std::int64_t>(std::max(0.0, episodes));
  const bool helps = most >= cell.work.batch_size;
  std::string text = n_cells > 1 ? "; lower --jobs" : "";
  if (helps)
    text += fmt::format("{} replay.capacity ({} now; at most about {})",
                        n_cells > 1 ? " or" : "; lower",
                        cell.config->train_config().replay_capacity, most);
  return text.empty() ? "; it needs a machine with more memory" : text;
}

}  // namespace

MemoryNeed memory_need(const CellWork& work, const CostModel& model) {
  const auto with_replay_once = [&](const CellWork& cell) {
    return model.estimate(cell).bytes -
           cell.replay_episodes * cell.episode_bytes * (model.replay_factor() - 1.0);
  };
  // Longer episodes are fewer within the same number of steps.
  CellWork longest = work;
  longest.episode_length = work.episode_limit;
  longest.episode_bytes *= (work.episode_limit + 1.0) / (work.episode_length + 1.0);
  longest.replay_episodes =
      std::min(work.replay_episodes, std::ceil(work.train_steps / work.episode_limit));
  MemoryNeed need;
  need.least = with_replay_once(work);
  need.most = std::max(need.least, with_replay_once(longest));
  return need;
}

MemoryAdvice check_memory(const std::vector<const RunConfig*>& cells, int jobs,
                          const AvailableMemory& available) {
  const CostModel& model = CostModel::builtin();
  const auto room = static_cast<double>(available.bytes);
  const auto n_jobs = static_cast<std::size_t>(
      std::clamp<std::int64_t>(jobs, 1, std::max<std::int64_t>(1, std::ssize(cells))));
  WorkCounter counter;
  std::map<std::string, bool> fits;  // by settings_id
  std::vector<NeedOfCell> large;
  for (const RunConfig* config : cells) {
    if (!config->is_learning()) continue;
    const auto [place, is_new] = fits.try_emplace(config->settings_id(), true);
    try {
      if (is_new) {
        const double bound = replay_bound(make_run_env(*config)->spec(), config->train_config());
        place->second = (bound + kBesideReplay) * static_cast<double>(n_jobs) < room;
      }
      if (place->second) continue;
      const CellWork work = counter.count(*config);
      if (work.replay_episodes > 0.0)
        large.push_back({.config = config, .work = work, .need = memory_need(work, model)});
    } catch (const UserError&) {
      continue;  // what is wrong with it, its run says
    } catch (const std::bad_alloc&) {
      continue;  // not even the probe fits: the run fails for that, with a folder that says so
    }
  }
  if (large.empty()) return {};
  const auto sum = [&](double MemoryNeed::*which) {
    std::vector<double> needs;
    for (const NeedOfCell& cell : large) needs.push_back(cell.need.*which);
    return model.base_bytes() + largest(std::move(needs), static_cast<int>(n_jobs));
  };
  const NeedOfCell& worst = *std::max_element(
      large.begin(), large.end(),
      [](const NeedOfCell& a, const NeedOfCell& b) { return a.need.most < b.need.most; });
  const std::size_t n_cells = std::min(n_jobs, large.size());
  const std::string who =
      n_cells > 1 ? fmt::format("{} cells at a time, the largest {} with {},", n_cells,
                                worst.config->env_id(), worst.config->algorithm())
                  : fmt::format("{} with {}", worst.config->env_id(), worst.config->algorithm());
  const std::string there = fmt::format("{} are there ({})", size_text(room), available.limit);
  MemoryAdvice advice;
  const double least = sum(&MemoryNeed::least);
  const double most = sum(&MemoryNeed::most);
  if (least > room)
    advice.refusal = fmt::format(
        "not enough memory: {} need{} about {} for the replay of {} "
        "episodes and what belongs to it, {}{}",
        who, n_cells > 1 ? "" : "s", size_text(least),
        static_cast<std::int64_t>(worst.work.replay_episodes), there,
        advice_text(worst, least - room, n_cells));
  else if (most > room)
    advice.warning = fmt::format(
        "memory may run out: {} may need up to {} once the replay is full of long episodes, {}{}",
        who, size_text(most), there, advice_text(worst, most - room, n_cells));
  return advice;
}

}  // namespace credo::suite
