// Is there memory for what is about to start? The replay decides: it grows while a run trains, so a
// run that does not fit fails hours after its start.
#pragma once

#include <string>
#include <vector>

#include "suite/common/memory.hpp"
#include "suite/plan/cell_work.hpp"
#include "suite/plan/cost_model.hpp"

namespace credo::suite {

/// Bytes that a cell takes.
struct MemoryNeed {
  double least = 0.0;  ///< with a replay of episodes as long as random play makes them
  double most = 0.0;   ///< with a replay of episodes at their limit
};
MemoryNeed memory_need(const CellWork& work, const CostModel& model = CostModel::builtin());

struct MemoryAdvice {
  std::string refusal;  ///< why it cannot run, with the setting that helps; "" when it can
  std::string warning;  ///< why it may not end; "" when it will
};

/// Of the cells that take most, `jobs` at a time. Cells that certainly fit are not probed; fixed
/// policies need nothing, and neither does a cell that cannot be run at all.
MemoryAdvice check_memory(const std::vector<const RunConfig*>& cells, int jobs,
                          const AvailableMemory& available);

}  // namespace credo::suite
