/* SPDX-License-Identifier: Apache-2.0 */
/* cli/builtin.S: the reference pipeline and the lakehouse's tables, kept in the binary so that they run with no file beside it. */
    .section .rodata
    .global tl_builtin_pipeline_start
    .global tl_builtin_pipeline_end
    .global tl_builtin_lakehouse_start
    .global tl_builtin_lakehouse_end
    .hidden tl_builtin_pipeline_start
    .hidden tl_builtin_pipeline_end
    .hidden tl_builtin_lakehouse_start
    .hidden tl_builtin_lakehouse_end
tl_builtin_pipeline_start:
    .incbin TL_BUILTIN_PIPELINE
tl_builtin_pipeline_end:
    .byte 0
tl_builtin_lakehouse_start:
    .incbin TL_BUILTIN_LAKEHOUSE
tl_builtin_lakehouse_end:
    .byte 0
    .section .note.GNU-stack,"",@progbits
