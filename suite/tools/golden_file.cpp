#include "suite/tools/golden_file.hpp"

#include <algorithm>

namespace credo {

OptimizerConfig adam_settings(const Meta& meta) {
  return {.lr = meta.real("lr"),
          .adam_beta1 = meta.real("adam_beta1"),
          .adam_beta2 = meta.real("adam_beta2"),
          .adam_eps = meta.real("adam_eps"),
          .grad_norm_clip = meta.real("grad_norm_clip")};
}

GoldenFile::GoldenFile(const std::string& path)
    : path_(path), file_(read_safetensors(path)), meta_(file_, path) {
  shape_ = {.n_agents = meta_.integer("n_agents"),
            .n_actions = meta_.integer("n_actions"),
            .obs_dim = meta_.integer("obs_dim"),
            .state_dim = meta_.integer("state_dim")};
  batch_size_ = meta_.integer("batch_size");
  slots_ = meta_.integer("slots");
  if (shape_.n_agents < 1 || shape_.n_actions < 1 || shape_.n_actions > 256 || shape_.obs_dim < 1 ||
      shape_.state_dim < 1 || batch_size_ < 1 || slots_ < 1)
    throw UserError(fmt::format("{}: sizes in the metadata are out of range", path_));
  if (meta_.integer("steps") != 3)
    throw UserError(fmt::format("{}: only files of 3 steps are known", path_));
  build_batch();
}

const Tensor& GoldenFile::tensor(const std::string& name) const {
  const auto found = file_.tensors.find(name);
  if (found == file_.tensors.end())
    throw UserError(fmt::format("{}: tensor '{}' is missing", path_, name));
  return found->second;
}

std::vector<double> GoldenFile::values(const std::string& name) const {
  const Tensor& t = tensor(name);
  if (t.dtype == "F64") return {t.as<double>().begin(), t.as<double>().end()};
  std::vector<double> values;
  if (t.dtype == "F32")
    for (const float x : t.as<float>()) values.push_back(x);
  else if (t.dtype == "I64")
    for (const std::int64_t x : t.as<std::int64_t>()) values.push_back(static_cast<double>(x));
  else
    for (const std::uint8_t x : t.as<std::uint8_t>()) values.push_back(x);
  return values;
}

void GoldenFile::load_parameters(const ParamLayout& layout, const std::string& prefix,
                                 std::span<float> params, bool is_partial) const {
  TensorFile subset;
  if (is_partial) layout.to_tensors(params, subset);
  for (const auto& [name, t] : file_.tensors)
    if (name.starts_with(prefix)) subset.tensors[name.substr(prefix.size())] = t;
  layout.from_tensors(subset, path_ + " (" + prefix + ")", params);
}

void GoldenFile::build_batch() {
  const auto b = static_cast<std::size_t>(batch_size_);
  const auto t = static_cast<std::size_t>(slots_);
  const auto n = static_cast<std::size_t>(shape_.n_agents);
  const auto a = static_cast<std::size_t>(shape_.n_actions);
  const auto obs =
      input<float>("batch/obs", "F32", b * t * n * static_cast<std::size_t>(shape_.obs_dim));
  const auto state =
      input<float>("batch/state", "F32", b * t * static_cast<std::size_t>(shape_.state_dim));
  const auto avail = input<std::uint8_t>("batch/avail_actions", "U8", b * t * n * a);
  const auto actions = input<std::int64_t>("batch/actions", "I64", b * t * n);
  const auto reward = input<float>("batch/reward", "F32", b * t);
  const auto terminated = input<std::uint8_t>("batch/terminated", "U8", b * t);
  const auto filled = input<std::uint8_t>("batch/filled", "U8", b * t);
  for (const std::int64_t x : actions) {
    if (x < 0 || x >= shape_.n_actions)
      throw UserError(fmt::format("{}: an action is out of range", path_));
    actions_.push_back(static_cast<int>(x));
  }
  const std::vector<int> lengths = valid_steps(filled, terminated);
  for (std::size_t e = 0; e < b; ++e) {
    const int length = lengths[e];
    const bool ended = length > 0 && terminated[e * t + static_cast<std::size_t>(length) - 1] != 0;
    const EpisodeArrays arrays{.obs = obs.data() + e * (obs.size() / b),
                               .state = state.data() + e * (state.size() / b),
                               .avail = avail.data() + e * (avail.size() / b),
                               .actions = actions_.data() + e * (actions_.size() / b),
                               .rewards = reward.data() + e * t};
    views_.push_back(arrays.view(shape_, length, ended));
  }
}

/// Steps of each episode by the mask of the format; they must be its first ones.
std::vector<int> GoldenFile::valid_steps(std::span<const std::uint8_t> filled,
                                         std::span<const std::uint8_t> terminated) const {
  std::vector<int> lengths;
  const auto t_slots = static_cast<std::size_t>(slots_);
  for (std::size_t e = 0; e < static_cast<std::size_t>(batch_size_); ++e) {
    int length = 0;
    bool ended = false;
    for (std::size_t t = 0; t + 1 < t_slots; ++t) {
      const bool valid =
          filled[e * t_slots + t] != 0 && (t == 0 || terminated[e * t_slots + t - 1] == 0);
      if (valid && ended)
        throw UserError(fmt::format("{}: valid steps of episode {} have a gap", path_, e));
      if (valid) ++length;
      ended = ended || !valid;
    }
    lengths.push_back(length);
  }
  return lengths;
}

void GoldenFile::compare(const std::string& name, const std::vector<double>& expected,
                         const std::vector<double>& actual, Limit limit) {
  double worst = expected.size() == actual.size() ? 0.0 : INFINITY;
  double largest = 0.0;
  for (const double x : expected) largest = std::max(largest, std::abs(x));
  for (std::size_t i = 0; i < std::min(expected.size(), actual.size()); ++i) {
    double deviation = std::abs(expected[i] - actual[i]);
    if (limit.scale == Scale::kUnitOrValue) deviation /= std::max(1.0, std::abs(expected[i]));
    if (limit.scale == Scale::kRelative && deviation != 0.0)
      deviation /= std::max(std::abs(expected[i]), 1e-300);
    if (limit.scale == Scale::kLargest && deviation != 0.0) deviation /= std::max(largest, 1e-300);
    if (!(deviation <= worst)) worst = std::isnan(deviation) ? INFINITY : deviation;
  }
  static constexpr const char* kNames[] = {"absolute", "of max(1,|x|)", "relative", "of largest"};
  const bool good = worst <= limit.tolerance;
  fmt::print("  {:<24} {:>10.3g}  limit {:<8.3g} {:<14}{}\n", name, worst, limit.tolerance,
             kNames[static_cast<int>(limit.scale)], good ? "" : " OUT OF TOLERANCE");
  ok_ = ok_ && good;
  ++compared_;
}

void GoldenFile::compare_masked(const std::string& name, const std::string& mask_name,
                                const std::vector<double>& actual, Limit limit) {
  const std::vector<double> expected = values("out/" + name);
  const std::vector<double> mask = values(mask_name);
  if (mask.empty() || expected.size() % mask.size() != 0)
    throw UserError(fmt::format("{}: 'out/{}' does not fit its mask", path_, name));
  const std::size_t width = expected.size() / mask.size();
  std::vector<double> want, got;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (mask[i / width] == 0.0) continue;
    want.push_back(expected[i]);
    got.push_back(i < actual.size() ? actual[i] : NAN);
  }
  compare(name, want, got, limit);
}

