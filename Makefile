# The short way in; everything behind it is plain CMake (CMakePresets.json). Debian 12, root or sudo.
#   make quick     build, run the quick suite (it resumes when interrupted), print its table
#   make test      build with g++ and clang, run every test, check the formatting
#   make sanitize  the tests under AddressSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer
#   make arm64     cross-compiles for 64-bit ARM and checks its bits under qemu
# Also: build, asan, ubsan, tsan, tidy, format, format-check, coverage, bench, clean.
SHELL := /bin/bash
SOURCES = $(shell find envs learners suite tests -name '*.cpp' -o -name '*.hpp')
PACKAGES = cmake/install_packages.sh

.PHONY: build quick test sanitize asan ubsan tsan arm64 tidy format format-check coverage bench clean

build:
	@$(PACKAGES) build
	cmake --preset release
	cmake --build --preset release --target credo_cli golden_check matrix_tables

quick: build
	build/credo suite quick --out runs/quick

test:
	@$(PACKAGES) build check
	$(MAKE) --no-print-directory format-check
	cmake --workflow --preset clang
	cmake --workflow --preset release

sanitize: asan ubsan tsan

asan ubsan:
	@$(PACKAGES) build sanitize
	cmake --workflow --preset $@

tsan:
	@$(PACKAGES) build tsan
	cmake/build_tsan_tbb.sh build-tsan-tbb
	cmake --workflow --preset tsan

# CLANG=ON compiles with clang instead of g++.
arm64: build
	@$(PACKAGES) arm64
	cmake --preset arm64 $(if $(CLANG),-B build-arm64-clang -D CREDO_ARM_CLANG=ON)
	cmake --build build-arm64$(if $(CLANG),-clang) --target credo_cli golden_check test_learners test_conformance
	tests/arm64/check.sh build-arm64$(if $(CLANG),-clang) build/credo

# All sources, or `make tidy SINCE=main` for those changed since a commit.
tidy:
	@$(PACKAGES) build tidy
	cmake --preset clang -B build-tidy -D CREDO_UNITY=OFF >/dev/null
	cmake --build build-tidy --target credo_commit
	$(if $(SINCE),git diff --name-only --diff-filter=d $(SINCE) -- '*.cpp',git ls-files '*.cpp') | \
	  grep -v '^tests/consumer/' | \
	  xargs --no-run-if-empty -n1 -P$$(nproc) clang-tidy-14 --quiet -p build-tidy

format:
	@$(PACKAGES) check
	@clang-format-14 -i $(SOURCES)

format-check:
	@$(PACKAGES) check
	@clang-format-14 --dry-run -Werror $(SOURCES)

coverage:
	@$(PACKAGES) build coverage
	cmake --workflow --preset coverage
	gcovr --root . --filter envs/ --filter learners/ --filter suite/ \
	  --html-details build-coverage/coverage.html --print-summary build-coverage

bench:
	@$(PACKAGES) build bench
	cmake --preset release
	cmake --build --preset release --target bench_kernels
	build/bench_kernels

clean:
	rm -rf build build-*
