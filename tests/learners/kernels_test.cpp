// Every kernel of every instruction set equals the scalar table bit for bit, and the scalar
// products equal plain loops of fused multiply-adds.
#include <algorithm>
#include <doctest/doctest.h>

#include "tests/learners/support.hpp"

namespace {

using credo::Gemm;
using credo::KernelTable;
using learner_tests::Draw;
using learner_tests::same_bits;
using learner_tests::sz;
using learner_tests::tables;

/// A product with its own storage: strides wider than needed, guard values all around.
struct Product {
  Gemm g;
  std::vector<float> a, b, c, bias, positive;
  std::vector<std::uint8_t> ahead;  // bytes to fetch meanwhile

  Product(Draw& draw, int m, int n, int k) {
    const bool transposed = draw.chance(0.4);
    const int a_lead = (transposed ? m : k) + draw.integer(0, 3);
    const int ldb = n + draw.integer(0, 20);
    const int ldc = n + draw.integer(0, 20);
    a = draw.reals(sz((transposed ? k : m) * a_lead + 1), -2.0F, 2.0F);
    b = draw.reals(sz(k * ldb + 1), -2.0F, 2.0F);
    c = draw.reals(sz(m * ldc + 1), -2.0F, 2.0F);
    bias = draw.reals(sz(n), -2.0F, 2.0F);
    g = {.m = m, .n = n, .k = k, .ldb = ldb, .ldc = ldc};
    g.a_row = transposed ? 1 : a_lead;
    g.a_col = transposed ? a_lead : 1;
    const int start = draw.integer(0, 2);
    g.accumulate = start == 0;
    if (start != 1) g.bias = bias.data();  // an accumulating product ignores it
    if (draw.chance(0.3)) g.relu = draw.integer(0, n);
    if (draw.chance(0.3)) {
      g.ld_positive = n + draw.integer(0, 5);
      positive = draw.reals(sz(m) * sz(static_cast<int>(g.ld_positive)) + 1, -1.0F, 1.0F);
    }
    if (draw.chance(0.5)) ahead.resize(sz(draw.integer(1, 5000)));
  }

  std::vector<float> run(const KernelTable& table) const {
    std::vector<float> out = c;
    Gemm call = g;
    call.a = a.data();
    call.b = b.data();
    call.c = out.data();
    if (!positive.empty()) call.positive = positive.data();
    credo::Ahead fetched;
    fetched.add(ahead.data(), ahead.size() / 2);
    fetched.add(ahead.data() + ahead.size() / 2, ahead.size() - ahead.size() / 2);
    if (!ahead.empty()) call.ahead = &fetched;
    table.gemm(call);
    return out;
  }

