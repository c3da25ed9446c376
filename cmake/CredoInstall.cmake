# cmake --install: headers, libraries, the program with its manual page, completion scripts and
# documents, and a package file for find_package(Credo).
include(CMakePackageConfigHelpers)

foreach(wing envs learners)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${wing} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/credo
          FILES_MATCHING PATTERN "*.hpp")
endforeach()
install(TARGETS credo_envs credo_learners EXPORT CredoTargets
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS credo_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${PROJECT_BINARY_DIR}/credo.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
set(completion ${PROJECT_SOURCE_DIR}/suite/cli/completion)
install(FILES ${completion}/credo.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME credo)
install(FILES ${completion}/credo.zsh
        DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _credo)
install(FILES ${completion}/credo.fish
        DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
foreach(document LICENSE README.md CHANGELOG.md CITATION.cff)
  install(FILES ${PROJECT_SOURCE_DIR}/${document} DESTINATION ${CMAKE_INSTALL_DOCDIR})
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(EXPORT CredoTargets NAMESPACE credo:: FILE CredoTargets.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Credo)
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/CredoConfig.cmake.in ${PROJECT_BINARY_DIR}/CredoConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Credo)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/CredoConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/CredoConfig.cmake ${PROJECT_BINARY_DIR}/CredoConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/Credo)
