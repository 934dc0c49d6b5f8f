// SPDX-License-Identifier: Apache-2.0
// The views of the pipeline: what each has given, what it holds open, and what it waits for: the causes of `tapeline why`.

import { el, setText } from "./dom.js";
import { clockWithZone, count } from "./format.js";
import { panel } from "./panels.js";
import { askReport } from "./report.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").ViewReport} ViewReport */

/** The reader's own zone for the instants in a sentence. @param {Store} store @param {string} text */
const inZone = (store, text) => text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (instant) => clockWithZone(Date.parse(instant), store.zone)).replace(/shardId-0*(?=\d)/g, "");

/** @param {string} term @param {string} value */
const fact = (term, value) => el("div", {}, el("dt", {}, term), el("dd", {}, value));

/** @param {Store} store @param {ViewReport} view */
function item(store, view) {
    const { windowed, table, late } = store.rowsOf(view.name).plan;
    const next = view.next_window_end;
    return el("li", { class: "view-item" },
        el("div", { class: "view-name" }, el("strong", {}, view.name), el("span", { class: "sub" }, windowed ? "windows" : "newest values")),
        el("dl", { class: "facts" },
            windowed || table ? fact("rows written", view.rows === undefined ? "–" : count(view.rows)) : null,
            fact(windowed ? "open groups" : "groups", view.open_groups === undefined ? "–" : count(view.open_groups)),
            windowed ? fact("next window ends", next ? clockWithZone(next, store.zone) : "–") : null,
            windowed && late !== null ? fact("late", view.late === undefined ? "–" : count(view.late)) : null),
        ...view.why.map(({ text, fix }) => el("p", { class: "why" }, inZone(store, text), fix ? el("span", { class: "next" }, inZone(store, fix)) : null)));
}

/** @param {Store} store */
export function viewsPanel(store) {
    const list = el("ul", { class: "view-list" });
    const note = el("p", { class: "empty" }, "Asking the engine…");
    let drawn = "";
    store.subscribe((changed) => {
        if (changed.has("clock") || changed.has("stats")) void askReport(store);
        const { report } = store;
        if (!report || !(changed.has("report") || changed.has("zone"))) return;
        note.hidden = report.views !== undefined;
        list.hidden = report.views === undefined;
        note.classList.toggle("is-error", report.state === "unknown");
        if (!report.views) setText(note, report.state === "busy" ? `The engine is busy: ${report.error ?? ""}` : `The engine cannot be asked just now: ${report.error ?? report.state}`);
        const now = JSON.stringify([report.views, store.zone]);
        if (!report.views || now === drawn) return;
        drawn = now;
        list.replaceChildren(...report.views.map((view) => item(store, view)));
    });
    return panel("views-panel", "Views", "what each has given, and what it waits for: the causes of tapeline why", list, note);
}
