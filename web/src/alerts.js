// SPDX-License-Identifier: Apache-2.0
// Alerts: limits that a reader sets, which the server looks at whether a page is open or not. Here they are set, listed, and told.

import { el, setText } from "./dom.js";
import { clockWithZone, decimal, digitsFor, duration } from "./format.js";
import { panel } from "./panels.js";
import { getJson, post } from "./stream.js";

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").Alert} Alert */

/** @type {Record<Alert["kind"], {title: string, noun: string}>} */
const KINDS = {
    value: { title: "a value", noun: "" },
    stale: { title: "silence: no record for", noun: "no record for" },
    lag: { title: "lag: a reader behind its shard by", noun: "the slowest shard is behind by" },
    watermark: { title: "windows late: watermark behind by", noun: "the watermark is behind by" },
};

/** @param {number} value */
const number = (value) => decimal(value, digitsFor(Math.abs(value)));

/** A limit, as it was set. @param {number} value */
const limitText = (value) => value.toLocaleString("en", { maximumFractionDigits: 9 });

/** What it watches, with its limit. @param {Alert} alert */
function condition({ kind, view, column, key, below, limit }) {
    if (kind !== "value") return `${KINDS[kind].noun} more than ${duration(limit * 1000)}`;
    return `${key ? `${key} ` : ""}${column} of ${view} ${below ? "below" : "above"} ${limitText(limit)}`;
}

/** @param {Alert} alert */
function valueText({ kind, value }) {
    if (value === null || value === undefined) return "no value yet";
    return kind === "value" ? number(value) : duration(Math.max(0, value) * 1000);
}

/** The alerts that fire now, as sentences. @param {Store} store */
export const firingTexts = (store) => (store.stats?.alerts ?? []).filter(({ firing }) => firing).map((alert) =>
    `${alert.name}: ${condition(alert)}${alert.since ? `, since ${clockWithZone(alert.since, store.zone)}` : ""}`);

let changes = Promise.resolve("");

/**
 * Changes the alerts that the server has now, one change after another: what this page was told a second ago may be old.
 * @param {(alerts: Alert[]) => Alert[]} edit
 * @returns {Promise<string>} "" or what is wrong
 */
function change(edit) {
    changes = changes.then(async () => {
        try {
            /** @type {{alerts: Alert[]}} */
            const { alerts } = await getJson("/api/alerts");
            await post("/api/alerts", { alerts: edit(alerts).map(({ name, kind, view, column, key, below, limit }) => ({ name, kind, view, column, key, below, limit })) });
            return "";
        } catch (error) {
            return error instanceof Error ? error.message : String(error);
        }
    });
    return changes;
}

/** The columns that a limit can be set for: numbers that are no keys. @param {Store} store */
const watchable = (store) => store.plan.views.flatMap((view) => view.columns
    .filter(({ role, type }) => role !== "key" && /^(DOUBLE|BIGINT|INTEGER)$/.test(type)).map(({ name }) => ({ view: view.name, column: name })));

/** @param {Store} store @param {string} view */
function keysOf(store, view) {
    const rows = store.rowsOf(view);
    return [...rows.latest.values(), ...[...rows.series.values()].map(({ points }) => ({ row: points[0]?.row }))]
        .flatMap(({ row }) => (row ? [rows.keyText(row)] : [])).sort();
}

/** @param {string} label @param {HTMLElement} input */
const field = (label, input) => el("label", { class: "field stacked" }, el("span", { class: "sub" }, label), input);

/** @param {string[]} values @param {string} [chosen] @param {(value: string) => string} [text] */
const options = (values, chosen, text = (value) => value) => values.map((value) => el("option", { value, selected: value === chosen }, text(value)));

/** @typedef {{kind?: Alert["kind"], view?: string, column?: string, key?: string, limit?: number}} Preset */

/**
 * The dialog in which an alert is made.
 * @param {Store} store
 * @param {Preset} [preset]
 */
