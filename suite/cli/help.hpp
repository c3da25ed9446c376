// Help texts and the manual page, made of the tables of commands, options and settings.
#pragma once

#include <string>

#include "suite/cli/cli.hpp"

namespace credo::suite {

/// `credo --help`.
std::string usage();
/// `credo COMMAND --help`.
std::string help_of(const Command& command);
/// credo(1) in roff.
std::string manual_page();

}  // namespace credo::suite
