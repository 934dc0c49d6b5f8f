/* SPDX-License-Identifier: Apache-2.0 */
/* cli/builtin.S: the reference pipeline, kept in the binary so that it runs with no file beside it. */
    .section .rodata
    .global tl_builtin_pipeline_start
    .global tl_builtin_pipeline_end
    .hidden tl_builtin_pipeline_start
    .hidden tl_builtin_pipeline_end
tl_builtin_pipeline_start:
    .incbin TL_BUILTIN_PIPELINE
tl_builtin_pipeline_end:
    .byte 0
    .section .note.GNU-stack,"",@progbits