  /// The definition: one chain per output, k ascending.
  std::vector<float> plain() const {
    std::vector<float> out = c;
    for (int i = 0; i < g.m; ++i) {
      for (int j = 0; j < g.n; ++j) {
        float& place = out[sz(i * g.ldc + j)];
        float sum = g.accumulate ? place : g.bias != nullptr ? bias[sz(j)] : 0.0F;
        for (int p = 0; p < g.k; ++p)
          sum = std::fma(a[sz(i * g.a_row + p * g.a_col)], b[sz(p * g.ldb + j)], sum);
        if (j < g.relu) sum = std::max(sum, 0.0F);
        if (!positive.empty() && positive[sz(i) * sz(static_cast<int>(g.ld_positive)) + sz(j)] <= 0)
          sum = 0.0F;
        place = sum;
      }
    }
    return out;
  }
};

void check_product(const Product& product) {
  const std::vector<float> want = product.plain();
  for (const KernelTable* table : tables()) {
    if (same_bits(product.run(*table), want)) continue;
    FAIL(std::string(table->name) << " m " << product.g.m << " n " << product.g.n << " k "
                                  << product.g.k << " a_row " << product.g.a_row << " a_col "
                                  << product.g.a_col);
  }
}

/// Compares what each table writes into copies of `output` with what the scalar table writes.
template <class Run>
void check_tables(const std::vector<float>& output, const Run& run) {
  std::vector<float> want = output;
  run(credo::scalar_kernels(), want);
  for (const KernelTable* table : tables()) {
    std::vector<float> got = output;
    run(*table, got);
    if (!same_bits(got, want)) FAIL(std::string(table->name) << " differs from scalar");
  }
}

TEST_SUITE("kernels") {
  TEST_CASE("gemm equals a plain loop: random shapes, strides, transposes, starts") {
    Draw draw("gemm");
    for (int trial = 0; trial < 600; ++trial) {
      const int m = draw.chance(0.3) ? draw.integer(1, 4) : draw.integer(1, 45);
      const int n = draw.chance(0.3) ? draw.integer(1, 3) : draw.integer(1, 150);
      const int k = draw.chance(0.2) ? draw.integer(0, 2) : draw.integer(1, 100);
      check_product(Product(draw, m, n, k));
    }
  }

  TEST_CASE("gemm equals a plain loop: every width and every height up to 70") {
    Draw draw("gemm widths");
    for (int n = 1; n <= 70; ++n) check_product(Product(draw, 13, n, 5));
    for (int m = 1; m <= 70; ++m) check_product(Product(draw, m, 37, 5));
  }

  TEST_CASE("gemm equals a plain loop: long inner axes, where k is walked in blocks") {
    Draw draw("gemm long");
    for (const int k : {255, 256, 257, 383, 384, 385, 511, 512, 513, 640, 641, 1500}) {
      check_product(Product(draw, draw.integer(1, 20), draw.integer(1, 90), k));
      check_product(Product(draw, 1, 1, k));
    }
  }

  TEST_CASE("a product takes every range that it is to fetch, and no more than there is") {
    const std::vector<float> ones(64 * 192, 1.0F);
    const std::vector<std::uint8_t> bytes(4096);
    for (const KernelTable* table : tables()) {
      if (table == &credo::scalar_kernels()) continue;  // has no caches to think of
      std::vector<float> out(12 * 192);
      credo::Ahead ahead;
      for (int i = 0; i < credo::Ahead::kMaxRanges + 3; ++i)
        ahead.add(bytes.data() + i * 100, i == 1 ? 0 : 100);
      CHECK(ahead.count == credo::Ahead::kMaxRanges);
      for (int pass = 0; pass < 2; ++pass)
        table->gemm({.m = 12,
                     .n = 192,
                     .k = 64,
                     .a = ones.data(),
                     .a_row = 64,
                     .b = ones.data(),
                     .ldb = 192,
                     .c = out.data(),
                     .ldc = 192,
                     .ahead = &ahead});
      CHECK(ahead.count == 0);
      CHECK(std::all_of(out.begin(), out.end(), [](float x) { return x == 64.0F; }));
    }
  }
  TEST_CASE("gemm touches nothing outside its output") {
    Draw draw("gemm guard");
    for (int trial = 0; trial < 100; ++trial) {
      const Product product(draw, draw.integer(1, 20), draw.integer(1, 40), draw.integer(1, 9));
      for (const KernelTable* table : tables()) {
        const std::vector<float> out = product.run(*table);
        for (std::size_t i = 0; i < out.size(); ++i)
          if (sz(product.g.n) <= i % sz(product.g.ldc) || i >= sz(product.g.m * product.g.ldc))
            REQUIRE(out[i] == product.c[i]);
      }
    }
  }

  TEST_CASE("rows handled together do not change a row") {
    // Acting one environment at a time and in batches must give the same values.
    Draw draw("gemm rows");
    Product product(draw, 40, 64, 50);
    product.g.a_row = 50;
    product.g.a_col = 1;
    product.g.accumulate = false;
    product.a = draw.reals(40 * 50);
    const std::vector<float> whole = product.run(credo::scalar_kernels());
    for (const KernelTable* table : tables()) {
      for (int row = 0; row < 40; ++row) {
        std::vector<float> one(64);
        Gemm call = product.g;
        call.m = 1;
        call.a = product.a.data() + static_cast<std::ptrdiff_t>(row) * 50;
        call.b = product.b.data();
        call.c = one.data();
        table->gemm(call);
        CHECK(same_bits(one, std::span(whole).subspan(sz(row * product.g.ldc), 64)));
      }
    }
  }

  TEST_CASE("vector operations equal the scalar ones at every length") {
    Draw draw("vectors");
    for (std::size_t n = 0; n <= 67; ++n) {
      const std::vector<float> x = draw.reals(n + 1, -2.0F, 2.0F);
      const std::vector<float> y = draw.reals(n + 1, -2.0F, 2.0F);
      const float scale = draw.real(-2.0F, 2.0F);
      check_tables(y, [&](const KernelTable& t, std::vector<float>& out) {
        t.add(out.data(), x.data(), n);
      });
      check_tables(y, [&](const KernelTable& t, std::vector<float>& out) {
        t.blend(out.data(), scale, x.data(), n);
      });
      check_tables(y, [&](const KernelTable& t, std::vector<float>& out) {
        t.relu_backward(out.data(), x.data(), n);
      });
      for (const auto member : {&KernelTable::exp, &KernelTable::sigmoid})
        check_tables(y, [&](const KernelTable& t, std::vector<float>& out) {
          (t.*member)(x.data(), out.data(), n);
        });
      std::vector<float> positive = x;
      for (float& v : positive) v = std::abs(v) + 1e-3F;
      check_tables(y, [&](const KernelTable& t, std::vector<float>& out) {
        t.log(positive.data(), out.data(), n);
      });
    }
  }

  TEST_CASE("vector operations mean what they say") {
    const std::vector<float> x = {-2.0F, -0.0F, 0.0F, 0.5F, 3.0F};
    for (const KernelTable* t : tables()) {
      std::vector<float> y = {-3.0F, 2.0F, 3.0F, 5.0F, 11.0F};
      t->add(y.data(), x.data(), 5);
      CHECK(y == std::vector<float>{-5.0F, 2.0F, 3.0F, 5.5F, 14.0F});
      y = {1.0F, 2.0F, 3.0F, 4.0F, 5.0F};
      t->relu_backward(y.data(), x.data(), 5);
      CHECK(y == std::vector<float>{0.0F, 0.0F, 0.0F, 4.0F, 5.0F});
      t->blend(y.data(), 0.25F, x.data(), 5);
      CHECK(y == std::vector<float>{-0.5F, 0.0F, 0.0F, 3.125F, 4.5F});
      t->blend(y.data(), 1.0F, x.data(), 5);
      CHECK(y == x);
      y = {1.0F, -1.0F};
      const std::vector<float> rows = {1.0F, 2.0F, 9.0F, 3.0F, 4.0F, 9.0F};
      t->column_sum(2, 2, rows.data(), 3, y.data());
      CHECK(y == std::vector<float>{5.0F, 5.0F});
    }
  }

  TEST_CASE("column sums go down the rows") {
    Draw draw("column sums");
    for (int trial = 0; trial < 100; ++trial) {
      const int rows = draw.integer(0, 40);
      const int n = draw.integer(1, 70);
      const int ld = n + draw.integer(0, 9);
      const std::vector<float> x = draw.reals(sz(rows * ld), -2.0F, 2.0F);
      const std::vector<float> start = draw.reals(sz(n));
      std::vector<float> want = start;
      for (int r = 0; r < rows; ++r)
        for (int j = 0; j < n; ++j) want[sz(j)] += x[sz(r * ld + j)];
      for (const KernelTable* t : tables()) {
        std::vector<float> got = start;
        t->column_sum(rows, n, x.data(), ld, got.data());
        CHECK(same_bits(got, want));
      }
    }
  }

  TEST_CASE("GRU gates equal the scalar ones") {
    Draw draw("gru");
    for (int trial = 0; trial < 120; ++trial) {
      const int rows = draw.integer(1, 6);
      const int h = trial < 40 ? trial + 1 : draw.integer(1, 80);
      const std::vector<float> gi = draw.reals(sz(rows * 3 * h), -3.0F, 3.0F);
      const std::vector<float> gh = draw.reals(sz(rows * 3 * h), -3.0F, 3.0F);
      const std::vector<float> h_prev = draw.reals(sz(rows * h));
      const std::vector<float> d_h = draw.reals(sz(rows * h));
      const auto gates_size = static_cast<std::ptrdiff_t>(rows) * 4 * h;
      // Output: gates, then the new state.
      const auto forward = [&](const KernelTable& t, std::vector<float>& out) {
        t.gru_forward(rows, h, gi.data(), gh.data(), h_prev.data(), out.data(),
                      out.data() + gates_size);
      };
      check_tables(std::vector<float>(sz(rows * 5 * h)), forward);
      std::vector<float> kept(sz(rows * 5 * h));
      forward(credo::scalar_kernels(), kept);
      // Output: gradients of the gates, of the old state, of the biases.
      check_tables(
          draw.reals(sz(rows * 5 * h + 4 * h)), [&](const KernelTable& t, std::vector<float>& out) {
            t.gru_backward(rows, h, kept.data(), h_prev.data(), d_h.data(), out.data(), 4 * h,
                           out.data() + gates_size,
                           out.data() + gates_size + static_cast<std::ptrdiff_t>(rows) * h);
          });
    }
  }

  TEST_CASE("GRU bias gradients are the column sums of the gate gradients") {
    Draw draw("gru bias");
    const int rows = 9;
    const int h = 21;
    std::vector<float> gates = draw.reals(sz(rows * 4 * h), 0.1F, 0.9F);
    const std::vector<float> h_prev = draw.reals(sz(rows * h));
    const std::vector<float> d_h = draw.reals(sz(rows * h));
    const std::vector<float> start = draw.reals(sz(4 * h));
    for (const KernelTable* t : tables()) {
      std::vector<float> d_gates(gates.size()), d_h_prev(h_prev.size()), d_bias = start;
      t->gru_backward(rows, h, gates.data(), h_prev.data(), d_h.data(), d_gates.data(), 4 * h,
                      d_h_prev.data(), d_bias.data());
      std::vector<float> want = start;
      t->column_sum(rows, 4 * h, d_gates.data(), 4 * h, want.data());
      CHECK(same_bits(d_bias, want));
    }
  }

  TEST_CASE("rows chosen by index: equal to the scalar ones and to plain loops") {
    Draw draw("indexed rows");
    for (int trial = 0; trial < 150; ++trial) {
      const int rows = draw.integer(1, 12);
      const int h = trial < 70 ? trial + 1 : draw.integer(1, 90);
      const int places = draw.integer(1, 6);
      std::vector<int> first(sz(rows)), second(sz(rows));
      for (int& i : first) i = draw.integer(-1, places - 1);
      for (int& i : second) i = draw.integer(0, places - 1);
      const std::vector<float> w = draw.reals(sz(places * h));
      const std::vector<float> x = draw.reals(sz(rows * h));
      const bool use_first = draw.chance(0.7);
      const bool use_second = draw.chance(0.7);
      const auto at = [&](int row, int j) { return sz(row * h + j); };

      std::vector<float> want = x;
      for (int r = 0; r < rows; ++r)
        for (int j = 0; j < h; ++j) {
          float& y = want[at(r, j)];
          if (use_first && first[sz(r)] >= 0) y += w[at(first[sz(r)], j)];
          if (use_second) y += w[at(second[sz(r)], j)];
          y = y > 0.0F ? y : 0.0F;
        }
      std::vector<float> sums = draw.reals(sz(places * h));
      const std::vector<float> sums_before = sums;
      for (int r = 0; r < rows; ++r)
        for (int j = 0; j < h; ++j)
          if (first[sz(r)] >= 0) sums[at(first[sz(r)], j)] += x[at(r, j)];
      const std::vector<float> d_q = draw.reals(sz(rows));
      std::vector<float> d_w = sums_before;
      std::vector<float> d_hidden(x.size());
      for (int r = 0; r < rows; ++r)
        for (int j = 0; j < h; ++j) {
          const int a = second[sz(r)];
          d_hidden[at(r, j)] = d_q[sz(r)] * w[at(a, j)];
          d_w[at(a, j)] = std::fma(d_q[sz(r)], x[at(r, j)], d_w[at(a, j)]);
        }

      for (const KernelTable* t : tables()) {
        CAPTURE(t->name);
        std::vector<float> got = x;
        t->embed_relu(rows, h, w.data(), use_first ? first.data() : nullptr,
                      use_second ? second.data() : nullptr, got.data());
        for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == want[i]);
        got = sums_before;
        t->scatter_add(rows, h, x.data(), first.data(), got.data());
        CHECK(same_bits(got, sums));
        got = sums_before;
        std::vector<float> got_hidden(x.size());
        t->chosen_backward(rows, h, d_q.data(), second.data(), w.data(), x.data(),
                           got_hidden.data(), got.data());
        CHECK(same_bits(got, d_w));
        CHECK(same_bits(got_hidden, d_hidden));
      }
    }
  }

