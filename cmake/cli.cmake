# SPDX-License-Identifier: Apache-2.0
# The reference pipeline and the lakehouse's tables go into the binary.
set_source_files_properties(src/cli/builtin.S PROPERTIES
  COMPILE_DEFINITIONS "TL_BUILTIN_PIPELINE=\"${CMAKE_SOURCE_DIR}/pipelines/stock_stream.sql\";TL_BUILTIN_LAKEHOUSE=\"${CMAKE_SOURCE_DIR}/pipelines/lakehouse.sql\""
  OBJECT_DEPENDS "${CMAKE_SOURCE_DIR}/pipelines/stock_stream.sql;${CMAKE_SOURCE_DIR}/pipelines/lakehouse.sql")
