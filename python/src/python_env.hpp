// Environments written in Python, behind the Env interface: whatever drives an Env drives them.
// Each call into Python takes the interpreter's lock, so they run on one thread at a time.
#pragma once

#include <optional>
#include <string>

#include "python/src/support.hpp"

namespace credo::python {

inline constexpr std::string_view kPythonFamily = "python/";

/// Is this the id of an environment written in Python?
bool is_python_env(std::string_view id);

/// Why a run on this environment cannot be resumed; nullopt when it can.
/// Errors: UserError when no such environment is registered.
std::optional<std::string> resume_obstacle(const std::string& id);

/// The exception an environment of this process raised last, and forgets it; None when there is
/// none. The caller holds the interpreter's lock.
py::object take_raised();

}  // namespace credo::python
