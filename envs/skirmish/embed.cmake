# Turns the data files into one C++ source: cmake -DDATA_DIR=... -DOUTPUT=... -P embed.cmake
# Without arguments to run, it is included by the library and declares that step.
if(CMAKE_SCRIPT_MODE_FILE)
  file(GLOB_RECURSE files RELATIVE ${DATA_DIR} ${DATA_DIR}/*.toml)
  list(SORT files)
  set(entries "")
  foreach(path ${files})
    file(READ ${DATA_DIR}/${path} text)
    string(APPEND entries "      {\"${path}\", R\"credo(${text})credo\"},\n")
  endforeach()
  file(WRITE ${OUTPUT} "// Generated from envs/skirmish/data.
#include \"envs/skirmish/data.hpp\"

namespace credo::skirmish {

const std::vector<EmbeddedFile>& embedded_files() {
  static const std::vector<EmbeddedFile> kFiles = {
${entries}  };
  return kFiles;
}

}  // namespace credo::skirmish
")
  return()
endif()

set(skirmish_data ${CMAKE_CURRENT_LIST_DIR}/data)
set(skirmish_source ${CMAKE_CURRENT_BINARY_DIR}/skirmish_data.cpp)
file(GLOB_RECURSE skirmish_files CONFIGURE_DEPENDS ${skirmish_data}/*.toml)
add_custom_command(
  OUTPUT ${skirmish_source}
  COMMAND ${CMAKE_COMMAND} -DDATA_DIR=${skirmish_data} -DOUTPUT=${skirmish_source}
          -P ${CMAKE_CURRENT_LIST_FILE}
  DEPENDS ${skirmish_files} ${CMAKE_CURRENT_LIST_FILE}
  COMMENT "Embedding the skirmish data files"
  VERBATIM)
target_sources(credo_envs PRIVATE ${skirmish_source})
