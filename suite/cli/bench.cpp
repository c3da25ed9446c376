#include <atomic>
#include <barrier>
#include <chrono>
#include <ctime>
#include <fmt/format.h>
#include <oneapi/tbb/task_arena.h>
#include <thread>

#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "learners/base/isa.hpp"
#include "suite/bench/run_benchmark.hpp"
#include "suite/bench/signature.hpp"
#include "suite/bench/train_benchmark.hpp"
#include "suite/cli/cli.hpp"
#include "suite/common/build_info.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/json.hpp"
#include "suite/common/signals.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kBenchSeconds = 1.0;

// One worker: whole episodes of random available actions; obs, state and availability read at
// every step, resets included. Returns the steps taken until `deadline`.
std::int64_t play(Env& env, std::uint64_t worker, Clock::time_point deadline) {
  const EnvSpec& spec = env.spec();
  const auto n_agents = static_cast<std::size_t>(spec.n_agents);
  const auto n_actions = static_cast<std::size_t>(spec.n_actions);
  std::vector<float> obs(n_agents * static_cast<std::size_t>(spec.obs_dim));
  std::vector<float> state(static_cast<std::size_t>(spec.state_dim));
  std::vector<std::uint8_t> avail(n_agents * n_actions);
  std::vector<int> actions(n_agents);
  std::vector<int> choices(n_actions);
  std::int64_t steps = 0;
  std::int64_t next_look = 0;
  for (std::uint64_t episode = 0;; ++episode) {
    env.reset(Stream(0, purpose("bench env"), worker, episode));
    Stream stream(0, purpose("bench policy"), worker, episode);
    for (;;) {
      env.write_obs(obs);
      env.write_state(state);
      env.write_avail_actions(avail);
      if (env.done()) break;
      for (std::size_t agent = 0; agent < n_agents; ++agent) {
        std::uint32_t count = 0;
        for (std::size_t action = 0; action < n_actions; ++action)
          if (avail[agent * n_actions + action] != 0) choices[count++] = static_cast<int>(action);
        actions[agent] = choices[stream.below(count)];
      }
      env.step(actions);
      ++steps;
    }
    // Read seldom, so that the clock costs nothing even where an episode is a single step.
    if (steps >= next_look) {
      if (Clock::now() >= deadline) return steps;
      next_look = steps + 1000;
    }
  }
}

struct EnvSpeed {
  double steps_per_s = 0.0;
  double cpu_us = 0.0;  // processor time of a step: hardly more on a busy machine
};

double process_seconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

EnvSpeed measure_env(const Env& prototype, int threads, double seconds) {
  std::vector<std::unique_ptr<Env>> envs;
  for (int i = 0; i < threads; ++i) envs.push_back(prototype.clone());
  std::atomic<std::int64_t> steps{0};
  std::barrier start(threads);
  std::vector<std::thread> workers;
  std::vector<Clock::time_point> begins(envs.size());
  std::vector<Clock::time_point> ends(envs.size());
  const auto work = [&](std::size_t i) {
    start.arrive_and_wait();
    begins[i] = Clock::now();
    steps += play(*envs[i], i,
                  begins[i] + std::chrono::duration_cast<Clock::duration>(
                                  std::chrono::duration<double>(seconds)));
    ends[i] = Clock::now();
  };
  const double cpu_before = process_seconds();
  for (std::size_t i = 1; i < envs.size(); ++i) workers.emplace_back(work, i);
  work(0);
  for (std::thread& worker : workers) worker.join();
  const double cpu = process_seconds() - cpu_before;
  const std::chrono::duration<double> elapsed =
      *std::max_element(ends.begin(), ends.end()) - *std::min_element(begins.begin(), begins.end());
  const auto taken = static_cast<double>(steps.load());
  return {.steps_per_s = taken / elapsed.count(), .cpu_us = 1e6 * cpu / taken};
}

int bench_env(const Arguments& arguments) {
  std::vector<std::string> ids = arguments.list("env");
  if (ids.empty()) {
    // The standard set: one of each family and size that the suites use.
    for (const char* id : {"matrix/climbing", "two_step", "predator_prey/5x5", "predator_prey/7x7",
                           "switch/2", "switch/4", "stag_hunt/8x8"})
      ids.emplace_back(id);
  }
  const int threads = arguments.has("threads") ? arguments.threads() : 1;
  Json rows = Json::array();
  std::string text = fmt::format("{:<28}  threads    steps/s  cpu us/step\n", "env");
  for (const std::string& id : ids) {
    const auto env = make_env(id);
    measure_env(*env, threads, kBenchSeconds / 10.0);  // warm up
    const EnvSpeed speed = measure_env(*env, threads, kBenchSeconds);
    rows.push_back(Json{{"env", id},
                        {"threads", threads},
                        {"steps_per_s", speed.steps_per_s},
                        {"cpu_us", speed.cpu_us}});
    text += fmt::format("{:<28}  {:>7}  {:>9.4g}  {:>11.3f}\n", id, threads, speed.steps_per_s,
                        speed.cpu_us);
  }
  print_out(arguments.json() ? json_text(rows) : text);
  return kExitOk;
}

