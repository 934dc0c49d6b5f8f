// SPDX-License-Identifier: Apache-2.0
// The panels below the tiles: the ledger, the shards, the feed, and how to reach the AWS endpoint.

import { breakable, el, setText } from "./dom.js";
import { clock, count, duration, recordsBehind, shardName } from "./format.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").Ledger} Ledger */

/**
 * @param {string} id
 * @param {string} title
 * @param {string} sub
 * @param {...import("./dom.js").Child} content
 */
export function panel(id, title, sub, ...content) {
    return el("section", { class: `panel ${id}`, "aria-labelledby": `${id}-title` },
        el("div", { class: "panel-head" }, el("div", {}, el("h2", { id: `${id}-title` }, ...breakable(title)), el("p", { class: "sub" }, sub))),
        ...content);
}

/** @type {{name: Exclude<keyof Ledger, "received" | "windows" | "gaps">, hint: string}[]} */
const OUTCOMES = [
    { name: "aggregated", hint: "reached at least one window" },
    { name: "late", hint: "after their window closed; kept in LATE(view)" },
    { name: "malformed", hint: "not as declared; kept in MALFORMED(source)" },
    { name: "duplicate", hint: "seen before" },
    { name: "filtered", hint: "left out by WHERE" },
];

/** Every record that came is somewhere (rule 9). @param {Store} store */
export function ledgerPanel(store) {
    const received = el("dd", { class: "ledger-total" }, "–");
    const verdict = el("p", { class: "verdict" });
    const list = el("dl", { class: "ledger" }, el("div", { class: "ledger-row total" }, el("dt", {}, "received"), received));
    const values = OUTCOMES.map(({ name, hint }) => {
        const value = el("dd", {}, "–");
        list.append(el("div", { class: "ledger-row" }, el("dt", {}, name, el("span", { class: "hint" }, hint)), value));
        return { name, value };
    });
    store.subscribe((changed) => {
        if (!changed.has("stats") || !store.stats) return;
        const { ledger } = store.stats;
        let sum = 0;
        setText(received, count(ledger.received));
        for (const { name, value } of values) {
            sum += ledger[name];
            setText(value, count(ledger[name]));
            value.classList.toggle("is-notable", name !== "aggregated" && ledger[name] > 0);
        }
        const balanced = sum === ledger.received;
        setText(verdict, balanced ? `Balanced: every record is accounted for. ${count(ledger.windows)} windows closed.`
            : `Not balanced: ${count(Math.abs(ledger.received - sum))} records differ.`);
        verdict.classList.toggle("is-bad", !balanced);
    });
    return panel("ledger-panel", "Ledger", "received = aggregated + late + malformed + duplicate + filtered", list, verdict);
}

/** @param {Store} store */
export function shardsPanel(store) {
    const body = el("tbody");
    const more = el("p", { class: "sub" });
    const guessed = el("p", { class: "sub", hidden: true }, "“about”: this service tells how far a reader is behind in time only; the rate of the shard's last records makes it a number.");
    /** @type {HTMLTableCellElement[][]} */
    const cells = [];
    const add = () => {
        const fresh = [el("th", { scope: "row" }), ...Array.from({ length: 5 }, (_, i) => el("td", { class: i < 4 ? "number" : "" }))];
        cells.push(fresh);
        body.append(el("tr", {}, ...fresh));
        return fresh;
    };
    store.subscribe((changed) => {
        if (!store.stats || !(changed.has("stats") || changed.has("zone"))) return;
        const { shards, shard_count: all } = store.stats;
        while (cells.length > shards.length) {
            cells.pop();
            body.lastElementChild?.remove();
        }
        shards.forEach((shard, i) => {
            const state = shard.finished ? "finished" : shard.idle ? "idle" : "reading";
            const texts = [shardName(shard.id), shard.watermark === null ? "–" : clock(shard.watermark, store.zone),
                duration(shard.millis_behind), recordsBehind(shard), count(shard.records), state];
            const row = cells[i] ?? add();
            row.forEach((cell, column) => setText(cell, texts[column] ?? ""));
            if (row[0]) row[0].title = shard.id;
        });
        guessed.hidden = !shards.some((shard) => shard.records_behind_estimated);
        setText(more, all > shards.length ? `the first ${shards.length} of ${count(all)} shards` : "");
    });
    return panel("shards-panel", "Shards", "each with its own watermark; an idle one does not hold windows open",
        el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "shards-panel-title" },
            el("table", {}, el("thead", {}, el("tr", {},
                el("th", { scope: "col" }, "Shard"), el("th", { scope: "col", class: "number" }, "Watermark"),
                el("th", { scope: "col", class: "number" }, "Behind"),
                el("th", { scope: "col", class: "number" }, "Records behind"), el("th", { scope: "col", class: "number" }, "Records"),
                el("th", { scope: "col" }, "State"))), body)), more, guessed);
}

