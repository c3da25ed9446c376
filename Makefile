# The short way in; everything behind it is plain CMake (CMakePresets.json). Debian 12, root or sudo.
#   make quick     build, run the quick suite (it resumes when interrupted), print its table
#   make test      build with g++ and clang, run every test, check the formatting
#   make sanitize  the tests under AddressSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer
#   make python    the Python package, in build/python (docs/python.md); make wheel: as a wheel
#   make docs      the documentation as a searchable site with the C++ API, in build-docs/site
#   make fuzz      readers of files under libFuzzer, T seconds each (60)
#   make package   .deb and .tar.gz in build/packages; make package-check: in a clean Debian
#   make arm64     cross-compiles for 64-bit ARM and checks its bits under qemu
# Also: build, asan, ubsan, tsan, python-asan, tidy, format, format-check, coverage, bench, clean.
SHELL := /bin/bash
SOURCES = $(shell find envs learners suite python tests -name '*.cpp' -o -name '*.hpp')
PACKAGES = cmake/install_packages.sh
PYTHON ?= /usr/bin/python3
WITH_PYTHON = -D CREDO_PYTHON=ON -D Python3_EXECUTABLE=$(PYTHON)

.PHONY: build quick python wheel test sanitize python-asan asan ubsan tsan package package-check docs fuzz arm64 tidy format format-check coverage bench clean

build:
	@$(PACKAGES) build
	cmake --preset release
	cmake --build --preset release --target credo_cli golden_check matrix_tables

quick: build
	build/credo suite quick --out runs/quick

python:
	@$(PACKAGES) build python
	cmake --preset release $(WITH_PYTHON)
	cmake --build --preset release --target credo_cli credo_python

wheel: python
	cmake --build --preset release --target credo_wheel

test:
	@$(PACKAGES) build check python
	$(MAKE) --no-print-directory format-check
	cmake --workflow --preset clang
	cmake --preset release $(WITH_PYTHON)
	cmake --workflow --preset release

sanitize: asan ubsan tsan python-asan

# The interpreter is not instrumented, so the sanitizer's library comes before it, and what the
# interpreter never frees is not a leak.
python-asan:
	@$(PACKAGES) build sanitize python
	cmake --preset python-asan $(WITH_PYTHON)
	cmake --build --preset python-asan --target credo_cli credo_python credo_trace
	CREDO_BUILD=build-python-asan ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so)" \
	  $(PYTHON) -B -m pytest -q -p no:cacheprovider python/tests

asan ubsan:
	@$(PACKAGES) build sanitize
	cmake --workflow --preset $@

tsan:
	@$(PACKAGES) build tsan
	cmake/build_tsan_tbb.sh build-tsan-tbb
	cmake --workflow --preset tsan

package: build
	@$(PACKAGES) package
	rm -rf build/packages
	cpack --config build/CPackConfig.cmake

package-check: package
	@$(PACKAGES) package-check
	tests/packages/chroot.sh build/packages

docs:
	@$(PACKAGES) docs
	docs/site/build_site.py build-docs

T ?= 60
fuzz:
	@$(PACKAGES) build sanitize
	cmake --preset fuzz
	cmake --build --preset fuzz
	tests/fuzz/run.sh build-fuzz $(T) $(TARGETS)

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
