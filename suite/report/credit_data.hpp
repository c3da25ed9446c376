// What the HTML report shows of measured credits (docs/credits.md): per row of the tables means over
// seeds, agreement over training, and per task how discriminative true contributions are.
#pragma once

#include "suite/common/json.hpp"
#include "suite/report/report.hpp"

namespace credo::suite {

/// null where nothing was measured.
Json credit_data(const ResultSet& set, const Report& report);

}  // namespace credo::suite
