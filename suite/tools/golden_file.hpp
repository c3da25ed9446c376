// A golden file (format and tolerances: tests/golden/README.md): its settings, its batch, and the
// comparison of what a learner computes with what the file holds.
#pragma once

#include <cmath>
#include <cstdint>
#include <fmt/format.h>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "envs/core/error.hpp"
#include "learners/base/safetensors.hpp"
#include "learners/nets/parameters.hpp"
#include "learners/replay/episode.hpp"

namespace credo {

enum class Scale { kAbsolute, kUnitOrValue, kRelative, kLargest };

struct Limit {
  double tolerance;
  Scale scale;
};
inline constexpr Limit kAgentQ{1e-5, Scale::kAbsolute};
inline constexpr Limit kJointQ{2e-5, Scale::kUnitOrValue};
inline constexpr Limit kAttention{1e-5, Scale::kAbsolute};
inline constexpr Limit kEntropyLimit{1e-5, Scale::kAbsolute};
inline constexpr Limit kLoss{2e-5, Scale::kRelative};
inline constexpr Limit kGradient{2e-5, Scale::kLargest};
inline constexpr Limit kParameter{2e-5, Scale::kAbsolute};
inline constexpr Limit kOptimiser{5e-5, Scale::kLargest};

/// Metadata of a golden file, read by name with a clear error.
class Meta {
 public:
  Meta(const TensorFile& file, std::string label) : file_(file), label_(std::move(label)) {}
  const std::string& text(const std::string& key) const {
    const auto found = file_.metadata.find(key);
    if (found == file_.metadata.end())
      throw UserError(fmt::format("{}: metadata '{}' is missing", label_, key));
    return found->second;
  }
  bool has(const std::string& key) const { return file_.metadata.count(key) != 0; }
  double real(const std::string& key) const {
    const std::string& value = text(key);
    char* end = nullptr;
    const double x = std::strtod(value.c_str(), &end);
    if (end == value.c_str() || *end != '\0' || !std::isfinite(x))
      throw UserError(fmt::format("{}: metadata '{}' = '{}' is not a number", label_, key, value));
    return x;
  }
  int integer(const std::string& key) const {
    const double x = real(key);
    if (x != std::floor(x) || std::abs(x) > 1e8)
      throw UserError(fmt::format("{}: metadata '{}' is not a small integer", label_, key));
    return static_cast<int>(x);
  }
  /// What a word of the metadata stands for.
  template <class T>
  T choice(const std::string& key, const std::vector<std::pair<std::string, T>>& names) const {
    std::vector<std::string> known;
    for (const auto& entry : names) {
      if (entry.first == text(key)) return entry.second;
      known.push_back(entry.first);
    }
    throw UserError(
        fmt::format("{}: metadata: {}", label_, unknown_name_message(key, text(key), known)));
  }

 private:
  const TensorFile& file_;
  std::string label_;
};

/// What every golden file has, whatever its learner.
class GoldenFile {
 public:
  /// Errors: UserError, here and below, naming the file and what is wrong with it.
  explicit GoldenFile(const std::string& path);

  const std::string& path() const { return path_; }
  const Meta& meta() const { return meta_; }
  const EnvShape& shape() const { return shape_; }
  int batch_size() const { return batch_size_; }
  int slots() const { return slots_; }
  /// The batch; it points into the file.
  const std::vector<EpisodeView>& views() const { return views_; }

  bool has(const std::string& name) const { return file_.tensors.count(name) != 0; }
  /// Sets the parameters that the file holds as "prefix/NAME".
  /// is_partial: it may hold some only, the others stay.
  void load_parameters(const ParamLayout& layout, const std::string& prefix,
                       std::span<float> params, bool is_partial = false) const;
  template <typename T>
  std::span<const T> input(const std::string& name, const char* dtype, std::size_t size) const {
    const Tensor& t = tensor(name);
    if (t.dtype != dtype || t.size() != size)
      throw UserError(fmt::format("{}: tensor '{}' has another type or size", path_, name));
    return t.as<T>();
  }
  /// Values of an output tensor as doubles, whatever its type.
  std::vector<double> values(const std::string& name) const;

  /// Prints one row; `expected` and `actual` hold what is compared, unmasked.
  void compare(const std::string& name, const std::vector<double>& expected,
               const std::vector<double>& actual, Limit limit);
  /// Compares a [B, steps or slots, width] output where `mask` is 1, if the file has it.
  template <typename T>
  void check_masked(const std::string& name, const std::string& mask, const std::vector<T>& actual,
                    Limit limit) {
    if (!has("out/" + name)) return;
    compare_masked(name, mask, std::vector<double>(actual.begin(), actual.end()), limit);
  }
  void check_scalar(const std::string& name, double actual, Limit limit) {
    if (has("out/" + name)) compare(name, values("out/" + name), {actual}, limit);
  }
  /// Compares all parameter-shaped outputs "group/NAME" (or their samples and norms) in one row.
  struct ParameterCheck {
    Limit limit;
    bool mixer_only = false;                  ///< those that the file does not hold are exactly 0
    std::string prefix{};                     ///< names that begin with it alone
    std::span<const float> small_gradient{};  ///< entries below 1e-5 of its largest are left out
  };
  void check_parameters(const std::string& group, const ParamLayout& layout,
                        std::span<const float> params, const ParameterCheck& check);

  /// Prints the summary. Returns true when everything was within tolerance.
  bool finish();

 private:
  const Tensor& tensor(const std::string& name) const;
  void build_batch();
  std::vector<int> valid_steps(std::span<const std::uint8_t> filled,
                               std::span<const std::uint8_t> terminated) const;
  void compare_masked(const std::string& name, const std::string& mask,
                      const std::vector<double>& actual, Limit limit);

  std::string path_;
  TensorFile file_;
  Meta meta_;
  EnvShape shape_;
  int batch_size_ = 0;
  int slots_ = 0;
  std::vector<int> actions_;
  std::vector<EpisodeView> views_;
  bool ok_ = true;
  int compared_ = 0;
};

/// A value-based learner's file, or one of PPO; true when everything is within tolerance.
bool check_value_learner(GoldenFile& file);
bool check_ppo(GoldenFile& file);

}  // namespace credo