void GoldenFile::check_parameters(const std::string& group, const ParamLayout& layout,
                                  std::span<const float> params, const ParameterCheck& check) {
  const int stride = meta_.has("sample_stride") ? meta_.integer("sample_stride") : 0;
  const bool sampled = stride > 0;
  const std::string prefix = group + (sampled ? "_sample/" : "/");
  const auto any = file_.tensors.lower_bound(prefix);
  if (any == file_.tensors.end() || !any->first.starts_with(prefix)) return;  // not in this file
  const std::span<const float> small = check.small_gradient;
  double largest = 0.0;
  for (const float g : small) largest = std::max(largest, std::abs(static_cast<double>(g)));
  std::vector<double> want, got, want_norm, got_norm;
  for (const auto& entry : layout.entries()) {
    if (!entry.name.starts_with(check.prefix)) continue;
    const std::string name = prefix + entry.name;
    const std::vector<float> ours = layout.extract(entry, params);
    if (check.mixer_only && !has(name)) {
      // Parameters the entropy term must not touch: exactly zero.
      for (const float x : ours) {
        want.push_back(0.0);
        got.push_back(x);
      }
      continue;
    }
    const std::vector<double> expected = values(name);
    const std::size_t step = sampled ? static_cast<std::size_t>(stride) : 1;
    if (expected.size() != (ours.size() + step - 1) / step)
      throw UserError(fmt::format("{}: tensor '{}' has another size", path_, name));
    const std::vector<float> gradient =
        small.empty() ? std::vector<float>() : layout.extract(entry, small);
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (!small.empty() && std::abs(gradient[i * step]) < 1e-5 * largest) continue;
      want.push_back(expected[i]);
      got.push_back(ours[i * step]);
    }
    const std::string norm_name = fmt::format("{}_l2/{}", group, entry.name);
    if (sampled && has(norm_name)) {
      double sum = 0.0;
      for (const float x : ours) sum += static_cast<double>(x) * x;
      want_norm.push_back(values(norm_name).at(0));
      got_norm.push_back(std::sqrt(sum));
    }
  }
  compare(group, want, got, check.limit);
  if (!want_norm.empty())
    compare(group + "_l2", want_norm, got_norm, {check.limit.tolerance, Scale::kLargest});
}

bool GoldenFile::finish() {
  if (compared_ == 0) throw UserError(fmt::format("{}: holds no outputs to compare", path_));
  fmt::print("  {}: {} quantities compared\n", ok_ ? "ok" : "FAILED", compared_);
  return ok_;
}

}  // namespace credo
