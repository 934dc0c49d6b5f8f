# SPDX-License-Identifier: Apache-2.0
# libFuzzer programs: cmake --preset fuzz && cmake --build build-fuzz --target fuzz_programs, then build-fuzz/fuzz_pipeline CORPUS.
if(TAPELINE_FUZZ)
  add_custom_target(fuzz_programs)
  foreach(pair pipeline:sql json:codec)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 noun)
    list(GET pair 1 layer)
    add_executable(fuzz_${noun} EXCLUDE_FROM_ALL tests/fuzz/fuzz_${noun}.c)
    target_link_libraries(fuzz_${noun} PRIVATE tl_${layer})
    target_link_options(fuzz_${noun} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzz_programs fuzz_${noun})
  endforeach()
endif()
