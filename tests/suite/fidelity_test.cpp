// Measures of agreement between true contributions and learned credits, against worked values.
#include "suite/credits/fidelity.hpp"

#include <doctest/doctest.h>
#include <vector>

using namespace credo::suite;

TEST_CASE("fidelity: measures of agreement") {
  const auto all_decided = [](std::span<const double> truth) {
    const std::size_t k = truth.size();
    std::vector<std::uint8_t> decided(k * k, 0);
    for (std::size_t i = 0; i < k; ++i)
      for (std::size_t j = 0; j < k; ++j)
        if (truth[i] != truth[j]) decided[i * k + j] = 1;
    return decided;
  };
  const std::vector<double> truth = {3, 1, 1, -2, 0};
  const std::vector<double> learned = {.9, .4, .5, .1, .1};
  std::vector<std::uint8_t> decided = all_decided(truth);
  PairCount pairs = count_pairs(truth, learned, decided);
  CHECK(pairs.agreeing == 8);
  CHECK(pairs.opposing == 0);
  CHECK(pairs.learner_ties == 1);
  CHECK(pairs.truth_ties == 1);
  CHECK(*pairs.agreement() == doctest::Approx(8.0 / 9));
  CHECK(*kendall_tau_b(truth, learned) == doctest::Approx(.8888888889));
  CHECK(*spearman(truth, learned) == doctest::Approx(.9473684211));
  CHECK(*pearson(truth, learned) == doctest::Approx(.9128709292));
  CHECK(*top_one(truth, learned, decided) == 1.0);
  // {1, 2} and {3, 4} are tied by noise.
  decided[3 * 5 + 4] = decided[4 * 5 + 3] = 0;
  CHECK(*count_pairs(truth, learned, decided).agreement() == 1.0);

  const std::vector<double> one = {5, 0, 0, 0};
  const std::vector<double> falling = {4, 3, 2, 1};
  CHECK(*kendall_tau_b(one, falling) == doctest::Approx(.7071067812));
  CHECK(*spearman(one, falling) == doctest::Approx(.7745966692));
  CHECK(*count_pairs(one, falling, all_decided(one)).agreement() == 1.0);
  const std::vector<double> level = {2, 2, 2, 2};
  CHECK(*kendall_tau_b(one, level) == 0.0);
  CHECK(*spearman(one, level) == 0.0);
  CHECK(*count_pairs(one, level, all_decided(one)).agreement() == 0.0);
  CHECK(*top_one(one, level, all_decided(one)) == 0.25);
  CHECK_FALSE(kendall_tau_b(level, one).has_value());
  CHECK_FALSE(count_pairs(level, one, all_decided(level)).agreement().has_value());

  const auto h = [](const std::vector<double>& x) { return share_entropy(x, x.size()); };
  CHECK(*h({2, 1, -1}) == doctest::Approx(.9463946304));
  CHECK(*positive_entropy(std::vector<double>{2, 1, -1}, 3) == doctest::Approx(.5793801643));
  CHECK(*h({1, 2, 3, 4}) == doctest::Approx(.9232196723));
  CHECK(*h({3, 0, 0}) == 0.0);
  CHECK_FALSE(h({0, 0, 0}).has_value());
  CHECK(*h({10, 1}) == doctest::Approx(.439497).epsilon(1e-5));
  CHECK(*share_entropy(std::vector<double>{1, 1, 1}, 5) == doctest::Approx(.6826061945));
}
