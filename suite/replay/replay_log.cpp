#include "suite/replay/replay_log.hpp"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <map>
#include <zstd.h>

#include "envs/core/bytes.hpp"
#include "envs/core/error.hpp"
#include "envs/core/registry.hpp"
#include "learners/base/index.hpp"
#include "learners/rollout/evaluation.hpp"
#include "suite/common/hashing.hpp"
#include "suite/run/inputs.hpp"

namespace credo::suite {
namespace {

constexpr std::string_view kMagic = "CREDORPL";
constexpr std::uint32_t kVersion = 1;
constexpr int kCompressionLevel = 9;
// Far beyond what credo replay writes (10,000 episodes of 27 agents take 30 MB), and small enough
// for a log that says more than it holds.
constexpr std::uint64_t kLargestBody = 64ULL << 20;
constexpr std::uint64_t kMostActions = 1ULL << 27;
constexpr int kMostAgents = 1 << 12;
constexpr int kMostActionsOfAgent = 1 << 16;

// Actions as a stream of bits, each as wide as the largest needs; the first in the lowest bits.
std::vector<std::uint8_t> pack(std::span<const int> actions, int width) {
  std::vector<std::uint8_t> bytes((actions.size() * sz(width) + 7) / 8);
  std::size_t bit = 0;
  for (const int action : actions)
    for (int k = 0; k < width; ++k, ++bit)
      bytes[bit / 8] |= static_cast<std::uint8_t>(((action >> k) & 1) << (bit % 8));
  return bytes;
}

std::vector<int> unpack(std::span<const std::uint8_t> bytes, std::size_t count, int width) {
  CREDO_CHECK(bytes.size() == (count * sz(width) + 7) / 8, "the number of actions is wrong");
  std::vector<int> actions(count);
  std::size_t bit = 0;
  for (int& action : actions)
    for (int k = 0; k < width; ++k, ++bit) action |= ((bytes[bit / 8] >> (bit % 8)) & 1) << k;
  return actions;
}

int action_width(int n_actions) {
  return std::max(1, static_cast<int>(std::bit_width(static_cast<unsigned>(n_actions - 1))));
}

void write_body(const ReplayLog& log, ByteWriter& out) {
  out.put_string(log.env);
  out.put<std::uint64_t>(log.params.size());
  for (const auto& [name, value] : log.params) {
    out.put_string(name);
    out.put_string(to_text(value));
  }
  out.put_string(log.policy);
  out.put(log.seed);
  out.put_string(log.version);
  out.put<std::int32_t>(log.n_agents);
  out.put<std::int32_t>(log.n_actions);
  out.put<std::uint64_t>(log.episodes.size());
  for (const LoggedEpisode& episode : log.episodes) {
    out.put(episode.index);
    out.put(episode.episode_return);
    out.put<std::int32_t>(episode.length);
    out.put<std::uint8_t>(episode.terminated ? 1 : 0);
    out.put<std::uint8_t>(episode.won ? (*episode.won ? 2 : 1) : 0);
    out.put_vector(pack(episode.actions, action_width(log.n_actions)));
  }
}

ReplayLog read_body(ByteReader& in) {
  ReplayLog log;
  log.env = in.get_string();
  const auto n_params = in.get<std::uint64_t>();
  for (std::uint64_t k = 0; k < n_params; ++k) {
    std::string name = in.get_string();
    log.params.emplace_back(std::move(name), in.get_string());
  }
  log.policy = in.get_string();
  log.seed = in.get<std::uint64_t>();
  log.version = in.get_string();
  log.n_agents = in.get<std::int32_t>();
  log.n_actions = in.get<std::int32_t>();
  CREDO_CHECK(log.n_agents > 0 && log.n_actions > 0, "it has no agents or no actions");
  CREDO_CHECK(log.n_agents <= kMostAgents && log.n_actions <= kMostActionsOfAgent,
              "it has too many agents or actions");
  std::uint64_t n_left = kMostActions;
  const auto n_episodes = in.get<std::uint64_t>();
  for (std::uint64_t k = 0; k < n_episodes; ++k) {
    LoggedEpisode episode;
    episode.index = in.get<std::int64_t>();
    episode.episode_return = in.get<double>();
    episode.length = in.get<std::int32_t>();
    episode.terminated = in.get<std::uint8_t>() != 0;
    const auto won = in.get<std::uint8_t>();
    if (won != 0) episode.won = won == 2;
    CREDO_CHECK(episode.length >= 0, "an episode has a negative length");
    // At most 2^31 * 2^12: no overflow.
    const std::uint64_t n_taken = sz(episode.length) * sz(log.n_agents);
    CREDO_CHECK(n_taken <= n_left, "it has too many actions");
    n_left -= n_taken;
    episode.actions = unpack(in.get_vector<std::uint8_t>(), n_taken, action_width(log.n_actions));
    log.episodes.push_back(std::move(episode));
  }
  CREDO_CHECK(in.at_end(), "bytes are left over");
  return log;
}

}  // namespace

std::vector<std::byte> encode_replay(const ReplayLog& log) {
  ByteWriter body;
  write_body(log, body);
  std::vector<std::byte> frame(ZSTD_compressBound(body.bytes().size()));
  const std::size_t size = ZSTD_compress(frame.data(), frame.size(), body.bytes().data(),
                                         body.bytes().size(), kCompressionLevel);
  CREDO_CHECK(ZSTD_isError(size) == 0, "zstd could not compress a replay log");
  ByteWriter out;
  out.put_bytes(kMagic.data(), kMagic.size());
  out.put(kVersion);
  out.put<std::uint64_t>(body.bytes().size());
  out.put_bytes(frame.data(), size);
  out.put(xxh64(out.bytes()));
  return out.take();
}

ReplayLog decode_replay(std::span<const std::byte> bytes, const std::string& label) {
  const auto reject = [&](const std::string& why) {
    return UserError(fmt::format("{}: {}", label, why));
  };
  constexpr std::size_t kHead = kMagic.size() + sizeof(kVersion) + sizeof(std::uint64_t);
  if (bytes.size() < kMagic.size() || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0)
    throw reject("neither a run folder nor a replay log (credo replay --log writes them)");
  std::uint64_t recorded = 0;
  if (bytes.size() < kHead + sizeof(recorded))
    throw reject(fmt::format("damaged replay log: only {} bytes", bytes.size()));
  const auto content = bytes.first(bytes.size() - sizeof(recorded));
  std::memcpy(&recorded, bytes.data() + content.size(), sizeof(recorded));
  if (xxh64(content) != recorded)
    throw reject("damaged replay log: the checksum does not match (truncated or changed)");
  ByteReader head(content.subspan(kMagic.size()));
  const auto version = head.get<std::uint32_t>();
  if (version != kVersion)
    throw reject(
        fmt::format("replay log format {}, this program reads format {}", version, kVersion));
  const auto size = head.get<std::uint64_t>();
  const auto frame = content.subspan(kHead);
  if (size > kLargestBody || ZSTD_getFrameContentSize(frame.data(), frame.size()) != size)
    throw reject("damaged replay log: sizes do not agree");
  std::vector<std::byte> body(static_cast<std::size_t>(size));
  const std::size_t got = ZSTD_decompress(body.data(), body.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) != 0 || got != size)
    throw reject("damaged replay log: it cannot be decompressed");
  try {
    ByteReader in(body);
    return read_body(in);
  } catch (const Error& error) {
    throw reject(fmt::format("damaged replay log: {}", error.what()));
  }
}

