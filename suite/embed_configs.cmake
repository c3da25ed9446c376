# Writes configs/**/*.toml, the scripts configs/**/*.in, replay/page/*, report/page/* and
# cli/completion/* of suite into one C++ file: cmake -D SOURCE_DIR=... -D OUTPUT=... -P embed_configs.cmake
file(GLOB_RECURSE files RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/configs/*.toml
     ${SOURCE_DIR}/configs/*.in)
list(SORT files)
file(GLOB page RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/replay/page/* ${SOURCE_DIR}/report/page/*
     ${SOURCE_DIR}/cli/completion/*)
list(SORT page)
list(APPEND files ${page})
set(code "// Generated from files in suite.\n#include \"suite/common/builtin_files.hpp\"\n\n")
string(APPEND code "namespace credo::suite {\n\nconst std::vector<BuiltinFile>& builtin_files() {\n")
string(APPEND code "  static const std::vector<BuiltinFile> files = {\n")
foreach(file ${files})
  file(READ ${SOURCE_DIR}/${file} text)
  get_filename_component(folder ${file} DIRECTORY)
  string(REGEX REPLACE "^configs/" "" folder ${folder})
  get_filename_component(label ${file} NAME)
  string(REGEX REPLACE "(\\.toml|\\.sh\\.in)$" "" name ${label})
  string(APPEND code "      {\"${folder}\", \"${name}\", \"${folder}/${label}\",\n")
  string(APPEND code "       R\"credo_file(${text})credo_file\"},\n")
endforeach()
string(APPEND code "  };\n  return files;\n}\n\n}  // namespace credo::suite\n")
file(WRITE ${OUTPUT} "${code}")
