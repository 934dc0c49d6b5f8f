# SPDX-License-Identifier: Apache-2.0
# The parts that exported jobs have in common go into the binary.
set(templates ${CMAKE_SOURCE_DIR}/src/sql/templates)
set_source_files_properties(src/sql/templates.S PROPERTIES
  COMPILE_DEFINITIONS "TL_SPARK_JOB=\"${templates}/spark_job.py\";TL_SPARK_README=\"${templates}/spark_readme.md\";TL_FLINK_README=\"${templates}/flink_readme.md\""
  OBJECT_DEPENDS "${templates}/spark_job.py;${templates}/spark_readme.md;${templates}/flink_readme.md")
