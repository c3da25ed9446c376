// Stored episodes come back bit for bit, damaged ones are refused, sampling is uniform, and the
// memory a step takes is a small fraction of dense storage.
#include <algorithm>
#include <doctest/doctest.h>
#include <functional>
#include <limits>
#include <numeric>
#include <set>

#include "envs/core/registry.hpp"
#include "learners/replay/replay_buffer.hpp"
#include "tests/learners/episodes.hpp"
#include "tests/learners/training.hpp"

namespace {

using credo::EnvShape;
using credo::Episode;
using credo::EpisodeEncoder;
using credo::ReplayBuffer;
using learner_tests::Draw;
using learner_tests::PlainEpisode;
using learner_tests::random_episode;
using learner_tests::same_bits;
using learner_tests::sz;

constexpr EnvShape kShape{.n_agents = 3, .n_actions = 5, .obs_dim = 7, .state_dim = 11};

/// Everything of a stored episode against the arrays it was made from.
bool equal(const Episode& stored, const PlainEpisode& plain) {
  const EnvShape& shape = plain.shape;
  const std::size_t obs_width = sz(shape.n_agents * shape.obs_dim);
  const std::size_t state_width = sz(shape.state_dim);
  std::vector<float> obs(obs_width), state(state_width);
  bool same = stored.length() == plain.length && stored.terminated() == plain.terminated &&
              stored.slots() == plain.length + 1;
  for (int t = 0; same && t <= plain.length; ++t) {
    stored.read_obs(t, obs.data());
    stored.read_state(t, state.data());
    same = same_bits(obs, std::span(plain.obs).subspan(sz(t) * obs_width, obs_width)) &&
           same_bits(state, std::span(plain.state).subspan(sz(t) * state_width, state_width));
    for (int i = 0; i < shape.n_agents; ++i) {
      for (int a = 0; a < shape.n_actions; ++a)
        same = same && stored.is_available(t, i, a) == plain.is_available(t, i, a);
      if (t < plain.length) same = same && stored.action(t, i) == plain.action(t, i);
    }
    if (t < plain.length)
      same = same && std::bit_cast<std::uint32_t>(stored.reward(t)) ==
                         std::bit_cast<std::uint32_t>(plain.rewards[sz(t)]);
  }
  return same;
}

std::vector<std::byte> saved(const Episode& e) {
  credo::ByteWriter out;
  e.save(out);
  return out.take();
}

/// Packs, compares, saves, loads, compares again; returns the packed size.
std::size_t round_trip(const PlainEpisode& plain) {
  EpisodeEncoder encoder(plain.shape);
  Episode stored;
  encoder.encode(plain.view(), stored);
  CHECK(equal(stored, plain));
  const auto bytes = saved(stored);
  credo::ByteReader in(bytes);
  Episode loaded;
  loaded.load(plain.shape, in);
  CHECK(in.at_end());
  CHECK(equal(loaded, plain));
  CHECK(saved(loaded) == bytes);
  return stored.bytes();
}

/// Observations and states of exactly `distinct` different values (when there is room for them).
PlainEpisode episode_of(Draw& draw, const EnvShape& shape, int length, int distinct) {
  PlainEpisode e = random_episode(draw, shape, length, draw.chance(0.5));
  int next = 0;
  const auto fill = [&](std::vector<float>& values) {
    for (float& x : values) {
      const int code = next < distinct ? next++ : draw.integer(0, distinct - 1);
      x = 0.25F * static_cast<float>(code) - 3.0F;
    }
  };
  fill(e.obs);
  fill(e.state);
  REQUIRE(next == distinct);
  return e;
}

TEST_SUITE("replay") {
  TEST_CASE("lossless for every width of the codes") {
    struct Case {
      int distinct, length, bits;
    };
    const EnvShape wide{.n_agents = 4, .n_actions = 3, .obs_dim = 101, .state_dim = 99};
    Draw draw("code widths");
    for (const Case c : {Case{1, 3, 0},
                         {2, 30, 1},
                         {3, 30, 2},
                         {4, 30, 2},
                         {5, 30, 4},
                         {16, 30, 4},
                         {17, 30, 8},
                         {256, 30, 8},
                         {257, 30, 16},
                         {65536, 300, 16},
                         {65537, 300, 32}}) {
      CAPTURE(c.distinct);
      const PlainEpisode plain = episode_of(draw, wide, c.length, c.distinct);
      const std::size_t values = plain.obs.size() + plain.state.size();
      const std::size_t rest = sz(c.length) * (4 + 4) + sz(c.length + 1) * 2;
      const std::size_t table = c.bits == 32 ? 0 : sz(c.distinct) * 4;
      // Rows start at whole bytes, so they may waste a little.
      const std::size_t packed = round_trip(plain) - rest - table;
      CHECK(packed >= values * sz(c.bits) / 8);
      CHECK(packed <= values * sz(c.bits) / 8 + 2 * sz(c.length + 1));
    }
  }

  TEST_CASE("lossless for random floats, signed zeros, infinities and NaN") {
    Draw draw("special floats");
    round_trip(random_episode(draw, kShape, 9, true));
    PlainEpisode e = episode_of(draw, kShape, 6, 2);
    const float specials[] = {0.0F,
                              -0.0F,
                              std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN(),
                              -std::numeric_limits<float>::quiet_NaN(),
                              std::numeric_limits<float>::denorm_min()};
    for (float& x : e.obs) x = draw.pick(std::span<const float>(specials));
    for (float& x : e.rewards) x = draw.pick(std::span<const float>(specials));
    round_trip(e);
  }

  TEST_CASE("lossless for odd sizes and lengths") {
    Draw draw("sizes");
    for (int trial = 0; trial < 200; ++trial) {
      const EnvShape shape{.n_agents = draw.integer(1, 9),
                           .n_actions = draw.integer(1, 20),
                           .obs_dim = draw.integer(1, 30),
                           .state_dim = draw.integer(1, 40)};
      const int length = draw.integer(0, 20);
      PlainEpisode e = random_episode(draw, shape, length, draw.chance(0.5));
      const int distinct = draw.integer(1, 40);
      for (float& x : e.obs) x = static_cast<float>(draw.integer(0, distinct));
      for (float& x : e.state) x = static_cast<float>(draw.integer(0, distinct));
      round_trip(e);
    }
  }

  TEST_CASE("256 actions fit, 257 do not") {
    Draw draw("many actions");
    EnvShape shape{.n_agents = 2, .n_actions = 256, .obs_dim = 3, .state_dim = 2};
    PlainEpisode e = random_episode(draw, shape, 4, true);
    e.actions[0] = 255;
    round_trip(e);
    shape.n_actions = 257;
    CHECK_THROWS_AS(EpisodeEncoder{shape}, credo::Error);
  }

  TEST_CASE("a state equal to the observations is not stored") {
    Draw draw("state is obs");
    const EnvShape shape{.n_agents = 3, .n_actions = 5, .obs_dim = 8, .state_dim = 24};
    PlainEpisode e = episode_of(draw, shape, 20, 4);
    e.state = e.obs;
    const std::size_t shared = round_trip(e);
    e.state.back() =
        e.state.back() == -3.0F ? -2.75F : -3.0F;  // one value differs in the last slot
    const std::size_t apart = round_trip(e);
    CHECK(apart == shared + 21 * 6);
  }

  TEST_CASE("one encoder serves many episodes") {
    Draw draw("one encoder");
    EpisodeEncoder encoder(kShape);
    Episode stored;
    for (int trial = 0; trial < 60; ++trial) {
      const PlainEpisode e = trial % 3 == 0 ? random_episode(draw, kShape, draw.integer(0, 9), true)
                                            : episode_of(draw, kShape, draw.integer(3, 9), trial);
      encoder.encode(e.view(), stored);
      CHECK(equal(stored, e));
    }
  }

  TEST_CASE("strides: slots may lie apart") {
    Draw draw("strides");
    const PlainEpisode e = random_episode(draw, kShape, 5, false);
    const auto spread = [](const auto& values, std::size_t width, std::size_t stride) {
      auto out = values;
      out.assign(values.size() / width * stride, {});
      for (std::size_t i = 0; i < values.size(); ++i)
        out[i / width * stride + i % width] = values[i];
      return out;
    };
    const auto obs = spread(e.obs, 21, 50);
    const auto state = spread(e.state, 11, 13);
    const auto avail = spread(e.avail, 15, 31);
    const auto actions = spread(e.actions, 3, 7);
    const auto rewards = spread(e.rewards, 1, 4);
    credo::EpisodeView view = e.view();
    view.obs = obs.data();
    view.obs_stride = 50;
    view.state = state.data();
    view.state_stride = 13;
    view.avail = avail.data();
    view.avail_stride = 31;
    view.actions = actions.data();
    view.action_stride = 7;
    view.rewards = rewards.data();
    view.reward_stride = 4;
    Episode stored;
    EpisodeEncoder(kShape).encode(view, stored);
    CHECK(equal(stored, e));
  }

  // Flips that change a value are not detectable here (files carry a checksum); nothing may crash,
  // read outside the data or report an action that does not exist.
  TEST_CASE("damaged bytes are refused or harmless") {
    Draw draw("damage");
    int refused = 0;
    int harmless = 0;
    for (const int distinct : {1, 2, 3, 12, 200}) {
      const PlainEpisode plain = episode_of(draw, kShape, 6, distinct);
      EpisodeEncoder encoder(kShape);
      Episode stored;
      encoder.encode(plain.view(), stored);
      const std::vector<std::byte> good = saved(stored);
      const auto try_load = [&](std::span<const std::byte> bytes) {
        Episode loaded;
        credo::ByteReader in(bytes);
        try {
          loaded.load(kShape, in);
        } catch (const credo::Error&) {
          ++refused;
          return;
        }
        ++harmless;
        std::vector<float> obs(sz(kShape.n_agents * kShape.obs_dim)), state(sz(kShape.state_dim));
        for (int t = 0; t < loaded.slots(); ++t) {
          loaded.read_obs(t, obs.data());
          loaded.read_state(t, state.data());
          for (int i = 0; i < kShape.n_agents; ++i) {
            for (int a = 0; a < kShape.n_actions; ++a) (void)loaded.is_available(t, i, a);
            if (t < loaded.length()) CHECK(loaded.action(t, i) < kShape.n_actions);
          }
          if (t < loaded.length()) (void)loaded.reward(t);
        }
      };
      for (std::size_t at = 0; at < good.size(); ++at) {
        for (const unsigned mask : {0x01U, 0x80U, 0xFFU}) {
          std::vector<std::byte> bad = good;
          bad[at] ^= static_cast<std::byte>(mask);
          try_load(bad);
        }
      }
      const int before = refused;
      for (std::size_t size = 0; size < good.size(); ++size) try_load(std::span(good).first(size));
      CHECK(refused - before == static_cast<int>(good.size()));
    }
    MESSAGE(refused << " damaged episodes refused, " << harmless << " read without harm");
    CHECK(refused > 1000);
  }

  TEST_CASE("an episode of another shape is refused") {
    Draw draw("another shape");
    Episode stored;
    EpisodeEncoder(kShape).encode(episode_of(draw, kShape, 6, 4).view(), stored);
    const auto bytes = saved(stored);
    for (int EnvShape::*const size :
         {&EnvShape::n_agents, &EnvShape::n_actions, &EnvShape::obs_dim, &EnvShape::state_dim}) {
      EnvShape other = kShape;
      other.*size += 9;
      credo::ByteReader in(bytes);
      Episode loaded;
      CHECK_THROWS_AS(loaded.load(other, in), credo::Error);
    }
  }
}

/// A buffer of `count` one-step episodes whose reward is their number.
constexpr EnvShape kNumbered{.n_agents = 1, .n_actions = 2, .obs_dim = 1, .state_dim = 1};

void add_numbers(ReplayBuffer& buffer, int first, int last) {
  for (int i = first; i < last; ++i) {
    PlainEpisode e = learner_tests::blank_episode(kNumbered, 1, true);
    e.rewards[0] = static_cast<float>(i);
    buffer.add(e.view());
  }
}

ReplayBuffer numbered_buffer(int capacity, int count,
                             std::size_t part_bytes = credo::kReplayPartBytes) {
  ReplayBuffer buffer(kNumbered, capacity, part_bytes);
  add_numbers(buffer, 0, count);
  return buffer;
}

std::vector<int> sample(ReplayBuffer& buffer, std::uint64_t update, int size) {
  credo::Stream stream(7, credo::purpose("replay"), 0, update);
  std::vector<const Episode*> batch(sz(size));
  buffer.sample(stream, batch);
  std::vector<int> numbers;
  for (const Episode* e : batch) numbers.push_back(static_cast<int>(e->reward(0)));
  return numbers;
}

TEST_SUITE("replay") {
  TEST_CASE("the ring keeps the newest episodes") {
    ReplayBuffer buffer = numbered_buffer(5, 3);
    CHECK(buffer.size() == 3);
    CHECK(sample(buffer, 0, 3) == std::vector<int>{0, 1, 2});
    buffer = numbered_buffer(5, 12);
    CHECK(buffer.size() == 5);
    CHECK(buffer.capacity() == 5);
    CHECK(sample(buffer, 0, 5) == std::vector<int>{10, 11, 7, 8, 9});  // by place
  }

  TEST_CASE("samples hold no episode twice and depend on their stream alone") {
    ReplayBuffer buffer = numbered_buffer(50, 50);
    const std::vector<int> first = sample(buffer, 3, 20);
    for (std::uint64_t update = 0; update < 300; ++update) {
      const std::vector<int> numbers = sample(buffer, update, 20);
      CHECK(std::set<int>(numbers.begin(), numbers.end()).size() == 20);
    }
    CHECK(sample(buffer, 3, 20) == first);
    CHECK_THROWS_AS(sample(buffer, 0, 51), credo::Error);
  }

  TEST_CASE("sampling is uniform, by episode and by pair") {
    constexpr int kEpisodes = 10;
    constexpr int kBatch = 4;
    constexpr int kDraws = 60000;
    ReplayBuffer buffer = numbered_buffer(kEpisodes, kEpisodes);
    std::vector<double> single(kEpisodes), first(kEpisodes), pairs(kEpisodes * kEpisodes);
    for (std::uint64_t update = 0; update < kDraws; ++update) {
      const std::vector<int> numbers = sample(buffer, update, kBatch);
      first[sz(numbers[0])] += 1.0;
      for (const int a : numbers) {
        single[sz(a)] += 1.0;
        for (const int b : numbers)
          if (a < b) pairs[sz(a * kEpisodes + b)] += 1.0;
      }
    }
    const auto chi_square = [](const std::vector<double>& counts, double expected) {
      double sum = 0.0;
      for (const double c : counts)
        if (c > 0.0) sum += (c - expected) * (c - expected) / expected;
      return sum;
    };
    // Limits: the 99.9% points for 9 and (about) 44 degrees of freedom; drawing without
    // replacement makes the statistics smaller, not larger.
    CHECK(chi_square(single, kDraws * 0.4) < 27.9);
    CHECK(chi_square(first, kDraws * 0.1) < 27.9);
    CHECK(chi_square(pairs, kDraws * (4.0 * 3.0) / (10.0 * 9.0)) < 78.7);
  }

  TEST_CASE("save and load continue the ring") {
    ReplayBuffer buffer = numbered_buffer(8, 13);
    const std::vector<std::byte> bytes = learner_tests::saved(buffer);
    ReplayBuffer copy = numbered_buffer(8, 2);
    credo::ByteReader in(bytes);
    copy.load(in);
    CHECK(in.at_end());
    CHECK(copy.size() == 8);
    CHECK(copy.bytes() == buffer.bytes());
    add_numbers(buffer, 99, 100);
    add_numbers(copy, 99, 100);
    for (std::uint64_t update = 0; update < 20; ++update)
      CHECK(sample(buffer, update, 3) == sample(copy, update, 3));
    CHECK(sample(buffer, 0, 8) == sample(copy, 0, 8));
  }

  TEST_CASE("a damaged buffer is refused") {
    const ReplayBuffer buffer = numbered_buffer(8, 13);
    const std::vector<std::byte> bytes = learner_tests::saved(buffer);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      ReplayBuffer copy = numbered_buffer(8, 0);
      credo::ByteReader in(std::span<const std::byte>(bytes).first(size));
      REQUIRE_THROWS_AS(copy.load(in), credo::Error);
    }
    // A smaller buffer reads the first of them and finds more than it may hold.
    ReplayBuffer small = numbered_buffer(4, 0);
    credo::ByteReader whole(bytes);
    small.load(whole);
    CHECK(!whole.at_end());
  }