std::unique_ptr<Env> make_replay_env(const ReplayLog& log, const std::string& label) {
  try {
    Params params = env_params(log.env);
    constexpr std::string_view kInputsPrefix = "inputs/";
    std::map<std::string, FileContents> inputs;
    for (const auto& [name, value] : log.params) {
      if (name.starts_with(kInputsPrefix)) {
        const std::string_view input = std::string_view(name).substr(kInputsPrefix.size());
        inputs[std::string(input_key(input))][std::string(input_file(input))] = to_text(value);
      } else {
        params.set_text(name, to_text(value));
      }
    }
    // What the recorded game was made of comes from the log, never from the disk.
    for (const ParamSpec& spec : std::vector<ParamSpec>(params.specs()))
      if (spec.is_path && !to_text(spec.value).empty()) params.hold(spec.name, inputs[spec.name]);
    auto env = make_env(log.env, params);
    if (env->spec().n_agents != log.n_agents || env->spec().n_actions != log.n_actions)
      throw UserError(fmt::format("recorded with {} agents and {} actions, {} has {} and {} here",
                                  log.n_agents, log.n_actions, log.env, env->spec().n_agents,
                                  env->spec().n_actions));
    return env;
  } catch (const UserError& error) {
    throw UserError(fmt::format("{}: {}", label, error.what()));
  }
}

std::string_view replay_episode(Env& env, const ReplayLog& log, const LoggedEpisode& episode,
                                const ReplayWatcher& watcher, const std::string& label) {
  const auto mismatch = [&](const std::string& what) {
    return ReplayMismatch(
        fmt::format("{}: episode {}: {}; "
                    "{} behaves differently from the program that recorded it ({})",
                    label, episode.index, what, log.env, log.version));
  };
  env.reset(evaluation_streams(log.seed, episode.index).env);
  if (watcher.on_step) watcher.on_step(env, {}, {});
  if (watcher.on_scene) watcher.on_scene(env.scene());
  double total = 0.0;
  StepResult result;
  for (int t = 0; t < episode.length; ++t) {
    if (env.done()) throw mismatch(fmt::format("it ends after {} of {} steps", t, episode.length));
    const auto actions =
        std::span(episode.actions).subspan(sz(t) * sz(log.n_agents), sz(log.n_agents));
    for (int agent = 0; agent < log.n_agents; ++agent) {
      const int action = actions[sz(agent)];
      if (action >= log.n_actions ||
          env.avail_actions()[sz(agent) * sz(log.n_actions) + sz(action)] == 0)
        throw mismatch(fmt::format("at step {} agent {} cannot take action {}", t, agent, action));
    }
    result = watcher.on_scene ? env.step_watched(actions, watcher.on_scene) : env.step(actions);
    total += result.reward;
    if (watcher.on_step) watcher.on_step(env, actions, result);
  }
  if (!env.done() || result.terminated != episode.terminated)
    throw mismatch(fmt::format("it does not end after {} steps, as recorded", episode.length));
  if (std::bit_cast<std::uint64_t>(total) != std::bit_cast<std::uint64_t>(episode.episode_return))
    throw mismatch(
        fmt::format("recorded return {}, played again {}", episode.episode_return, total));
  if (env.won() != episode.won) throw mismatch("its outcome differs from the recorded one");
  return outcome_name(env);
}

}  // namespace credo::suite
