# cmake --install: headers, libraries, the program with its manual page, completion scripts and
# documents, and a package file for find_package(Credo).
include(CMakePackageConfigHelpers)

foreach(wing envs learners)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${wing} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/credo
          COMPONENT development FILES_MATCHING PATTERN "*.hpp" PATTERN "reference" EXCLUDE)
endforeach()
install(TARGETS credo_envs credo_learners EXPORT CredoTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(TARGETS credo_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
install(FILES ${PROJECT_BINARY_DIR}/credo.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
        COMPONENT program)
set(completion ${PROJECT_SOURCE_DIR}/suite/cli/completion)
install(FILES ${completion}/credo.bash RENAME credo COMPONENT program
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${completion}/credo.zsh RENAME _credo COMPONENT program
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${completion}/credo.fish COMPONENT program
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
              ${PROJECT_SOURCE_DIR}/CITATION.cff
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/credo COMPONENT program)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/credo
        COMPONENT program PATTERN "site" EXCLUDE)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/credo
        RENAME copyright COMPONENT program)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/credo-dev
        RENAME copyright COMPONENT development)
install(EXPORT CredoTargets NAMESPACE credo:: FILE CredoTargets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Credo COMPONENT development)
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/CredoConfig.cmake.in ${PROJECT_BINARY_DIR}/CredoConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Credo)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/CredoConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/CredoConfig.cmake ${PROJECT_BINARY_DIR}/CredoConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Credo COMPONENT development)
