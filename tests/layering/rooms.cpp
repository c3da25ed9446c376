#include "tests/layering/rooms.hpp"

#include <array>
#include <regex>
#include <set>

namespace credo::layering {
namespace {

struct ForbiddenArrow {
  std::string_view from, to;
  std::string_view reason;
};

// Arrows that would form no circle today and are wrong all the same.
constexpr auto kForbidden = std::to_array<ForbiddenArrow>({
    {"learners/replay", "learners/nets", "stored episodes know no network"},
    {"learners/rollout", "learners/algorithms", "playing does not depend on who learns"},
    {"learners/algorithms", "learners/trainer", "the trainer drives an algorithm, not the reverse"},
    {"learners/kernels", "learners/nets", "kernels know no network"},
    {"suite/common", "suite/run", "suite/common knows no run"},
    {"suite/results", "suite/report", "results know no table"},
});

std::string wing_of(std::string_view room) { return std::string(room.substr(0, room.find('/'))); }

/// Rooms reachable from `start`, itself only by way of others.
std::set<std::string> reachable(const RoomArrows& arrows, const std::string& start) {
  std::set<std::string> seen;
  std::vector<std::string> open = {start};
  while (!open.empty()) {
    const std::string room = open.back();
    open.pop_back();
    for (auto it = arrows.lower_bound({room, ""}); it != arrows.end() && it->first.first == room;
         ++it)
      if (seen.insert(it->first.second).second) open.push_back(it->first.second);
  }
  return seen;
}

}  // namespace

std::string room_of(std::string_view path) {
  const std::size_t wing_end = path.find('/');
  if (wing_end == std::string_view::npos) return "";
  const std::string_view wing = path.substr(0, wing_end);
  if (wing != "envs" && wing != "learners" && wing != "suite") return "";
  const std::size_t room_end = path.find('/', wing_end + 1);
  if (room_end != std::string_view::npos) return std::string(path.substr(0, room_end));
  return std::string(path.substr(0, path.find('.')));
}

RoomArrows room_arrows(const std::vector<SourceFile>& files) {
  static const std::regex pattern(R"rx(#\s*include\s*"([^"]+\.hpp)")rx");
  RoomArrows arrows;
  for (const SourceFile& file : files) {
    const std::string from = room_of(file.path);
    if (from.empty()) continue;
    const std::string code = code_only(file.text);
    for (std::sregex_iterator it(code.begin(), code.end(), pattern), end; it != end; ++it) {
      const std::string target = (*it)[1].str();
      const std::string to = room_of(target);
      if (to != from && wing_of(to) == wing_of(from))
        arrows[{from, to}].push_back(file.path + " -> " + target);
    }
  }
  return arrows;
}

Findings check_rooms(const std::vector<SourceFile>& files) {
  Findings findings;
  const RoomArrows arrows = room_arrows(files);
  for (const auto& [rooms, includes] : arrows) {
    const auto& [from, to] = rooms;
    if (reachable(arrows, to).contains(from))
      for (const std::string& include : includes)
        findings.push_back(include + ": " + to + " leads back to " + from);
    for (const ForbiddenArrow& rule : kForbidden)
      if (from == rule.from && to == rule.to)
        for (const std::string& include : includes)
          findings.push_back(include + ": " + std::string(rule.reason));
  }
  return findings;
}

}  // namespace credo::layering
