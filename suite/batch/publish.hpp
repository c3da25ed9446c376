// Writes the files of a suite folder from what is in memory: tables, curves, manifest.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "suite/report/report.hpp"
#include "suite/results/result_set.hpp"
#include "suite/results/suite_folder.hpp"

namespace credo::suite {

/// Facts for the manifest beyond the results. Only manifest.json mentions clocks and machines.
struct PublishNotes {
  std::string suite{};
  std::string status{};  ///< "running", "done", "incomplete"
  std::string command{};
  std::string started{};
  double wall_s = 0.0;
  int jobs = 1;
  int threads = 1;
};

/// "done" when every run is done, else "incomplete".
std::string publish_status(const ResultSet& set);

/// The manifest of a suite that has begun; tables come later. Errors: FileError.
void write_running_manifest(const std::filesystem::path& folder, const PublishNotes& notes);

/// plan.csv, tables.md, results.csv, curves.csv, then manifest.json with their hashes.
/// Errors: FileError.
void publish(const std::filesystem::path& folder, const std::vector<PlannedCell>& plan,
             const ResultSet& set, const Report& report, const PublishNotes& notes);

}  // namespace credo::suite
