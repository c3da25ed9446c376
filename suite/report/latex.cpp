// Every text from names is escaped.
#include "suite/report/latex.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <set>

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

// Widths in points of LaTeX's article class at 10 pt. Characters are taken as wide as wide digits
// and capitals of Computer Modern are on average.
constexpr double kTextWidth = 345.0;
constexpr double kColumnGap = 8.0;  // twice \tabcolsep as set below
struct FontSize {
  const char* command;
  double character;
};
constexpr std::array<FontSize, 3> kSizes = {
    {{"\\small", 5.0}, {"\\footnotesize", 4.5}, {"\\scriptsize", 4.0}}};

struct TableText {
  Grid grid;
  std::string title;
  std::string notes;  ///< below the title, in the first part only
  std::string label;
  bool rotates_header = false;
};

double column_width(const TableText& table, std::size_t column, double character) {
  std::size_t longest = text_width(table.grid.columns[column].title);
  if (column > 0 && table.rotates_header) longest = 3;
  for (const auto& row : table.grid.rows) longest = std::max(longest, text_width(row[column]));
  return static_cast<double>(longest) * character + kColumnGap;
}

// The columns of each part, the first column in all of them.
std::vector<std::vector<std::size_t>> parts_of(const TableText& table, double character) {
  const double first = column_width(table, 0, character);
  std::vector<std::vector<std::size_t>> parts;
  double used = 0.0;
  for (std::size_t column = 1; column < table.grid.columns.size(); ++column) {
    const double width = column_width(table, column, character);
    if (parts.empty() || used + width > kTextWidth) {
      parts.push_back({0});
      used = first;
    }
    parts.back().push_back(column);
    used += width;
  }
  return parts;
}

std::string part_text(const TableText& table, const std::vector<std::size_t>& columns,
                      const FontSize& size, const std::string& caption, const std::string& label) {
  std::string kinds;
  for (const std::size_t c : columns) kinds += table.grid.columns[c].is_left() ? 'l' : 'r';
  std::string text = fmt::format(
      "\\begin{{table}}\n  \\centering\n  \\caption{{{}}}\n  \\label{{{}}}\n  {}\n"
      "  \\setlength{{\\tabcolsep}}{{{}pt}}\n  \\begin{{tabular}}{{@{{}}{}@{{}}}}\n    \\toprule\n",
      caption, label, size.command, kColumnGap / 2, kinds);
  const auto add_line = [&](const auto& cell_of) {
    std::string line;
    for (const std::size_t c : columns) line += (c == columns.front() ? "" : " & ") + cell_of(c);
    text += fmt::format("    {} \\\\\n", line);
  };
  add_line([&](std::size_t c) {
    const std::string title = cell(table.grid.columns[c].title, false);
    return c > 0 && table.rotates_header ? "\\rotatebox{90}{" + title + "}" : title;
  });
  text += "    \\midrule\n";
  for (const auto& row : table.grid.rows)
    add_line([&](std::size_t c) {
      return cell(row[c], table.grid.columns[c].kind == Column::Kind::kNumber);
    });
  return text + "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n\n";
}

// The largest size at which the table is one piece, else parts of the smallest.
std::string table_text(const TableText& table) {
  std::size_t at = 0;
  while (at + 1 < kSizes.size() && parts_of(table, kSizes[at].character).size() > 1) ++at;
  const auto parts = parts_of(table, kSizes[at].character);
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    std::string caption = escaped(table.title);
    if (parts.size() > 1) caption += fmt::format(" (Part {} of {}.)", i + 1, parts.size());
    if (i == 0) caption += escaped(table.notes);
    text += part_text(table, parts[i], kSizes[at], caption,
                      i == 0 ? table.label : fmt::format("{}:part{}", table.label, i + 1));
  }
  return text;
}

// Without the status where every run is done.
Grid without_idle_status(const TaskTable& table) {
  Grid grid = table.grid;
  if (!table.is_done) return grid;
  grid.columns.pop_back();  // the last one
  for (auto& row : grid.rows) row.pop_back();
  return grid;
}

// Labels that LaTeX takes, each once.
class Labels {
 public:
  explicit Labels(const std::string& suite) : prefix_(suite.empty() ? "tab" : "tab:" + suite) {}
  std::string make(const std::string& name) {
    std::string label = prefix_ + ":" + name;
    for (char& c : label)
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != ':') c = '-';
    std::string unique = label;
    for (int n = 2; !taken_.insert(unique).second; ++n) unique = fmt::format("{}-{}", label, n);
    return unique;
  }

 private:
  std::string prefix_;
  std::set<std::string> taken_;
};

}  // namespace

std::string latex_report(const Report& report, ReportPart part) {
  std::string text = "% Needs \\usepackage{booktabs,graphicx}.\n";
  for (const std::string& line : report.notes.footer) text += fmt::format("% {}\n", line);
  text += '\n';
  Labels labels(report.suite);
  const auto tables = task_tables(report.rows);
  if (part == ReportPart::kAll) {
    if (tables.size() > 1)
      text += table_text({overview_grid(report), "Interquartile mean over seeds after training.",
                          " Of the return, or of the win rate where it is named.",
                          labels.make("overview"), true});
    for (const TaskTable& table : tables) {
      std::string notes;
      for (const auto& [task, note] : report.notes.by_task)
        if (task == table.task) notes += " " + note;
      text += table_text(
          {without_idle_status(table), table.task + ".", notes, labels.make(table.task), false});
    }
  }
  const auto notes = aggregate_notes(report, part);
  if (shows_aggregate(report, part)) {
    std::string all;
    for (const std::string& note : notes) all += " " + note;
    text += table_text({aggregate_grid(report), "All tasks.", all, labels.make("all"), false});
  } else {
    for (const std::string& note : notes) text += fmt::format("% {}\n", note);
  }
  return text;
}

}  // namespace credo::suite
