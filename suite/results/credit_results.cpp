#include "suite/results/credit_results.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "suite/common/csv.hpp"
#include "suite/common/text.hpp"

namespace credo::suite {
namespace {

constexpr std::string_view kTruth = "truth";
constexpr std::string_view kCalibration = "calibration";

bool is_step(const std::string& label) {
  constexpr std::string_view kStem = "step_";
  return label.starts_with(kStem) && parse_int(label.substr(kStem.size())).has_value();
}

// The default `auto` is idle where an environment names an idle action, else random.
int rank(const CreditsRecord& record) {
  return record.choice == "idle" ? 0 : record.choice == "random" ? 1 : 2;
}

// Of several with one label, the one of the best rank.
void add_best(std::vector<const CreditsRecord*>& chosen, const CreditsRecord& record) {
  for (const CreditsRecord*& other : chosen)
    if (other->t_env == record.t_env) {
      if (rank(record) < rank(*other)) other = &record;
      return;
    }
  chosen.push_back(&record);
}

}  // namespace

std::vector<const CreditsRecord*> credits_over_training(const RunResult& run) {
  std::vector<const CreditsRecord*> chosen;
  const bool is_fixed = is_fixed_policy(run.base_algorithm);
  for (const CreditsRecord& record : run.credits)
    if (record.game == "step" && (is_fixed || is_step(record.label))) add_best(chosen, record);
  std::sort(chosen.begin(), chosen.end(),
            [](const CreditsRecord* a, const CreditsRecord* b) { return a->t_env < b->t_env; });
  return chosen;
}

const CreditsRecord* final_credits(const RunResult& run) {
  const auto all = credits_over_training(run);
  if (all.empty() || !run.final) return nullptr;
  const bool is_last = is_fixed_policy(run.base_algorithm) || all.back()->t_env == run.env_steps;
  return is_last ? all.back() : nullptr;
}

std::optional<double> credit_value(const CreditsRecord& record, std::string_view signal,
                                   std::string_view measure) {
  const CreditMeasure* found = nullptr;
  if (signal == kTruth) {
    found = find_measure(record.truth, measure);
  } else if (signal == kCalibration) {
    found = find_measure(record.calibration, measure);
  } else if (const SignalMeasures* of = record.signal(signal)) {
    found = find_measure(of->measures, measure);
  }
  return found == nullptr ? std::nullopt : found->value;
}

std::optional<double> credit_agreement(const CreditsRecord& record) {
  const SignalMeasures* account = best_account(record);
  return account == nullptr ? std::nullopt : credit_value(record, account->signal, "agreement");
}

std::optional<double> true_entropy(const CreditsRecord& record) {
  return credit_value(record, kTruth, "h_phi");
}

bool has_credits(const ResultSet& set) {
  return std::any_of(set.runs.begin(), set.runs.end(),
                     [](const RunResult& run) { return !run.credits.empty(); });
}

std::vector<std::string> credits_columns() {
  return {"task",    "algorithm", "seed",   "label",   "t_env", "game", "default", "states",
          "decided", "learner",   "signal", "measure", "value", "low",  "high",    "n_states"};
}

std::string credits_csv(const ResultSet& set) {
  std::string text = csv_line(credits_columns());
  for (const RunResult& run : set.runs)
    for (const CreditsRecord& record : run.credits) {
      const auto add = [&](std::string_view learner, std::string_view signal,
                           const std::vector<CreditMeasure>& measures) {
        for (const CreditMeasure& m : measures)
          if (m.value)
            text += csv_line({run.names.task, run.names.algorithm, fmt::format("{}", run.seed),
                              record.label, fmt::format("{}", record.t_env), record.game,
                              record.choice, fmt::format("{}", record.states),
                              fmt::format("{}", record.decided_states), std::string(learner),
                              std::string(signal), m.name, csv_number(m.value), csv_number(m.low),
                              csv_number(m.high), fmt::format("{}", m.states)});
      };
      add(kTruth, "", record.truth);
      for (const SignalMeasures& of : record.learned) add(of.learner, of.signal, of.measures);
      add(kCalibration, "", record.calibration);
    }
  return text;
}

CreditsByRun parse_credits_csv(std::string_view text, const std::string& label) {
  const CsvTable table(text, label);
  table.need(credits_columns());
  CreditsByRun runs;
  for (std::size_t row = 0; row < table.n_rows(); ++row) {
    auto& records =
        runs[{table.text(row, "task"), table.text(row, "algorithm"), table.integer(row, "seed")}];
    const std::array<std::string, 3> key = {table.text(row, "label"), table.text(row, "game"),
                                            table.text(row, "default")};
    auto record = std::find_if(records.begin(), records.end(), [&](const CreditsRecord& one) {
      return one.label == key[0] && one.game == key[1] && one.choice == key[2];
    });
    if (record == records.end()) {
      record = records.insert(records.end(), CreditsRecord{});
      record->label = key[0];
      record->game = key[1];
      record->choice = key[2];
      record->t_env = table.integer(row, "t_env");
      record->states = table.integer(row, "states");
      record->decided_states = table.integer(row, "decided");
    }
    CreditMeasure measure{.name = table.text(row, "measure"),
                          .help = "",
                          .value = table.number(row, "value"),
                          .low = table.number(row, "low"),
                          .high = table.number(row, "high"),
                          .states = table.integer(row, "n_states")};
    const std::string& learner = table.text(row, "learner");
    const std::string& signal = table.text(row, "signal");
    if (learner == kTruth) {
      record->truth.push_back(std::move(measure));
    } else if (learner == kCalibration) {
      record->calibration.push_back(std::move(measure));
    } else {
      auto of = std::find_if(record->learned.begin(), record->learned.end(),
                             [&](const SignalMeasures& one) {
                               return one.learner == learner && one.signal == signal;
                             });
      if (of == record->learned.end())
        of = record->learned.insert(of, {.learner = learner, .signal = signal, .measures = {}});
      of->measures.push_back(std::move(measure));
    }
  }
  return runs;
}

}  // namespace credo::suite
