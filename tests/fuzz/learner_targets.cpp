// Saved states, without the checksum that a checkpoint puts around them, and weights. A state is of
// the smallest run there is, kept from input to input: what takes time is the reading.
#include "envs/core/registry.hpp"
#include "learners/base/safetensors.hpp"
#include "learners/trainer.hpp"
#include "tests/fuzz/targets.hpp"
#include "tests/fuzz/trainers.hpp"

namespace credo::fuzz {
namespace {

std::span<const std::byte> bytes_of(Input input) { return std::as_bytes(input); }

// The first byte chooses between state and part of the replay.
template <const char* kAlgorithm>
void load_trainer(Input input) {
  static const std::unique_ptr<Env> env = make_env("two_step");
  static Trainer trainer(*env, tiny_config(kAlgorithm));
  if (input.empty()) return;
  may_refuse<Error>([&] {
    ByteReader in(bytes_of(input.subspan(1)));
    if (input[0] == 'p')
      trainer.load_part({1, 2}, in);
    else
      trainer.load(in);
  });
}

void read_weights(Input input) {
  may_refuse([&] { parse_safetensors(bytes_of(input), "weights"); });
}

constexpr char kQmix[] = "qmix";
constexpr char kComa[] = "coma";
constexpr char kMappo[] = "mappo";

}  // namespace

std::vector<Target> learner_targets() {
  return {{"safetensors", read_weights},
          {"trainer", load_trainer<kQmix>},
          {"trainer_coma", load_trainer<kComa>},
          {"trainer_mappo", load_trainer<kMappo>}};
}

}  // namespace credo::fuzz
