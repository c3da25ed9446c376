#include "suite/report/credit_data.hpp"

#include <algorithm>
#include <array>

#include "suite/common/text.hpp"
#include "suite/report/curves.hpp"
#include "suite/report/page_data.hpp"
#include "suite/results/credit_results.hpp"
#include "suite/results/row_statistics.hpp"

namespace credo::suite {
namespace {

constexpr int kDigits = 5;
constexpr std::string_view kAccount = "account";  // the learner's best account

struct CreditColumn {
  std::string_view key;  ///< in the data
  std::string_view title;
  std::string_view signal;  ///< kAccount, "g", "truth" or "calibration"
  std::string_view measure;
  int digits;
  std::string_view help;
};

constexpr auto kColumns = std::to_array<CreditColumn>({
    {"a", "A", kAccount, "agreement", 2,
     "agreeing less opposing pairs of agents, of the pairs the truth decides"},
    {"ceil", "ceiling", "truth", "ceiling", 2,
     "A of even against odd replicates of the truth: what a learner can reach"},
    {"ag", "A of g", "g", "agreement", 2, "the same of the gradients dQ_tot/dq"},
    {"kappa", "top-1 κ", kAccount, "top1_kappa", 2, "the best contributor named, beyond chance"},
    {"neg", "blame", kAccount, "recall_negative", 2,
     "share of harmful agents given a negative credit"},
    {"harm", "harmful", "truth", "share_negative", 2,
     "share of acting agents with a negative true contribution"},
    {"slope", "slope", kAccount, "slope_within", 2,
     "of the truth on the credit within states; 1: credits in units of return"},
    {"fit", "coalition R²", "calibration", "coalition_r2", 2,
     "of Q_tot of every coalition against what it was worth"},
    {"bias", "bias", "calibration", "bias", 2, "mean of Q_tot less the true value"},
    {"hg", "H of g", "g", "h", 3, "normalised entropy of the gradients"},
    {"hc", "H of credit", kAccount, "h", 3, "of credits in units of return"},
    {"hphi", "true H", "truth", "h_phi", 3, "of true contributions"},
    {"hlow", "true H, low", "truth", "h_phi_low", 3, "contributions within 3 errors of 0 set to 0"},
    {"decided", "decided", "truth", "share_decided", 2, "share of states with a decided pair"},
});

std::optional<double> value_of(const CreditsRecord& record, const CreditColumn& column) {
  if (column.signal != kAccount) return credit_value(record, column.signal, column.measure);
  const SignalMeasures* account = best_account(record);
  return account == nullptr ? std::nullopt : credit_value(record, account->signal, column.measure);
}

Json estimate_json(const Estimate& estimate) {
  Json json = Json::array({rounded(estimate.value, kDigits)});
  if (const auto& interval = estimate.interval) {
    json.push_back(rounded(interval->low, kDigits));
    json.push_back(rounded(interval->high, kDigits));
  }
  return json;
}

// Agreement at the kept steps, over the seeds; null with fewer than two moments.
Json curve_json(const std::vector<const RunResult*>& runs) {
  std::vector<SeedCurve> curves;
  for (const RunResult* run : runs) {
    SeedCurve curve;
    for (const CreditsRecord* record : credits_over_training(*run)) {
      const auto value = credit_agreement(*record);
      if (!value) continue;
      curve.t_env.push_back(record->t_env);
      curve.values.push_back(*value);
    }
    if (!curve.values.empty()) curves.push_back(std::move(curve));
  }
  const auto band = band_curve(curves);
  if (band.size() < 2) return nullptr;
  Json json = {{"x", Json::array()}, {"mid", Json::array()}};
  for (const BandPoint& point : band) {
    json["x"].push_back(point.t_env);
    json["mid"].push_back(rounded(point.mid, kDigits));
    if (band.front().n < kFewestForInterval) continue;
    json["lo"].push_back(rounded(point.low, kDigits));
    json["hi"].push_back(rounded(point.high, kDigits));
  }
  return json;
}

}  // namespace

Json credit_data(const ResultSet& set, const Report& report) {
  Json rows = Json::array();
  for (std::size_t cell = 0; cell < report.rows.size(); ++cell) {
    const auto runs = set.of(report.rows[cell].task, report.rows[cell].algorithm);
    Json row = {{"cell", cell}};
    std::int64_t n = 0;
    std::string account;
    for (const RunResult* run : runs)
      if (const CreditsRecord* record = final_credits(*run)) {
        ++n;
        if (const SignalMeasures* found = best_account(*record)) account = found->signal;
      }
    for (const CreditColumn& column : kColumns) {
      std::vector<double> values;
      for (const RunResult* run : runs)
        if (const CreditsRecord* record = final_credits(*run))
          if (const auto value = value_of(*record, column)) values.push_back(*value);
      if (const auto estimate = interval_if_any(values))
        row[std::string(column.key)] = estimate_json(*estimate);
    }
    if (Json curve = curve_json(runs); !curve.is_null()) row["curve"] = std::move(curve);
    if (n == 0 && !row.contains("curve")) continue;
    row["n"] = n;
    row["account"] = account;
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return nullptr;
  Json data = {{"rows", std::move(rows)}, {"columns", Json::array()}};
  for (const CreditColumn& column : kColumns)
    data["columns"].push_back({{"key", column.key},
                               {"title", column.title},
                               {"digits", column.digits},
                               {"help", column.help}});
  return data;
}

}  // namespace credo::suite
