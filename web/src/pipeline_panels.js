// SPDX-License-Identifier: Apache-2.0
// What stands beside the pipeline's charts: the newest commits, and what is wrong with what to do about it.

import { el, setText } from "./dom.js";
import { clockWithZone, count, duration } from "./format.js";
import { panel } from "./panels.js";
import { problemsOf } from "./problems.js";

/** @typedef {import("./store.js").Store} Store */

const EPOCHS_SHOWN = 12;
const PHASES = /** @type {const} */ (["drain_ms", "close_ms", "write_ms", "sync_ms", "commit_ms"]);

/** @param {Store} store */
export function epochsPanel(store) {
    const body = el("tbody");
    const summary = el("p", { class: "sub" }, "\u00a0");
    store.subscribe((changed) => {
        if (!changed.has("samples") && !changed.has("zone")) return;
        const { stats, epochs } = store;
        if (stats) setText(summary, stats.epoch.last_commit === null ? `the first commit comes within ${duration(store.plan.commit_every_ms)}`
            : `epoch ${count(stats.epoch.number)} at ${clockWithZone(stats.epoch.last_commit, store.zone)}; ${count(stats.epoch.rows_committed)} rows in ${count(stats.epoch.files_committed)} files since the start`
                + (stats.restored ? "; this process went on from a checkpoint" : ""));
        body.replaceChildren(...epochs.slice(-EPOCHS_SHOWN).reverse().map((epoch) => el("tr", {},
            el("th", { scope: "row" }, count(epoch.number)), el("td", {}, clockWithZone(epoch.at, store.zone)),
            ...[epoch.duration_ms, ...PHASES.map((name) => epoch.phases[name])].map((ms) => el("td", { class: "number" }, duration(ms))),
            el("td", { class: "number" }, count(epoch.rows)), el("td", { class: "number" }, count(epoch.files)))));
    });
    return panel("epochs-panel", "Checkpoints", "each commit holds positions, state and files in one record: exactly once",
        summary, el("div", { class: "scroll", tabindex: 0, role: "region", "aria-labelledby": "epochs-panel-title" },
            el("table", {}, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Epoch"), el("th", { scope: "col" }, "Committed"),
                ...["Whole", "Drain", "Close", "Write", "Sync", "Commit", "Rows", "Files"].map((head) => el("th", { scope: "col", class: "number" }, head)))), body)));
}

/** @param {Store} store */
export function problemsPanel(store) {
    const list = el("ul", { class: "problems" });
    const fine = el("p", { class: "verdict" });
    let drawn = "";
    store.subscribe((changed) => {
        if (!changed.has("stats") && !changed.has("clock") && !changed.has("connection")) return;
        const found = problemsOf(store);
        const now = JSON.stringify(found);
        fine.hidden = found.length > 0 || !store.stats;
        setText(fine, !store.stats ? "" : store.stats.last_record === null ? "Nothing is wrong: it waits for the first record." : "Nothing is wrong: records come, windows close, commits succeed.");
        if (now === drawn) return;
        drawn = now;
        list.replaceChildren(...found.map(({ what, cause, next }) => el("li", {}, el("strong", {}, what), el("span", {}, cause), el("span", { class: "next" }, next))));
    });
    return panel("problems-panel", "Problems", "what is wrong, why, and what to do", list, fine);
}
