// Values of the target network that are kept between updates change no bit, whatever happens to
// episodes and networks in between.
#include <algorithm>
#include <doctest/doctest.h>
#include <string>

#include "learners/algorithms/q_learner.hpp"
#include "learners/replay/replay_buffer.hpp"
#include "tests/learners/episodes.hpp"
#include "tests/learners/training.hpp"

namespace {

using credo::EnvShape;
using credo::Episode;
using credo::TargetValues;
using learner_tests::Draw;
using learner_tests::sz;

constexpr EnvShape kShape{.n_agents = 3, .n_actions = 5, .obs_dim = 7, .state_dim = 6};

std::vector<std::unique_ptr<credo::Scratch>> scratch_for_all() {
  std::vector<std::unique_ptr<credo::Scratch>> scratch;
  for (int i = 0; i < oneapi::tbb::this_task_arena::max_concurrency(); ++i)
    scratch.push_back(std::make_unique<credo::Scratch>());
  return scratch;
}

/// Batch positions 0, 1, ..., longest episode first.
std::vector<int> longest_first(const std::vector<const Episode*>& batch) {
  std::vector<int> order;
  for (int i = 0; i < static_cast<int>(batch.size()); ++i) order.push_back(i);
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return batch[sz(a)]->length() > batch[sz(b)]->length(); });
  return order;
}

/// One target network and what is kept of it.
struct Kept {
  credo::TrainConfig config;
  credo::QLearner learner;
  TargetValues values;
  std::vector<std::unique_ptr<credo::Scratch>> scratch = scratch_for_all();

  Kept(const EnvShape& shape, int hidden_dim, int episodes)
      : learner(shape, config), values(shape, hidden_dim, episodes) {}

  std::size_t computed(const std::vector<const Episode*>& batch, bool keep = true) {
    const std::vector<int> order = longest_first(batch);
    values.prepare(learner.network().agent, learner.params().data(), batch, order, keep, scratch);
    return values.computed();
  }
};

}  // namespace

