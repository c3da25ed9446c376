# `credo bench signature` must print the recorded hash, with these arguments too:
#   cmake -DCREDO=build/credo "-DARGUMENTS=--threads;1" -P signature.cmake
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/golden/signature.txt expected LIMIT_COUNT 1)
execute_process(COMMAND ${CREDO} bench signature ${ARGUMENTS} OUTPUT_VARIABLE output
                OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "credo bench signature ${ARGUMENTS}: exit code ${result}")
endif()
string(FIND "${output}" "${expected}" at)
if(expected STREQUAL "" OR at EQUAL -1)
  message(FATAL_ERROR "The signature is '${output}', tests/golden/signature.txt says '${expected}'. "
          "A change that alters results says so in its commit message and in CHANGELOG.md.")
endif()
