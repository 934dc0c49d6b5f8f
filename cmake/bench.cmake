# SPDX-License-Identifier: Apache-2.0
# Programs of bench/, built on request (make bench).
file(GLOB bench_sources CONFIGURE_DEPENDS bench/*.c)
add_custom_target(bench_programs)
foreach(source ${bench_sources})
  get_filename_component(noun ${source} NAME_WE)
  add_executable(bench_${noun} EXCLUDE_FROM_ALL ${source})
  target_link_libraries(bench_${noun} PRIVATE tl_flags tl_kinesis duckdb m)
  add_dependencies(bench_programs bench_${noun})
endforeach()
