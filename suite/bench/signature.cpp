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
  std::string env;
  std::string algorithm;
  std::string profile;
  std::int64_t t_max;
  std::vector<std::string> sets;
};

// Small enough for the portable kernels, which call a library function for every fused
// multiply-add.
std::vector<SignatureRun> signature_runs() {
  // One-shot payoffs with RMSprop, a longer horizon with Adam and TD(lambda), eight agents with
  // masks and the entropy term, battles, and everything that profile epymarl adds.
  std::vector<SignatureRun> runs = {
      {"matrix/climbing", "qmix", "pymarl", 200, {}},
      {"switch/2", "vdn", "fast", 1000, {"env.limit=25", "learner.batch_size=16"}},
      {"stag_hunt/8x8",
       "qmix_gre",
       "pymarl",
       240,
       {"env.limit=20", "learner.batch_size=8", "agent.hidden_dim=32"}},
      {"skirmish/3m", "qmix", "fast", 480, {"env.limit=30", "learner.batch_size=8"}},
      {"lbf/5x5-2p-1f", "qmix", "epymarl", 400, {"agent.recurrent=false", "learner.batch_size=8"}},
  };
  // Those of the first signature: a new algorithm has its own tests and leaves this number alone.
  for (const char* algorithm : {"iql", "vdn", "qmix", "qmix_simple", "qmix_gre", "qmix_gre_exact",
                                "qtran", "qplex", "cw_qmix", "ow_qmix", "coma"})
    runs.push_back(
        {"predator_prey/5x5",
         algorithm,
         "pymarl",
         160,
         {"env.limit=12", "learner.batch_size=8", "learner.target_update_interval=4",
          "agent.hidden_dim=24", "mixer.hypernet_embed=24", "wqmix.central_embed_dim=40"}});
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
    request.are_sets_general = true;
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
