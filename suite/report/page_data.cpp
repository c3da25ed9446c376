#include "suite/report/page_data.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "suite/common/text.hpp"
#include "suite/report/credit_data.hpp"
#include "suite/report/curves.hpp"
#include "suite/report/run_origins.hpp"
#include "suite/report/table_text.hpp"
#include "suite/results/task_bounds.hpp"
#include "suite/run/config.hpp"

namespace credo::suite {
namespace {

// Digits that a figure or a table can show.
constexpr int kScoreDigits = 6;
constexpr int kCurveDigits = 5;
constexpr int kShareDigits = 4;  // of numbers in [0, 1] that only figures show
constexpr int kMoments = 40;     // of the sample-efficiency curve
constexpr int kTaus = 60;        // of a performance profile

// [value, low, high], or [value] without an interval.
Json estimate(const Estimate& value, int digits = kScoreDigits) {
  Json json = Json::array({rounded(value.value, digits)});
  if (const auto& interval = value.interval)
    for (const double end : {interval->low, interval->high}) json.push_back(rounded(end, digits));
  return json;
}

// Evaluations of a curve: without the final one where training ended on an evaluation.
std::vector<EvaluationPoint> curve_points(const RunResult& run) {
  std::vector<EvaluationPoint> points = run.evaluations;
  if (points.size() > 1 && points[points.size() - 2].t_env == points.back().t_env)
    points.pop_back();
  return points;
}

// What the page gets of a metric or statistic.
double page_value(double value, MetricRange range) {
  return range == MetricRange::kNearOne ? std::max(0.0, 1.0 - value) : value;
}

// A metric up to the first evaluation that lacks it.
SeedCurve seed_curve(const std::vector<EvaluationPoint>& points, std::size_t metric) {
  SeedCurve curve;
  for (const EvaluationPoint& point : points) {
    const auto& value = point.values[metric];
    if (!value) break;
    curve.t_env.push_back(point.t_env);
    curve.values.push_back(page_value(*value, kEvaluationMetrics[metric].range));
  }
  return curve;
}

const char* range_name(MetricRange range) {
  return range == MetricRange::kShare     ? "share"
         : range == MetricRange::kNearOne ? "near_one"
                                          : "any";
}

const char* shown_name(Shown shown) {
  switch (shown) {
    case Shown::kAlways:
      return "always";
    case Shown::kWhereThere:
      return "where_there";
    case Shown::kBesideWins:
      return "beside_wins";
    default:
      return "never";
  }
}

class Axes {
 public:
  std::size_t place(const std::vector<std::int64_t>& axis) {
    const auto [at, is_new] = places_.emplace(axis, places_.size());
    if (is_new) list_.push_back(axis);
    return at->second;
  }
  const Json& list() const { return list_; }

