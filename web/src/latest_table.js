// SPDX-License-Identifier: Apache-2.0
// The newest state of an unwindowed view: one row a key, sortable by each column, with the direction of the last change
// as an arrow and a word, never as colour alone.

import { el, setText } from "./dom.js";
import { whySilent } from "./report.js";
import { clock, count, counted, dayAndMinute, decimal, digitsFor, zoneName } from "./format.js";

const ROWS_MAX = 200;
const FLASH_MS = 700;

/** @typedef {import("./rows.js").Latest} Latest */
/** @typedef {import("./types.js").ColumnPlan} ColumnPlan */
/** @typedef {{tr: HTMLTableRowElement, cells: HTMLElement[], at: number}} Drawn */

export class LatestTable {
    /**
     * @param {import("./store.js").Store} store
     * @param {import("./types.js").ViewPlan} view
     */
    constructor(store, view) {
        this.store = store;
        this.view = view;
        this.rows = store.rowsOf(view.name);
        this.sort = { column: view.keys[0] ?? view.columns[0]?.name ?? "", descending: false };
        this.filter = "";
        /** @type {Map<string, Drawn>} */
        this.drawn = new Map();
        this.snapshots = 0;
        this.body = el("tbody");
        this.empty = el("p", { class: "empty" }, "Waiting for the first tick…");
        this.count = el("span", { class: "sub" });
        /** @type {Map<string, HTMLTableCellElement>} */
        this.heads = new Map();
        this.root = this.#build();
        store.subscribe((changed) => this.#changed(changed));
    }

    #build() {
        const id = `latest-${this.view.name}`;
        this.search = el("input", { type: "search", class: "search", placeholder: "Filter", "aria-label": `Filter ${this.view.name}`,
            oninput: () => this.#filtered(), hidden: this.view.keys.length === 0 });
        const heads = this.view.columns.map((column) => this.#head(column));
        return el("section", { class: "panel latest", "aria-labelledby": id },
            el("div", { class: "panel-head" },
                el("div", {}, el("h2", { id }, this.view.name), this.count), this.search),
            el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": id },
                el("table", {}, el("thead", {}, el("tr", {}, ...heads,
                    el("th", { scope: "col", class: "number" }, "Seen"))), this.body)),
            this.empty);
    }

    /** @param {ColumnPlan} column */
    #head(column) {
        const number = isNumber(column);
        const th = el("th", { scope: "col", class: number ? "number" : null },
            el("button", { type: "button", class: "sort", onclick: () => this.#sortBy(column.name) }, column.name));
        this.heads.set(column.name, th);
        return th;
    }

    #filtered() {
        this.filter = this.search?.value.trim().toLowerCase() ?? "";
        this.render();
    }

    /** @param {string} column */
    #sortBy(column) {
        const descending = this.sort.column === column && !this.sort.descending;
        this.sort = { column, descending };
        this.render();
    }

    /** @param {import("./store.js").Changed} changed */
    #changed(changed) {
        if (this.store.paused) return;
        if (changed.has("stats") && this.rows.latest.size === 0) setText(this.empty, `Waiting for the first tick…${whySilent(this.store, this.view.name)}`);
        if (changed.has(`view:${this.view.name}`) || changed.has("zone") || changed.has("paused")) this.render();
    }

    render() {
        if (this.snapshots !== this.rows.snapshots) {
            this.snapshots = this.rows.snapshots;
            for (const { tr } of this.drawn.values()) tr.remove();
            this.drawn.clear();
        }
        const wanted = this.#sorted();
        const shown = wanted.slice(0, ROWS_MAX);
        const keep = new Set(shown.map((latest) => latest.key));
        for (const [key, { tr }] of this.drawn) {
            if (keep.has(key)) continue;
            tr.remove();
            this.drawn.delete(key);
        }
        shown.forEach((latest, at) => this.#place(latest, at));
        this.#renderHeads();
        this.empty.hidden = this.rows.latest.size > 0;
        const all = this.rows.latest.size;
        const more = this.rows.overflow ? "more than " : "";
        setText(this.count, this.view.keys.length === 0 ? "of all records, newest values"
            : shown.length < all ? `${count(shown.length)} of ${more}${counted(all, "key")}` : `${counted(all, "key")}, newest values`);
    }

    #sorted() {
        const { column, descending } = this.sort;
        const direction = descending ? -1 : 1;
        const rows = [...this.rows.latest.values()];
        const found = this.filter === "" ? rows : rows.filter(({ key }) => key.toLowerCase().includes(this.filter));
        return found.sort((a, b) => compare(a.row[column], b.row[column], direction) || (a.key < b.key ? -1 : 1));
    }

    #renderHeads() {
        for (const [name, th] of this.heads) {
            const sorted = name !== this.sort.column ? "none" : this.sort.descending ? "descending" : "ascending";
            th.setAttribute("aria-sort", sorted);
        }
    }