  TEST_CASE("parts are a function of the episodes added, and those outside are saved each time") {
    const std::size_t episode = numbered_buffer(1, 1).bytes();
    const std::size_t part = 3 * episode - 1;  // three episodes
    CHECK(numbered_buffer(20, 2, part).parts().empty());
    using Parts = std::vector<credo::ReplayPart>;
    CHECK(numbered_buffer(20, 3, part).parts() == Parts{{1, 3}});
    CHECK(numbered_buffer(20, 11, part).parts() == Parts{{1, 3}, {4, 6}, {7, 9}});
    // The ring has overwritten 1 to 4: the part of 4 to 6 has holes.
    CHECK(numbered_buffer(8, 12, part).parts() == Parts{{7, 9}, {10, 12}});
    CHECK(numbered_buffer(2, 12, part).parts().empty());
    for (const int capacity : {1, 2, 5, 8, 30}) {
      for (int count = 0; count < 30; ++count) {
        const ReplayBuffer straight = numbered_buffer(capacity, count + 10, part);
        const ReplayBuffer buffer = numbered_buffer(capacity, count, part);
        ReplayBuffer copy = numbered_buffer(capacity, 3, part);
        const auto rest = learner_tests::saved(buffer, credo::ReplayContent::kOutsideParts);
        credo::ByteReader in(rest);
        copy.load(in);
        REQUIRE(in.at_end());
        REQUIRE(copy.missing_parts() == buffer.parts());
        for (const credo::ReplayPart& one : buffer.parts()) {
          const auto bytes = learner_tests::saved_part(buffer, one);
          for (std::size_t size = 0; size < bytes.size(); size += 5) {
            credo::ByteReader cut(std::span<const std::byte>(bytes).first(size));
            REQUIRE_THROWS_AS(copy.load_part(one, cut), credo::Error);
          }
          credo::ByteReader whole(bytes);
          copy.load_part(one, whole);
          credo::ByteReader again(bytes);
          REQUIRE_THROWS_AS(copy.load_part(one, again), credo::Error);
        }
        REQUIRE(copy.missing_parts().empty());
        add_numbers(copy, count, count + 10);
        REQUIRE(learner_tests::saved(copy) == learner_tests::saved(straight));
        REQUIRE(copy.parts() == straight.parts());
      }
    }
  }

