// exp, log, tanh and sigmoid against the double-precision functions of the C library.
#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <limits>

#include "tests/learners/support.hpp"

namespace {

using credo::KernelTable;
using learner_tests::same_bits;
using learner_tests::tables;

constexpr double kLimit = 2.0;  // units in the last place
constexpr float kInf = std::numeric_limits<float>::infinity();

/// |got - want| in units of the spacing of floats at `want`.
double ulps(float got, double want) {
  const auto rounded = static_cast<float>(want);
  if (std::isinf(rounded) || std::isinf(got)) return got == rounded ? 0.0 : 1e9;
  int exponent = 0;
  if (want != 0.0) std::frexp(want, &exponent);
  const double spacing = std::ldexp(1.0, want == 0.0 ? -149 : std::max(exponent - 24, -149));
  return std::abs(static_cast<double>(got) - want) / spacing;
}

using Kernel = std::function<void(const KernelTable&, const float*, float*, std::size_t)>;

Kernel member(void (*KernelTable::*kernel)(const float*, float*, std::size_t)) {
  return [kernel](const KernelTable& table, const float* x, float* y, std::size_t n) {
    (table.*kernel)(x, y, n);
  };
}

/// The candidate of a GRU whose hidden side is zero.
void gru_candidate(const KernelTable& table, const float* x, float* y, std::size_t n) {
  std::vector<float> gi(3 * n), gh(3 * n, -0.0F), h(n), gates(4 * n);
  std::copy(x, x + n, gi.begin() + static_cast<std::ptrdiff_t>(2 * n));
  table.gru_forward(1, static_cast<int>(n), gi.data(), gh.data(), h.data(), gates.data(), h.data());
  std::copy_n(gates.begin() + static_cast<std::ptrdiff_t>(2 * n), n, y);
}

struct Function {
  std::string name;
  Kernel kernel;
  std::function<double(double)> exact;
  bool positive_normal_only = false;
};

const std::vector<Function>& functions() {
  static const std::vector<Function> kFunctions = {
      {"exp", member(&KernelTable::exp), [](double x) { return std::exp(x); }},
      {"log", member(&KernelTable::log), [](double x) { return std::log(x); }, true},
      {"tanh", gru_candidate, [](double x) { return std::tanh(x); }},
      {"sigmoid", member(&KernelTable::sigmoid),
       [](double x) { return 1.0 / (1.0 + std::exp(-x)); }},
  };
  return kFunctions;
}

/// Runs a batch through every table: all must equal the scalar one, which must be near the truth.
/// Returns the largest error.
double check_batch(const Function& f, const std::vector<float>& x) {
  std::vector<float> want(x.size()), got(x.size());
  f.kernel(credo::scalar_kernels(), x.data(), want.data(), x.size());
  for (const KernelTable* table : tables()) {
    f.kernel(*table, x.data(), got.data(), x.size());
    if (!same_bits(got, want))
      FAIL(f.name << " of " << std::string(table->name) << " differs from scalar");
  }
  double worst = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error = ulps(want[i], f.exact(x[i]));
    if (!(error <= kLimit)) FAIL(f.name << "(" << x[i] << ") = " << want[i] << ": " << error);
    worst = std::max(worst, error);
  }
  return worst;
}

