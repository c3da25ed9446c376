// The files a run reads beside its settings: what path parameters name (a payoff table, a folder of
// maps, initial weights). Only their contents count: their hashes are part of the run's identity,
// and the run's folder keeps copies in inputs/, which are read from then on.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "envs/core/params.hpp"

namespace credo::suite {

inline constexpr std::string_view kInputsFolder = "inputs";

/// By name below inputs/: the parameter's key, for a file of a folder with its name there
/// ("env.payoff_file", "env.data_dir/maps/pair.toml").
using InputHashes = std::map<std::string, std::string>;  ///< SHA-256
using InputFiles = std::map<std::string, std::string>;   ///< bytes

/// "env.data_dir" of "env.data_dir/maps/pair.toml".
std::string_view input_key(std::string_view name);
/// "maps/pair.toml" of it; "" for a parameter that names a file.
std::string_view input_file(std::string_view name);
/// Whether the name stays below inputs/; an untrusted file may hold any name.
bool is_input_name(std::string_view name);

/// What the path parameters of `params` hold, keys beginning with `prefix`.
void collect_inputs(const Params& params, std::string_view prefix, InputFiles& files);
InputHashes hash_inputs(const InputFiles& files);
/// Those of one parameter.
InputHashes inputs_of(const InputHashes& all, std::string_view key);

/// Reads the copies in a run folder into their parameters.
/// Errors: UserError naming the file that is missing or has other content than recorded.
void load_inputs(const std::filesystem::path& folder, const InputHashes& recorded,
                 std::string_view prefix, Params& params);
/// Writes the copies. Errors: FileError.
void save_inputs(const std::filesystem::path& folder, const InputFiles& files);

}  // namespace credo::suite
