// SPDX-License-Identifier: Apache-2.0
// web/src/rows.js against a naive model: whatever the order and the repeats, the picture is that of a plain map.

import assert from "node:assert/strict";
import { test } from "node:test";
import { POINTS_MAX, SERIES_MAX, ViewRows } from "../../web/src/rows.js";
import { plan, row } from "./mock.mjs";

const windowed = plan.views[1];

function random(seed) {
    let state = seed >>> 0 || 1;
    return (below) => {
        state ^= state << 13; state >>>= 0;
        state ^= state >>> 17;
        state ^= state << 5; state >>>= 0;
        return state % below;
    };
}

test("any mix of history, repeats and live rows ends in the same picture", () => {
    const seed = Number(process.env.TL_SEED ?? Date.now() % 1e9);
    console.log(`TL_SEED=${seed}`);
    const next = random(seed);
    for (let round = 0; round < 200; round++) {
        const rows = new ViewRows(windowed);
        const model = new Map();
        for (let i = 0; i < 100; i++) {
            const ticker = "ABC"[next(3)];
            const minutes = next(30);
            const final = next(2) === 1;
            const known = model.get(ticker + minutes);
            // A closed window has one value for ever; an open one any.
            const fresh = row(ticker, minutes, final ? minutes : next(1000) / 7, final);
            if (!(known?.final && !final)) model.set(ticker + minutes, fresh);
            rows.upsert([fresh], 0);
        }
        for (const [key, series] of rows.series) {
            const expected = [...model.values()].filter((r) => r.ticker === key).sort((a, b) => a.window_end - b.window_end);
            assert.deepEqual(series.points.map((point) => point.row), expected);
        }
        assert.equal([...rows.series.values()].reduce((sum, s) => sum + s.points.length, 0), model.size);
    }
});

test("what changes behind the newest points is told as a rewrite, what is added is not", () => {
    const rows = new ViewRows(windowed);
    for (let i = 0; i < 10; i++) rows.upsert([row("A", i, 1, true)], 0);
    const series = rows.series.get("A");
    assert.equal(series.rewrites, 0);
    rows.upsert([row("A", 10, 1, false), row("A", 11, 1, false), row("A", 10, 2, true)], 0);
    assert.equal(series.rewrites, 0);
    rows.upsert([row("A", -5, 1, true)], 0);
    assert.equal(series.rewrites, 1);
});

test("points and series are bounded", () => {
    const rows = new ViewRows(windowed);
    for (let i = 0; i < POINTS_MAX + 1000; i++) rows.upsert([row("A", i, 1, true)], 0);
    const { points } = rows.series.get("A");
    assert.ok(points.length <= POINTS_MAX + 200);
    assert.equal(points.at(-1).x, row("A", POINTS_MAX + 999, 1, true).window_end);
    for (let i = 0; i < SERIES_MAX + 100; i++) rows.upsert([row(`T${i}`, 1, 1, true)], 0);
    assert.equal(rows.series.size, SERIES_MAX);
    assert.equal(rows.overflow, true);
});