  TEST_CASE("nothing is sampled while parts are missing") {
    const std::size_t part = 3 * numbered_buffer(1, 1).bytes();
    const ReplayBuffer buffer = numbered_buffer(8, 8, part);
    const auto rest = learner_tests::saved(buffer, credo::ReplayContent::kOutsideParts);
    ReplayBuffer copy = numbered_buffer(8, 0, part);
    credo::ByteReader in(rest);
    copy.load(in);
    CHECK_THROWS_AS(sample(copy, 0, 2), credo::Error);
  }

  // PyMARL stores, per step, float32 observations, state and one-hot actions, int32 availability,
  // int64 actions and filled flags, a float32 reward and a uint8 end.
  TEST_CASE("bytes per step at most a quarter of dense storage") {
    for (const std::string id : {"stag_hunt/8x8", "predator_prey/5x5", "switch/2"}) {
      const auto env = credo::make_env(id);
      const credo::EnvSpec& spec = env->spec();
      const EnvShape shape = credo::shape_of(spec);
      EpisodeEncoder encoder(shape);
      double bytes = 0.0;
      double steps = 0.0;
      for (std::uint64_t episode = 0; episode < 20; ++episode) {
        Draw draw("random play", episode);
        PlainEpisode e;
        e.shape = shape;
        env->reset(credo::Stream(1, credo::purpose("env"), 0, episode));
        const auto look = [&] {
          e.obs.resize(e.obs.size() + sz(spec.n_agents * spec.obs_dim));
          env->write_obs(std::span(e.obs).last(sz(spec.n_agents * spec.obs_dim)));
          e.state.resize(e.state.size() + sz(spec.state_dim));
          env->write_state(std::span(e.state).last(sz(spec.state_dim)));
          const auto avail = env->avail_actions();
          e.avail.insert(e.avail.end(), avail.begin(), avail.end());
        };
        look();
        while (!env->done()) {
          std::vector<int> actions(sz(spec.n_agents));
          for (int i = 0; i < spec.n_agents; ++i) {
            do actions[sz(i)] = draw.integer(0, spec.n_actions - 1);
            while (env->avail_actions()[sz(i * spec.n_actions + actions[sz(i)])] == 0);
          }
          const credo::StepResult result = env->step(actions);
          e.actions.insert(e.actions.end(), actions.begin(), actions.end());
          e.rewards.push_back(static_cast<float>(result.reward));
          e.terminated = result.terminated;
          ++e.length;
          look();
        }
        Episode stored;
        encoder.encode(e.view(), stored);
        REQUIRE(equal(stored, e));
        bytes += static_cast<double>(stored.bytes() + sizeof(Episode));
        steps += e.length;
      }
      const double dense = 4.0 * spec.state_dim +
                           spec.n_agents * (4.0 * spec.obs_dim + 8.0 * spec.n_actions + 8.0) + 13.0;
      MESSAGE(id << ": " << bytes / steps << " bytes per step, dense " << dense << ", ratio "
                 << dense * steps / bytes);
      CHECK(bytes / steps <= dense / 4.0);
    }
  }
}

}  // namespace
