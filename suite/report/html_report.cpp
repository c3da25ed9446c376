#include "suite/report/html_report.hpp"

#include "envs/core/error.hpp"
#include "suite/common/builtin_files.hpp"
#include "suite/report/page_data.hpp"

namespace credo::suite {
namespace {

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '&')
      escaped += "&amp;";
    else if (c == '<')
      escaped += "&lt;";
    else if (c == '>')
      escaped += "&gt;";
    else
      escaped += c;
  }
  return escaped;
}

// Inside <script>, only "<" could end the element or open a comment; JSON has another way to say
// it.
std::string json_for_script(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string escaped;
  for (const char c : text) {
    if (c == '<')
      escaped += "\\u003c";
    else
      escaped += c;
  }
  return escaped;
}

std::string_view page_file(std::string_view name) {
  const BuiltinFile* file = find_builtin("report/page", name);
  CREDO_CHECK(file != nullptr, "the program lacks " + std::string(name));
  return file->text;
}

// In the order they need each other.
std::string page_script() {
  std::string script;
  for (const char* name :
       {"dom.js", "scales.js", "figures.js", "curve_chart.js", "interval_chart.js", "tables.js",
        "columns.js", "sections.js", "credits.js", "cell_page.js", "selftest.js", "main.js"})
    script += page_file(name);
  return script;
}

}  // namespace

std::string html_report(const ResultSet& set, const Report& report, const HtmlOptions& options) {
  const Json data = page_data(set, report, options);
  const std::vector<std::pair<std::string_view, std::string>> parts = {
      {"{{title}}", escape_html(data.at("title").get<std::string>())},
      {"{{style}}", std::string(page_file("style.css"))},
      {"{{data}}", json_for_script(data)},
      {"{{script}}", "(() => {\n\"use strict\";\n" + page_script() + "})();\n"}};
  // In the order of the skeleton; what was put in is not looked at again.
  std::string page;
  std::string_view rest = page_file("page.html");
  for (const auto& [mark, text] : parts) {
    const std::size_t at = rest.find(mark);
    page += std::string(rest.substr(0, at)) + text;
    rest.remove_prefix(at + mark.size());
  }
  return page + std::string(rest);
}

}  // namespace credo::suite
