# Follows docs/adding-an-environment.md to the letter: one file, one line, and the new environment
# passes every conformance test.
#   cmake -DROOT=... -DSCRATCH=... -DCXX=... -DFLAGS=... -DTBB_DIR=... -P check.cmake
include(${CMAKE_CURRENT_LIST_DIR}/../run_command.cmake)

include(${CMAKE_CURRENT_LIST_DIR}/code_block.cmake)

set(source ${SCRATCH}/source)
file(REMOVE_RECURSE ${SCRATCH})
file(COPY ${ROOT}/cmake ${ROOT}/envs DESTINATION ${source})
file(COPY ${ROOT}/tests/conformance ${ROOT}/tests/test_main.cpp
          ${ROOT}/tests/allocation_counter.hpp DESTINATION ${source}/tests)
file(COPY ${ROOT}/tests/toy_environment/CMakeLists.txt DESTINATION ${source})

file(READ ${ROOT}/docs/adding-an-environment.md page)
code_block("${page}" "EnvFamily toy_env_family() {" file)
code_block("${page}" "CREDO_ENV(toy_env)\n" line)
file(WRITE ${source}/envs/toy_env.cpp "${file}")
file(APPEND ${source}/envs/env_list.def "${line}")

run("configure" ${CMAKE_COMMAND} -G Ninja -S ${source} -B ${SCRATCH}/build
    -DCMAKE_BUILD_TYPE=Debug -DCREDO_WERROR=ON -DCMAKE_CXX_COMPILER=${CXX}
    -DCMAKE_CXX_FLAGS=${FLAGS} -DTBB_DIR=${TBB_DIR})
run("build" ${CMAKE_COMMAND} --build ${SCRATCH}/build --target test_conformance)
run("conformance tests of the toy environment"
    ${CMAKE_COMMAND} -E env CREDO_CONFORMANCE_ONLY=toy/ ${SCRATCH}/build/test_conformance)
message(STATUS "${output}")
# All of them ran, on both variants.
if(NOT output MATCHES "test cases: +[2-9][0-9] +\\| +[2-9][0-9] passed \\| 0 failed" OR
   NOT output MATCHES "toy/long")
  message(FATAL_ERROR "unexpected output:\n${output}")
endif()
file(REMOVE_RECURSE ${SCRATCH})
