// SPDX-License-Identifier: Apache-2.0
// What the server says, as types. The C side is src/web/{plan_json,status,event}.c.

/**
 * @typedef {{name: string, type: string, role: "key" | "aggregate" | "window_start" | "window_end"}} ColumnPlan
 * @typedef {{name: string, event: string, windowed: boolean, emit: "FINAL" | "CHANGES", window_ms: number,
 *            columns: ColumnPlan[], keys: string[], table: string | null}} ViewPlan
 * @typedef {{name: string, view: string, type: string, x: string, y: string, series: string | null}} ChartPlan
 * @typedef {{pipeline: string, version: string, profile: string | null, synthetic: boolean,
 *            aws_endpoint: string | null, commit_every_ms: number,
 *            sources: {name: string, stream: string, delay_ms: number}[],
 *            views: ViewPlan[], charts: ChartPlan[]}} Plan
 *
 * @typedef {string | number | boolean | null} Cell
 * @typedef {Record<string, Cell> & {final: boolean}} Row
 * @typedef {{version: number, snapshot?: boolean, truncated?: boolean, rows: Row[]}} RowsEvent
 *
 * @typedef {{received: number, aggregated: number, late: number, malformed: number, duplicate: number,
 *            filtered: number, windows: number}} Ledger
 * @typedef {{id: string, idle: boolean, finished: boolean, watermark: number | null, records: number,
 *            millis_behind: number}} Shard
 * @typedef {{now: number, uptime_ms: number, ledger: Ledger, rates: {input: number, processing: number},
 *            epoch: {number: number, duration_ms: number, write_ms: number, last_commit: number | null,
 *                    rows_committed: number, files_committed: number},
 *            state: {rows: number, bytes: number}, watermark: number | null, lag_ms: number | null,
 *            max_event_time: number | null, last_record: number | null, restored: boolean, waiting: string,
 *            shard_count: number, shards: Shard[], feed: Record<string, Cell> | null}} Stats
 */

export {};
