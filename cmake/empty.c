/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for a layer that has no source yet. */
extern int tl_nothing;
