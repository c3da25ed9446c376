// What was measured of one policy, as tables and reports use it: the numbers of LABEL.GAME.DEFAULT.json
// without the states behind them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace credo::suite {

/// A number with its 95% interval, and how many states it rests on.
struct CreditMeasure {
  std::string name;
  std::string help;
  std::optional<double> value;
  std::optional<double> low, high;  ///< absent with fewer than five episodes
  std::int64_t states = 0;
};

/// One learner's measures, by kind of credit (psi, first, g, delta).
struct SignalMeasures {
  std::string learner;  ///< "mixer" or "central"
  std::string signal;
  std::vector<CreditMeasure> measures;
};

struct CreditsRecord {
  std::string label;       ///< "step_20000", "best", or the name of a fixed policy
  std::int64_t t_env = 0;  ///< of the weights; 0 for fixed policies
  std::string game;        ///< "step" or "absence"
  std::string choice;      ///< the default: "idle", "random" or an action
  std::string identity;    ///< of everything the numbers depend on
  std::int64_t states = 0;
  std::int64_t decided_states = 0;
  std::vector<CreditMeasure> truth;
  std::vector<SignalMeasures> learned;
  std::vector<CreditMeasure> calibration;

  /// Of the mixer; null where the learner has no such credit.
  const SignalMeasures* signal(std::string_view name) const;
};

/// Null where it is not there or has no value.
const CreditMeasure* find_measure(const std::vector<CreditMeasure>& measures,
                                  std::string_view name);

/// The learner's best account of contributions: psi, else first-order contributions, else the
/// critic's differences; null for fixed policies.
const SignalMeasures* best_account(const CreditsRecord& record);

}  // namespace credo::suite
