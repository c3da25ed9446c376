// Writes the binary inputs of tests/fuzz/corpus again, after a format has changed: fuzz_seeds
// FOLDER.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "envs/core/registry.hpp"
#include "learners/trainer.hpp"
#include "suite/replay/replay_log.hpp"
#include "suite/run/checkpoint.hpp"
#include "tests/fuzz/trainers.hpp"

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::byte>;

void put(const fs::path& path, const Bytes& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  for (const std::byte byte : bytes) file.put(static_cast<char>(byte));
}

credo::ByteSink into(Bytes& bytes) {
  return [&bytes](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  };
}

// Targets put checksums right themselves.
Bytes without_checksum(Bytes bytes) {
  bytes.resize(bytes.size() - sizeof(std::uint64_t));
  return bytes;
}

void trained(const fs::path& folder, const std::string& algorithm, const std::string& target) {
  const auto env = credo::make_env("two_step");
  credo::Trainer trainer(*env, credo::fuzz::tiny_config(algorithm));
  while (trainer.updates() < 2) trainer.iterate();
  Bytes state = {std::byte{'s'}};
  trainer.save(into(state));
  put(folder / target / "state", state);
  if (target != "trainer") return;
  put(folder / "safetensors" / "weights", credo::serialize_safetensors(trainer.weights()));
  credo::suite::CheckpointHeader header;
  header.config_id = std::string(64, 'a');
  header.t_env = trainer.t_env();
  header.best.assign(8, std::byte{1});
  header.parts = {{{1, 2}, {100, 50}, 7}};
  Bytes checkpoint;
  credo::suite::write_checkpoint(
      header, [&](const credo::ByteSink& sink) { trainer.save(sink); }, into(checkpoint));
  put(folder / "checkpoint" / "state", without_checksum(std::move(checkpoint)));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: fuzz_seeds FOLDER\n";
    return 2;
  }
  const fs::path folder = argv[1];
  trained(folder, "qmix", "trainer");
  trained(folder, "coma", "trainer_coma");
  trained(folder, "mappo", "trainer_mappo");
  credo::suite::ReplayLog log;
  log.env = "two_step";
  log.n_agents = 2;
  log.n_actions = 2;
  log.params = {{"limit", std::int64_t{2}}, {"limit_is_terminal", false}};
  log.episodes = {{.index = 0, .actions = {0, 1, 1, 0}, .episode_return = 7.0, .length = 2}};
  put(folder / "replay_log" / "log", without_checksum(credo::suite::encode_replay(log)));
}
