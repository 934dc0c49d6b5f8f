// SPDX-License-Identifier: Apache-2.0
// The pipeline view: is it keeping up, is it committing, is anything lost, and why does a view give no rows.

import { alertsPanel } from "./alerts.js";
import { el } from "./dom.js";
import { enginesPanel } from "./engines_panel.js";
import { connectPanel, feedPanel, ledgerPanel, shardsPanel } from "./panels.js";
import { behindChart, epochChart, putChart, ratesChart, stateChart, watermarkChart } from "./pipeline_charts.js";
import { epochsPanel, problemsPanel } from "./pipeline_panels.js";
import { getJson } from "./stream.js";
import { viewsPanel } from "./views_panel.js";

/** @typedef {import("./store.js").Store} Store */

/** The minutes from before this page was opened. @param {Store} store */
async function loadSamples(store) {
    try {
        store.addSamples(await getJson("/api/samples"));
    } catch (error) {
        console.warn(`no samples from before: ${error}`);
    }
}

/** @param {import("./main.js").Page} page */
export function pipelineView({ store }) {
    void loadSamples(store);
    return {
        root: el("div", { class: "view pipeline-view" }, problemsPanel(store),
            el("div", { class: "smalls" }, ratesChart(store), putChart(store), epochChart(store), behindChart(store), watermarkChart(store), stateChart(store)),
            el("div", { class: "panels" },
                el("div", { class: "stack" }, alertsPanel(store), ledgerPanel(store), feedPanel(store)),
                el("div", { class: "stack" }, viewsPanel(store), shardsPanel(store), epochsPanel(store), enginesPanel(store), connectPanel(store)))),
    };
}
