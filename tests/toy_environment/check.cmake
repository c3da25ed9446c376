# Follows docs/adding-an-environment.md to the letter: one file, one line, and the new environment
# passes every conformance test.
#   cmake -DROOT=... -DSCRATCH=... -DCXX=... -DFLAGS=... -DTBB_DIR=... -P check.cmake
function(run what)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output
                  ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

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
