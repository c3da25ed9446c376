# Installs the build into a scratch prefix, builds the consumer against that prefix alone, runs it.
#   cmake -DBUILD_DIR=... -DSCRATCH=... -DCXX=... -DFLAGS=... -DTBB_DIR=... -P check.cmake
cmake_minimum_required(VERSION 3.25)

include(${CMAKE_CURRENT_LIST_DIR}/../run_command.cmake)

file(REMOVE_RECURSE ${SCRATCH})
run("install" ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${SCRATCH}/prefix)
# Moved after installation: the package must not remember where it was built or put.
file(RENAME ${SCRATCH}/prefix ${SCRATCH}/moved)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/ DESTINATION ${SCRATCH}/source)
run("configure" ${CMAKE_COMMAND} -G Ninja -S ${SCRATCH}/source -B ${SCRATCH}/build
    -DCMAKE_PREFIX_PATH=${SCRATCH}/moved -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_FLAGS=${FLAGS}
    -DTBB_DIR=${TBB_DIR})
run("build" ${CMAKE_COMMAND} --build ${SCRATCH}/build)
run("consumer" ${SCRATCH}/build/consumer)
message(STATUS "${output}")
run("credo --version" ${SCRATCH}/moved/bin/credo --version)
foreach(file share/man/man1/credo.1 share/bash-completion/completions/credo
        share/zsh/site-functions/_credo share/fish/vendor_completions.d/credo.fish
        share/doc/credo/copyright share/doc/credo/README.md share/doc/credo/docs/concepts.md)
  if(NOT EXISTS ${SCRATCH}/moved/${file})
    message(FATAL_ERROR "not installed: ${file}")
  endif()
endforeach()
file(REMOVE_RECURSE ${SCRATCH})
