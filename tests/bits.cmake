# Runs a program that must succeed; when it prints a training signature (one 64-bit hash), that must
# be the recorded one:
#   cmake -DPROGRAM=build/credo "-DARGUMENTS=bench;signature;--threads;1" -P bits.cmake
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${PROGRAM} ${ARGUMENTS} OUTPUT_VARIABLE output ERROR_VARIABLE errors
                OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${PROGRAM} ${ARGUMENTS}: exit code ${result}\n${output}\n${errors}")
endif()
message(STATUS "${output}")
if("signature" IN_LIST ARGUMENTS)
  file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/golden/signature.txt expected LIMIT_COUNT 1)
  if(expected STREQUAL "" OR NOT output STREQUAL expected)
    message(FATAL_ERROR "The signature is '${output}'; tests/golden/signature.txt says "
            "'${expected}'. A change that alters results says so in its commit message and in "
            "CHANGELOG.md.")
  endif()
endif()
