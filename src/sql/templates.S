/* SPDX-License-Identifier: Apache-2.0 */
/* sql/templates.S: what every exported job has in common, kept in the binary. */
    .section .rodata
    .global tl_template_spark_job_start
    .global tl_template_spark_job_end
    .hidden tl_template_spark_job_start
    .hidden tl_template_spark_job_end
    .global tl_template_spark_readme_start
    .hidden tl_template_spark_readme_start
tl_template_spark_job_start:
    .incbin TL_SPARK_JOB
tl_template_spark_job_end:
    .byte 0
tl_template_spark_readme_start:
    .incbin TL_SPARK_README
    .byte 0
    .global tl_template_flink_readme_start
    .hidden tl_template_flink_readme_start
tl_template_flink_readme_start:
    .incbin TL_FLINK_README
    .byte 0
    .section .note.GNU-stack,"",@progbits