  TEST_CASE("the best allowed index: the first of the largest, whatever the bits' offset") {
    Draw draw("best allowed");
    for (int trial = 0; trial < 400; ++trial) {
      const int n = trial < 80 ? trial + 1 : draw.integer(1, 90);
      const int first = draw.integer(0, 40);
      std::vector<float> q(sz(n));
      for (float& x : q) x = static_cast<float>(draw.integer(-3, 3));  // many are equal
      if (draw.chance(0.2)) q[sz(draw.integer(0, n - 1))] = std::nanf("");
      if (draw.chance(0.2)) q[sz(draw.integer(0, n - 1))] = -INFINITY;
      // No byte beyond the last bit, so that reading one is an error under AddressSanitizer.
      std::vector<std::uint8_t> bits(sz(first + n + 7) / 8);
      const double share = trial % 10 == 0 ? 0.0 : 0.5;
      for (std::uint8_t& byte : bits) byte = static_cast<std::uint8_t>(draw.integer(0, 255));
      for (int i = first; i < first + n; ++i)
        if (!draw.chance(share))
          bits[sz(i) / 8] = static_cast<std::uint8_t>(bits[sz(i) / 8] & ~(1U << (i % 8)));
      int want = -1;
      for (int i = 0; i < n; ++i) {
        const int bit = first + i;
        if ((bits[sz(bit) / 8] >> (bit % 8) & 1U) == 0) continue;
        const auto number = [&](int at) { return std::isnan(q[sz(at)]) ? -INFINITY : q[sz(at)]; };
        // A number before NaN, NaN only where nothing else is allowed.
        if (want < 0 || number(i) > number(want) ||
            (std::isnan(q[sz(want)]) && q[sz(i)] == -INFINITY))
          want = i;
      }
      for (const KernelTable* t : tables()) {
        CAPTURE(t->name);
        CHECK(t->best_allowed(n, q.data(), bits.data(), first) == (want < 0 ? 0 : want));
      }
    }
  }

