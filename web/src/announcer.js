// SPDX-License-Identifier: Apache-2.0
// One polite sentence for screen readers, at most every ten seconds, silent while paused.

import { setText } from "./dom.js";
import { clockWithZone, count } from "./format.js";

const EVERY_MS = 10_000;

/** @param {import("./store.js").Store} store */
function sentence(store) {
    if (store.connection.state === "retrying") return "The connection is lost; trying again.";
    const { stats } = store;
    if (!stats) return "";
    const since = store.staleSince();
    if (since !== null) return `No new data since ${clockWithZone(since, store.zone)}.`;
    return `${count(stats.ledger.received)} records received, ${count(stats.ledger.windows)} windows closed.`;
}

/**
 * @param {HTMLElement} host
 * @param {import("./store.js").Store} store
 */
export function announce(host, store) {
    let last = 0;
    store.subscribe(() => {
        if (store.paused || Date.now() - last < EVERY_MS) return;
        const text = sentence(store);
        if (text === "" || text === host.textContent) return;
        last = Date.now();
        setText(host, text);
    });
}
