// SPDX-License-Identifier: Apache-2.0
// The pipeline's report, asked for while something on the page shows it: how each view stands, and why it gives no rows.

import { getJson } from "./stream.js";

/** @typedef {import("./store.js").Store} Store */

const EVERY_MS = 5000;

let askedAt = 0;
let asking = false;

/** Asks where the last answer is old, and touches "report" when another one has come. @param {Store} store */
export async function askReport(store) {
    if (asking || Date.now() - askedAt < EVERY_MS || store.connection.state === "retrying") return;
    asking = true;
    try {
        store.report = await getJson("/api/report");
    } catch (error) {
        store.report = { state: "unknown", error: error instanceof Error ? error.message : String(error) };
    } finally {
        asking = false;
        askedAt = Date.now();
    }
    store.touch("report");
}

/** Why a view that shows nothing shows nothing: what decides it, and what to do; "" while that is not known. @param {Store} store @param {string} view */
export function whySilent(store, view) {
    void askReport(store);
    const cause = store.report?.views?.find(({ name }) => name === view)?.why[0];
    return cause ? `\nWhy: ${cause.text}${cause.fix ? `\nTo do: ${cause.fix}` : ""}` : "";
}
