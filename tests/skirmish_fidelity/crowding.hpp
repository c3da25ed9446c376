// What the enemies of a battle do after first contact: `skirmish_fidelity crowding`.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace credo::skirmish::test {

/// Prints, per map, the shares of enemy loops after the first shot that hit: without a target, in
/// weapon range; and how those walk who have a target: share of loops backwards, longest run of
/// them, changes of side per 100 loops.
void crowding(int episodes, const std::vector<std::pair<std::string, std::string>>& values);

}  // namespace credo::skirmish::test