struct Circumstances {
  BuildInfo build = build_info();
  MachineInfo machine = machine_info();
  std::string isa = current_isa();
  double load = load_average();
};

Json circumstances_json(const Circumstances& c) {
  return Json{{"version", c.build.version},
              {"commit", c.build.commit},
              {"compiler", c.build.compiler},
              {"flags", c.build.flags},
              {"cpu", c.machine.cpu},
              {"cores", c.machine.cores},
              {"isa", c.isa},
              {"load", c.load}};
}

std::string circumstances_text(const Circumstances& c) {
  return fmt::format("# {} {}, {}, {}; {}, {} cores, load {:.2f}\n", c.build.compiler,
                     c.build.flags, c.build.commit, c.isa, c.machine.cpu, c.machine.cores, c.load);
}

// Full-length episodes with one and two threads; --all adds lengths as in play, gradient entropy,
// PPO's update of a batch, and acting.
int bench_train(const Arguments& arguments) {
  const Circumstances circumstances;
  std::vector<std::string> shapes = arguments.list("env");
  if (shapes.empty()) shapes = train_benchmark_shapes();
  std::vector<int> thread_counts = {1, 2};
  if (arguments.has("threads")) thread_counts = {arguments.threads()};
  const bool all = arguments.has("all");
  Json updates = Json::array();
  std::string text = circumstances_text(circumstances);
  text += fmt::format("{:<11} {:>7}  {:<12} {:>9} {:>8} {:>8} {:>8} {:>8} {:>7}\n", "shape",
                      "threads", "variant", "ms", "GFLOP", "GFLOP/s", "peak", "x floor", "x full");
  for (const std::string& shape : shapes) {
    for (const int threads : thread_counts) {
      std::vector<TrainBenchmarkRow> rows;
      oneapi::tbb::task_arena arena(threads);
      arena.execute([&] { rows = benchmark_training(shape, threads, all); });
      for (const TrainBenchmarkRow& row : rows) {
        updates.push_back(Json{{"shape", row.shape},
                               {"threads", row.threads},
                               {"batch", row.batch},
                               {"variant", row.variant},
                               {"updates", row.updates},
                               {"ms", row.ms},
                               {"gflop", row.gflop},
                               {"gflop_valid", row.gflop_valid},
                               {"gflops", row.gflops},
                               {"peak_gflops", row.peak_gflops},
                               {"times_floor", row.times_floor},
                               {"times_full", row.times_full}});
        text += fmt::format(
            "{:<11} {:>7}  {:<12} {:>9.3f} {:>8.3f} {:>8.1f} {:>8.1f} {:>8.3f} {:>7.3f}\n",
            row.shape, row.threads, row.variant, row.ms, row.gflop, row.gflops, row.peak_gflops,
            row.times_floor, row.times_full);
      }
    }
  }
  Json acting = Json::array();
  if (all) {
    text += fmt::format("{:<11} {:>12} {:>9}\n", "shape", "environments", "us to act");
    for (const std::string& shape : shapes) {
      for (const int n_envs : {1, 8}) {
        const ActionBenchmarkRow row = benchmark_acting(shape, n_envs);
        acting.push_back(Json{{"shape", row.shape}, {"n_envs", row.n_envs}, {"us", row.us}});
        text += fmt::format("{:<11} {:>12} {:>9.2f}\n", row.shape, row.n_envs, row.us);
      }
    }
  }
  if (arguments.json()) {
    Json record = circumstances_json(circumstances);
    record["updates"] = updates;
    record["acting"] = acting;
    text = json_text(record);
  }
  print_out(text);
  return kExitOk;
}

