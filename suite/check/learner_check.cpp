#include "suite/check/learner_check.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "learners/reference/learner.hpp"
#include "learners/reference/tolerance.hpp"
#include "learners/trainer.hpp"

namespace credo::suite {
namespace {

/// Deviation as part of the tolerance.
double ratio(const CheckRow& row) {
  if (row.deviation == 0.0) return 0.0;
  return std::isnan(row.deviation) ? std::numeric_limits<double>::infinity()
                                   : row.deviation / row.tolerance;
}

class Comparison {
 public:
  explicit Comparison(const reference::Learner& reference) : reference_(reference) {}

  void compare(const UpdateRecord& fast, const reference::Outcome& exact,
               const ParamLayout& layout) {
    ++update_;
    same_names("losses", fast.losses, exact.losses);
    for (const auto& [name, value] : fast.losses)
      compare_array("loss", name, std::vector<double>{value}, {exact.losses.at(name)});
    same_names("values", fast.values, exact.values);
    for (const auto& [name, values] : fast.values)
      compare_array("value", name, {values.begin(), values.end()}, exact.values.at(name));
    if (fast.gradients.size() != exact.gradients.size())
      throw Error("the learner and its reference take different numbers of optimiser steps");
    for (std::size_t i = 0; i < fast.gradients.size(); ++i)
      compare_tensors("gradient", reference::flat_values(layout, fast.gradients[i]),
                      exact.gradients[i], exact.gradient_tolerances[i]);
    std::vector<double> tolerance = reference_.params_tolerance();
    const std::vector<double>& params = reference_.params().flat();
    for (std::size_t i = 0; i < tolerance.size(); ++i)  // a float holds every one of them
      tolerance[i] += 1.2e-7 * static_cast<double>(update_) * std::max(1.0, std::abs(params[i]));
    compare_tensors("weight", reference::flat_values(layout, fast.params), params, tolerance);
  }

  std::vector<CheckRow> rows() const {
    std::vector<CheckRow> rows;
    for (const char* kind : {"loss", "value", "gradient", "weight"})
      for (const CheckRow& row : rows_)
        if (row.kind == kind) rows.push_back(row);
    return rows;
  }

 private:
  template <class Fast, class Exact>
  static void same_names(const char* what, const Fast& fast, const Exact& exact) {
    const bool same = std::equal(fast.begin(), fast.end(), exact.begin(), exact.end(),
                                 [](const auto& a, const auto& b) { return a.first == b.first; });
    if (same) return;
    std::string text;
    for (const auto& entry : fast) text += " " + entry.first;
    text += " |";
    for (const auto& entry : exact) text += " " + entry.first;
    throw Error(fmt::format("the learner and its reference show different {}:{}", what, text));
  }

  CheckRow& row(const std::string& kind, const std::string& name) {
    std::size_t& place = places_.try_emplace({kind, name}, rows_.size()).first->second;
    if (place == rows_.size()) rows_.push_back({.kind = kind, .name = name});
    return rows_[place];
  }

  void add(CheckRow& row, double fast, double exact, double tolerance) const {
    row.largest = std::max(row.largest, std::abs(exact));
    const CheckRow here{.deviation = std::abs(fast - exact), .tolerance = tolerance};
    if (row.update != 0 && ratio(here) <= ratio(row)) return;
    row.deviation = here.deviation;
    row.tolerance = tolerance;
    row.update = update_;
  }

  void compare_array(const char* kind, const std::string& name, const std::vector<double>& fast,
                     const std::vector<double>& exact) {
    if (fast.size() != exact.size())
      throw Error(fmt::format("{} {}: {} numbers, the reference has {}", kind, name, fast.size(),
                              exact.size()));
    double scale = 1.0;
    for (const double x : exact) scale = std::max(scale, std::abs(x));
    CheckRow& to = row(kind, name);
    to.entries = static_cast<std::int64_t>(exact.size());
    for (std::size_t i = 0; i < exact.size(); ++i)
      add(to, fast[i], exact[i], reference::kValueTolerance * scale);
  }

  void compare_tensors(const char* kind, const std::vector<double>& fast,
                       const std::vector<double>& exact, const std::vector<double>& tolerance) {
    for (const auto& tensor : reference_.params().tensors()) {
      CheckRow& to = row(kind, tensor.name);
      to.entries = static_cast<std::int64_t>(tensor.size());
      for (std::size_t i = tensor.first; i < tensor.first + tensor.size(); ++i)
        add(to, fast[i], exact[i], tolerance[i]);
    }
  }

  const reference::Learner& reference_;
  std::int64_t update_ = 0;
  std::vector<CheckRow> rows_;
  std::map<std::pair<std::string, std::string>, std::size_t> places_;
};

}  // namespace

bool LearnerCheck::ok() const {
  return std::all_of(rows.begin(), rows.end(), [](const CheckRow& row) { return row.ok(); });
}

const CheckRow& LearnerCheck::worst() const {
  return *std::max_element(rows.begin(), rows.end(), [](const CheckRow& a, const CheckRow& b) {
    return ratio(a) < ratio(b);
  });
}

LearnerCheck check_learner(const Env& env, const TrainConfig& config, const CheckOptions& options) {
  Trainer trainer(env, config);
  const ParamLayout& layout = trainer.network().layout;
  const auto reference = reference::make_learner(
      shape_of(env.spec()), options.reference != nullptr ? *options.reference : config, layout,
      trainer.params());
  LearnerCheck check;
  Comparison comparison(*reference);
  trainer.on_update([&](const UpdateRecord& record) {
    if (check.updates == options.updates) return;
    const reference::Outcome exact = reference->update(record);
    comparison.compare(record, exact, layout);
    check.ties += exact.ties;
    ++check.updates;
  });
  while (check.updates < options.updates) {
    trainer.iterate();
    reference->played(trainer.episodes());
  }
  check.episodes = trainer.episodes();
  check.env_steps = trainer.t_env();
  check.rows = comparison.rows();
  return check;
}

}  // namespace credo::suite
