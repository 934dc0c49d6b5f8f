# SPDX-License-Identifier: Apache-2.0
# Programs that the tests of tests/integration call besides tapeline, built on request.
add_custom_target(test_tools)
add_executable(sigv4_signer EXCLUDE_FROM_ALL tests/support/sigv4_signer.c)
target_link_libraries(sigv4_signer PRIVATE tl_net)
add_dependencies(test_tools sigv4_signer)

# For LD_PRELOAD: sees, counts and fails the system calls that change the disk (tests/support/disk_shim.h).
add_library(disk_shim MODULE EXCLUDE_FROM_ALL tests/support/disk_shim.c tests/support/disk_shim_calls.c tests/support/disk_shim_clock.c)
target_link_libraries(disk_shim PRIVATE tl_flags ${CMAKE_DL_LIBS})
set_target_properties(disk_shim PROPERTIES PREFIX "")
add_dependencies(test_tools disk_shim)
