// Same stream and same actions, same bits: alone, side by side, on threads, cloned or reloaded.
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include "support.hpp"

using namespace conformance;

namespace {
constexpr std::uint64_t kEpisodes = 20;
}

TEST_CASE("conformance: the same seed and actions repeat bit for bit") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker first(credo::make_env(id), 11);
    Walker second(credo::make_env(id), 11);
    first.advance_episodes(kEpisodes);
    second.advance_episodes(kEpisodes);
    CHECK(first.log == second.log);
  }
}

TEST_CASE("conformance: another seed changes the episodes exactly when the spec says so") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker first(credo::make_env(id), 12);
    Walker second(credo::make_env(id), 13);
    first.advance_episodes(kEpisodes);
    second.advance_episodes(kEpisodes);
    CHECK((first.log != second.log) == first.env().spec().is_stochastic);
  }
}

TEST_CASE("conformance: resetting twice, or in the middle, equals resetting once") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker once(credo::make_env(id), 14);
    Walker twice(credo::make_env(id), 14);
    const credo::Stream other(99, credo::purpose("conformance env"), 5, 7);
    for (int episode = 0; episode < 5; ++episode) {
      twice.env().reset(other);
      twice.choose();
      twice.env().step(twice.actions);
      twice.reset();
      twice.reset();
      once.advance_episodes(1);
      twice.advance_episodes(1);
    }
    CHECK(once.log == twice.log);
  }
}

TEST_CASE("conformance: environments stepped in turn or on threads equal lone runs") {
  constexpr std::size_t kEnvs = 6;
  constexpr int kSteps = 150;
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    const auto make_all = [&id] {
      std::vector<std::unique_ptr<Walker>> walkers;
      for (std::size_t i = 0; i < kEnvs; ++i)
        walkers.push_back(std::make_unique<Walker>(credo::make_env(id), 15, i));
      return walkers;
    };
    const auto alone = make_all();
    for (const auto& walker : alone) walker->advance_steps(kSteps);

    const auto in_turn = make_all();
    for (int step = 0; step < kSteps; ++step)
      for (const auto& walker : in_turn) walker->advance();
    for (std::size_t i = 0; i < kEnvs; ++i) CHECK(alone[i]->log == in_turn[i]->log);

    for (const int n_threads : {1, 2, 4}) {
      CAPTURE(n_threads);
      const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                      static_cast<std::size_t>(n_threads));
      tbb::task_arena arena(n_threads);
      const auto threaded = make_all();
      arena.execute([&threaded] {
        for (int round = 0; round < kSteps / 10; ++round)
          tbb::parallel_for(std::size_t{0}, kEnvs,
                            [&threaded](std::size_t i) { threaded[i]->advance_steps(10); });
      });
      for (std::size_t i = 0; i < kEnvs; ++i) CHECK(alone[i]->log == threaded[i]->log);
    }
  }
}

namespace {

// Plays both to the end with the same actions; "" when they never differ.
std::string compare_to_end(credo::Env& a, credo::Env& b) {
  const credo::EnvSpec& spec = a.spec();
  std::vector<float> obs_a(product(spec.n_agents, spec.obs_dim));
  std::vector<float> obs_b(obs_a.size());
  std::vector<float> state_a(static_cast<std::size_t>(spec.state_dim));
  std::vector<float> state_b(state_a.size());
  std::vector<int> actions(static_cast<std::size_t>(spec.n_agents));
  while (true) {
    a.write_obs(obs_a);
    b.write_obs(obs_b);
    a.write_state(state_a);
    b.write_state(state_b);
    if (obs_a != obs_b) return "obs differ";
    if (state_a != state_b) return "state differs";
    const auto avail_a = a.avail_actions();
    const auto avail_b = b.avail_actions();
    if (!std::equal(avail_a.begin(), avail_a.end(), avail_b.begin(), avail_b.end()))
      return "masks differ";
    if (a.render_text() != b.render_text()) return "renders differ";
    if (a.info() != b.info()) return "infos differ";
    if (a.t() != b.t() || a.done() != b.done()) return "clocks differ";
    if (a.done()) return saved(a) == saved(b) ? "" : "saved states differ";
    credo::Stream stream(21, credo::purpose("conformance continue"), 0, 0);
    stream.seek(static_cast<std::uint64_t>(a.t()));
    const auto width = static_cast<std::size_t>(spec.n_actions);
    for (std::size_t agent = 0; agent < actions.size(); ++agent) {
      do actions[agent] = static_cast<int>(stream.below(static_cast<std::uint32_t>(width)));
      while (avail_a[agent * width + static_cast<std::size_t>(actions[agent])] == 0);
    }
    const credo::StepResult result_a = a.step(actions);
    const credo::StepResult result_b = b.step(actions);
    if (result_a.reward != result_b.reward || result_a.terminated != result_b.terminated ||
        result_a.truncated != result_b.truncated)
      return "results differ";
  }
}

}  // namespace