// Whole runs, one after the other.
int bench_run(const Arguments& arguments) {
  install_stop_handlers();
  const Circumstances circumstances;
  const int threads = arguments.has("threads") ? arguments.threads() : 1;
  std::vector<std::string> envs = arguments.list("env");
  if (envs.empty()) envs = run_benchmark_envs();
  Json runs = Json::array();
  std::string text = circumstances_text(circumstances);
  text += fmt::format("{:<24} {:<14} {:<10} {:>7} {:>9} {:>9}", "env", "alg", "profile", "threads",
                      "steps", "steps/s");
  for (const char* part : kRunPartNames) text += fmt::format(" {:>10}%", part);
  text += '\n';
  for (const std::string& env : envs) {
    RunRequest request;
    request.env = env;
    request.algorithm = arguments.text("alg").value_or("qmix");
    request.profile = arguments.text("profile");
    request.sets = arguments.list("set");
    if (!RunConfig::resolve(request).is_learning())
      throw UserError(fmt::format("bench run: '{}' does not learn", *request.algorithm));
    request.t_max = arguments.t_max().value_or(20000);
    keep_evaluations_short(request);
    const RunConfig config = RunConfig::resolve(request);
    oneapi::tbb::task_arena arena(threads);
    const auto measured = arena.execute([&] { return benchmark_run(config, threads); });
    if (!measured) {
      print_message(arguments, fmt::format("stopped by {}", stop_signal_name()));
      return kExitStopped;
    }
    const RunBenchmarkRow& row = *measured;
    Json item{{"env", row.env},
              {"algorithm", row.algorithm},
              {"profile", row.profile},
              {"threads", row.threads},
              {"steps", row.steps},
              {"updates", row.updates},
              {"wall_s", row.timing.total()},
              {"steps_per_s", row.steps_per_s}};
    for (const auto& [part, seconds] : timing_parts(row.timing)) item[part] = seconds;
    runs.push_back(std::move(item));
    text += fmt::format("{:<24} {:<14} {:<10} {:>7} {:>9} {:>9.0f}", row.env, row.algorithm,
                        row.profile, row.threads, row.steps, row.steps_per_s);
    for (std::size_t i = 0; i < kRunPartNames.size(); ++i)
      text += fmt::format(" {:>11.1f}", 100.0 * row.timing.seconds(static_cast<RunPart>(i)) /
                                            std::max(row.timing.total(), 1e-9));
    text += '\n';
  }
  if (arguments.json()) {
    Json record = circumstances_json(circumstances);
    record["runs"] = runs;
    text = json_text(record);
  }
  print_out(text);
  return kExitOk;
}

int bench_signature(const Arguments& arguments) {
  const auto started = Clock::now();
  const std::string signature = hex64(training_signature());
  const std::chrono::duration<double> wall = Clock::now() - started;
  if (arguments.json()) {
    print_out(json_text(Json::array({Json{{"signature", signature}, {"wall_s", wall.count()}}})));
  } else {
    print_out(signature + "\n");
  }
  return kExitOk;
}

int run_bench(const Arguments& arguments) {
  const std::string& what = arguments.single("what to measure (env, train, run or signature)");
  if (what != "run")
    for (const char* option : {"alg", "profile", "t-max", "set"})
      if (arguments.has(option))
        throw UserError(fmt::format("--{} cannot be used with bench {}", option, what));
  if (what != "train" && arguments.has("all"))
    throw UserError(fmt::format("--all cannot be used with bench {}", what));
  if (what == "run") return bench_run(arguments);
  if (what == "env") return bench_env(arguments);
  if (what == "train") return bench_train(arguments);
  if (arguments.has("env")) throw UserError("--env cannot be used with bench signature");
  return bench_signature(arguments);
}

}  // namespace

Command bench_command() {
  Command command;
  command.name = "bench";
  command.arguments = "env|train|run|signature [--env ENV]... [--json]";
  command.help = "measure the speed of environments, updates or runs, or print the signature";
  command.details =
      "env: steps per second of random available actions, reading observations, state and "
      "availability at every step, resets included; one thread unless --threads is given.\n\n"
      "train: time of one QMIX update on synthetic episodes of SMAC's sizes (--env takes 3m, 2s3z, "
      "8m, MMM2 or 27m_vs_30m) with 1 and 2 threads. `x floor` is that time over the time its "
      "dense operations would take at the machine's FMA peak, measured alternately with the "
      "updates. --all adds realistic episode lengths, gradient entropy (`x full` is relative to a "
      "plain full-length update), and action selection for 1 and 8 environments.\n\n"
      "run: trains each environment in a temporary folder, with one evaluation of one episode before "
      "and after, and prints steps per second without evaluation and the share of each part of the "
      "work; one thread unless --threads is given.\n\n"
      "signature: trains every algorithm for a few thousand steps and prints one hash of all "
      "weights and returns, which is the same for every machine, compiler and number of threads.";
  command.examples = {"credo bench env --env switch/2 --threads 2",
                      "credo bench train --env 3m --threads 1",
                      "credo bench run --env skirmish/3m --profile fast", "credo bench signature"};
  command.positional = {"env|train|run|signature"};
  command.options = {{"env", "ENV", "environment, or shape, to measure; repeat for more", true},
                     {"alg", "ALG", "bench run: the algorithm (default qmix)"},
                     {"profile", "P", "bench run: named hyperparameters (default pymarl)"},
                     {"t-max", "N", "bench run: environment steps (default 20000)"},
                     {"set", "KEY=VALUE", "bench run: one setting; repeat for more", true},
                     {"all", "", "bench train: every variant"},
                     json_option()};
  command.run = run_bench;
  return command;
}

}  // namespace credo::suite
