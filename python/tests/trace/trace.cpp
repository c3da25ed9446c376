// Plays environments natively and prints, per environment, the actions taken and one hash of all
// that was observed; tests/test_bits.py does the same from Python.
//   credo_trace STEPS ID...
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fmt/format.h>

#include "envs/core/registry.hpp"
#include "suite/common/hashing.hpp"

namespace {

using namespace credo;

class Trace {
 public:
  explicit Trace(const std::string& id)
      : env_(make_env(id)),
        obs_(size(env_->spec().n_agents, env_->spec().obs_dim)),
        state_(size(env_->spec().state_dim, 1)) {}

  void play(int steps) {
    const EnvSpec& spec = env_->spec();
    std::vector<int> actions(size(spec.n_agents, 1));
    std::string list;
    for (int i = 0, episode = 0; i < steps; ++i) {
      if (env_->done()) {
        env_->reset(Stream(7, purpose("playthrough"), 0, static_cast<std::uint64_t>(episode++)));
        observe();
      }
      Stream stream(7, purpose("trace"), 0, static_cast<std::uint64_t>(i));
      list += i > 0 ? ",[" : "[";
      for (std::size_t agent = 0; agent < actions.size(); ++agent) {
        actions[agent] = draw(agent, stream);
        list += fmt::format("{}{}", agent > 0 ? "," : "", actions[agent]);
      }
      list += "]";
      const StepResult result = env_->step(actions);
      observe();
      bytes_.put(result.reward);
      bytes_.put<std::uint8_t>(result.terminated ? 1 : 0);
      bytes_.put<std::uint8_t>(result.truncated ? 1 : 0);
    }
    fmt::print("{{\"env\": \"{}\", \"sha256\": \"{}\", \"actions\": [{}]}}\n", spec.id,
               suite::sha256_hex(std::span<const std::byte>(bytes_.bytes())), list);
  }

 private:
  static std::size_t size(int a, int b) {
    return static_cast<std::size_t>(a) * static_cast<std::size_t>(b);
  }

  int draw(std::size_t agent, Stream& stream) const {
    const auto n = static_cast<std::size_t>(env_->spec().n_actions);
    const auto row = env_->avail_actions().subspan(agent * n, n);
    std::vector<int> choices;
    for (std::size_t a = 0; a < n; ++a)
      if (row[a] != 0) choices.push_back(static_cast<int>(a));
    return choices[stream.below(static_cast<std::uint32_t>(choices.size()))];
  }

  void observe() {
    env_->write_obs(obs_);
    env_->write_state(state_);
    bytes_.put_bytes(obs_.data(), obs_.size() * sizeof(float));
    bytes_.put_bytes(state_.data(), state_.size() * sizeof(float));
    bytes_.put_bytes(env_->avail_actions().data(), env_->avail_actions().size());
  }

  std::unique_ptr<Env> env_;
  std::vector<float> obs_, state_;
  ByteWriter bytes_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    for (int i = 2; i < argc; ++i) Trace(argv[i]).play(std::atoi(argv[1]));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "credo_trace: {}\n", error.what());
    return 1;
  }
}
