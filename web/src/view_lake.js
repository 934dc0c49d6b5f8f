// SPDX-License-Identifier: Apache-2.0
// The lake: its tables, what their files come to, and where small ones gather.

import { breakable, el, setText } from "./dom.js";
import { bytes, clockWithZone, count, counted, dayAndMinute, duration, zoneName } from "./format.js";
import { panel } from "./panels.js";
import { getJson } from "./stream.js";

/** @typedef {import("./types.js").LakeTable} LakeTable */
/** @typedef {import("./types.js").LakePartition} LakePartition */

const REFRESH_MS = 10_000;
const FIGURES = ["Partitions", "Files", "Bytes", "Mean file"];
const NEWEST = "Newest file";
const SMALL_FILES = 100; // in one partition: from there on a query pays for opening them
const SMALL_BYTES = 1 << 20;

/** @param {LakeTable} table */
function warning(table) {
    const mean = table.files > 0 ? table.bytes / table.files : 0;
    const per = table.files / Math.max(1, table.partitions);
    if (per < SMALL_FILES || mean > SMALL_BYTES) return null;
    return `${count(Math.round(per))} files a partition of ${bytes(mean)} each: a query opens all of them. Compaction merges them.`;
}

class Lake {
    /** @param {import("./main.js").Page} page */
    constructor({ store, router }) {
        this.store = store;
        this.router = router;
        this.open = "";
        this.askedAt = 0;
        this.asking = false;
        this.body = el("tbody");
        this.note = el("p", { class: "empty" }, "Listing the lake…");
        this.detail = el("div", { class: "lake-detail" });
        this.sum = el("p", { class: "sub inset" }, "\u00a0");
        this.root = el("div", { class: "view lake-view" },
            panel("lake-tables", "Tables", "of the catalog inside the lake; press one for its partitions", this.sum,
                el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "lake-tables-title" },
                    el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Table"), ...FIGURES.map((head) => el("th", { scope: "col", class: "number" }, head)),
                        el("th", { scope: "col" }, NEWEST))), this.body)), this.note),
            this.detail);
        store.subscribe((changed) => {
            if (changed.has("clock") || changed.has("stats")) void this.#refresh();
        });
    }

    /** @param {URLSearchParams} params */
    shown(params) {
        this.open = params.get("table") ?? this.open;
        this.askedAt = 0;
        void this.#refresh();
    }

    /** The connection is there again: the next listing need not wait. */
    back() {
        this.askedAt = 0;
        void this.#refresh();
    }

    async #refresh() {
        if (this.asking || Date.now() - this.askedAt < REFRESH_MS) return;
        this.asking = true;
        try {
            /** @type {{tables: LakeTable[]}} */
            const { tables } = await getJson("/api/tables");
            this.#draw(tables);
        } catch (error) {
            this.note.hidden = false;
            this.note.classList.add("is-error");
            setText(this.note, `The lake cannot be listed: ${error instanceof Error ? error.message : error}`);
        } finally {
            this.asking = false;
            this.askedAt = Date.now();
        }
    }

    /** @param {LakeTable[]} tables */
    #draw(tables) {
        this.note.hidden = tables.length > 0;
        this.note.classList.remove("is-error");
        setText(this.note, "The lake has no table yet: the first comes with the first commit.");
        const { stats } = this.store;
        setText(this.sum, `${count(tables.reduce((sum, table) => sum + table.files, 0))} files, ${bytes(tables.reduce((sum, table) => sum + table.bytes, 0))}`
            + (stats?.epoch.last_commit ? `; last commit ${clockWithZone(stats.epoch.last_commit, this.store.zone)}, ${duration(Math.max(0, this.store.serverNow() - stats.epoch.last_commit))} ago` : `; nothing committed ${stats?.restored ? "since this start" : "yet"}`));
        const focused = document.activeElement?.getAttribute("data-table");
        this.body.replaceChildren(...tables.map((table) => this.#row(table)));
        if (focused) /** @type {HTMLElement | null} */ (this.body.querySelector(`[data-table="${CSS.escape(focused)}"]`))?.focus();
        const opened = tables.find((table) => table.name === this.open) ?? tables.find((table) => this.store.plan.views.some((view) => view.table === table.name)) ?? tables[0];
        if (opened) this.#detail(opened);
    }

    /** @param {LakeTable} table */
    #row(table) {
        const newest = table.newest === null ? "–" : dayAndMinute(table.newest, this.store.zone);
        const figures = [count(table.partitions), count(table.files), bytes(table.bytes), table.files > 0 ? bytes(table.bytes / table.files) : "–"];
        return el("tr", {},
            el("th", { scope: "row" }, el("button", { type: "button", class: "link", "data-table": table.name, "aria-pressed": String(table.name === this.open), onclick: () => {
                this.open = table.name;
                this.router.note("table", table.name);
                for (const button of this.body.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.dataset.table === table.name));
                this.#detail(table);
            } }, ...breakable(table.name)), table.synthetic ? el("span", { class: "badge badge-sample beside" }, "synthetic") : null),
            ...figures.map((text, i) => el("td", { class: "number", "data-label": FIGURES[i] }, text)),
            el("td", { "data-label": NEWEST }, newest));
    }

    /** @param {LakeTable} table */
    #compaction({ name, format, compact_every_ms: every, compaction }) {
        const who = every > 0 ? `the engine does it every ${duration(every)}` : `tapeline compact ${name} does it`;
        const { small, files, partitions, merged, waiting, last } = compaction;
        const now = files > 0 ? `${count(files)} of ${count(small)} small files can be merged into ${count(partitions)} now: ${who}`
            : small > 0 ? `nothing to merge yet: ${count(small)} small files, fewer than eight in each partition; ${who}` : "no small files";
        const replaced = waiting > 0 ? `${count(waiting)} ${format === "delta" ? "files that the log no longer names wait a week for readers of older versions" : "replaced ones not deleted yet"}` : "";
        const done = last === null ? (replaced && ` ${replaced}.`) : ` Last merge ${dayAndMinute(last, this.store.zone)} ${zoneName(this.store.zone)}: ${count(merged)} merged files in force${replaced && `, ${replaced}`}.`;
        return `${format === "delta" ? "A Delta table: the files are those of its newest version. " : ""}Compaction: ${now}.${done}`;
    }

    /** @param {LakeTable} table */
    #detail(table) {
        const warn = warning(table);
        const focused = this.detail.contains(document.activeElement);
        if (focused) return; // a refresh must not take the place of who reads here
        this.detail.replaceChildren(
            panel("lake-table", table.name, table.path,
                warn ? el("p", { class: "verdict is-bad" }, warn) : null,
                table.files > 0 ? el("p", { class: "inset sub" }, this.#compaction(table)) : null,
                el("p", { class: "inset" }, el("a", { class: "button", href: `#sql?q=${encodeURIComponent(`SELECT * FROM ${table.name} LIMIT 100`)}` }, "Query it")),
                el("h3", { class: "inset" }, "Columns"),
                el("ul", { class: "chips" }, ...table.columns.map((column) => el("li", {}, el("strong", {}, column.name), ` ${column.type}`,
                    table.partition_by.includes(column.name) ? el("span", { class: "sub" }, " partition") : null))),
                el("h3", { class: "inset" }, `Partitions${table.list.length < table.partitions ? `, the first ${count(table.list.length)}` : ""}`),
                table.list.length > 0 ? partitionsOf(table) : el("p", { class: "empty" }, this.#whyEmpty(table))));
    }

    /** A table is in the catalog before its first file is in the lake. @param {LakeTable} table */
    #whyEmpty({ name }) {
        const { views, sources, commit_every_ms: every } = this.store.plan;
        const view = views.find((one) => one.table === name);
        if (view) return `No file yet. Rows of ${view.name} come with the first commit${view.windowed ? ` after its first window has closed, about ${duration(view.window_ms + (sources[0]?.delay_ms ?? 0) + every)} after the start` : ""}; the Pipeline view says what it waits for.`;
        const kind = views.some((one) => one.late === name) ? "late" : sources.some((source) => source.malformed === name) ? "malformed" : null;
        const waiting = kind ? (this.store.stats?.ledger[kind] ?? 0) : 0;
        if (waiting > 0) return `No file yet: ${counted(waiting, "record")} ${waiting === 1 ? "is" : "are"} counted as ${kind}; what is of this table comes with the next commit.`;
        if (kind) return "No file: no record had to be kept here so far.";
        return "No file.";
    }
}

/** @param {LakeTable} table */
function partitionsOf({ name, list }) {
    const top = Math.max(1, ...list.map((partition) => partition.bytes));
    return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Partitions of ${name}` },
        el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Partition"), el("th", { scope: "col", class: "number" }, "Files"),
            el("th", { scope: "col", class: "number" }, "Bytes"), el("th", { scope: "col" }, "Share"))),
        el("tbody", {}, ...list.map((partition) => el("tr", {}, el("th", { scope: "row" }, partition.name || "(no partition)"),
            el("td", { class: "number" }, count(partition.files)), el("td", { class: "number" }, bytes(partition.bytes)),
            el("td", {}, el("progress", { class: "share", max: top, value: partition.bytes, "aria-label": `${bytes(partition.bytes)}` })))))));
}

/** @param {import("./main.js").Page} page */
export function lakeView(page) {
    const lake = new Lake(page);
    return { root: lake.root, shown: (/** @type {URLSearchParams} */ params) => lake.shown(params), back: () => lake.back() };
}
