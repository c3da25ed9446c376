#include "suite/replay/replay_page.hpp"

#include <algorithm>
#include <cmath>

#include "envs/core/bytes.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/common/json.hpp"
#include "suite/replay/episode_text.hpp"

namespace credo::suite {
namespace {

std::string base64(std::span<const std::byte> bytes) {
  constexpr std::string_view kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t n = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < n; ++k)
      group |= std::to_integer<std::uint32_t>(bytes[i + k]) << (16 - 8 * k);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= n ? kBase64[(group >> (18 - 6 * k)) & 63U] : '=';
  }
  return text;
}

// A share of a range in 16 bits.
std::uint16_t share16(float value, float low, float high) {
  if (high <= low) return 0;
  return static_cast<std::uint16_t>(
      std::lround(std::clamp((value - low) / (high - low), 0.0F, 1.0F) * 65535.0F));
}

/// Scenes of one episode in the page's binary form (page.js, unitAt and drawShots):
///   unit  u16 x, y, health, shield, energy, i16 target, u8 strikes, u8 doing (0: absent)
///   shots u16 count, then for each u16 side, x, y, to_x, to_y
/// Blasts are few, hence a list: [frame, unit, x, y, to_x, to_y, radius].
class SceneWriter {
 public:
  explicit SceneWriter(const Stage& stage) : stage_(stage) {}

  void add(const Scene& scene) {
    if (units_.is_null()) describe(scene);
    for (const SceneUnit& unit : scene.units) {
      frames_.put(x(unit.x));
      frames_.put(y(unit.y));
      frames_.put(share16(unit.health, 0.0F, unit.health_max));
      frames_.put(share16(unit.shield, 0.0F, unit.shield_max));
      frames_.put(share16(unit.energy, 0.0F, unit.energy_max));
      frames_.put(static_cast<std::int16_t>(unit.target));
      frames_.put(static_cast<std::uint8_t>(unit.strikes));
      frames_.put(unit.is_present ? number_of(unit.doing) : std::uint8_t{0});
    }
    shots_.put(static_cast<std::uint16_t>(scene.shots.size()));
    for (const SceneShot& shot : scene.shots) {
      shots_.put(static_cast<std::uint16_t>(shot.side));
      shots_.put(x(shot.x));
      shots_.put(y(shot.y));
      shots_.put(x(shot.to_x));
      shots_.put(y(shot.to_y));
    }
    for (const SceneBlast& blast : scene.blasts)
      blasts_.push_back({frame_, blast.unit, to_thousandths(blast.x), to_thousandths(blast.y),
                         to_thousandths(blast.to_x), to_thousandths(blast.to_y),
                         to_thousandths(blast.radius)});
    ++frame_;
  }

  void finish(Json& episode) const {
    episode["units"] = units_;
    episode["doings"] = doings_;
    episode["frames"] = base64(frames_.bytes());
    episode["shots"] = base64(shots_.bytes());
    episode["blasts"] = blasts_;
  }

 private:
  std::uint16_t x(float value) const { return share16(value, stage_.x_low, stage_.x_high); }
  std::uint16_t y(float value) const { return share16(value, stage_.y_low, stage_.y_high); }

  // To a thousandth of a cell, for short numbers.
  static double to_thousandths(float value) { return std::round(1000.0 * value) / 1000.0; }

  std::uint8_t number_of(const std::string& doing) {
    const auto found = std::find(doings_.begin() + 1, doings_.end(), doing);
    const auto number = static_cast<std::uint8_t>(found - doings_.begin());
    if (found == doings_.end()) doings_.push_back(doing);
    CREDO_CHECK(doings_.size() < 256, "a scene names too many kinds of activity");
    return number;
  }

