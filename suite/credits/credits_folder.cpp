#include "suite/credits/credits_folder.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <system_error>

#include "envs/core/error.hpp"
#include "suite/common/files.hpp"
#include "suite/common/hashing.hpp"
#include "suite/common/json.hpp"
#include "suite/common/safe_path.hpp"
#include "suite/common/text.hpp"
#include "suite/run/integrity.hpp"
#include "suite/run/run_files.hpp"

namespace credo::suite {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFilesSchema = "credo.credits_files";
constexpr std::string_view kSchema = "credo.credits";
using Hashes = std::map<std::string, std::string>;

// Reads JSON, turning what is no JSON of that schema into one line.
template <typename Read>
auto read_json(const fs::path& path, std::string_view schema, const Read& read) {
  const std::string text = as_user_error([&] { return read_text(path, kLargestDocument); });
  try {
    const Json json = Json::parse(text);
    if (json.value("schema", "") != schema)
      throw UserError(fmt::format("{}: not of schema {}", path.string(), schema));
    return read(json);
  } catch (const nlohmann::json::exception& problem) {
    throw UserError(fmt::format("{}: damaged: {}", path.string(), problem.what()));
  }
}

Hashes read_hashes(const fs::path& folder) {
  const fs::path path = folder_file(folder, kManifest);
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  return read_json(path, kFilesSchema, [&](const Json& json) {
    auto hashes = json.at("sha256").get<Hashes>();
    for (const auto& [name, hash] : hashes) check_path_name(name, path.string() + ": sha256");
    return hashes;
  });
}

bool has_files_of_credits(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().string().ends_with(".states.csv")) return true;
  return false;
}

// What a folder records, for one who will write there. Of a damaged manifest nothing is left, and what it
// listed is measured again; one of something else is not to be written over.
Hashes hashes_to_go_on(const fs::path& folder) {
  const fs::path path = folder_file(folder, kManifest);
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  const Json json =
      Json::parse(as_user_error([&] { return read_text(path, kLargestDocument); }), nullptr, false);
  const bool is_object = json.is_object();
  const auto schema = is_object ? json.find("schema") : json.end();
  if (is_object && schema != json.end() && *schema == kFilesSchema) {
    try {
      return read_hashes(folder);
    } catch (const UserError&) {
      return {};
    }
  }
  if (!is_object && has_files_of_credits(folder)) return {};
  throw UserError(fmt::format(
      "{}: not the manifest of a folder of credits, and would be written over; give another folder "
      "with --out",
      path.string()));
}

std::vector<std::string> files_of(const CreditsPlan& plan) {
  return {plan.stem + ".agents.csv", plan.stem + ".states.csv", plan.stem + ".json"};
}

// Results keep what their errors leave of a measure's digits: credits.csv would be twice as long.
constexpr int kReadDigits = 6;

std::optional<double> number(const Json& json, const char* key) {
  const Json& value = json.at(key);
  return value.is_null() ? std::nullopt : std::optional(rounded(value.get<double>(), kReadDigits));
}

std::vector<CreditMeasure> measures_of(const Json& list) {
  std::vector<CreditMeasure> measures;
  for (const Json& m : list)
    measures.push_back({.name = m.at("measure").get<std::string>(),
                        .help = m.at("help").get<std::string>(),
                        .value = number(m, "value"),
                        .low = number(m, "low"),
                        .high = number(m, "high"),
                        .states = m.at("states").get<std::int64_t>()});
  return measures;
}

CreditsRecord record_of(const Json& json) {
  CreditsRecord record;
  record.label = json.at("label").get<std::string>();
  if (!json.at("t_env").is_null()) record.t_env = json.at("t_env").get<std::int64_t>();
  record.game = json.at("game").get<std::string>();
  record.choice = json.at("default").get<std::string>();
  record.identity = json.at("identity").get<std::string>();
  record.states = json.at("states").get<std::int64_t>();
  record.decided_states = json.at("decided_states").get<std::int64_t>();
  record.truth = measures_of(json.at("truth"));
  for (const Json& entry : json.at("learned"))
    record.learned.push_back({.learner = entry.at("learner").get<std::string>(),
                              .signal = entry.at("signal").get<std::string>(),
                              .measures = measures_of(entry.at("measures"))});
  record.calibration = measures_of(json.at("calibration"));
  return record;
}

}  // namespace

