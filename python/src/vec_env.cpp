#include "python/src/vec_env.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <oneapi/tbb/parallel_for.h>

#include "python/src/support.hpp"

namespace credo::python {
namespace {

std::size_t sz(int n) { return static_cast<std::size_t>(n); }

/// The piece of `storage` that belongs to environment i.
template <typename T>
std::span<T> row(std::vector<T>& storage, std::size_t i, std::size_t width) {
  return {storage.data() + i * width, width};
}

}  // namespace

VecEnv::VecEnv(std::unique_ptr<Env> prototype, int n, int threads, std::uint64_t seed)
    : seed_(seed), threads_(threads) {
  if (n < 1) throw UserError(fmt::format("n = {}: at least one environment", n));
  if (threads < 0)
    throw UserError(fmt::format("threads = {}: allowed: 1 or more, 0 for all there are", threads));
  const EnvSpec& spec = prototype->spec();
  for (int i = 1; i < n; ++i) envs_.push_back(prototype->clone());
  const std::size_t agents = sz(n) * sz(spec.n_agents);
  batch_ = std::make_shared<Batch>();
  batch_->obs.resize(agents * sz(spec.obs_dim));
  batch_->final_obs.resize(batch_->obs.size());
  batch_->state.resize(sz(n) * sz(spec.state_dim));
  batch_->final_state.resize(batch_->state.size());
  batch_->avail.resize(agents * sz(spec.n_actions));
  avail_.resize(batch_->avail.size());
  batch_->reward.resize(sz(n));
  batch_->terminated.resize(sz(n));
  batch_->truncated.resize(sz(n));
  batch_->actions.resize(agents);
  envs_.push_back(std::move(prototype));
  episodes_.resize(sz(n));
  t_.resize(sz(n));
  returns_.resize(sz(n));
  final_info_.resize(sz(n));
  has_final_.resize(sz(n));
  draws_.resize(sz(n));
  if (threads_ == 0) threads_ = oneapi::tbb::this_task_arena::max_concurrency();
  threads_ = std::min(threads_, n);
  if (threads_ > 1) arena_ = std::make_unique<oneapi::tbb::task_arena>(threads_);
}

VecEnv::~VecEnv() = default;

template <typename Body>
void VecEnv::for_each(const Body& body) {
  const std::size_t n = envs_.size();
  if (arena_ == nullptr) {
    for (std::size_t i = 0; i < n; ++i) body(i);
    return;
  }
  arena_->execute([&] { oneapi::tbb::parallel_for(std::size_t{0}, n, body); });
}

void VecEnv::observe(std::size_t i) {
  const EnvSpec& s = spec();
  envs_[i]->write_obs(row(batch_->obs, i, sz(s.n_agents) * sz(s.obs_dim)));
  envs_[i]->write_state(row(batch_->state, i, sz(s.state_dim)));
  const auto avail = envs_[i]->avail_actions();
  std::copy(avail.begin(), avail.end(), row(avail_, i, avail.size()).begin());
  t_[i] = envs_[i]->t();
}

// One copy for all environments: theirs are of a few bytes each.
void VecEnv::show_avail() { std::copy(avail_.begin(), avail_.end(), batch_->avail.begin()); }

void VecEnv::begin_episode(std::size_t i) {
  envs_[i]->reset(Stream(seed_, purpose(kDefaultPurpose), i, episodes_[i]));
  returns_[i] = 0.0;
}

void VecEnv::reset(std::optional<std::uint64_t> seed, const std::uint8_t* mask) {
  if (!has_begun_ && mask != nullptr)
    throw UserError(fmt::format("VecEnv of '{}': the first reset takes no mask", spec().id));
  if (seed) seed_ = *seed;
  for_each([&](std::size_t i) {
    if (mask != nullptr && mask[i] == 0) return;
    episodes_[i] = seed || !has_begun_ ? 0 : episodes_[i] + 1;
    drop_final(i);
    batch_->reward[i] = 0.0;
    batch_->terminated[i] = 0;
    batch_->truncated[i] = 0;
    begin_episode(i);
    observe(i);
  });
  show_avail();
  has_begun_ = true;
}

void VecEnv::drop_final(std::size_t i) {
  if (has_final_[i] == 0) return;
  final_info_[i].reset();
  has_final_[i] = 0;
}

void VecEnv::finish(std::size_t i) {
  const EnvSpec& s = spec();
  const Env& env = *envs_[i];
  env.write_obs(row(batch_->final_obs, i, sz(s.n_agents) * sz(s.obs_dim)));
  env.write_state(row(batch_->final_state, i, sz(s.state_dim)));
  final_info_[i] = {.episode = episodes_[i],
                    .episode_return = returns_[i],
                    .length = env.t(),
                    .won = env.won(),
                    .info = env.info()};
  has_final_[i] = 1;
  ++episodes_[i];
  begin_episode(i);
}

void VecEnv::step(const int* actions) {
  const EnvSpec& s = spec();
  const std::size_t n = sz(s.n_agents);
  if (!has_begun_) throw UserError(fmt::format("VecEnv of '{}': call reset first", s.id));
  const std::uint8_t* agent_avail = avail_.data();
  bool is_legal = true;
  for (std::size_t i = 0; i < envs_.size() * n; ++i, agent_avail += s.n_actions)
    is_legal &= agent_avail[actions[i]] != 0;
  for (std::size_t i = 0; !is_legal && i < envs_.size(); ++i)
    check_available(s, row(avail_, i, n * sz(s.n_actions)), actions + i * n,
                    fmt::format("environment {} of ", i));
  for_each([&](std::size_t i) {
    const StepResult result = envs_[i]->step({actions + i * n, n});
    returns_[i] += result.reward;
    batch_->reward[i] = result.reward;
    batch_->terminated[i] = result.terminated ? 1 : 0;
    batch_->truncated[i] = result.truncated ? 1 : 0;
    if (result.terminated || result.truncated)
      finish(i);
    else
      drop_final(i);
    observe(i);
  });
  show_avail();
}

void VecEnv::sample(std::uint64_t seed) {
  const EnvSpec& s = spec();
  if (!has_begun_) throw UserError(fmt::format("VecEnv of '{}': call reset first", s.id));
  // On the caller's thread: other threads would not be awake before it is done.
  for (std::size_t i = 0; i < envs_.size(); ++i)
    draws_[i].draw(s, row(avail_, i, sz(s.n_agents) * sz(s.n_actions)).data(), seed, i,
                   episodes_[i], t_[i], batch_->actions.data() + i * sz(s.n_agents));
}

void VecEnv::save(ByteWriter& out) const {
  out.put_tag("credo.VecEnv");
  out.put<std::uint64_t>(envs_.size());
  out.put(seed_);
  out.put<std::uint8_t>(has_begun_ ? 1 : 0);
  out.put_vector(episodes_);
  out.put_vector(returns_);
  out.put_vector(batch_->reward);
  out.put_vector(batch_->terminated);
  out.put_vector(batch_->truncated);
  for (const auto& env : envs_) env->save(out);
}

void VecEnv::load(ByteReader& in) {
  in.expect_tag("credo.VecEnv");
  CREDO_CHECK(in.get<std::uint64_t>() == envs_.size(), "another number of environments");
  const auto seed = in.get<std::uint64_t>();
  const bool has_begun = in.get<std::uint8_t>() != 0;
  const auto episodes = in.get_vector<std::uint64_t>();
  const auto returns = in.get_vector<double>();
  const auto reward = in.get_vector<double>();
  const auto terminated = in.get_vector<std::uint8_t>();
  const auto truncated = in.get_vector<std::uint8_t>();
  for (const std::size_t size :
       {episodes.size(), returns.size(), reward.size(), terminated.size(), truncated.size()})
    CREDO_CHECK(size == envs_.size(), "saved state is damaged");
  std::vector<std::unique_ptr<Env>> envs;
  for (const auto& env : envs_) {
    envs.push_back(env->clone());
    envs.back()->load(in);
  }
  CREDO_CHECK(in.at_end(), "bytes are left over");
  envs_ = std::move(envs);
  seed_ = seed;
  has_begun_ = has_begun;
  episodes_ = episodes;
  returns_ = returns;
  std::copy(reward.begin(), reward.end(), batch_->reward.begin());
  std::copy(terminated.begin(), terminated.end(), batch_->terminated.begin());
  std::copy(truncated.begin(), truncated.end(), batch_->truncated.begin());
  for (std::size_t i = 0; i < envs_.size(); ++i) drop_final(i);
  if (!has_begun_) return;
  for (std::size_t i = 0; i < envs_.size(); ++i) observe(i);
  show_avail();
}

}  // namespace credo::python
