// SPDX-License-Identifier: Apache-2.0
// Dead letters: what was late or malformed, why, and putting it into the stream again, as it was or mended.

import { el, setText } from "./dom.js";
import { count } from "./format.js";
import { panel } from "./panels.js";
import { parseCsv } from "./csv.js";
import { getJson, post } from "./stream.js";

/** @typedef {{name: string, kind: "late" | "malformed", stream: string, title: string}} DeadTable */
/** @typedef {Record<string, string | null>} DeadRow */

const SHOWN = 200;

/** @param {string} sql @returns {Promise<DeadRow[]>} */
async function query(sql) {
    const [heads = [], ...rows] = parseCsv(await (await post("/api/query", { sql, format: "csv", row_max: 10_000 })).text());
    return rows.map((row) => Object.fromEntries(heads.map((head, i) => [head ?? "", row[i] ?? null])));
}

/** @param {string} name a database and a table @returns {string} quoted */
const quoted = (name) => name.split(".").map((part) => `"${part.replaceAll('"', '""')}"`).join(".");

/** @param {import("./types.js").Plan} plan @returns {DeadTable[]} */
function tablesOf(plan) {
    const late = plan.views.flatMap((view) => (view.late ? [{ name: view.late, kind: /** @type {const} */ ("late"), stream: plan.sources[0]?.stream ?? "", title: `Late in ${view.name}` }] : []));
    const malformed = plan.sources.flatMap((source) => (source.malformed ? [{ name: source.malformed, kind: /** @type {const} */ ("malformed"), stream: source.stream, title: `Malformed in ${source.name}` }] : []));
    return [...malformed, ...late];
}

class DeadPanel {
    /** @param {import("./store.js").Store} store @param {DeadTable} table */
    constructor(store, table) {
        this.store = store;
        this.table = table;
        this.failed = false;
        this.id = `dead-${table.name.replaceAll(/\W/g, "-")}`;
        this.reasons = el("ul", { class: "chips" });
        this.body = el("div", { class: "scroll dead-scroll", tabindex: 0, role: "region", "aria-label": table.title });
        this.note = el("p", { class: "empty" }, "Asking the lake…");
        this.root = panel(this.id, table.title, table.kind === "late" ? "they came after their window was closed; a longer WATERMARK delay takes more of them in"
            : "they are not as the source declares them", this.reasons, this.body, this.note,
        el("p", { class: "controls inset" }, el("button", { type: "button", class: "button", onclick: () => void this.load() }, "Read again"),
            el("a", { class: "button", href: `#sql?q=${encodeURIComponent(`SELECT * FROM ${table.name} LIMIT 1000`)}` }, "Query them")));
    }

    async load() {
        const from = quoted(this.table.name);
        try {
            const { tables } = await getJson("/api/tables");
            if (!(/** @type {import("./types.js").LakeTable[]} */ (tables)).some(({ name }) => name === this.table.name)) {
                this.failed = false;
                this.#nothing();
                return;
            }
            const rows = await query(`SELECT * FROM ${from} ORDER BY arrival_time DESC NULLS LAST LIMIT ${SHOWN}`);
            this.failed = false;
            if (rows.length === 0) this.#nothing();
            else this.#draw(rows, await this.#summary(from));
        } catch (error) {
            this.failed = true;
            this.note.hidden = false;
            this.note.classList.add("is-error");
            setText(this.note, `The lake does not answer: ${error instanceof Error ? error.message : error}`);
        }
    }

