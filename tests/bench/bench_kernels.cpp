// Speed of every kernel on every instruction set, on the shapes training uses.
//   bench_kernels --benchmark_filter='gemm/avx512'
#include <algorithm>
#include <benchmark/benchmark.h>
#include <string>
#include <vector>

#include "envs/core/random.hpp"
#include "learners/base/index.hpp"
#include "learners/base/isa.hpp"
#include "learners/kernels/tables.hpp"
#include "learners/replay/episode.hpp"

namespace {

using credo::sz;

using credo::KernelTable;

std::vector<float> random_floats(std::int64_t n, float scale = 1.0F) {
  credo::Stream stream(1, credo::purpose("bench"));
  std::vector<float> values(sz(n));
  for (float& x : values) x = scale * (2.0F * stream.uniform_float() - 1.0F);
  return values;
}

void per_second(benchmark::State& state, const char* name, double per_iteration) {
  state.counters[name] =
      benchmark::Counter(per_iteration, benchmark::Counter::kIsIterationInvariantRate);
}
void flops(benchmark::State& state, double per_iteration) {
  per_second(state, "FLOP/s", per_iteration);
}
void elements(benchmark::State& state, double per_iteration) {
  per_second(state, "elements/s", per_iteration);
}

struct Shape {
  const char* what;
  int m, n, k;
};
constexpr Shape kShapes[] = {{"act_1env_8agents", 8, 192, 64},
                             {"act_8env_3agents", 24, 64, 42},
                             {"gru_step_3m", 96, 192, 64},
                             {"gru_step_8m", 256, 192, 64},
                             {"gru_step_27m", 864, 192, 64},
                             {"fc1_step_3m", 96, 64, 42},
                             {"fc1_step_MMM2", 320, 64, 204},
                             {"fc1_all_3m", 5856, 64, 42},
                             {"hyper_1_2s3z", 3840, 64, 120},
                             {"hyper_w1_2s3z", 3840, 160, 64},
                             {"hyper_1_27m", 5760, 64, 1170},
                             {"hyper_w1_27m", 5760, 864, 64},
                             {"hyper_1_27m_chunk", 720, 64, 1170},
                             {"hyper_b_27m_chunk", 720, 32, 1170},
                             {"hyper_w1_27m_chunk", 720, 864, 64},
                             {"hyper_all_27m_chunk", 720, 192, 1170},
                             {"fc2_step_3m", 96, 9, 64},
                             {"v_out", 3840, 1, 32},
                             {"grid_fc1", 200, 64, 28}};

void gemm(benchmark::State& state, const KernelTable& k, const Shape& s) {
  const auto a = random_floats(static_cast<std::int64_t>(s.m) * s.k);
  const auto b = random_floats(static_cast<std::int64_t>(s.k) * s.n);
  const auto bias = random_floats(s.n);
  std::vector<float> c(sz(s.m) * sz(s.n));
  for (auto _ : state) {
    k.gemm({.m = s.m,
            .n = s.n,
            .k = s.k,
            .a = a.data(),
            .a_row = s.k,
            .b = b.data(),
            .ldb = s.n,
            .c = c.data(),
            .ldc = s.n,
            .bias = bias.data()});
    benchmark::ClobberMemory();
  }
  flops(state, 2.0 * s.m * s.n * s.k);
}

/// dW += X^T dY of the same layer: the long axis is inside.
void gemm_weight_gradient(benchmark::State& state, const KernelTable& k, const Shape& s) {
  const auto x = random_floats(static_cast<std::int64_t>(s.m) * s.k);
  const auto dy = random_floats(static_cast<std::int64_t>(s.m) * s.n, 1e-3F);
  std::vector<float> dw(sz(s.k) * sz(s.n));
  for (auto _ : state) {
    k.gemm({.m = s.k,
            .n = s.n,
            .k = s.m,
            .a = x.data(),
            .a_row = 1,
            .a_col = s.k,
            .b = dy.data(),
            .ldb = s.n,
            .c = dw.data(),
            .ldc = s.n,
            .accumulate = true});
    benchmark::ClobberMemory();
  }
  flops(state, 2.0 * s.m * s.n * s.k);
}

using Function = void (*KernelTable::*)(const float*, float*, std::size_t);

void function(benchmark::State& state, const KernelTable& k, Function f) {
  auto x = random_floats(12288, 6.0F);
  for (float& v : x) v = std::abs(v) + 0.01F;
  std::vector<float> y(x.size());
  for (auto _ : state) {
    (k.*f)(x.data(), y.data(), x.size());
    benchmark::ClobberMemory();
  }
  elements(state, static_cast<double>(x.size()));
}

constexpr int kRows = 96;
constexpr int kHidden = 64;

void gru_forward(benchmark::State& state, const KernelTable& k) {
  const auto gi = random_floats(kRows * 3 * kHidden, 2.0F);
  const auto gh = random_floats(kRows * 3 * kHidden, 2.0F);
  const auto h = random_floats(kRows * kHidden);
  std::vector<float> gates(kRows * 4 * kHidden), next(kRows * kHidden);
  for (auto _ : state) {
    k.gru_forward(kRows, kHidden, gi.data(), gh.data(), h.data(), gates.data(), next.data());
    benchmark::ClobberMemory();
  }
  elements(state, kRows * kHidden);
}

void gru_backward(benchmark::State& state, const KernelTable& k) {
  auto gates = random_floats(kRows * 4 * kHidden);
  for (float& g : gates) g = 0.5F + 0.4F * g;
  const auto h = random_floats(kRows * kHidden);
  const auto d_h = random_floats(kRows * kHidden, 1e-3F);
  std::vector<float> d_gates(gates.size()), d_prev(h.size()), d_bias(4 * kHidden);
  for (auto _ : state) {
    k.gru_backward(kRows, kHidden, gates.data(), h.data(), d_h.data(), d_gates.data(), 4 * kHidden,
                   d_prev.data(), d_bias.data());
    benchmark::ClobberMemory();
  }
  elements(state, kRows * kHidden);
}

void embed_relu(benchmark::State& state, const KernelTable& k) {
  const auto w = random_floats(16 * kHidden);
  auto y = random_floats(kRows * kHidden);
  std::vector<int> first(kRows), second(kRows);
  for (int r = 0; r < kRows; ++r) {
    first[sz(r)] = r % 10 - 1;
    second[sz(r)] = r % 16;
  }
  for (auto _ : state) {
    k.embed_relu(kRows, kHidden, w.data(), first.data(), second.data(), y.data());
    benchmark::ClobberMemory();
    std::fill(y.begin(), y.end(), 0.1F);
  }
  elements(state, kRows * kHidden);
}

void scatter_add(benchmark::State& state, const KernelTable& k) {
  const auto x = random_floats(kRows * kHidden, 1e-3F);
  std::vector<float> out(16 * kHidden);
  std::vector<int> index(kRows);
  for (int r = 0; r < kRows; ++r) index[sz(r)] = r % 17 - 1;
  for (auto _ : state) {
    k.scatter_add(kRows, kHidden, x.data(), index.data(), out.data());
    benchmark::ClobberMemory();
  }
  elements(state, kRows * kHidden);
}

void chosen_backward(benchmark::State& state, const KernelTable& k) {
  const auto w = random_floats(16 * kHidden);
  const auto hidden = random_floats(kRows * kHidden);
  const auto d_q = random_floats(kRows, 1e-3F);
  std::vector<float> d_hidden(hidden.size()), d_w(w.size());
  std::vector<int> action(kRows);
  for (int r = 0; r < kRows; ++r) action[sz(r)] = r % 16;
  for (auto _ : state) {
    k.chosen_backward(kRows, kHidden, d_q.data(), action.data(), w.data(), hidden.data(),
                      d_hidden.data(), d_w.data());
    benchmark::ClobberMemory();
  }
  elements(state, kRows * kHidden);
}

/// One mixing problem; `backward` runs the backward pass, with the entropy term when `entropy`.
void qmix(benchmark::State& state, const KernelTable& k, int n, bool backward, bool entropy) {
  constexpr int kSamples = 120;
  constexpr int kEmbed = 32;
  const auto q = random_floats(kSamples * n);
  const auto a1 = random_floats(static_cast<std::int64_t>(kSamples) * n * kEmbed);
  const auto b1 = random_floats(kSamples * kEmbed);
  const auto a2 = random_floats(kSamples * kEmbed);
  const auto v = random_floats(kSamples);
  const auto d_tot = random_floats(kSamples);
  const auto d_credit = random_floats(kSamples * n);
  std::vector<float> hidden(b1.size()), slope(b1.size()), q_tot(kSamples), credits(q.size()),
      published(q.size()), d_a1(a1.size()), d_b1(b1.size()), d_a2(a2.size()), d_q(q.size());
  credo::QmixForward f{.rows = kSamples, .n_agents = n, .embed = kEmbed};
  f.a1_ld = static_cast<std::ptrdiff_t>(n) * kEmbed;
  f.b1_ld = kEmbed;
  f.a2_ld = kEmbed;
  f.q = q.data();
  f.a1 = a1.data();
  f.b1 = b1.data();
  f.a2 = a2.data();
  f.v = v.data();
  f.hidden = hidden.data();
  f.slope = slope.data();
  f.q_tot = q_tot.data();
  f.credits = credits.data();
  f.published = entropy ? published.data() : nullptr;
  k.qmix_forward(f);
  credo::QmixBackward b;
  b.forward = f;
  b.d_q_tot = d_tot.data();
  b.d_credit = entropy ? d_credit.data() : nullptr;
  b.published_slope = entropy;
  b.d_a1 = d_a1.data();
  b.d_b1 = d_b1.data();
  b.d_a2 = d_a2.data();
  b.d_q = d_q.data();
  for (auto _ : state) {
    if (backward)
      k.qmix_backward(b);
    else
      k.qmix_forward(f);
    benchmark::ClobberMemory();
  }
  per_second(state, "samples/s", kSamples);
}

constexpr std::size_t kParams = 40552;  // agent and QMIX mixer of a small map

void rmsprop(benchmark::State& state, const KernelTable& k) {
  auto p = random_floats(kParams);
  const auto g = random_floats(kParams);
  std::vector<float> v(kParams, 0.1F);
  for (auto _ : state) {
    k.rmsprop(kParams, p.data(), g.data(), v.data(), 0.5F, 5e-4F, 0.99F, 1e-5F);
    benchmark::ClobberMemory();
  }
  elements(state, kParams);
}

void adam(benchmark::State& state, const KernelTable& k) {
  auto p = random_floats(kParams);
  const auto g = random_floats(kParams);
  std::vector<float> m(kParams), v(kParams, 0.1F);
  const credo::AdamStep step{.lr = 1e-3F,
                             .beta1 = 0.9F,
                             .beta2 = 0.999F,
                             .eps = 1e-8F,
                             .correction1 = 0.9F,
                             .correction2 = 0.5F};
  for (auto _ : state) {
    k.adam(kParams, p.data(), g.data(), m.data(), v.data(), 0.5F, step);
    benchmark::ClobberMemory();
  }
  elements(state, kParams);
}

/// Vector operations on one gradient block.
void add(benchmark::State& state, const KernelTable& k) {
  const auto x = random_floats(4096, 1e-6F);
  auto y = random_floats(4096);
  for (auto _ : state) {
    k.add(y.data(), x.data(), x.size());
    benchmark::ClobberMemory();
  }
  elements(state, 4096);
}
void column_sum(benchmark::State& state, const KernelTable& k) {
  const auto x = random_floats(kRows * 4 * kHidden);
  std::vector<float> out(4 * kHidden);
  for (auto _ : state) {
    k.column_sum(kRows, 4 * kHidden, x.data(), 4 * kHidden, out.data());
    benchmark::ClobberMemory();
  }
  elements(state, kRows * 4 * kHidden);
}

void fma_peak(benchmark::State& state, const KernelTable& k) {
  for (auto _ : state) benchmark::DoNotOptimize(k.fma_peak(1000));
  flops(state, 1000.0 * k.peak_flops);
}

/// An episode of `distinct` different values, 8 agents, 100 steps: a grid world has 2, a battle
/// hundreds.
struct StoredEpisode {
  static constexpr int kLength = 100;
  credo::EnvShape shape{.n_agents = 8, .n_actions = 6, .obs_dim = 75, .state_dim = 300};
  std::vector<float> obs, state, rewards;
  std::vector<std::uint8_t> avail;
  std::vector<int> actions;

