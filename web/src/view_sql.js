// SPDX-License-Identifier: Apache-2.0
// The SQL console over the lake: what there is, an editor, run and cancel, the result as a table, a chart and files.

import { csvOf, download, menu } from "./menu.js";
import { chartable, resultChart } from "./result_chart.js";
import { breakable, el, setText } from "./dom.js";
import { bytes, count, counted, duration } from "./format.js";
import { getJson, post } from "./stream.js";
import { isDark } from "./palette.js";
import { kindOf, parseCsv } from "./csv.js";
import { panel } from "./panels.js";
import { sqlEditor } from "./editor.js";

/** @typedef {import("./types.js").LakeTable} LakeTable */

const ROW_MAX = 10_000;
const CELL_MAX = 60; // characters that a cell shows without a doubt
const FILE_ROW_MAX = 1_000_000; // as many as the server gives
const SHOWN = 1000;
const HISTORY_MAX = 50;
const HISTORY = "tapeline.sql";

function loadHistory() {
    try {
        const kept = JSON.parse(localStorage.getItem(HISTORY) ?? "[]");
        return Array.isArray(kept) ? kept.filter((one) => typeof one === "string").slice(0, HISTORY_MAX) : [];
    } catch {
        return []; // storage is switched off, or holds something else
    }
}

class Console {
    #isFileless = false; // the statement reads tables, and they have no files
    #isPlan = false;

