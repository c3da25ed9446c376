// JSON for stdout: keys in the order written, two-space indent, bad UTF-8 replaced.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace credo::suite {

using Json = nlohmann::ordered_json;

inline std::string json_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

inline Json json_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

}  // namespace credo::suite
