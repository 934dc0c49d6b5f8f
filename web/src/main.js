// SPDX-License-Identifier: Apache-2.0
// The page: fetches the plan, builds one panel for each chart and view in it, and connects.

import { announce } from "./announcer.js";
import { ChartPanel } from "./chart_panel.js";
import { el, setText } from "./dom.js";
import { renderHeader, renderNotice } from "./header.js";
import { LatestTable } from "./latest_table.js";
import { connectPanel, feedPanel, ledgerPanel, shardsPanel } from "./panels.js";
import { Store } from "./store.js";
import { getJson, Stream } from "./stream.js";
import { tilesSection } from "./tiles.js";

/** @param {string} id */
function byId(id) {
    const node = document.getElementById(id);
    if (!node) throw new Error(`the page has no #${id}`);
    return node;
}

/**
 * The plan, however long the server takes to come: the page may be opened before it.
 * @returns {Promise<import("./types.js").Plan>}
 */
async function fetchPlan() {
    for (let attempt = 1; ; attempt++) {
        try {
            return await getJson("/api/plan");
        } catch (error) {
            setText(byId("cover"), `The pipeline does not answer (${error instanceof Error ? error.message : error}). Trying again, attempt ${attempt}…`);
            await new Promise((resolve) => setTimeout(resolve, Math.min(5000, 500 * attempt)));
        }
    }
}

function footer() {
    return [
        el("p", {}, "Charts by ", el("a", { href: "https://www.tradingview.com/", rel: "noreferrer" }, "TradingView"),
            " Lightweight Charts™, Copyright © 2025 TradingView, Inc., Apache License 2.0."),
        el("p", {}, "Keys: Tab to a chart, then ← → along points, ↑ ↓ between series, Home, End, Esc. Nothing on this page leaves this machine."),
        el("p", {}, el("a", { href: "/api/status" }, "status"), " · ", el("a", { href: "/metrics" }, "metrics"), " · ",
            el("a", { href: "/healthz" }, "health")),
    ];
}

async function start() {
    const plan = await fetchPlan();
    document.title = `${plan.pipeline} · tapeline`;
    const store = new Store(plan);
    renderHeader(byId("header"), store);
    renderNotice(byId("notice"), store);
    announce(byId("announcer"), store);
    const charts = plan.charts.map((chart) => new ChartPanel(store, chart));
    const tables = plan.views.filter((view) => !view.windowed).map((view) => new LatestTable(store, view));
    byId("content").replaceChildren(
        el("div", { class: "live" },
            el("div", { class: "live-charts" }, ...charts.map((chart) => chart.root)),
            el("div", { class: "live-tables" }, ...tables.map((table) => table.root))),
        tilesSection(store),
        el("div", { class: "panels" }, ledgerPanel(store), shardsPanel(store), feedPanel(store), connectPanel(store)));
    byId("footer").replaceChildren(...footer());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => store.touch("theme"));
    document.addEventListener("visibilitychange", () => store.touch("clock"));
    new Stream(store);
    // For the browser tests: what the canvases show, which no DOM query can tell.
    Object.assign(window, { tapeline: { store, charts: () => charts.map((chart) => chart.lines.describe()) } });
}

void start();