  TEST_CASE("QMIX mixing equals the scalar one, forward and backward") {
    Draw draw("qmix");
    for (int trial = 0; trial < 300; ++trial) {
      const int rows = draw.integer(1, 5);
      const int n = draw.integer(1, 9);
      const int e = trial < 70    ? trial + 1
                    : trial == 70 ? credo::kMaxMixingEmbed
                                  : draw.integer(1, 70);
      const int a1_ld = n * e + draw.integer(0, 5);
      const int b1_ld = e + draw.integer(0, 5);
      const int a2_ld = e + draw.integer(0, 5);
      const std::vector<float> q = draw.reals(sz(rows * n), -2.0F, 2.0F);
      const std::vector<float> a1 = draw.reals(sz(rows * a1_ld));
      std::vector<float> b1 = draw.reals(sz(rows * b1_ld));
      std::vector<float> a2 = draw.reals(sz(rows * a2_ld));
      const std::vector<float> v = draw.reals(sz(rows));
      if (draw.chance(0.2)) a2[0] = 0.0F;  // the kink of |a|
      const bool credits = draw.chance(0.8);
      const bool published = draw.chance(0.5);
      credo::QmixForward f{.rows = rows, .n_agents = n, .embed = e};
      f.a1_ld = a1_ld;
      f.b1_ld = b1_ld;
      f.a2_ld = a2_ld;
      f.q = q.data();
      f.a1 = a1.data();
      f.b1 = b1.data();
      f.a2 = a2.data();
      f.v = v.data();
      // Output: hidden, slope, q_tot, credits, published, one after the other.
      const auto place = [&](credo::QmixForward& to, std::vector<float>& out) {
        to.hidden = out.data();
        to.slope = to.hidden + static_cast<std::ptrdiff_t>(rows) * e;
        to.q_tot = to.slope + static_cast<std::ptrdiff_t>(rows) * e;
        to.credits = credits ? to.q_tot + rows : nullptr;
        to.published =
            published ? to.q_tot + rows + static_cast<std::ptrdiff_t>(rows) * n : nullptr;
      };
      const std::vector<float> start(sz(rows * (2 * e + 1 + 2 * n)), -7.0F);
      check_tables(start, [&](const KernelTable& t, std::vector<float>& out) {
        credo::QmixForward call = f;
        place(call, out);
        t.qmix_forward(call);
      });

      std::vector<float> kept = start;
      place(f, kept);
      credo::scalar_kernels().qmix_forward(f);
      const std::vector<float> d_q_tot = draw.reals(sz(rows));
      const std::vector<float> d_credit = draw.reals(sz(rows * n));
      credo::QmixBackward back;
      back.forward = f;
      back.d_q_tot = d_q_tot.data();
      back.d_credit = draw.chance(0.7) ? d_credit.data() : nullptr;
      back.published_slope = published;
      back.detach_agents = draw.chance(0.5);
      check_tables(std::vector<float>(sz(rows * (a1_ld + b1_ld + a2_ld + n)), -7.0F),
                   [&](const KernelTable& t, std::vector<float>& out) {
                     credo::QmixBackward call = back;
                     call.d_a1 = out.data();
                     call.d_b1 = call.d_a1 + static_cast<std::ptrdiff_t>(rows) * a1_ld;
                     call.d_a2 = call.d_b1 + static_cast<std::ptrdiff_t>(rows) * b1_ld;
                     call.d_q = call.d_a2 + static_cast<std::ptrdiff_t>(rows) * a2_ld;
                     t.qmix_backward(call);
                   });
    }
  }

