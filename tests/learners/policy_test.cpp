// How values become actions: ties, masks, and the floor of stochastic policies (coma_test.cpp has
// their distribution).
#include "learners/rollout/policy.hpp"

#include <doctest/doctest.h>
#include <limits>
#include <vector>

#include "tests/learners/support.hpp"

namespace {

using learner_tests::Draw;
using learner_tests::sz;

int greedy(const std::vector<float>& q, const std::vector<std::uint8_t>& avail) {
  return credo::greedy_action(static_cast<int>(q.size()), q.data(), avail.data());
}

TEST_SUITE("policy") {
  TEST_CASE("of equal values the first available action is greedy") {
    CHECK(greedy({1.0F, 1.0F, 1.0F}, {1, 1, 1}) == 0);
    CHECK(greedy({1.0F, 1.0F, 1.0F}, {0, 1, 1}) == 1);
    CHECK(greedy({1.0F, 2.0F, 2.0F, 2.0F}, {1, 0, 1, 1}) == 2);
    CHECK(greedy({0.0F, -0.0F}, {1, 1}) == 0);
    CHECK(greedy({-0.0F, 0.0F}, {1, 1}) == 0);
    const float low = -std::numeric_limits<float>::infinity();
    CHECK(greedy({low, low, low}, {0, 1, 1}) == 1);
  }

  TEST_CASE("the largest available value wins, whatever larger ones are not available") {
    CHECK(greedy({5.0F, -1.0F, -2.0F}, {0, 1, 1}) == 1);
    CHECK(greedy({5.0F, -3.0F, -2.0F}, {0, 1, 1}) == 2);
    CHECK(greedy({5.0F}, {0}) == -1);
  }

  TEST_CASE("acting and learning break ties alike") {
    Draw draw("ties");
    for (int trial = 0; trial < 500; ++trial) {
      const int n = draw.integer(1, 20);
      std::vector<float> q(sz(n));
      std::vector<std::uint8_t> avail(sz(n));
      std::vector<std::uint8_t> bits(3);
      for (int a = 0; a < n; ++a) {
        q[sz(a)] = static_cast<float>(draw.integer(0, 2));
        avail[sz(a)] = draw.chance(0.6) ? 1 : 0;
      }
      avail[sz(draw.integer(0, n - 1))] = 1;
      for (int a = 0; a < n; ++a)
        if (avail[sz(a)] != 0)
          bits[sz(a / 8)] = static_cast<std::uint8_t>(bits[sz(a / 8)] | 1U << (a % 8));
      for (const credo::KernelTable* table : learner_tests::tables())
        CHECK(table->best_allowed(n, q.data(), bits.data(), 0) == greedy(q, avail));
    }
  }
}

}  // namespace
