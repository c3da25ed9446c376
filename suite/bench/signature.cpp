#include "suite/bench/signature.hpp"

#include <bit>
#include <string>
#include <vector>

#include "envs/core/bytes.hpp"
#include "learners/trainer.hpp"
#include "suite/common/hashing.hpp"
#include "suite/run/config.hpp"
#include "suite/run/runner.hpp"

namespace credo::suite {
namespace {

struct SignatureRun {
  const char* env;
  const char* algorithm;
  const char* profile;
  std::int64_t t_max;
  std::vector<std::string> sets;
};

// One-shot payoffs with RMSprop, a longer horizon with Adam and TD(lambda), and eight agents with
// masks and the entropy term. Small enough for the portable kernels, which call a library function
// for every fused multiply-add.
const std::vector<SignatureRun>& signature_runs() {
  static const std::vector<SignatureRun> runs = {
      {"matrix/climbing", "qmix", "pymarl", 200, {}},
      {"switch/2", "vdn", "fast", 4000, {"env.limit=25", "learner.batch_size=32"}},
      {"stag_hunt/8x8", "qmix_gre", "pymarl", 1000, {"env.limit=20", "learner.batch_size=8"}},
  };
  return runs;
}

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
  for (const SignatureRun& run : signature_runs()) {
    RunRequest request;
    request.env = run.env;
    request.algorithm = run.algorithm;
    request.profile = run.profile;
    request.seed = 1;
    request.t_max = run.t_max;
    request.sets = run.sets;
    request.sets.emplace_back("evaluation.episodes=8");
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
