// SPDX-License-Identifier: Apache-2.0
// The rows of one view, upserted: the newest state of each key, and for windowed views the points of each series.
//
// Rows may come twice and out of order (history, a reconnect, the live stream): a final row is never replaced by a
// provisional one, and all else is last-come. So any mix of the three ends in the same picture.

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").ViewPlan} ViewPlan */

export const POINTS_MAX = 2000; // a series; the server's history has the same bound
export const SERIES_MAX = 500;

/**
 * @typedef {{x: number, row: Row, final: boolean}} Point
 * @typedef {{key: string, label: string, points: Point[], rewrites: number, changes: number}} Series
 *   rewrites counts changes other than to the newest points: a drawing then starts over.
 * @typedef {{key: string, row: Row, before: Row | null, at: number}} Latest
 */

export class ViewRows {
    /** @param {ViewPlan} plan */
    constructor(plan) {
        this.plan = plan;
        this.xName = plan.columns.find((column) => column.role === "window_end")?.name ?? "";
        /** @type {Map<string, Series>} */
        this.series = new Map();
        /** @type {Map<string, Latest>} */
        this.latest = new Map();
        this.overflow = false; // more keys came than are kept
        this.snapshots = 0;
    }

    clear() {
        this.series.clear();
        this.latest.clear();
        this.overflow = false;
        this.snapshots++;
    }

    /** @param {Row} row */
    keyOf(row) {
        const values = this.plan.keys.map((key) => row[key]);
        // NULL is a key of its own, and not that of the text "null".
        return values.length === 1 && (values[0] ?? null) !== null ? String(values[0]) : JSON.stringify(values);
    }

    /** The key as text, as the server's alerts know it; "" of a view without one. @param {Row} row */
    keyText(row) {
        return this.plan.keys.map((name) => String(row[name] ?? "NULL")).join(" · ");
    }

    /**
     * @param {Row[]} rows
     * @param {number} now
     */
    upsert(rows, now) {
        for (const row of rows) {
            if (this.plan.windowed) this.#upsertPoint(row);
            else this.#upsertLatest(row, now);
        }
    }

    /**
     * @param {Row} row
     * @param {number} now
     */
    #upsertLatest(row, now) {
        const key = this.keyOf(row);
        const known = this.latest.get(key);
        if (!known && this.latest.size >= SERIES_MAX * 10) {
            this.overflow = true;
            return;
        }
        this.latest.set(key, { key, row, before: known?.row ?? null, at: now });
    }

    /** @param {Row} row */
    #upsertPoint(row) {
        const x = row[this.xName];
        if (typeof x !== "number") return;
        const series = this.#seriesOf(row);
        if (!series) return;
        const points = series.points;
        const at = lowerBound(points, x);
        const known = points[at];
        if (known && known.x === x) {
            if (known.final && !row.final) return;
            const wasFinal = known.final;
            points[at] = { x, row, final: row.final };
            if (wasFinal || (row.final && points[at + 1]?.final)) series.rewrites++;
        } else {
            points.splice(at, 0, { x, row, final: row.final });
            if (points[at + 1]?.final) series.rewrites++;
        }
        series.changes++;
        // In steps, so that the drawing starts over every 200 points and not at each.
        if (points.length > POINTS_MAX + 200) {
            points.splice(0, points.length - POINTS_MAX);
            series.rewrites++;
        }
    }

    /** @param {Row} row */
    #seriesOf(row) {
        const key = this.keyOf(row);
        let series = this.series.get(key);
        if (!series) {
            if (this.series.size >= SERIES_MAX) {
                this.overflow = true;
                return null;
            }
            series = { key, label: this.keyText(row) || "all", points: [],
                rewrites: 0, changes: 0 };
            this.series.set(key, series);
        }
        return series;
    }
}

/**
 * The first index whose x is not below the given one.
 * @param {Point[]} points
 * @param {number} x
 */
function lowerBound(points, x) {
    let low = 0;
    let high = points.length;
    // New points nearly always belong at the end.
    const last = points[high - 1];
    if (!last || last.x < x) return high;
    while (low < high) {
        const middle = (low + high) >> 1;
        if (/** @type {Point} */ (points[middle]).x < x) low = middle + 1;
        else high = middle;
    }
    return low;
}