TEST_CASE("conformance: clones and reloaded environments continue bit for bit") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker walker(credo::make_env(id), 16);
    walker.reset();
    for (const int steps : {0, 1, 1, 2, 3, 5, 8, 13, 40}) {
      CAPTURE(steps);
      walker.advance_steps(steps);
      const auto original = walker.env().clone();
      const auto clone = walker.env().clone();
      CHECK(saved(*clone) == saved(walker.env()));
      // Into an environment that is in the middle of something else.
      Walker other(credo::make_env(id), 17, 3);
      other.advance_steps(7);
      const auto bytes = saved(walker.env());
      credo::ByteReader in(bytes);
      other.env().load(in);
      CHECK(in.at_end());
      const auto second = walker.env().clone();
      CHECK(compare_to_end(*clone, other.env()) == "");
      // The clone's play left the original alone.
      CHECK(saved(*second) == bytes);
      CHECK(saved(*original) == bytes);
      CHECK(compare_to_end(*original, *second) == "");
    }
  }
}

TEST_CASE("conformance: an environment saved before its first reset still waits for it") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    const auto bytes = saved(*credo::make_env(id));
    Walker other(credo::make_env(id), 17);
    other.advance_steps(3);
    credo::ByteReader in(bytes);
    other.env().load(in);
    CHECK(other.env().done());
    CHECK(saved(other.env()) == bytes);
    Walker fresh(credo::make_env(id), 17);
    fresh.advance_episodes(2);
    Walker loaded(other.env().clone(), 17);
    loaded.advance_episodes(2);
    CHECK(fresh.log == loaded.log);
  }
}

TEST_CASE("conformance: damaged saved states are refused and change nothing") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker walker(credo::make_env(id), 18);
    walker.advance_steps(6);
    const auto bytes = saved(walker.env());
    Walker target(credo::make_env(id), 19);
    target.advance_steps(4);
    const auto before = saved(target.env());
    const auto refuses = [&](std::span<const std::byte> damaged) {
      credo::ByteReader in(damaged);
      CHECK_THROWS_AS(target.env().load(in), credo::Error);
    };
    for (std::size_t size = 0; size < bytes.size(); ++size)
      refuses(std::span<const std::byte>(bytes).first(size));
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      auto damaged = bytes;
      damaged[i] ^= std::byte{static_cast<unsigned char>(1U << (i % 8))};
      refuses(damaged);
    }
    CHECK(saved(target.env()) == before);
  }
}

TEST_CASE("conformance: saved states of other environments or parameters are refused") {
  const auto ids = env_ids();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CAPTURE(ids[i]);
    const auto env = credo::make_env(ids[i]);
    if (ids.size() > 1) {
      const auto bytes = saved(*credo::make_env(ids[(i + 1) % ids.size()]));
      credo::ByteReader in(bytes);
      CHECK_THROWS_AS(env->load(in), credo::Error);
    }
    credo::Params params = credo::env_params(ids[i]);
    params.set("limit", params.integer("limit") + 1);
    const auto bytes = saved(*credo::make_env(ids[i], params));
    credo::ByteReader in(bytes);
    CHECK_THROWS_AS(env->load(in), credo::Error);
  }
}

