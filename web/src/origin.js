// SPDX-License-Identifier: Apache-2.0
// Where a point comes from: the records of the stream that made its window, from which shards and sequence numbers, the value
// computed anew from them, and the file of the lake that holds the row. Of a view over a view: the rows of that one, computed anew too, each
// with a way on.

import { el } from "./dom.js";
import { bytes, clockWithZone, count, instant } from "./format.js";
import { csvOf, download } from "./menu.js";
import { recordsTable } from "./records_table.js";
import { getJson } from "./stream.js";

/** @typedef {import("./types.js").Row} Row */
/** @typedef {import("./types.js").Origin} Origin */

/** @type {HTMLDialogElement | null} */
let dialog = null;

/**
 * @param {import("./store.js").Store} store
 * @param {import("./types.js").ViewPlan} view
 * @param {Row} row
 * @param {string} y the column that was pointed at
 */
export function showOrigin(store, view, row, y) {
    dialog?.remove();
    const body = el("div", { class: "origin-body" }, el("p", { class: "loading" }, "Reading the stream…"));
    const made = el("dialog", { class: "dialog origin", "aria-labelledby": "origin-title" },
        el("div", { class: "panel-head" }, el("h2", { id: "origin-title" }, `${view.keys.map((key) => row[key]).join(" · ")}: where ${y} comes from`),
            el("form", { method: "dialog" }, el("button", { class: "button" }, "Close"))),
        body);
    dialog = made;
    document.body.append(made);
    made.addEventListener("close", () => made.remove());
    made.showModal();
    void fill(store, view, row, y, body);
}

/** The bounds of a row's window. @param {import("./types.js").ViewPlan} view @param {Row} row */
function boundsOf(view, row) {
    /** @param {string} role */
    const of = (role) => row[view.columns.find((column) => column.role === role)?.name ?? ""];
    const start = of("window_start");
    const end = of("window_end");
    return { start: typeof start === "number" ? start : Number(end) - view.window_ms, end: typeof end === "number" ? end : Number(start) + view.window_ms };
}

/**
 * Rows of the view that another one reads, each with a way on to where it comes from.
 * @param {import("./store.js").Store} store
 * @param {import("./types.js").ViewPlan} of
 * @param {{row: Row, records: number | null}[]} rows records: that each was made of; null: not known
 */
