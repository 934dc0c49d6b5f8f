# SPDX-License-Identifier: Apache-2.0
# Programs that the tests of tests/integration and tests/crash call besides tapeline, built on request.
add_custom_target(test_tools)
function(tl_test_tool name layer)
  add_executable(${name} EXCLUDE_FROM_ALL tests/support/${name}.c)
  target_link_libraries(${name} PRIVATE tl_${layer})
  set_target_properties(${name} PROPERTIES BUILD_RPATH "${TAPELINE_DEPS}/duckdb")
  add_dependencies(test_tools ${name})
endfunction()
tl_test_tool(sigv4_signer net)
tl_test_tool(store_tool lake)

# For LD_PRELOAD: sees, counts and fails the system calls that change the disk (tests/support/disk_shim.h).
add_library(disk_shim MODULE EXCLUDE_FROM_ALL tests/support/disk_shim.c tests/support/disk_shim_calls.c tests/support/disk_shim_clock.c)
target_link_libraries(disk_shim PRIVATE tl_flags ${CMAKE_DL_LIBS})
set_target_properties(disk_shim PROPERTIES PREFIX "")
add_dependencies(test_tools disk_shim)