    #nothing() {
        this.body.replaceChildren();
        this.reasons.replaceChildren();
        this.note.hidden = false;
        this.note.classList.remove("is-error");
        const { ledger } = this.store.stats ?? {};
        const open = ledger ? ledger[this.table.kind] : 0;
        setText(this.note, open > 0 ? `${count(open)} are counted; they are here after the next commit.` : "None. Every record so far found its place.");
    }

    /** @param {string} from */
    async #summary(from) {
        return this.table.kind === "malformed" ? query(`SELECT reason AS what, count(*) AS n FROM ${from} GROUP BY ALL ORDER BY n DESC LIMIT 20`)
            : query(`SELECT shard AS what, count(*) AS n FROM ${from} GROUP BY ALL ORDER BY n DESC LIMIT 20`);
    }

    /** @param {DeadRow[]} rows @param {DeadRow[]} summary */
    #draw(rows, summary) {
        this.note.hidden = true;
        this.note.classList.remove("is-error");
        this.reasons.replaceChildren(...summary.map(({ what, n }) => el("li", {}, el("strong", {}, count(Number(n))), ` ${what ?? "NULL"}`)));
        const heads = Object.keys(rows[0] ?? {}).filter((head) => head !== "encoding");
        this.body.replaceChildren(el("table", {}, el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)), el("th", { scope: "col" }, "Replay"))),
            el("tbody", {}, ...rows.map((row) => el("tr", {}, ...heads.map((head) => el("td", { class: head === "data" ? "data" : head === "sequence_number" ? "sequence" : null, title: row[head] }, row[head] ?? "NULL")),
                el("td", {}, el("button", { type: "button", class: "button is-small", onclick: () => void this.#replay(row) }, "Replay…")))))));
    }

    /** @param {DeadRow} row */
    async #replay(row) {
        const said = el("p", { role: "status" }, "Fetching the record…");
        const text = el("textarea", { class: "edit", rows: 12, spellcheck: "false", "aria-label": "The record" });
        const key = el("input", { class: "search wide", id: "replay-key" });
        const send = el("button", { type: "button", class: "button is-main", disabled: true }, "Put into the stream");
        const dialog = el("dialog", { class: "dialog", "aria-labelledby": "replay-title" }, el("h2", { id: "replay-title" }, "Replay a record"),
            el("p", { class: "sub" }, this.table.kind === "late" ? "With its old event time it will be late again: change that first." : `Malformed because: ${row.reason}. Mend it here, or send it as it was.`),
            text, el("p", { class: "field" }, el("label", { for: "replay-key" }, "Partition key"), key), said,
            el("form", { method: "dialog", class: "controls" }, send, el("button", { class: "button" }, "Close")));
        document.body.append(dialog);
        dialog.addEventListener("close", () => dialog.remove());
        dialog.showModal();
        const found = await this.#original(row);
        text.value = found.data;
        key.value = found.key;
        setText(said, found.said);
        send.disabled = false;
        send.addEventListener("click", async () => {
            try {
                const answer = await (await post("/api/replay", { stream: this.table.stream, partition_key: key.value, data: text.value })).json();
                setText(said, `It is in the stream: ${answer.shard}, ${answer.sequence_number}.`);
                send.disabled = true;
            } catch (error) {
                setText(said, `Not sent: ${error instanceof Error ? error.message : error}`);
            }
        });
    }

    /** The record as it was, from the stream while that has it. @param {DeadRow} row */
    async #original(row) {
        const params = new URLSearchParams({ stream: this.table.stream, shard: row.shard ?? "", from: "AT_SEQUENCE_NUMBER", at: row.sequence_number ?? "", limit: "1" });
        try {
            /** @type {import("./types.js").RecordsPage} */
            const { records: [record] } = await getJson(`/api/records?${params}`);
            if (record && record.sequence_number === row.sequence_number && record.data !== null) {
                return { data: record.data, key: record.partition_key, said: "As it is in the stream." };
            }
        } catch {
            // Not there any more: what the lake has must do.
        }
        const known = row.data !== null && row.data !== undefined && row.encoding !== "base64";
        return { data: known ? String(row.data) : "", key: row.shard ?? "replay", said: known ? "As the lake kept it; the stream does not have it any more." : "The stream does not have it any more." };
    }
}

/** @param {import("./main.js").Page} page */
export function deadView({ store }) {
    const panels = tablesOf(store.plan).map((table) => new DeadPanel(store, table));
    return { root: el("div", { class: "view dead-view" }, ...panels.map(({ root }) => root)), shown: () => panels.forEach((one) => void one.load()),
        back: () => panels.filter(({ failed }) => failed).forEach((one) => void one.load()) };
}