const SignalMeasures* CreditsRecord::signal(std::string_view name) const {
  for (const SignalMeasures& one : learned)
    if (one.learner == "mixer" && one.signal == name) return &one;
  return nullptr;
}

const CreditMeasure* find_measure(const std::vector<CreditMeasure>& measures,
                                  std::string_view name) {
  for (const CreditMeasure& m : measures)
    if (m.name == name && m.value) return &m;
  return nullptr;
}

const SignalMeasures* best_account(const CreditsRecord& record) {
  for (const char* name : {"psi", "first", "delta"})
    if (const SignalMeasures* found = record.signal(name)) return found;
  return nullptr;
}

void check_credits_folder(const fs::path& folder, const std::vector<CreditsPlan>& plans) {
  std::error_code error;
  std::vector<std::string> names = {std::string(kManifest)};
  for (const CreditsPlan& plan : plans)
    for (std::string& name : files_of(plan)) names.push_back(std::move(name));
  for (const std::string& name : names) {
    const fs::path path = folder_file(folder, name);
    if (fs::is_directory(path, error))
      throw UserError(fmt::format("{}: a folder, where a file would be written", path.string()));
  }
  hashes_to_go_on(folder);
}

bool has_credits(const fs::path& folder, const CreditsPlan& plan) {
  std::error_code error;
  const auto files = files_of(plan);
  const fs::path json = folder_file(folder, files.back());
  if (!fs::exists(json, error)) return false;
  try {
    const Hashes hashes = read_hashes(folder);
    return read_json(json, kSchema, record_of).identity == plan.identity &&
           std::all_of(files.begin(), files.end(), [&](const std::string& name) {
             const auto found = hashes.find(name);
             const fs::path path = folder_file(folder, name);
             return found != hashes.end() && fs::exists(path, error) &&
                    sha256_hex_of_file(path) == found->second;
           });
  } catch (const UserError&) {
    return false;  // damaged: measured again
  }
}

bool replaces_credits(const fs::path& folder, const CreditsPlan& plan) {
  std::error_code error;
  const fs::path json = folder_file(folder, files_of(plan).back());
  try {
    return fs::exists(json, error) && read_json(json, kSchema, record_of).identity != plan.identity;
  } catch (const UserError&) {
    return false;  // damaged
  }
}

void write_credits(const fs::path& folder, const Env& env, const CreditsSubject& subject,
                   const CreditsPlan& plan, const CreditsResult& result) {
  make_directories(folder);
  const auto names = files_of(plan);
  const std::vector<std::string> texts = {agents_csv(env, result),
                                          states_csv(result, env.spec().n_agents),
                                          json_text(credits_json(env, subject, plan, result))};
  Json out;
  out["schema"] = kFilesSchema;
  out["schema_version"] = 1;
  Hashes hashes = hashes_to_go_on(folder);
  for (std::size_t i = 0; i < names.size(); ++i) {
    write_file(folder_file(folder, names[i]), texts[i]);
    hashes[names[i]] = sha256_hex(texts[i]);
  }
  out["sha256"] = hashes;
  // Last: what is listed is there.
  write_file(folder_file(folder, kManifest), json_text(out));
}

std::vector<std::string> changed_credits(const fs::path& folder, std::size_t& n_files) {
  std::error_code error;
  n_files = 0;
  if (!fs::is_directory(folder, error)) return {};
  const Hashes hashes = read_hashes(folder);
  n_files = hashes.size();
  return changed_files(folder, hashes);
}

std::vector<CreditsRecord> read_credits(const fs::path& folder, bool verify) {
  std::vector<CreditsRecord> records;
  std::error_code error;
  if (!fs::is_directory(folder, error)) return records;
  const Hashes hashes = read_hashes(folder);
  if (verify) require_unchanged(changed_files(folder, hashes));
  for (const auto& [name, hash] : hashes)
    if (name.ends_with(".json"))
      records.push_back(read_json(folder_file(folder, name), kSchema, record_of));
  return records;
}

}  // namespace credo::suite
