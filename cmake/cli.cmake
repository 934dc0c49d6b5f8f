# SPDX-License-Identifier: Apache-2.0
# The reference pipeline goes into the binary.
set_source_files_properties(src/cli/builtin.S PROPERTIES
  COMPILE_DEFINITIONS "TL_BUILTIN_PIPELINE=\"${CMAKE_SOURCE_DIR}/pipelines/stock_stream.sql\""
  OBJECT_DEPENDS ${CMAKE_SOURCE_DIR}/pipelines/stock_stream.sql)