    /** @param {import("./main.js").Page} page */
    constructor({ store, router }) {
        this.store = store;
        this.router = router;
        /** @type {string[]} */
        this.history = loadHistory();
        this.id = "";
        /** @type {import("./result_chart.js").Table | null} */
        this.table = null;
        this.ran = ""; // the statement that gave the table
        this.isCut = false; // of whose rows the page has only the first
        this.linked = ""; // what the address said last
        this.began = 0;
        this.isListed = false;
        this.host = el("div", { class: "editor" });
        this.status = el("p", { class: "sub query-status", role: "status" }, "Ctrl+Enter runs it. Read only: nothing here can change the lake.");
        this.runButton = el("button", { type: "button", class: "button is-main", onclick: () => void this.run("") }, "Run");
        this.explainButton = el("button", { type: "button", class: "button", onclick: () => void this.run("EXPLAIN ") }, "Explain");
        this.cancelButton = el("button", { type: "button", class: "button", disabled: true, onclick: () => void this.#cancel() }, "Cancel");
        this.past = el("select", { class: "search wide", "aria-label": "History", onchange: () => this.#recall() });
        this.result = el("div", { class: "result" }, el("p", { class: "empty" }, "The result of a statement comes here."));
        this.schema = el("div", { class: "schema" }, el("p", { class: "empty" }, "Listing the tables…"));
        this.root = el("div", { class: "view sql-view" },
            panel("schema-panel", "Tables", "press a name to put it into the statement", this.schema),
            el("div", { class: "sql-main" },
                el("section", { class: "panel", "aria-label": "Statement" }, this.host,
                    el("div", { class: "controls inset" }, this.runButton, this.explainButton, this.cancelButton, this.past, this.#menu()), this.status),
                el("section", { class: "panel", "aria-label": "Result" }, this.result)));
        this.editor = sqlEditor(this.host, { text: this.history[0] ?? this.#first(), label: "SQL statement. Control and Enter runs it; Tab leaves the editor.", onrun: () => void this.run("") });
        this.#renderHistory();
        setInterval(() => this.#tick(), 200);
        // A chart of a result has the colours that it was drawn with.
        let theme = isDark();
        store.subscribe((changed) => {
            if (!changed.has("theme") || theme === isDark()) return;
            theme = isDark();
            if (this.table && !this.#isPlan) this.result.replaceChildren(...this.#tableNodes());
        });
    }

    /** A statement that shows something at once. */
    #first() {
        const view = this.store.plan.views.find(({ table, windowed }) => table && windowed);
        return view ? `SELECT *\nFROM ${view.table}\nORDER BY window_end DESC\nLIMIT 100` : "SELECT 42 AS answer";
    }

    #menu() {
        return menu([
            { text: "Result as CSV", title: "of a result that was cut off the statement runs again, for all of its rows", run: () => this.#file("csv") },
            { text: "Result as Parquet", title: "the statement runs again, for all of its rows", run: () => this.#file("parquet") },
            { text: "Copy curl of this query", run: async () => (await import("./menu.js")).copyText(`curl -H 'Content-Type: application/json' -H 'X-Tapeline: 1' -d '${JSON.stringify({ sql: this.editor.text, format: "csv" }).replaceAll("'", "'\\''")}' ${location.origin}/api/query`) },
        ]);
    }

    /** @param {URLSearchParams} params */
    shown(params) {
        const sql = params.get("q");
        // What was written here since is not lost by a look at another view.
        if (sql !== null && sql !== this.linked) this.editor.text = this.linked = sql;
        void this.#tables();
    }

    /** The connection is there again: what could not be listed without it is asked for once more. */
    back() {
        if (!this.isListed) void this.#tables();
    }

    async #tables() {
        try {
            /** @type {{tables: LakeTable[]}} */
            const { tables } = await getJson("/api/tables");
            this.isListed = true;
            if (tables.length === 0) this.schema.replaceChildren(el("p", { class: "empty" }, "No table yet: the first comes with the first commit."));
            else this.schema.replaceChildren(...tables.map((table) => this.#tableItem(table)));
        } catch (error) {
            this.isListed = false;
            this.schema.replaceChildren(el("p", { class: "empty is-error" }, `The tables cannot be listed: ${error instanceof Error ? error.message : error}`));
        }
    }

    /** @param {LakeTable} table */
    #tableItem(table) {
        /** @param {string} text */
        const insert = (text) => () => this.editor.insert(text);
        return el("details", { class: "schema-table", open: table.columns.length <= 12 }, el("summary", {}, ...breakable(table.name)),
            el("button", { type: "button", class: "link", onclick: insert(table.name) }, `insert ${table.name.split(".").pop()}`),
            el("ul", {}, ...table.columns.map((column) => el("li", {}, el("button", { type: "button", class: "link", onclick: insert(`"${column.name}"`) }, column.name),
                el("span", { class: "sub" }, ` ${column.type}`)))));
    }

    #renderHistory() {
        this.past.replaceChildren(el("option", { value: "" }, this.history.length > 0 ? "History…" : "No history yet"),
            ...this.history.map((sql, i) => el("option", { value: String(i) }, sql.replace(/\s+/g, " ").slice(0, 80))));
    }

    #recall() {
        const sql = this.history[Number(this.past.value)];
        if (this.past.value !== "" && sql !== undefined) this.editor.text = sql;
        this.past.value = "";
        this.editor.focus();
    }

    /** @param {string} sql */
    #remember(sql) {
        this.history = [sql, ...this.history.filter((other) => other !== sql)].slice(0, HISTORY_MAX);
        try {
            localStorage.setItem(HISTORY, JSON.stringify(this.history));
        } catch {
            // Storage is switched off or full: the history lasts as long as the page.
        }
        this.#renderHistory();
    }

    /** @param {string} before */
    async run(before) {
        const sql = this.editor.text.trim();
        if (this.id !== "" || sql === "") return;
        this.#remember(sql);
        this.linked = sql;
        this.router.note("q", sql);
        this.#running(crypto.randomUUID());
        try {
            const response = await post("/api/query", { id: this.id, sql: before + sql, format: "csv", row_max: ROW_MAX });
            const text = await response.text();
            this.ran = before + sql;
            this.#show(text, response.headers, before !== "");
        } catch (error) {
            this.table = null;
            setText(this.status, `failed after ${duration(performance.now() - this.began)}`);
            this.result.replaceChildren(el("pre", { class: "query-error", role: "alert" }, error instanceof Error ? error.message : String(error)));
        } finally {
            this.#running("");
        }
    }

    /** @param {string} id "" when it is over */
    #running(id) {
        this.id = id;
        this.began = id === "" ? this.began : performance.now();
        this.runButton.disabled = this.explainButton.disabled = id !== "";
        this.cancelButton.disabled = id === "";
        this.result.classList.toggle("is-waiting", id !== "");
    }

    #tick() {
        if (this.id !== "") setText(this.status, `running for ${duration(performance.now() - this.began)}…`);
    }

    async #cancel() {
        const { id } = this;
        if (id === "") return;
        try {
            await post("/api/cancel", { id });
        } catch (error) {
            setText(this.status, `could not be cancelled: ${error instanceof Error ? error.message : error}`);
        }
    }

    /** @param {string} text @param {Headers} headers @param {boolean} plan */
    #show(text, headers, plan) {
        const [heads, ...rows] = parseCsv(text);
        this.table = { heads: (heads ?? []).map((head) => head ?? ""), rows };
        const all = Number(headers.get("X-Tapeline-Rows") ?? rows.length);
        const cut = this.isCut = headers.get("X-Tapeline-Truncated") === "true";
        const files = headers.get("X-Tapeline-Scanned-Files");
        this.#isFileless = files === "0" && /\bfrom\b/i.test(this.ran);
        const read = `${bytes(Number(headers.get("X-Tapeline-Scanned-Bytes") ?? 0))} read${files === null ? "" : ` from ${count(Number(files))} file${files === "1" ? "" : "s"}`}`;
        setText(this.status, `${counted(all, "row")}${cut ? `, cut off at ${count(ROW_MAX)}: add a LIMIT, or take the file` : ""} · ${duration(Number(headers.get("X-Tapeline-Elapsed-Ms") ?? 0))} · ${read} · result ${bytes(text.length)}`);
        this.#isPlan = plan;
        if (plan) this.result.replaceChildren(el("pre", { class: "plan", tabindex: 0 }, rows.map((row) => row.join("\n")).join("\n")));
        else this.result.replaceChildren(...this.#tableNodes());
    }

    #tableNodes() {
        const { heads, rows } = /** @type {import("./result_chart.js").Table} */ (this.table);
        if (rows.length === 0) return [el("p", { class: "empty" }, `No row. Columns: ${heads.join(", ")}.${this.#isFileless ? " The tables that it reads have no file yet: the Lake view says what they wait for." : ""}`)];
        const kinds = heads.map((_, i) => kindOf(rows, i));
        const shape = chartable({ heads, rows });
        return [
            shape ? resultChart({ heads, rows }, shape) : null,
            rows.length > SHOWN ? el("p", { class: "sub inset" }, `The first ${count(SHOWN)} of ${count(rows.length)} rows; the files have all.`) : null,
            el("div", { class: "scroll result-scroll", tabindex: 0, role: "region", "aria-label": "Rows of the result" },
                el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((head, i) => el("th", { scope: "col", class: kinds[i] === "number" ? "number" : null }, head)))),
                    el("tbody", {}, ...rows.slice(0, SHOWN).map((row) => el("tr", {}, ...row.map((cell, i) =>
                        el("td", { class: kinds[i] === "number" ? "number" : null, title: cell !== null && cell.length > CELL_MAX ? cell.slice(0, 2000) : null }, cell === null ? el("span", { class: "null" }, "NULL") : cell))))))),
        ].filter((node) => node !== null);
    }

    /** What is shown as a file: of the statement that gave it, whatever stands in the editor by now. @param {"csv" | "parquet"} format */
    async #file(format) {
        const name = `result.${format}`;
        if (!this.table) {
            setText(this.status, "There is no result yet: run a statement first.");
        } else if (format === "csv" && !this.isCut) {
            download(name, csvOf([this.table.heads, ...this.table.rows]));
        } else {
            try {
                const response = await post("/api/query", { sql: this.ran, format, row_max: FILE_ROW_MAX });
                download(name, await response.blob());
                if (response.headers.get("X-Tapeline-Truncated") === "true") setText(this.status, `The file has the first ${count(FILE_ROW_MAX)} rows.`);
            } catch (error) {
                setText(this.status, `no file: ${error instanceof Error ? error.message : error}`);
            }
        }
    }
}

/** @param {import("./main.js").Page} page */
export function sqlView(page) {
    const console = new Console(page);
    return { root: console.root, shown: (/** @type {URLSearchParams} */ params) => console.shown(params), back: () => console.back() };
}
