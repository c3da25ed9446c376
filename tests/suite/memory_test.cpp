// What memory is there, from files as Linux has them, and what is said of it before a start.
#include "suite/common/memory.hpp"

#include <doctest/doctest.h>

#include "suite/common/files.hpp"
#include "suite/plan/memory_check.hpp"
#include "tests/suite/support.hpp"

using namespace credo::suite;
using namespace credo::suite::testing;

namespace {

constexpr std::uint64_t kMebi = 1ULL << 20U;

// A machine with 4,000 MiB of available memory and 100 MiB of free swap.
class Machine {
 public:
  Machine() {
    put("proc/meminfo", "MemTotal: 8192000 kB\nMemAvailable: 4096000 kB\nSwapFree: 102400 kB\n");
    put("proc/self/status", "Name:\tcredo\nVmSize:\t  204800 kB\nVmData:\t  102400 kB\n");
  }
  void put(const std::string& path, std::string_view text) {
    make_directories((scratch_ / path).parent_path());
    write_raw(scratch_ / path, text);
  }
  AvailableMemory available(const ProcessLimits& limits = {}) const {
    return available_memory(scratch_.path(), limits);
  }

 private:
  ScratchFolder scratch_;
};

RunConfig battle(std::vector<std::string> sets) {
  RunRequest request;
  request.env = "skirmish/3m";
  request.algorithm = "qmix";
  request.sets = std::move(sets);
  return RunConfig::resolve(request);
}

}  // namespace

TEST_CASE("available memory is the smallest of what limits it") {
  Machine machine;
  CHECK(machine.available().bytes == 4100 * kMebi);
  CHECK(machine.available().limit == "available RAM and swap");

  SUBCASE("a control group of version 2, or one above it") {
    machine.put("proc/self/cgroup", "0::/jobs/mine\n");
    machine.put("sys/fs/cgroup/jobs/mine/memory.max", "max\n");
    CHECK(machine.available().bytes == 4100 * kMebi);
    machine.put("sys/fs/cgroup/jobs/memory.max", "2147483648\n");
    machine.put("sys/fs/cgroup/jobs/memory.current", "1073741824\n");
    CHECK(machine.available().bytes == 1024 * kMebi);
    CHECK(machine.available().limit == "the memory limit of its control group, 2048 MiB");
    // Cached files give way.
    machine.put("sys/fs/cgroup/jobs/memory.stat", "anon 1\ninactive_file 536870912\n");
    CHECK(machine.available().bytes == 1536 * kMebi);
    machine.put("sys/fs/cgroup/jobs/mine/memory.max", "1048576\n");
    CHECK(machine.available().bytes == kMebi);
    machine.put("sys/fs/cgroup/jobs/mine/memory.current", "9999999\n");
    CHECK(machine.available().bytes == 0);
  }
  SUBCASE("a control group of version 1, also where its path is hidden by a container") {
    machine.put("proc/self/cgroup", "5:cpu:/a\n4:memory,other:/docker/abc\n");
    machine.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    CHECK(machine.available().bytes == 4100 * kMebi);
    machine.put("sys/fs/cgroup/memory/memory.limit_in_bytes", "1073741824\n");
    machine.put("sys/fs/cgroup/memory/memory.usage_in_bytes", "536870912\n");
    machine.put("sys/fs/cgroup/memory/memory.stat", "total_inactive_file 268435456\n");
    CHECK(machine.available().bytes == 768 * kMebi);
  }
  SUBCASE("limits of the process") {
    CHECK(machine.available({.address_space = 1200 * kMebi}).bytes == 1000 * kMebi);
    CHECK(machine.available({.address_space = 100 * kMebi}).bytes == 0);
    const AvailableMemory data = machine.available({.data = 600 * kMebi});
    CHECK(data.bytes == 500 * kMebi);
    CHECK(contains(data.limit, "ulimit -d"));
  }
  SUBCASE("nonsense limits nothing") {
    machine.put("proc/self/cgroup", "nonsense\n0:\n::\n0::\n");
    machine.put("sys/fs/cgroup/memory.max", "-5 x\n");
    CHECK(machine.available().bytes == 4100 * kMebi);
  }
}

TEST_CASE("a run that does not fit is refused with the setting that helps, a doubtful one warned") {
  const RunConfig config = battle({"run.t_max=2000000"});
  CellWork work = WorkCounter().count(config);
  REQUIRE(work.replay_episodes == 5000);
  const MemoryNeed need = memory_need(work);
  CHECK(need.least > work.replay_episodes * work.episode_bytes);
  CHECK(need.most > 1.2 * need.least);
  const auto advice = [&](double bytes, int jobs, std::size_t cells) {
    return check_memory(std::vector<const RunConfig*>(cells, &config), jobs,
                        {.bytes = static_cast<std::uint64_t>(bytes), .limit = "a test"});
  };
  const double base = CostModel::builtin().base_bytes();
  const MemoryAdvice refused = advice(base + 0.7 * need.least, 1, 1);
  CHECK(contains(refused.refusal, "skirmish/3m with qmix needs about"));
  CHECK(contains(refused.refusal, "replay of 5000 episodes"));
  CHECK(contains(refused.refusal, "are there (a test); lower replay.capacity (5000 now; at most"));
  CHECK(refused.warning.empty());
  const MemoryAdvice doubtful = advice(base + 1.05 * need.least, 1, 1);
  CHECK(doubtful.refusal.empty());
  CHECK(contains(doubtful.warning, "memory may run out"));
  const MemoryAdvice fine = advice(base + 1.01 * need.most, 1, 1);
  CHECK(fine.refusal.empty());
  CHECK(fine.warning.empty());

  // Two at a time need twice as much, one after the other do not; more jobs than cells need no more.
  CHECK(contains(advice(base + 1.5 * need.least, 2, 2).refusal,
                 "2 cells at a time, the largest skirmish/3m with qmix, need about"));
  CHECK(contains(advice(base + 1.5 * need.least, 2, 2).refusal, "lower --jobs or replay.capacity"));
  CHECK(advice(base + 1.5 * need.least, 1, 2).refusal.empty());
  CHECK(advice(base + 1.5 * need.least, 8, 1).refusal.empty());

  // What it says helps.
  const std::size_t at = refused.refusal.find("at most about ") + 14;
  const std::string capacity = refused.refusal.substr(at, refused.refusal.find(')', at) - at);
  const RunConfig smaller = battle({"run.t_max=2000000", "replay.capacity=" + capacity});
  CHECK(check_memory(
            {&smaller}, 1,
            {.bytes = static_cast<std::uint64_t>(base + 0.7 * need.least + 1e6), .limit = "a test"})
            .refusal.empty());
}

TEST_CASE("small runs, fixed policies and short ones are not looked into") {
  const AvailableMemory little = {.bytes = 600 * kMebi, .limit = "a test"};
  const RunConfig brief = battle({"run.t_max=100"});
  RunRequest request;
  request.env = "skirmish/3m";
  request.algorithm = "random";
  const RunConfig fixed = RunConfig::resolve(request);
  const MemoryAdvice advice = check_memory({&brief, &fixed}, 1, little);
  CHECK(advice.refusal.empty());
  CHECK(advice.warning.empty());
}