TEST_SUITE("target values") {
  TEST_CASE("updates with kept values equal updates without, for every algorithm") {
    for (const char* algorithm : {"iql", "vdn", "qmix_gre", "qtran", "qplex", "cw_qmix"}) {
      for (const bool double_q : {true, false}) {
        CAPTURE(algorithm);
        CAPTURE(double_q);
        constexpr int kCapacity = 12;
        Draw draw("target values");
        credo::TrainConfig config = learner_tests::algorithm_config(algorithm);
        config.learner.double_q = double_q;
        config.replay_capacity = kCapacity;
        credo::QLearner keeps(kShape, config);
        credo::QLearner plain(kShape, config);
        credo::ReplayBuffer replay(kShape, kCapacity);
        std::vector<const Episode*> batch(6);
        for (int round = 0; round < 60; ++round) {
          replay.add(learner_tests::random_episode(draw, kShape, draw.integer(1, 9), true).view());
          if (round == 35) {  // as a resumed run starts
            credo::ByteWriter learner_bytes;
            const std::vector<std::byte> replay_bytes = learner_tests::saved(replay);
            keeps.save(learner_bytes);
            credo::ByteReader replay_in(replay_bytes);
            credo::ByteReader learner_in(learner_bytes.bytes());
            replay.load(replay_in);
            keeps.load(learner_in);
          }
          if (replay.size() < static_cast<int>(batch.size())) continue;
          replay.sample(draw.stream(), batch);
          std::vector<Episode> copies;
          copies.reserve(batch.size());
          std::vector<const Episode*> unknown;
          for (const Episode* e : batch) {
            CHECK(e->id() != 0);
            copies.push_back(*e);
            copies.back().set_id(0);
            unknown.push_back(&copies.back());
          }
          keeps.apply_gradient(keeps.compute_gradient(batch));
          plain.apply_gradient(plain.compute_gradient(unknown));
          REQUIRE(learner_tests::same_bits(keeps.gradient(), plain.gradient()));
          if (round % 9 == 8) {
            keeps.sync_target();
            plain.sync_target();
          }
          if (round % 20 == 19) {  // written from outside
            const std::size_t at = sz(draw.integer(0, 200));
            keeps.target()[at] += 0.5F;
            plain.target()[at] += 0.5F;
          }
        }
      }
    }
  }

  TEST_CASE("an episode is computed once until it or the network changes") {
    Draw draw("kept once");
    Kept kept(kShape, 0, 8);
    credo::ReplayBuffer replay(kShape, 8);
    std::vector<const Episode*> batch(8);
    for (int i = 0; i < 8; ++i)
      replay.add(learner_tests::random_episode(draw, kShape, 3 + i, true).view());
    replay.sample(draw.stream(), batch);
    CHECK(kept.computed(batch) == 8);
    CHECK(kept.computed(batch) == 0);
    replay.add(learner_tests::random_episode(draw, kShape, 20, true).view());
    CHECK(kept.computed(batch) == 1);
    CHECK(kept.computed(batch) == 0);
    CHECK(kept.computed(batch, false) == 8);
    CHECK(kept.computed(batch) == 0);
    kept.values.forget();
    CHECK(kept.computed(batch) == 8);
  }

  TEST_CASE("GRU states are kept beside the values") {
    Draw draw("kept states");
    Kept kept(kShape, 64, 4);
    credo::ReplayBuffer replay(kShape, 4);
    std::vector<const Episode*> batch(4);
    for (const int length : {5, 1, 9, 9})
      replay.add(learner_tests::random_episode(draw, kShape, length, true).view());
    replay.sample(draw.stream(), batch);
    kept.computed(batch);
    std::vector<std::vector<float>> first;
    const auto copy = [&](int place) {
      const int rows = batch[sz(place)]->slots() * kShape.n_agents;
      const TargetValues::View view = kept.values.of(place);
      std::vector<float> all(view.q, view.q + sz(rows * kShape.n_actions));
      all.insert(all.end(), view.hidden, view.hidden + sz(rows * 64));
      return all;
    };
    for (int place = 0; place < 4; ++place) first.push_back(copy(place));
    CHECK(kept.computed(batch) == 0);
    for (int place = 0; place < 4; ++place)
      CHECK(learner_tests::same_bits(copy(place), first[sz(place)]));
    CHECK(kept.computed(batch, false) == 4);
    for (int place = 0; place < 4; ++place)
      CHECK(learner_tests::same_bits(copy(place), first[sz(place)]));
  }

  TEST_CASE("episodes that share a place in the table do not share values") {
    Draw draw("colliding");
    Kept kept(kShape, 0, 3);
    credo::ReplayBuffer replay(kShape, 8);
    std::vector<const Episode*> batch(8);
    for (int i = 0; i < 8; ++i)
      replay.add(learner_tests::random_episode(draw, kShape, 6, true).view());
    replay.sample(draw.stream(), batch);
    CHECK(kept.computed(batch) == 8);
    CHECK(kept.computed(batch) == 5);
    std::vector<std::vector<float>> values;
    const auto copy = [&](int place) {
      const float* q = kept.values.of(place).q;
      return std::vector<float>(q, q + sz(7 * kShape.n_agents * kShape.n_actions));
    };
    for (int place = 0; place < 8; ++place) values.push_back(copy(place));
    kept.computed(batch, false);
    for (int place = 0; place < 8; ++place)
      CHECK(learner_tests::same_bits(copy(place), values[sz(place)]));
  }

  TEST_CASE("what finds no room is computed every time") {
    // More than half of a block each, so one per block; then one that exceeds a block.
    constexpr EnvShape kLarge{.n_agents = 4, .n_actions = 64, .obs_dim = 1, .state_dim = 1};
    Kept kept(kLarge, 0, 40);
    credo::ReplayBuffer replay(kLarge, 40);
    const auto play = [&](int length) {
      replay.add(learner_tests::blank_episode(kLarge, length, true).view());
    };
    for (int i = 0; i < 34; ++i) play(2100);
    std::vector<const Episode*> batch(34);
    Draw draw("full");
    replay.sample(draw.stream(), batch);
    CHECK(kept.computed(batch) == 34);
    CHECK(kept.computed(batch) == 2);
    kept.values.forget();
    play(4100);
    batch.resize(35);
    replay.sample(draw.stream(), batch);
    std::swap(batch[0], batch[34]);
    batch.resize(3);
    CHECK(kept.computed(batch) == 3);
    CHECK(kept.computed(batch) == 1);
  }
}