    /** Puts the row where it belongs; rows that stay are not touched. @param {Latest} latest @param {number} at */
    #place(latest, at) {
        const drawn = this.drawn.get(latest.key) ?? this.#add(latest);
        if (this.body.children[at] !== drawn.tr) this.body.insertBefore(drawn.tr, this.body.children[at] ?? null);
        this.#fill(drawn, latest);
    }

    /** @param {Latest} latest */
    #add(latest) {
        const cells = this.view.columns.map((column) =>
            el(column.role === "key" ? "th" : "td", { scope: column.role === "key" ? "row" : null,
                class: isNumber(column) ? "number" : null }));
        const seen = el("td", { class: "number seen" });
        const drawn = { tr: el("tr", {}, ...cells, seen), cells: [...cells, seen], at: 0 };
        this.drawn.set(latest.key, drawn);
        return drawn;
    }

    /** @param {Drawn} drawn @param {Latest} latest */
    #fill(drawn, latest) {
        const { zone } = this.store;
        const seen = drawn.cells[drawn.cells.length - 1];
        if (seen) {
            setText(seen, clock(latest.at, zone));
            seen.title = `${clock(latest.at, zone)} ${zoneName(zone)}, by this browser's clock`;
        }
        if (drawn.at === latest.at) return;
        const fresh = drawn.at !== 0;
        drawn.at = latest.at;
        let direction = 0;
        this.view.columns.forEach((column, i) => {
            const cell = /** @type {HTMLElement} */ (drawn.cells[i]);
            if (isNumber(column)) direction = this.#fillNumber(cell, column, latest);
            else setText(cell, this.#text(column, latest));
        });
        if (fresh && direction !== 0) flash(drawn.tr, direction);
    }

    /** @param {ColumnPlan} column @param {Latest} latest */
    #text(column, latest) {
        const value = latest.row[column.name];
        if (value === null || value === undefined) return "–";
        return column.type === "TIMESTAMP" && typeof value === "number" ? dayAndMinute(value, this.store.zone) : String(value);
    }

    /**
     * @param {HTMLElement} cell
     * @param {ColumnPlan} column
     * @param {Latest} latest
     * @returns {number} the direction of the change
     */
    #fillNumber(cell, column, latest) {
        const value = latest.row[column.name];
        if (typeof value !== "number") {
            cell.replaceChildren("–");
            return 0;
        }
        const before = latest.before?.[column.name];
        const direction = typeof before === "number" ? Math.sign(value - before) : 0;
        const text = column.type === "DOUBLE" ? decimal(value, digitsFor(Math.abs(value))) : count(value);
        cell.replaceChildren(el("span", { class: `tick ${["down", "flat", "up"][direction + 1]}`, role: "img",
            "aria-label": ["down", "unchanged", "up"][direction + 1] ?? "" }, ["▼", "", "▲"][direction + 1] ?? ""), text);
        return direction;
    }
}

/** @param {HTMLElement} node @param {number} direction */
function flash(node, direction) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    node.classList.remove("flash-up", "flash-down");
    const name = direction > 0 ? "flash-up" : "flash-down";
    node.classList.add(name);
    setTimeout(() => node.classList.remove(name), FLASH_MS);
}

/** @param {ColumnPlan} column */
const isNumber = (column) => column.type === "DOUBLE" || column.type === "BIGINT" || column.type === "INTEGER";

/** What has no value comes last in either direction. @param {unknown} a @param {unknown} b @param {number} direction */
function compare(a, b, direction) {
    const absent = Number((a ?? null) === null) - Number((b ?? null) === null);
    if (absent !== 0 || (a ?? null) === null) return absent;
    if (typeof a === "number" && typeof b === "number") return direction * (a - b);
    const left = String(a);
    const right = String(b);
    return direction * (left < right ? -1 : left > right ? 1 : 0);
}