namespace {

// What is seen of an environment between two steps.
std::uint64_t sight(const credo::Env& env) {
  const credo::EnvSpec& spec = env.spec();
  std::vector<float> obs(product(spec.n_agents, spec.obs_dim));
  std::vector<float> state(static_cast<std::size_t>(spec.state_dim));
  env.write_obs(obs);
  env.write_state(state);
  const auto avail = env.avail_actions();
  const std::string text = env.render_text();
  Hash hash;
  hash.add_all(obs);
  hash.add_all(state);
  hash.add_all(std::vector<std::uint8_t>(avail.begin(), avail.end()));
  hash.add_all(std::vector<char>(text.begin(), text.end()));
  hash.add(env.t());
  return hash.value();
}

// Random play of a clone on a stream of chance, hashed; its actions do not depend on that stream.
std::uint64_t future(const credo::Env& from, const credo::Stream* chance) {
  const auto env = from.clone();
  if (chance != nullptr) env->branch(*chance);
  std::vector<int> actions(static_cast<std::size_t>(env->spec().n_agents));
  const auto width = static_cast<std::size_t>(env->spec().n_actions);
  Hash hash;
  while (!env->done()) {
    credo::Stream stream(3, credo::purpose("conformance future"));
    stream.seek(static_cast<std::uint64_t>(env->t()));
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const auto mine = env->avail_actions().subspan(i * width, width);
      actions[i] = static_cast<int>(stream.below(static_cast<std::uint32_t>(width)));
      while (mine[static_cast<std::size_t>(actions[i])] == 0)
        actions[i] = (actions[i] + 1) % static_cast<int>(width);
    }
    hash.add(env->step(actions).reward);
    hash.add(sight(*env));
  }
  return hash.value();
}

}  // namespace

TEST_CASE("conformance: branching changes the future and nothing of the present") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    Walker walker(credo::make_env(id), 21);
    bool parted = false;
    for (int turn = 0; turn < 12; ++turn) {
      walker.advance_steps(turn % 3 == 0 ? 1 : 3);
      if (walker.env().done()) continue;
      const auto env = walker.env().clone();
      const credo::Stream own(21, credo::purpose("conformance env"), 0, walker.episode());
      const credo::Stream one(22, credo::purpose("conformance branch"), 1);
      const credo::Stream two(22, credo::purpose("conformance branch"), 2);
      const std::uint64_t before = sight(*env);
      env->branch(one);
      CHECK(sight(*env) == before);
      CHECK(future(*env, nullptr) == future(walker.env(), &one));
      CHECK(future(walker.env(), &own) == future(walker.env(), nullptr));
      parted |= future(walker.env(), &one) != future(walker.env(), &two);
    }
    // Where chance acts at reset only, branches stay together; nowhere may they part without it.
    if (!walker.env().spec().is_stochastic) CHECK(!parted);
    if (id.starts_with("skirmish/") || id.starts_with("stag_hunt/")) CHECK(parted);
    while (!walker.env().done()) walker.advance();
    const credo::Stream late(1, 2);
    CHECK_THROWS_AS(walker.env().branch(late), credo::Error);
  }
}

TEST_CASE("conformance: a copied script goes on as the original") {
  for (const std::string& id : env_ids()) {
    CAPTURE(id);
    const auto prototype = credo::make_env(id);
    for (const credo::ScriptedInfo& info : prototype->spec().scripted) {
      if (!info.params.empty()) continue;
      CAPTURE(info.name);
      const auto env = prototype->clone();
      auto script = env->make_scripted(info.name);
      std::vector<int> actions(static_cast<std::size_t>(env->spec().n_agents));
      std::vector<int> copied(actions.size());
      env->reset(credo::Stream(4, credo::purpose("conformance env")));
      script->reset();
      credo::Stream stream(4, credo::purpose("conformance script"));
      std::unique_ptr<credo::ScriptedPolicy> copy;
      while (!env->done()) {
        stream.seek(static_cast<std::uint64_t>(env->t()));
        script->act(*env, stream, actions);
        if (copy != nullptr) {
          stream.seek(static_cast<std::uint64_t>(env->t()));
          copy->act(*env, stream, copied);
          CHECK(copied == actions);
        }
        if (env->t() % 5 == 3) {
          copy = script->clone();
          if (copy == nullptr) copy = env->make_scripted(info.name);
        }
        env->step(actions);
      }
    }
  }
}
