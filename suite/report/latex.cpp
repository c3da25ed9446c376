// Tables for LaTeX with booktabs; every text from names is escaped.
#include <fmt/format.h>

#include "suite/report/table_text.hpp"

namespace credo::suite {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\textbackslash{}";
        break;
      case '~':
        out += "\\textasciitilde{}";
        break;
      case '^':
        out += "\\textasciicircum{}";
        break;
      case '<':
        out += "\\textless{}";
        break;
      case '>':
        out += "\\textgreater{}";
        break;
      case '&':
      case '%':
      case '$':
      case '#':
      case '_':
      case '{':
      case '}':
        out += '\\';
        out += c;
        break;
      default:
        out += c;
    }
  }
  return out;
}

// A cell: an en dash for nothing, and a true minus before numbers.
std::string cell(std::string_view text, bool is_number) {
  if (text == "–") return "--";
  std::string out = escaped(text);
  if (!is_number) return out;
  std::string minus;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool starts_number =
        out[i] == '-' && i + 1 < out.size() && (i == 0 || out[i - 1] == ' ' || out[i - 1] == '[');
    minus += starts_number ? "$-$" : std::string(1, out[i]);
  }
  return minus;
}

std::string tabular(const std::vector<std::vector<std::string>>& cells,
                    const std::string& caption) {
  const auto& header = cells.front();
  std::string columns;
  for (std::size_t c = 0; c < header.size(); ++c)
    columns += c == 0 || header[c] == "status" ? 'l' : 'r';
  std::string text = fmt::format(
      "\\begin{{table}}\n  \\centering\n  \\caption{{{}}}\n  \\begin{{tabular}}{{{}}}\n"
      "    \\toprule\n",
      escaped(caption), columns);
  for (std::size_t r = 0; r < cells.size(); ++r) {
    std::string line;
    for (std::size_t c = 0; c < cells[r].size(); ++c) {
      const bool is_number = r > 0 && columns[c] == 'r' && header[c] != "seeds";
      line += (c == 0 ? "" : " & ") + cell(cells[r][c], is_number);
    }
    text += fmt::format("    {} \\\\\n", line);
    if (r == 0) text += "    \\midrule\n";
  }
  return text + "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n\n";
}

}  // namespace

std::string latex_report(const Report& report) {
  std::string text = "% Needs \\usepackage{booktabs}.\n";
  for (const std::string& line : report.notes.footer) text += fmt::format("% {}\n", line);
  text += '\n';
  for (const TaskTable& table : task_tables(report.rows)) text += tabular(table.cells, table.task);
  if (report.scores.tasks.size() > 1 && !report.aggregates.empty()) {
    std::string caption = "All tasks.";
    for (const std::string& note : aggregate_notes(report)) caption += " " + note;
    text += tabular(aggregate_grid(report), caption);
  }
  return text;
}

}  // namespace credo::suite
