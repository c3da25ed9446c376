// Short training runs for tests.
#pragma once

#include <cstddef>
#include <memory>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <span>
#include <string>
#include <vector>

#include "envs/core/registry.hpp"
#include "learners/algorithm_table.hpp"
#include "learners/hyperparameters.hpp"
#include "learners/trainer.hpp"
#include "tests/learners/support.hpp"

namespace learner_tests {

/// The configuration an algorithm's name stands for.
inline credo::TrainConfig algorithm_config(const std::string& name) {
  credo::Params params(credo::train_params());
  for (const auto& [key, value] : credo::find_algorithm(name).values) params.set(key, value);
  return credo::make_train_config(params);
}

inline std::unique_ptr<credo::Env> short_env(const std::string& id, int limit) {
  credo::Params params = credo::env_params(id);
  params.set("limit", static_cast<std::int64_t>(limit));
  return credo::make_env(id, params);
}

/// Runs `body` with exactly `threads` threads to work with.
template <class Body>
void with_threads(int threads, const Body& body) {
  const oneapi::tbb::global_control control(oneapi::tbb::global_control::max_allowed_parallelism,
                                            sz(threads));
  oneapi::tbb::task_arena(threads).execute(body);
}

/// All that a trainer or a replay buffer saves.
template <class Saver>
std::vector<std::byte> saved(const Saver& saver,
                             credo::ReplayContent content = credo::ReplayContent::kAll) {
  std::vector<std::byte> bytes;
  saver.save(
      [&](std::span<const std::byte> piece) {
        bytes.insert(bytes.end(), piece.begin(), piece.end());
      },
      content);
  return bytes;
}

template <class Saver>
std::vector<std::byte> saved_part(const Saver& saver, const credo::ReplayPart& part) {
  std::vector<std::byte> bytes;
  saver.save_part(part, [&](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  });
  return bytes;
}

}  // namespace learner_tests
