// The folders of a wing as rooms: which room includes which, and that no room, by way of others,
// includes itself.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/layering/source_rules.hpp"

namespace credo::layering {

struct SourceFile {
  std::string path;  ///< from the source root
  std::string text;
};

/// "learners/kernels" for learners/kernels/gemm.cpp; "learners/config" for learners/config.hpp,
/// since a file at the root of a wing is a room of its own. "" outside the wings.
std::string room_of(std::string_view path);

/// An arrow from the including to the included room, with the includes ("file -> file") behind it.
using RoomArrows = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;
/// Arrows between the rooms of one wing; includes of other wings are left to check_includes.
RoomArrows room_arrows(const std::vector<SourceFile>& files);

/// Circles of rooms, and arrows that are forbidden by name: one finding per include that is part of
/// one.
Findings check_rooms(const std::vector<SourceFile>& files);

}  // namespace credo::layering
