# SPDX-License-Identifier: Apache-2.0
# tapeline: make run | test | build | property | bench | soak | screenshots | crash-matrix | conformance | clean | install. Each does its own set-up.
SHELL := /bin/bash
BUILD := build

.PHONY: run test build property bench soak screenshots crash-matrix conformance clean install setup

run: build
	$(BUILD)/tapeline up

build: setup
	@test -f $(BUILD)/build.ninja || cmake --preset release >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	@cmake --build $(BUILD) --target tapeline

setup:
	@scripts/setup build

test:
	@scripts/test

# More random pipelines and streams than make test has: make property [CASES=5000]; and expressions against DuckDB.
property: build
	@cmake --build $(BUILD) --target unit_sql_expressions
	@TL_CASES=$(or $(CASES),2500) /usr/bin/python3 tests/run.py tests/property/test_model.py
	@TL_EXPRESSIONS=$(or $(EXPRESSIONS),100000) $(BUILD)/unit_sql_expressions

bench: build
	@bench/run

# Each call that changes a disk, then each request to a bucket, and a minute in which it answers nothing.
crash-matrix: build
	@scripts/setup test && cmake --build $(BUILD) --target test_tools && /usr/bin/python3 tests/crash/crash_matrix.py
	@TL_FULL=1 TAPELINE=$(CURDIR)/$(BUILD)/tapeline /usr/bin/python3 tests/run.py -j 1 tests/crash/test_s3_kill.py

# An hour of the dashboard's updates in a minute or two: the heap stays flat.
soak: build
	@scripts/setup test
	cd tests/browser && TL_SOAK=1 node --test --test-name-pattern='soak' states.test.mjs

# Each view of a running tapeline (URL=http://127.0.0.1:8080), in both themes, at 360, 1280 and 2560 pixels, into build/screenshots.
screenshots: build
	@scripts/setup test
	node tests/browser/screenshot.mjs --all $(or $(URL),http://127.0.0.1:8080) $(BUILD)/screenshots

conformance: build
	@tests/conformance/run

install: build
	@cmake --install $(BUILD)

clean:
	rm -rf build build-*
