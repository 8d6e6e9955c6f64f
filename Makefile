# The two commands of the README are `make solve` and `make test`; both install what is missing, build, and do their job.
# Everything is built under build/: presets in build/<preset>/, dependencies in build/deps/.
PRESET ?= release
Q ?= Let q = 12 - 7. What is the remainder when 173962 is divided by q*319?
BIN := build/$(PRESET)/bin/mathcoder
export CTEST_OUTPUT_ON_FAILURE := 1
# Handed on through the environment, so that neither make nor the shell reads its dollars, quotes and backticks.
export MATHCODER_Q := $(value Q)

.PHONY: solve test build trainer setup jail install bench format lint clean
.DEFAULT_GOAL := build

solve: build jail        ## solve Q="..." with the default model
	@$(BIN) solve -- "$$MATHCODER_Q"

test:                    ## unit tests (plain, ASan+UBSan, TSan), then the slow and the model tests
	@scripts/run-tests

build: setup             ## the program, in build/$(PRESET)/bin
	@scripts/build $(PRESET)

trainer: build           ## the trainer, with libtorch and MPI: build/$(PRESET)/bin/mathcoder-train, run by `mathcoder train`
	@scripts/setup train
	@scripts/make-libtorch >/dev/null
	@scripts/build $(PRESET)

jail: setup              ## the Python of the jail, in build/deps/python
	@scripts/make-jail-python current

setup:
	@scripts/setup

PREFIX ?= /usr/local
install: build           ## into PREFIX (default /usr/local), with the jail's Python
	@cmake --install build/$(PRESET) --prefix $(PREFIX) >/dev/null
	@MATHCODER_DEPS=$(PREFIX)/lib/mathcoder scripts/make-jail-python current

bench: build jail        ## the benchmarks of docs/benchmarks.md, side by side with their peers
	@bench/run_all

format:                  ## clang-format over our sources
	@git ls-files '*.cc' '*.h' '*.c' | xargs clang-format -i

lint: build              ## clang-tidy over our sources
	@git ls-files 'src/*.cc' | xargs clang-tidy -p build/$(PRESET) --quiet

clean:                   ## removes builds, keeps dependencies
	@find build -mindepth 1 -maxdepth 1 ! -name deps -exec rm -rf {} +