  explicit StoredEpisode(int distinct) {
    credo::Stream stream(1, credo::purpose("bench"));
    const auto values = [&](int n) {
      std::vector<float> out(sz(n));
      for (float& x : out)
        x = static_cast<float>(stream.below(static_cast<std::uint32_t>(distinct)));
      return out;
    };
    obs = values((kLength + 1) * shape.n_agents * shape.obs_dim);
    state = values((kLength + 1) * shape.state_dim);
    rewards = values(kLength);
    avail.assign(sz((kLength + 1) * shape.n_agents * shape.n_actions), 1);
    actions.assign(sz(kLength * shape.n_agents), 3);
  }
  credo::EpisodeView view() const {
    const credo::EpisodeArrays arrays{.obs = obs.data(),
                                      .state = state.data(),
                                      .avail = avail.data(),
                                      .actions = actions.data(),
                                      .rewards = rewards.data()};
    return arrays.view(shape, kLength, false);
  }
  double bytes() const { return 4.0 * static_cast<double>(obs.size() + state.size()); }
};

void replay_encode(benchmark::State& state) {
  const StoredEpisode episode(static_cast<int>(state.range(0)));
  credo::EpisodeEncoder encoder(episode.shape);
  credo::Episode stored;
  for (auto _ : state) {
    encoder.encode(episode.view(), stored);
    benchmark::ClobberMemory();
  }
  state.counters["packed_bytes"] = static_cast<double>(stored.bytes());
  per_second(state, "bytes/s", episode.bytes());
}

void replay_decode(benchmark::State& state) {
  const StoredEpisode episode(static_cast<int>(state.range(0)));
  credo::EpisodeEncoder encoder(episode.shape);
  credo::Episode stored;
  encoder.encode(episode.view(), stored);
  std::vector<float> obs(sz(episode.shape.n_agents * episode.shape.obs_dim));
  std::vector<float> global(sz(episode.shape.state_dim));
  for (auto _ : state) {
    for (int t = 0; t < stored.slots(); ++t) {
      stored.read_obs(t, obs.data());
      stored.read_state(t, global.data());
    }
    benchmark::ClobberMemory();
  }
  per_second(state, "bytes/s", episode.bytes());
}

void register_table(const KernelTable& k) {
  const std::string isa = k.name;
  const auto add_case = [&](const std::string& kernel, const std::string& what, auto body) {
    const std::string name = kernel + "/" + isa + (what.empty() ? "" : "/" + what);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [&k, body](benchmark::State& state) { body(state, k); });
  };
  add_case("fma_peak", "", fma_peak);
  for (const Shape& s : kShapes) {
    add_case("gemm", s.what, [s](benchmark::State& st, const KernelTable& t) { gemm(st, t, s); });
    add_case("gemm_weight_gradient", s.what,
             [s](benchmark::State& st, const KernelTable& t) { gemm_weight_gradient(st, t, s); });
  }
  add_case("exp", "",
           [](benchmark::State& st, const KernelTable& t) { function(st, t, &KernelTable::exp); });
  add_case("log", "",
           [](benchmark::State& st, const KernelTable& t) { function(st, t, &KernelTable::log); });
  add_case("sigmoid", "", [](benchmark::State& st, const KernelTable& t) {
    function(st, t, &KernelTable::sigmoid);
  });
  add_case("gru_forward", "", gru_forward);
  add_case("gru_backward", "", gru_backward);
  add_case("embed_relu", "", embed_relu);
  add_case("scatter_add", "", scatter_add);
  add_case("chosen_backward", "", chosen_backward);
  for (const int n : {2, 8, 27}) {
    const std::string agents = std::to_string(n) + "_agents";
    add_case("qmix_forward", agents,
             [n](benchmark::State& st, const KernelTable& t) { qmix(st, t, n, false, false); });
    add_case("qmix_backward", agents,
             [n](benchmark::State& st, const KernelTable& t) { qmix(st, t, n, true, false); });
    add_case("qmix_backward_entropy", agents,
             [n](benchmark::State& st, const KernelTable& t) { qmix(st, t, n, true, true); });
  }
  add_case("rmsprop", "", rmsprop);
  add_case("adam", "", adam);
  add_case("add", "", add);
  add_case("column_sum", "", column_sum);
}

}  // namespace

BENCHMARK(replay_encode)->Arg(2)->Arg(12)->Arg(200)->Arg(5000);
BENCHMARK(replay_decode)->Arg(2)->Arg(12)->Arg(200)->Arg(5000);

int main(int argc, char** argv) {
  for (const std::string& isa : credo::available_isas()) {
    if (isa == "scalar") register_table(credo::scalar_kernels());
#if defined(__x86_64__)
    if (isa == "avx2") register_table(credo::avx2_kernels());
    if (isa == "avx512") register_table(credo::avx512_kernels());
#endif
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