/** @param {string} key @param {import("./types.js").Cell} value */
function feedText(key, value) {
    if (typeof value === "number") return key.endsWith("_ms") ? duration(value) : count(value);
    return value === null ? "–" : String(value);
}

/** The feed says what it likes about itself; its names are shown as they are. @param {Store} store */
export function feedPanel(store) {
    const list = el("dl", { class: "facts" });
    const bar = el("progress", { class: "progress", max: 1, hidden: true, "aria-label": "rows of this pass that are sent" });
    const none = el("p", { class: "empty" }, "No feed runs in this process: records come from elsewhere.");
    store.subscribe((changed) => {
        if (!changed.has("stats") || !store.stats) return;
        const { feed } = store.stats;
        none.hidden = feed !== null;
        if (!feed) return;
        const { row, total } = feed;
        bar.hidden = !(typeof row === "number" && typeof total === "number" && total > 0);
        if (!bar.hidden) bar.value = Number(row) / Number(total);
        const facts = Object.entries(feed).filter(([, value]) => typeof value !== "object" || value === null);
        list.replaceChildren(...facts.map(([key, value]) =>
            el("div", {}, el("dt", {}, key.replace(/_ms$/, "").replaceAll("_", " ")), el("dd", {}, feedText(key, value)))));
    });
    return panel("feed-panel", "Feed", store.plan.synthetic ? "replays synthetic sample history into the stream" : "replays history into the stream",
        bar, list, none);
}

/** @param {string} text */
function copyLine(text) {
    const button = el("button", { type: "button", class: "button copy" }, "Copy");
    const code = el("code", { tabindex: 0 }, text);
    button.addEventListener("click", () => void copy(text, button, code));
    button.setAttribute("aria-label", `Copy: ${text}`);
    return el("div", { class: "copy-line" }, code, button);
}

/**
 * @param {string} text
 * @param {HTMLElement} button
 * @param {HTMLElement} code
 */
async function copy(text, button, code) {
    try {
        await navigator.clipboard.writeText(text);
        setText(button, "Copied");
    } catch {
        // Without permission for the clipboard, the text is at least selected.
        getSelection()?.selectAllChildren(code);
        setText(button, "Selected");
    }
    setTimeout(() => setText(button, "Copy"), 1500);
}

/** @param {Store} store */
export function connectPanel(store) {
    const { aws_endpoint: endpoint, sources, views } = store.plan;
    const stream = sources[0]?.stream;
    const table = views.find((view) => view.table)?.table;
    const lines = [];
    if (endpoint) {
        lines.push(copyLine(`aws kinesis list-streams --endpoint-url ${endpoint}`));
        if (stream) lines.push(copyLine(`aws kinesis describe-stream-summary --stream-name ${stream} --endpoint-url ${endpoint}`));
    }
    if (table) lines.push(copyLine(`tapeline query "SELECT * FROM ${table} ORDER BY window_end DESC LIMIT 10"`));
    lines.push(copyLine(`curl -N ${location.origin}/api/events`));
    return panel("connect-panel", "Connect", endpoint ? `AWS endpoint ${endpoint}; any credentials and region will do` : "the live feed and the lake",
        ...lines);
}
