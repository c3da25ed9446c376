#include "suite/signature.hpp"

#include <array>
#include <bit>

#include "envs/core/bytes.hpp"
#include "learners/trainer.hpp"
#include "suite/config.hpp"
#include "suite/hashing.hpp"
#include "suite/runner.hpp"

namespace credo::suite {
namespace {

struct SignatureRun {
  const char* env;
  const char* algorithm;
  const char* profile;
  std::int64_t t_max;
};

// One-step payoffs with RMSprop, a long horizon with Adam and TD(lambda), and five agents with
// masks and the entropy term.
constexpr std::array<SignatureRun, 3> kRuns = {{{"matrix/climbing", "qmix", "pymarl", 600},
                                                {"switch/2", "vdn", "fast", 10000},
                                                {"stag_hunt/8x8", "qmix_gre", "pymarl", 8000}}};

void add_evaluation(ByteWriter& out, const Evaluation& evaluation) {
  for (const EpisodeResult& episode : evaluation.episodes) {
    out.put(std::bit_cast<std::uint64_t>(episode.episode_return));
    out.put(static_cast<std::int64_t>(episode.length));
  }
  out.put(std::bit_cast<std::uint64_t>(evaluation.entropy_mean.value_or(-1.0)));
}

}  // namespace

std::uint64_t training_signature() {
  ByteWriter all;
  for (const SignatureRun& run : kRuns) {
    RunRequest request;
    request.env = run.env;
    request.algorithm = run.algorithm;
    request.profile = run.profile;
    request.seed = 1;
    request.t_max = run.t_max;
    request.sets = {"evaluation.episodes=8"};
    const RunConfig config = RunConfig::resolve(request);
    const auto env = make_run_env(config);
    Trainer trainer(*env, config.train_config());
    while (!trainer.finished()) trainer.iterate();
    all.put(trainer.state_hash());
    add_evaluation(all, trainer.evaluate());
  }
  return xxh64(all.bytes());
}

}  // namespace credo::suite