 private:
  std::map<std::vector<std::int64_t>, std::size_t> places_;
  Json list_ = Json::array();
};

Json band_json(const std::vector<BandPoint>& band, Axes& axes) {
  std::vector<std::int64_t> axis;
  Json mid = Json::array(), low = Json::array(), high = Json::array(), n = Json::array();
  bool varies = false;
  for (const BandPoint& point : band) {
    axis.push_back(point.t_env);
    mid.push_back(rounded(point.mid, kCurveDigits));
    low.push_back(rounded(point.low, kCurveDigits));
    high.push_back(rounded(point.high, kCurveDigits));
    n.push_back(point.n);
    varies = varies || point.n != band.front().n;
  }
  Json json = {{"axis", axes.place(axis)}, {"mid", mid}};
  if (band.front().n > 1) {
    json["lo"] = low;
    json["hi"] = high;
  }
  if (varies) json["n"] = n;
  return json;
}

// Mean credit of each agent over the seeds, evaluation by evaluation.
Json credits_json(const std::vector<std::vector<EvaluationPoint>>& runs, Axes& axes) {
  std::size_t agents = 0;
  for (const auto& points : runs)
    if (!points.empty()) agents = std::max(agents, points.front().credits.size());
  if (agents == 0) return nullptr;
  Json mid = Json::array();
  std::vector<std::int64_t> axis;
  for (std::size_t agent = 0; agent < agents; ++agent) {
    std::vector<SeedCurve> curves;
    for (const auto& points : runs) {
      SeedCurve curve;
      for (const EvaluationPoint& point : points) {
        if (point.credits.size() <= agent) break;
        curve.t_env.push_back(point.t_env);
        curve.values.push_back(point.credits[agent]);
      }
      curves.push_back(std::move(curve));
    }
    std::size_t longest = 0;
    for (const SeedCurve& curve : curves) longest = std::max(longest, curve.values.size());
    Json line = Json::array();
    axis.clear();
    for (std::size_t k = 0; k < longest; ++k) {
      double sum = 0.0;
      std::int64_t t_sum = 0, n = 0;
      for (const SeedCurve& curve : curves) {
        if (curve.values.size() <= k) continue;
        sum += curve.values[k];
        t_sum += curve.t_env[k];
        ++n;
      }
      axis.push_back(t_sum / n);
      line.push_back(rounded(sum / static_cast<double>(n), kShareDigits));
    }
    mid.push_back(std::move(line));
  }
  return {{"axis", axes.place(axis)}, {"mid", mid}};
}

Json point_json(const EvaluationPoint& point) {
  Json json = {{"n", point.episodes}};
  for (std::size_t i = 0; i < kEvaluationMetrics.size(); ++i)
    if (const auto& value = point.values[i])
      json[std::string(kEvaluationMetrics[i].page)] =
          rounded(page_value(*value, kEvaluationMetrics[i].range), kScoreDigits);
  return json;
}

Json run_json(const RunResult& run, const std::vector<EvaluationPoint>& points, Axes& axes) {
  Json json = {{"seed", run.seed},       {"status", status_name(run.status)},
               {"steps", run.env_steps}, {"updates", run.updates},
               {"profile", run.profile}, {"commit", run.commit},
               {"run_id", run.run_id}};
  if (run.wall_s > 0.0) json["wall"] = rounded(run.wall_s, 3);
  if (!run.reason.empty()) json["reason"] = one_line(run.reason);
  if (run.final) json["final"] = point_json(*run.final);
  if (run.absolute) json["abs"] = point_json(*run.absolute);
  std::vector<std::int64_t> axis;
  for (const EvaluationPoint& point : points) axis.push_back(point.t_env);
  json["axis"] = axes.place(axis);
  for (std::size_t i = 0; i < kEvaluationMetrics.size(); ++i) {
    if (kEvaluationMetrics[i].figure.empty()) continue;
    Json values = Json::array();
    for (const double value : seed_curve(points, i).values)
      values.push_back(rounded(value, kCurveDigits));
    if (!values.empty()) json[std::string(kEvaluationMetrics[i].page)] = std::move(values);
  }
  return json;
}

Json row_json(const SummaryRow& row) {
  Json json = {{"seeds", row.seeds}, {"planned", row.n_planned}, {"status", row.status}};
  for (std::size_t i = 0; i < kRowStatistics.size(); ++i) {
    const RowStatistic& one = kRowStatistics[i];
    if (one.page.empty() || !row.values[i]) continue;
    json[std::string(one.page)] =
        one.has_interval ? estimate(*row.values[i])
                         : Json(rounded(page_value(row.values[i]->value, one.range), kScoreDigits));
  }
  return json;
}

Json cell_json(const std::vector<const RunResult*>& runs, const SummaryRow& row, Axes& axes,
               RunOrigins& origins) {
  Json json = {{"row", row_json(row)}, {"curves", Json::object()}, {"runs", Json::array()}};
  std::vector<std::vector<EvaluationPoint>> points;
  for (const RunResult* run : runs) {
    points.push_back(curve_points(*run));
    json["runs"].push_back(run_json(*run, points.back(), axes));
  }
  for (std::size_t i = 0; i < kEvaluationMetrics.size(); ++i) {
    const EvaluationMetric& metric = kEvaluationMetrics[i];
    if (metric.figure.empty()) continue;
    std::vector<SeedCurve> curves;
    for (const auto& run_points : points) curves.push_back(seed_curve(run_points, i));
    if (const auto band = band_curve(curves); !band.empty())
      json["curves"][std::string(metric.page)] = band_json(band, axes);
  }
  if (Json credits = credits_json(points, axes); !credits.is_null())
    json["credits"] = std::move(credits);
  origins.describe(runs, json);
  return json;
}

Json task_json(const std::string& task, const ResultSet& set, const Report& report) {
  // Key of the metric that counts on this task.
  Json json = {{"name", task},
               {"measure", kEvaluationMetrics[metric_of(measure_of(set, task))].page}};
  std::int64_t budget = 0;
  int episodes = 0;
  for (const RunResult& run : set.runs) {
    if (run.names.task != task) continue;
    if (!is_fixed_policy(run.base_algorithm)) budget = std::max(budget, run.t_max);
    if (run.final) episodes = std::max(episodes, run.final->episodes);
    if (!run.env_settings.empty()) json["settings"] = run.env_settings;
  }
  if (const auto bounds = task_bounds(set, task).bounds)
    json["bounds"] = {{"random", bounds->random},
                      {"best", bounds->best},
                      {"random_source", bounds->random_source},
                      {"best_source", bounds->best_source}};
  json["about"] = fmt::format(
      "{}{} evaluation episodes",
      budget > 0 ? fmt::format("budget {} steps, ", with_thousands(budget)) : "", episodes);
  for (const auto& [of_task, note] : report.notes.by_task)
    if (of_task == task) json["note"] = note;
  return json;
}

Json aggregate_json_of(const ResultSet& set, const Report& report) {
  const auto place = [&](const std::string& algorithm) {
    return std::find(set.algorithms.begin(), set.algorithms.end(), algorithm) -
           set.algorithms.begin();
  };
  Json json = {
      {"tasks", report.scores.tasks}, {"left_out", report.scores.left_out},
      {"rows", Json::array()},        {"profiles", Json::array()},
      {"efficiency", Json::array()},  {"pairs", Json::array()},
      {"taus", Json::array()},        {"moments", Json::array()},
      {"columns", Json::array()},     {"notes", aggregate_notes(report, ReportPart::kAggregate)}};
  json["own_bounds"] = report.scores.own_bounds;
  for (const AggregateStatistic& one : kAggregateStatistics)
    json["columns"].push_back({{"key", one.page}, {"title", one.title}, {"note", one.note}});
  for (const AggregateRow& row : report.aggregates) {
    Json item = {{"alg", place(row.algorithm)}, {"n", row.n_runs}};
    for (std::size_t i = 0; i < row.scores.size(); ++i)
      item[std::string(kAggregateStatistics[i].page)] = estimate(row.scores[i]);
    json["rows"].push_back(std::move(item));
  }
  for (const PairRow& pair : report.pairs) {
    Json item = {{"x", place(pair.x)}, {"y", place(pair.y)}, {"imp", estimate(pair.improvement)}};
    if (pair.p_value) item["p"] = rounded(*pair.p_value, kScoreDigits);
    json["pairs"].push_back(std::move(item));
  }
  if (report.aggregates.empty()) return json;

  double low = 0.0;
  for (const auto& algorithm : report.scores.algorithms)
    for (const auto& task : algorithm.scores)
      for (const double score : task) low = std::min(low, score);
  low = std::max(low, -1.0);
  std::vector<double> taus;
  for (int i = 0; i <= kTaus; ++i) taus.push_back(low + (1.0 - low) * i / kTaus);
  for (const double tau : taus) json["taus"].push_back(rounded(tau, kShareDigits));
  for (int m = 1; m <= kMoments; ++m)
    json["moments"].push_back(rounded(static_cast<double>(m) / kMoments, kShareDigits));
  const auto lines = [](std::ptrdiff_t at, const std::vector<Estimate>& estimates) {
    Json line = {{"alg", at}, {"mid", Json::array()}};
    for (const Estimate& one : estimates) {
      line["mid"].push_back(rounded(one.value, kShareDigits));
      if (!one.interval) continue;
      line["lo"].push_back(rounded(one.interval->low, kShareDigits));
      line["hi"].push_back(rounded(one.interval->high, kShareDigits));
    }
    return line;
  };
  for (const auto& algorithm : report.scores.algorithms) {
    const auto at = place(algorithm.name);
    json["profiles"].push_back(lines(at, performance_profile(algorithm.scores, taus)));
    const auto moments = scores_over_training(set, report.scores, algorithm.name, kMoments);
    if (!moments.empty()) json["efficiency"].push_back(lines(at, efficiency_curve(moments)));
  }
  return json;
}

Json facts_json(const ResultSet& set, const RunOrigins& origins) {
  std::vector<std::string> profiles, budgets, episodes;
  std::vector<std::uint64_t> seeds;
  std::vector<std::int64_t> steps;
  for (const RunResult& run : set.runs) {
    add_once(profiles, run.profile);
    if (run.final) add_once(episodes, fmt::format("{}", run.final->episodes));
    if (!is_fixed_policy(run.base_algorithm) &&
        std::find(steps.begin(), steps.end(), run.t_max) == steps.end())
      steps.push_back(run.t_max);
    if (std::find(seeds.begin(), seeds.end(), run.seed) == seeds.end()) seeds.push_back(run.seed);
  }
  std::sort(steps.begin(), steps.end());
  std::sort(seeds.begin(), seeds.end());
  for (const std::int64_t step : steps) budgets.push_back(with_thousands(step));
  Json facts = Json::array();
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) facts.push_back(Json::array({name, text}));
  };
  add("Suite", set.suite);
  add("Size", fmt::format("{} tasks, {} algorithms", set.tasks.size(), set.algorithms.size()));
  add("Protocol", joined(profiles));
  add("Seeds", seed_list_text(seeds));
  std::string text;
  for (const std::string& budget : budgets) text += (text.empty() ? "" : "; ") + budget;
  if (!text.empty()) add("Budget", text + " environment steps");
  add("Evaluation", joined(episodes) + " greedy episodes after training");
  add("Commit", joined(set.commits()));
  add("Compiler", joined(origins.compilers()));
  add("Machine", joined(origins.processors()));
  return facts;
}

}  // namespace

