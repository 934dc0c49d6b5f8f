# SPDX-License-Identifier: Apache-2.0
# tapeline: make run | test | build | bench | crash-matrix | conformance | clean | install. Each does its own set-up.
SHELL := /bin/bash
BUILD := build

.PHONY: run test build bench crash-matrix conformance clean install setup

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

bench: build
	@bench/run

crash-matrix: build
	@scripts/setup test && cmake --build $(BUILD) --target test_tools && /usr/bin/python3 tests/crash/crash_matrix.py

conformance: build
	@tests/conformance/run

install: build
	@cmake --install $(BUILD)

clean:
	rm -rf build build-*
