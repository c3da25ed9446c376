#include <atomic>

#include "envs/core/error.hpp"
#include "learners/base/isa.hpp"
#include "learners/kernels/tables.hpp"

namespace credo {

namespace {

struct Candidate {
  const char* name;
  const KernelTable& (*table)();
};

/// What this machine can run, slowest first.
std::vector<Candidate> candidates() {
  std::vector<Candidate> list = {{"scalar", scalar_kernels}};
#if defined(__x86_64__)
  const bool avx2 = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  if (avx2) list.push_back({"avx2", avx2_kernels});
  if (avx2 && __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
      __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512dq") != 0)
    list.push_back({"avx512", avx512_kernels});
#elif defined(__aarch64__)
  list.push_back({"neon", neon_kernels});
#endif
  return list;
}

std::atomic<const KernelTable*> g_selected{nullptr};

}  // namespace

const KernelTable& kernels() {
  const KernelTable* table = g_selected.load(std::memory_order_acquire);
  if (table == nullptr) [[unlikely]] {
    table = &candidates().back().table();
    g_selected.store(table, std::memory_order_release);
  }
  return *table;
}

std::vector<std::string> available_isas() {
  std::vector<std::string> names;
  for (const Candidate& c : candidates()) names.emplace_back(c.name);
  return names;
}

std::string current_isa() { return kernels().name; }

void select_isa(std::string_view name) {
  const std::vector<Candidate> list = candidates();
  if (name == "auto") {
    g_selected.store(&list.back().table(), std::memory_order_release);
    return;
  }
  for (const Candidate& c : list) {
    if (name == c.name) {
      g_selected.store(&c.table(), std::memory_order_release);
      return;
    }
  }
  std::vector<std::string> allowed = available_isas();
  allowed.insert(allowed.begin(), "auto");
  throw UserError(unknown_name_message("instruction set", name, allowed));
}

}  // namespace credo