Json page_data(const ResultSet& set, const Report& report, const HtmlOptions& options) {
  Axes axes;
  RunOrigins origins(options);
  Json data;
  data["title"] = set.suite.empty() ? "Credo report" : "Credo suite " + set.suite;
  Json tasks = Json::array(), algorithms = Json::array(), cells = Json::array();
  for (const std::string& task : set.tasks) tasks.push_back(task_json(task, set, report));
  for (std::size_t a = 0; a < set.algorithms.size(); ++a) {
    const auto run = std::find_if(set.runs.begin(), set.runs.end(), [&](const RunResult& one) {
      return one.names.algorithm == set.algorithms[a];
    });
    algorithms.push_back({{"name", set.algorithms[a]},
                          {"base", run->base_algorithm},
                          {"learner", !is_fixed_policy(run->base_algorithm)}});
  }
  for (const SummaryRow& row : report.rows) {
    Json cell = cell_json(set.of(row.task, row.algorithm), row, axes, origins);
    cell["task"] = std::find(set.tasks.begin(), set.tasks.end(), row.task) - set.tasks.begin();
    cell["alg"] = std::find(set.algorithms.begin(), set.algorithms.end(), row.algorithm) -
                  set.algorithms.begin();
    cells.push_back(std::move(cell));
  }
  const auto done = std::count_if(set.runs.begin(), set.runs.end(), [](const RunResult& run) {
    return run.status == RunStatus::kDone;
  });
  data["metrics"] = Json::array();
  for (const EvaluationMetric& one : kEvaluationMetrics)
    data["metrics"].push_back({{"key", one.page},
                               {"name", one.column},
                               {"title", one.title},
                               {"figure", one.figure},
                               {"digits", one.digits},
                               {"range", range_name(one.range)},
                               {"note", one.note}});
  data["columns"] = Json::array();
  for (const RowStatistic& one : kRowStatistics)
    if (!one.page.empty())
      data["columns"].push_back({{"key", one.page},
                                 {"title", one.title},
                                 {"win_title", one.win_title},
                                 {"digits", one.digits},
                                 {"range", range_name(one.range)},
                                 {"shown", shown_name(one.shown)},
                                 {"note", one.note}});
  data["counts"] = {{"runs", set.runs.size()}, {"done", done}};
  data["facts"] = facts_json(set, origins);
  data["algorithms"] = std::move(algorithms);
  data["tasks"] = std::move(tasks);
  data["cells"] = std::move(cells);
  data["aggregate"] = aggregate_json_of(set, report);
  data["axes"] = axes.list();
  data["machines"] = origins.machines();
  data["lines"] = origins.lines();
  data["footer"] = report.notes.footer;
  if (Json credits = credit_data(set, report); !credits.is_null())
    data["credits"] = std::move(credits);
  return data;
}

}  // namespace credo::suite