export function alertDialog(store, preset = {}) {
    const columns = watchable(store);
    const first = columns.findIndex(({ view, column }) => view === preset.view && column === preset.column);
    const kind = el("select", { class: "search wide" }, ...options(Object.keys(KINDS), preset.kind ?? "value", (name) => KINDS[/** @type {Alert["kind"]} */ (name)].title));
    const of = el("select", { class: "search wide" }, ...options(columns.map((_, i) => String(i)), String(Math.max(0, first)), (i) => `${columns[Number(i)]?.column} of ${columns[Number(i)]?.view}`));
    const key = el("select", { class: "search wide" });
    const side = el("select", { class: "search wide" }, ...options(["above", "below"]));
    const limit = el("input", { type: "number", step: "any", class: "search wide", required: true, value: preset.limit === undefined ? null : String(Number(preset.limit.toPrecision(6))) });
    const name = el("input", { type: "text", class: "search wide", maxlength: 60, placeholder: "made of the limit" });
    const wrong = el("p", { class: "query-error", role: "alert", hidden: true });
    const limitLabel = el("span", { class: "sub" });
    const ofValue = [field("Column", of), field("Key", key), field("Side", side)];
    const form = el("form", { method: "dialog", class: "alert-form" }, field("Tell me of", kind), ...ofValue,
        el("label", { class: "field stacked" }, limitLabel, limit), field("Name", name), wrong,
        el("div", { class: "controls" }, el("button", { type: "submit", class: "button is-main" }, "Set the alert"),
            el("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel")));
    const dialog = el("dialog", { class: "dialog alert-dialog", "aria-labelledby": "alert-title" }, el("h2", { id: "alert-title" }, "New alert"),
        el("p", { class: "sub" }, "The server looks once a second, page or no page; it shows on every page and in /metrics."), form);
    const shape = () => {
        const value = kind.value === "value";
        for (const part of ofValue) part.hidden = !value;
        setText(limitLabel, value ? "Limit" : "Seconds");
        const chosen = columns[Number(of.value)];
        key.replaceChildren(...options(chosen ? keysOf(store, chosen.view) : [], preset.key, (text) => text || "all"));
    };
    kind.addEventListener("change", shape);
    of.addEventListener("change", shape);
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        const chosen = columns[Number(of.value)];
        const isValue = kind.value === "value";
        /** @type {Alert} */
        const alert = { name: "", kind: /** @type {Alert["kind"]} */ (kind.value), view: isValue ? chosen?.view ?? null : null, column: isValue ? chosen?.column ?? null : null,
            key: isValue ? key.value : null, below: isValue && side.value === "below", limit: Number(limit.value) };
        alert.name = (name.value.trim() || condition(alert)).slice(0, 60);
        const failed = await change((alerts) => [...alerts.filter((one) => one.name !== alert.name), alert]);
        setText(wrong, failed);
        wrong.hidden = failed === "";
        if (failed === "") dialog.close();
    });
    dialog.addEventListener("close", () => dialog.remove());
    shape();
    document.body.append(dialog);
    dialog.showModal();
}

/** @param {Store} store */
export function alertsPanel(store) {
    const list = el("ul", { class: "alerts" });
    const none = el("p", { class: "empty" }, "No alert is set. One can watch a price, silence, or lag; it shows on every page and in /metrics.");
    const wrong = el("p", { class: "query-error", role: "alert", hidden: true });
    let drawn = "";
    /** @param {Alert} alert */
    const remove = async (alert) => {
        const failed = await change((alerts) => alerts.filter(({ name }) => name !== alert.name));
        setText(wrong, failed);
        wrong.hidden = failed === "";
    };
    /** @type {Map<string, HTMLElement>} */
    const values = new Map();
    store.subscribe((changed) => {
        const alerts = store.stats?.alerts;
        if (!alerts || !(changed.has("stats") || changed.has("zone"))) return;
        none.hidden = alerts.length > 0;
        const now = JSON.stringify([store.zone, alerts.map(({ value, ...rest }) => rest)]);
        if (now !== drawn) {
            drawn = now;
            values.clear();
            list.replaceChildren(...alerts.map((alert) => {
                const value = el("span", { class: "alert-value" });
                values.set(alert.name, value);
                return el("li", { class: alert.firing ? "is-firing" : null }, el("div", {}, el("strong", {}, alert.name), el("span", { class: "sub" },
                    alert.firing && alert.since ? `fires since ${clockWithZone(alert.since, store.zone)} · ` : "quiet · ", ...(alert.name === condition(alert) ? [] : [`${condition(alert)} · `]), "now ", value)),
                el("button", { type: "button", class: "button is-small", "aria-label": `Remove the alert ${alert.name}`, onclick: () => void remove(alert) }, "Remove"));
            }));
        }
        for (const alert of alerts) {
            const node = values.get(alert.name);
            if (node) setText(node, valueText(alert));
        }
    });
    const made = panel("alerts-panel", "Alerts", "limits of your own, looked at once a second", list, none, wrong);
    made.querySelector(".panel-head")?.append(el("button", { type: "button", class: "button", onclick: () => alertDialog(store) }, "New alert"));
    return made;
}
