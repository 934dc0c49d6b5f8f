# SPDX-License-Identifier: Apache-2.0
# Programs that the tests of tests/integration call besides tapeline, built on request.
add_custom_target(test_tools)
add_executable(sigv4_signer EXCLUDE_FROM_ALL tests/support/sigv4_signer.c)
target_link_libraries(sigv4_signer PRIVATE tl_net)
add_dependencies(test_tools sigv4_signer)