TEST_SUITE("functions") {
  TEST_CASE("at most 2 ulp over the whole float range, the same bits in every table") {
    // The stride is odd, so it meets every low-order bit pattern.
    constexpr std::uint64_t kStride = 1999;
    for (const Function& f : functions()) {
      double worst = 0.0;
      std::vector<float> x;
      for (std::uint64_t bits = 0; bits < 1ULL << 32U; bits += kStride) {
        const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
        if (std::isnan(value)) continue;
        if (f.positive_normal_only && (value <= 0.0F || !std::isnormal(value))) continue;
        x.push_back(value);
        if (x.size() < 65536) continue;
        worst = std::max(worst, check_batch(f, x));
        x.clear();
      }
      worst = std::max(worst, check_batch(f, x));
      MESSAGE(f.name << ": largest error " << worst << " ulp");
    }
  }

  TEST_CASE("at most 2 ulp where values matter most") {
    // Every 61st float between 2^-12 and the end of each function's varying range, both signs.
    for (const Function& f : functions()) {
      const std::uint32_t begin = std::bit_cast<std::uint32_t>(0x1p-12F);
      const std::uint32_t end = std::bit_cast<std::uint32_t>(110.0F);
      std::vector<float> x;
      for (std::uint32_t bits = begin; bits < end; bits += 61) {
        x.push_back(std::bit_cast<float>(bits));
        if (!f.positive_normal_only) x.push_back(-x.back());
      }
      check_batch(f, x);
    }
  }

  TEST_CASE("edges of the range") {
    const float smallest = std::numeric_limits<float>::denorm_min();
    const float normal = std::numeric_limits<float>::min();
    const float largest = std::numeric_limits<float>::max();
    const std::vector<float> x = {0.0F,     -0.0F,    smallest, -smallest, normal,  -normal,
                                  largest,  -largest, kInf,     -kInf,     88.722F, 88.723F,
                                  88.7229F, 89.0F,    89.1F,    -87.33F,   -87.34F, -103.0F,
                                  -103.97F, -103.98F, -104.0F,  -104.1F,   0.625F,  -0.625F};
    for (const Function& f : functions()) {
      if (f.positive_normal_only) continue;
      check_batch(f, x);
    }
    check_batch(functions()[1], {normal, largest, 1.0F, std::nextafter(1.0F, 0.0F),
                                 std::nextafter(1.0F, 2.0F), 0.70710677F, 0.70710683F, 1.4142135F});
  }

  TEST_CASE("exact values and saturation") {
    for (const KernelTable* table : tables()) {
      CAPTURE(table->name);
      const auto at = [&](const char* name, float x) {
        float y = 0.0F;
        for (const Function& f : functions())
          if (f.name == name) f.kernel(*table, &x, &y, 1);
        return y;
      };
      CHECK(at("exp", 0.0F) == 1.0F);
      CHECK(at("exp", -kInf) == 0.0F);
      CHECK(at("exp", kInf) == kInf);
      CHECK(at("exp", -104.0F) == 0.0F);
      CHECK(at("exp", 88.8F) == kInf);
      CHECK(at("log", 1.0F) == 0.0F);
      CHECK(at("tanh", 0.0F) == 0.0F);
      CHECK(at("tanh", kInf) == 1.0F);
      CHECK(at("tanh", -kInf) == -1.0F);
      CHECK(at("tanh", 20.0F) == 1.0F);
      CHECK(at("sigmoid", 0.0F) == 0.5F);
      CHECK(at("sigmoid", kInf) == 1.0F);
      CHECK(at("sigmoid", -kInf) == 0.0F);
      CHECK(at("sigmoid", 40.0F) == 1.0F);
    }
  }

  TEST_CASE("NaN stays NaN, in any lane") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const KernelTable* table : tables()) {
      for (const Function& f : functions()) {
        if (f.positive_normal_only) continue;
        for (std::size_t lane = 0; lane < 19; ++lane) {
          std::vector<float> x(19, 0.5F), y(19);
          x[lane] = nan;
          f.kernel(*table, x.data(), y.data(), x.size());
          for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::isnan(y[i]) == (i == lane));
        }
      }
    }
  }

  TEST_CASE("symmetry") {
    learner_tests::Draw draw("symmetry");
    const std::vector<float> x = draw.reals(4096, -12.0F, 12.0F);
    std::vector<float> minus(x), a(x.size()), b(x.size());
    for (float& v : minus) v = -v;
    for (const KernelTable* table : tables()) {
      gru_candidate(*table, x.data(), a.data(), x.size());
      gru_candidate(*table, minus.data(), b.data(), x.size());
      for (float& v : b) v = -v;
      CHECK(same_bits(a, b));
    }
  }
}

}  // namespace
