# Writes page/* into one C++ file: cmake -D SOURCE_DIR=... -D OUTPUT=... -P
set(code "// Generated from suite/report/page.\n#include \"suite/report/page_text.hpp\"\n\n")
string(APPEND code "namespace credo::suite {\n")
function(add_text name)
  string(APPEND code "\nconst std::string_view ${name} =")
  foreach(file ${ARGN})
    file(READ ${SOURCE_DIR}/page/${file} text)
    string(APPEND code "\n    R\"credo_page(${text})credo_page\"")
  endforeach()
  set(code "${code};\n" PARENT_SCOPE)
endfunction()
add_text(kPageHtml page.html)
add_text(kPageStyle style.css)
# In the order they need each other.
add_text(kPageScript dom.js scales.js figures.js curve_chart.js interval_chart.js tables.js
         sections.js cell_page.js selftest.js main.js)
string(APPEND code "\n}  // namespace credo::suite\n")
file(WRITE ${OUTPUT} "${code}")