function rowsTable(store, of, rows) {
    const { columns } = of;
    const { zone } = store;
    const y = columns.find(({ role, type }) => role === "aggregate" && type === "DOUBLE")?.name ?? columns[0]?.name ?? "";
    /** @param {Row} row @param {import("./types.js").ColumnPlan} column */
    const cell = (row, column) => el("td", {}, column.type === "TIMESTAMP" && typeof row[column.name] === "number" ? clockWithZone(Number(row[column.name]), zone) : text(row[column.name]));
    const unit = of.of === null ? "Records" : "Rows";
    return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Rows of ${of.name}` },
        el("table", {}, el("thead", {}, el("tr", {}, ...columns.map((column) => el("th", { scope: "col" }, column.name)), el("th", { scope: "col", class: "number" }, unit), el("th", { scope: "col" }, "Where from"))),
            el("tbody", {}, ...rows.map(({ row, records }) => el("tr", {}, ...columns.map((column) => cell(row, column)), el("td", { class: "number" }, records === null ? "–" : count(records)),
                el("td", {}, el("button", { type: "button", class: "button is-small", onclick: () => showOrigin(store, of, row, y) }, of.of === null ? "Its records" : "Its rows")))))));
}

/** A row as this page has it; what the server computed has not gone over the live stream. @param {import("./store.js").Store} store @param {import("./types.js").ViewPlan} view @param {Row} row */
function asShown(store, view, row) {
    const { start, end } = boundsOf(view, row);
    for (const { points } of store.rowsOf(view.name).series.values()) {
        for (const point of points) {
            const bounds = boundsOf(view, point.row);
            if (bounds.start === start && bounds.end === end && view.keys.every((key) => point.row[key] === row[key])) return point.row;
        }
    }
    return { ...row, final: true };
}

/** @param {import("./types.js").ViewPlan} view @param {Row} row */
function path(view, row) {
    const params = new URLSearchParams({ view: view.name });
    for (const column of view.columns) {
        if (column.role === "window_start" || column.role === "window_end") params.set(column.role, String(row[column.name]));
    }
    view.keys.forEach((key, i) => params.set(i === 0 ? "key" : `key${i + 1}`, row[key] === null || row[key] === undefined ? "" : String(row[key])));
    return `/api/origin?${params}`;
}

/**
 * @param {import("./store.js").Store} store
 * @param {import("./types.js").ViewPlan} view
 * @param {Row} row
 * @param {string} y
 * @param {HTMLElement} body
 */
async function fill(store, view, row, y, body) {
    const url = path(view, row);
    try {
        /** @type {Origin} */
        const origin = await getJson(url);
        body.replaceChildren(...facts(store, view, row, y, origin, url));
    } catch (error) {
        body.replaceChildren(el("p", { class: "empty", role: "alert" }, `This cannot be told: ${error instanceof Error ? error.message : error}`), ...(view.of === null ? [] : rowsHere(store, view, row)));
    }
}

/**
 * The rows of the other view that are the records of this one, as far as this page has them: where the server does not compute them.
 * @param {import("./store.js").Store} store
 * @param {import("./types.js").ViewPlan} view
 * @param {Row} row
 */
function rowsHere(store, view, row) {
    const upper = store.rowsOf(view.of ?? "");
    const { start, end } = boundsOf(view, row);
    const keys = view.keys.filter((key) => upper.plan.columns.some(({ name }) => name === key));
    const found = [...upper.series.values()].flatMap(({ points }) => points.map((point) => point.row)).filter((one) => {
        const bounds = boundsOf(upper.plan, one);
        const at = view.of_time === "window_start" ? bounds.start : bounds.end;
        return at >= start && at < end && keys.every((key) => one[key] === row[key]);
    });
    return [el("h3", {}, `Rows of ${upper.plan.name} with ${view.of_time} in the window${keys.length > 0 ? ` and the same ${keys.join(", ")}` : ""}`),
        found.length > 0 ? rowsTable(store, upper.plan, found.map((one) => ({ row: one, records: null })))
            : el("p", { class: "empty" }, `This page has none of them any more; ${upper.plan.table ? `SELECT * FROM ${upper.plan.table} has them.` : "no sink keeps them."}`)];
}

/** @param {string} term @param {...import("./dom.js").Child} what */
const fact = (term, ...what) => el("div", {}, el("dt", {}, term), el("dd", {}, ...what));

/**
 * @param {import("./store.js").Store} store
 * @param {import("./types.js").ViewPlan} view
 * @param {Row} row
 * @param {string} y
 * @param {Origin} origin
 * @param {string} url
 */
function facts(store, view, row, y, origin, url) {
    const { zone } = store;
    const again = origin.row?.[y];
    const same = again === row[y];
    const verdict = !row.final ? "The window is open: its value moves with each record."
        : same ? "Equal to the value on the chart, to the last bit."
            : origin.complete ? `Differs from the value on the chart (${row[y]}).` : "Cannot be compared: there are more records than are read for this.";
    const of = origin.of === null ? null : store.rowsOf(origin.of).plan;
    const columns = view.columns.filter(({ role }) => role === "aggregate" || role === "expression");
    return [
        el("dl", { class: "facts" },
            fact("window", `${clockWithZone(origin.window_start, zone)} to ${clockWithZone(origin.window_end, zone)}`, row.final ? ", closed" : ", open"),
            of && fact("rows", `${count(origin.row_count)} of ${of.name}`),
            fact(of && of.of !== null ? "its rows" : "records", `${count(origin.record_count)}${origin.complete ? "" : ": not all of them are in the stream any more, or there are more than are read here"}`),
            fact("file", origin.file ? el("code", {}, origin.file) : origin.file_note ?? (row.final ? "not found in the lake" : "none yet: it is written when the window closes"),
                origin.file_bytes ? ` (${bytes(origin.file_bytes)})` : "")),
        el("h3", {}, `Computed anew from the ${of ? "stream's records, by way of the rows" : "records"} below`),
        el("div", { class: "scroll plain" }, el("table", { class: "again" }, el("thead", {}, el("tr", {}, ...["Column", "From the records", "On the chart"].map((head) => el("th", { scope: "col" }, head)))),
            el("tbody", {}, ...columns.map(({ name }) => el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, text(origin.row?.[name])), el("td", {}, text(row[name]))))))),
        el("p", { class: `verdict${same || !row.final ? "" : " is-bad"}` }, verdict),
        ...(of ? [el("h3", {}, origin.rows.length < origin.row_count ? `The first ${count(origin.rows.length)} rows of ${of.name}` : `The rows of ${of.name} in the window`),
            rowsTable(store, of, origin.rows.map(({ row: one, records }) => ({ row: asShown(store, of, one), records })))] : recordParts(origin, zone)),
        el("p", { class: "sub" }, "As JSON: ", el("code", {}, `curl '${location.origin}${url}'`), ` · read at ${instant(Date.now(), zone)}`),
    ];
}

/** The records themselves, by shard. @param {Origin} origin @param {import("./format.js").Zone} zone */
function recordParts(origin, zone) {
    return [
        el("h3", {}, "Shards and sequence numbers"),
        el("div", { class: "scroll plain" }, el("table", {}, el("thead", {}, el("tr", {}, ...["Shard", "Records", "First", "Last"].map((head) => el("th", { scope: "col" }, head)))),
            el("tbody", {}, ...origin.shards.map((shard) => el("tr", {}, el("th", { scope: "row" }, shard.id), el("td", {}, count(shard.records)),
                el("td", { class: "sequence" }, shard.first), el("td", { class: "sequence" }, shard.last)))))),
        el("div", { class: "panel-head" }, el("h3", {}, origin.records.length < origin.record_count ? `The first ${count(origin.records.length)} records` : "The records, as they came"),
            el("button", { type: "button", class: "button", onclick: () => download("records.csv", csvOf([["shard", "sequence_number", "arrival", "partition_key", "data"],
                ...origin.records.map((record) => [record.shard, record.sequence_number, new Date(record.arrival).toISOString(), record.partition_key, record.data ?? record.base64])])) }, "CSV")),
        el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Records" }, recordsTable(origin.records, zone)),
    ];
}

/** @param {import("./types.js").Cell | undefined} value */
const text = (value) => (value === null || value === undefined ? "NULL" : String(value));