  void describe(const Scene& scene) {
    units_ = Json::array();
    for (const SceneUnit& unit : scene.units)
      units_.push_back(Json{{"name", unit.name},
                            {"kind", unit.kind},
                            {"side", unit.side},
                            {"radius", unit.radius},
                            {"health_max", unit.health_max},
                            {"shield_max", unit.shield_max},
                            {"energy_max", unit.energy_max},
                            {"flies", unit.flies},
                            {"reach", unit.reach}});
  }

  const Stage& stage_;
  Json units_;
  std::vector<std::string> doings_ = {""};
  ByteWriter frames_, shots_;
  Json blasts_ = Json::array();
  int frame_ = 0;
};

Json episode_json(Env& env, const ReplayLog& log, const LoggedEpisode& logged,
                  const std::optional<Stage>& stage, const std::string& label) {
  Json episode;
  episode["index"] = logged.index;
  episode["return"] = logged.episode_return;
  Json steps = Json::array();
  Json texts = Json::array();
  ReplayWatcher watcher;
  watcher.on_step = [&](const Env& now, std::span<const int> actions, const StepResult& result) {
    if (!stage) texts.push_back(now.render_text());
    if (actions.empty()) return;
    steps.push_back(Json{{"reward", result.reward}, {"actions", actions_done(now, actions)}});
  };
  std::optional<SceneWriter> writer;
  if (stage) {
    writer.emplace(*stage);
    watcher.on_scene = [&](const Scene& scene) { writer->add(scene); };
  }
  episode["outcome"] = replay_episode(env, log, logged, watcher, label);
  episode["steps"] = std::move(steps);
  if (writer)
    writer->finish(episode);
  else
    episode["texts"] = std::move(texts);
  return episode;
}

void replace(std::string& text, std::string_view mark, std::string_view by) {
  const std::size_t at = text.find(mark);
  CREDO_CHECK(at != std::string::npos, "the page of replays lacks " + std::string(mark));
  text.replace(at, mark.size(), by);
}

std::string part(std::string_view name) {
  const BuiltinFile* file = find_builtin("replay/page", name);
  CREDO_CHECK(file != nullptr, "the program lacks " + std::string(name));
  return std::string(file->text);
}

}  // namespace

std::string replay_page(const ReplayLog& log, const std::string& label,
                        const ReplayCredits* credits) {
  const auto env = make_replay_env(log, label);
  const std::optional<Stage> stage = env->stage();
  Json data;
  data["env"] = log.env;
  data["policy"] = log.policy;
  data["seed"] = log.seed;
  data["version"] = log.version;
  data["action_names"] = env->spec().action_names;
  data["stage"] = nullptr;
  if (stage)
    data["stage"] = Json{{"x_low", stage->x_low},
                         {"y_low", stage->y_low},
                         {"x_high", stage->x_high},
                         {"y_high", stage->y_high},
                         {"columns", stage->columns},
                         {"rows", stage->rows},
                         {"cells", stage->cells},
                         {"sides", stage->sides},
                         {"scenes_per_step", stage->scenes_per_step}};
  data["episodes"] = Json::array();
  for (const LoggedEpisode& episode : log.episodes)
    data["episodes"].push_back(episode_json(*env, log, episode, stage, label));
  if (credits != nullptr)
    data["credits"] = Json{{"default", credits->default_name},
                           {"account", credits->account},
                           {"episodes", credits->episodes}};

  // Nothing in the data may look like the end of its element.
  std::string json;
  for (const char c : data.dump(-1, ' ', true, Json::error_handler_t::replace)) {
    if (c == '<')
      json += "\\u003c";
    else
      json += c;
  }
  std::string page = part("page.html");
  replace(page, "@STYLE@", part("page.css"));
  std::string script;  // in the order they need each other
  for (const char* name :
       {"shapes.js", "page.js", "stage.js", "text.js", "credits.js", "selftest.js", "start.js"})
    script += part(name);
  replace(page, "@SCRIPT@", script);
  replace(page, "@DATA@", json);
  return page;
}

}  // namespace credo::suite
