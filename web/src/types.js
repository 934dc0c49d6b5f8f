// SPDX-License-Identifier: Apache-2.0
// What the server says, as types. The C side is src/web/{plan_json,status,event}.c.

/**
 * @typedef {{name: string, type: string, role: "key" | "aggregate" | "window_start" | "window_end" | "expression"}} ColumnPlan
 * @typedef {{name: string, event: string, windowed: boolean, emit: "FINAL" | "CHANGES" | "SNAPSHOT", window_ms: number,
 *            step_ms: number, of: string | null, of_time: "window_start" | "window_end" | null, columns: ColumnPlan[], keys: string[], table: string | null, late: string | null}} ViewPlan
 * @typedef {{name: string, view: string, type: string, x: string, y: string, series: string | null}} ChartPlan
 * @typedef {{pipeline: string, version: string, profile: string | null, synthetic: boolean,
 *            aws_endpoint: string | null, commit_every_ms: number,
 *            sources: {name: string, stream: string, delay_ms: number, malformed: string | null}[],
 *            views: ViewPlan[], charts: ChartPlan[], tapes: TapePlan[]}} Plan
 * @typedef {{name: string, source: string, event: string, key: string, price: string, volume: string | null}} TapePlan
 *   the ticks of a source as candles
 * @typedef {[start: number, open: number, high: number, low: number, close: number, volume: number, ticks: number]} Candle
 * @typedef {{missed: boolean, candles: {key: string, interval: number, candle: Candle}[]}} TapeEvent
 *
 * @typedef {string | number | boolean | null} Cell
 * @typedef {Record<string, Cell> & {final: boolean}} Row
 * @typedef {{version: number, snapshot?: boolean, truncated?: boolean, rows: Row[]}} RowsEvent
 *
 * @typedef {{received: number, aggregated: number, late: number, malformed: number, duplicate: number,
 *            filtered: number, windows: number, gaps?: number}} Ledger gaps: times that retention deleted records before they were read
 * @typedef {{id: string, idle: boolean, finished: boolean, watermark: number | null, records: number,
 *            millis_behind: number, records_behind: number | null, records_behind_estimated: boolean}} Shard
 * @typedef {{now: number, uptime_ms: number, ledger: Ledger, rates: {input: number, processing: number},
 *            epoch: {number: number, duration_ms: number, oldest_ms: number | null, phases: Phases, last_commit: number | null,
 *                    rows_committed: number, files_committed: number},
 *            state: {rows: number, bytes: number, limit_bytes: number}, watermark: number | null, lag_ms: number | null,
 *            max_event_time: number | null, last_record: number | null, restored: boolean, waiting: string,
 *            shard_count: number, shards: Shard[], alerts?: Alert[], feed: Record<string, Cell> | null,
 *            latency?: Record<string, Figures>}} Stats
 * @typedef {{shard: string, sequence_number: string, partition_key: string, arrival: number, size: number, data: string | null,
 *            base64?: string}} StreamRecord data null: not text
 * @typedef {{records: StreamRecord[], next: string | null, at_tip: boolean, now: number}} RecordsPage
 * @typedef {{id: string, open: boolean, parents: string[], starting_hash: string, ending_hash: string}} StreamShard
 * @typedef {{name: string, files: number, bytes: number}} LakePartition
 * @typedef {{name: string, path: string, synthetic: boolean, columns: {name: string, type: string}[], partition_by: string[], partitions: number,
 *            files: number, bytes: number, newest: number | null, list: LakePartition[],
 *            format: "parquet" | "delta", compact_every_ms: number,
 *            compaction: {small: number, files: number, partitions: number, merged: number, waiting: number, last: number | null}}} LakeTable
 *   compaction: small files that may be merged; files that would be now, into how many; what earlier ones left
 * @typedef {{window_start: number, window_end: number, record_count: number, complete: boolean, row: Record<string, Cell> | null, file: string | null, file_note: string | null,
 *            file_bytes: number | null, of: string | null, row_count: number, rows: {row: Row, records: number}[],
 *            shards: {id: string, records: number, first: string, last: string}[], records: StreamRecord[]}} Origin of a view over a view: the view that it reads, its rows,
 *   and of how many records (or rows) each was made
 * @typedef {{count: number, p50_ms: number, p95_ms: number, p99_ms: number}} Figures of the last minute
 * @typedef {{drain_ms: number, close_ms: number, write_ms: number, sync_ms: number, commit_ms: number}} Phases of an epoch
 * @typedef {{number: number, at: number, duration_ms: number, oldest_ms: number | null, phases: Phases, rows: number, files: number}} Epoch
 *   oldest_ms: from the arrival of its first record until it was committed
 * @typedef {{name: string, kind: "value" | "stale" | "lag" | "watermark", view: string | null, column: string | null, key: string | null,
 *            below: boolean, limit: number, firing?: boolean, since?: number | null, value?: number | null}} Alert limit: else than of values in seconds
 * @typedef {{cause: string, shard: string | null, text: string, fix: string | null}} Cause why a view gives no rows
 * @typedef {{name: string, aggregated?: number, late?: number, filtered?: number, open_groups?: number, rows?: number,
 *            next_window_end?: number | null, why: Cause[]}} ViewReport
 * @typedef {{state: string, error?: string, views?: ViewReport[]}} Report what tapeline status --json prints, in part
 */

export {};