  TEST_CASE("optimisers equal the scalar ones") {
    Draw draw("optimisers");
    for (std::size_t n = 1; n <= 67; ++n) {
      const std::vector<float> g = draw.reals(n, -3.0F, 3.0F);
      std::vector<float> state = draw.reals(3 * n);  // parameters, first and second moment
      for (std::size_t i = 2 * n; i < 3 * n; ++i) state[i] = std::abs(state[i]);
      const float scale = draw.real(0.1F, 1.0F);
      check_tables(state, [&](const KernelTable& t, std::vector<float>& out) {
        t.rmsprop(n, out.data(), g.data(), out.data() + 2 * n, scale, 5e-4F, 0.99F, 1e-5F);
      });
      const credo::AdamStep step{.lr = 1e-3F,
                                 .beta1 = 0.9F,
                                 .beta2 = 0.999F,
                                 .eps = 1e-8F,
                                 .correction1 = 0.19F,
                                 .correction2 = 0.0447F};
      check_tables(state, [&](const KernelTable& t, std::vector<float>& out) {
        t.adam(n, out.data(), g.data(), out.data() + n, out.data() + 2 * n, scale, step);
      });
    }
  }

  TEST_CASE("an unknown instruction set is refused by name") {
    CHECK_THROWS_WITH_AS(credo::select_isa("avx51"), doctest::Contains("avx51"), credo::UserError);
    for (const std::string& isa : credo::available_isas()) {
      const learner_tests::UseIsa use(isa);
      CHECK(credo::current_isa() == isa);
    }
  }
}

}  // namespace
