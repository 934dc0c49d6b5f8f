// SPDX-License-Identifier: Apache-2.0
// What the server's clock says now, as this browser knows it: asked as one asks for the time by telephone. The answer was true somewhere
// between question and arrival; of several, the quickest errs least: by half its round trip at most.

import { getJson } from "./stream.js";

const FIRST = 4; // questions in a row, a second apart
const AGAIN_MS = 60_000; // clocks drift
const KEPT = 5;

/** This browser's clock, in milliseconds since 1970: fine, and never set back while the page is open. */
export const browserNow = () => performance.timeOrigin + performance.now();

export class ServerClock {
    constructor() {
        /** @type {{ahead: number, error: number}[]} the newest answers */
        this.answers = [];
        void this.#ask(1);
    }

    /** @param {number} nth */
    async #ask(nth) {
        try {
            const from = browserNow();
            /** @type {{stats: {now: number}}} */
            const { stats } = await getJson("/api/status");
            const to = browserNow();
            // The server tells whole milliseconds, rounded down.
            this.answers.push({ ahead: stats.now + 0.5 - (from + to) / 2, error: (to - from) / 2 + 0.5 });
            if (this.answers.length > KEPT) this.answers.shift();
        } catch {
            // It is asked again; until then the old answers are good.
        }
        const next = () => (document.hidden ? setTimeout(next, AGAIN_MS) : void this.#ask(nth + 1));
        setTimeout(next, nth < FIRST ? 1000 : AGAIN_MS);
    }

    get #best() {
        return this.answers.reduce((/** @type {{ahead: number, error: number} | null} */ best, one) => (best && best.error <= one.error ? best : one), null);
    }

    /** Milliseconds since 1970 by the server's clock; null before it has answered. */
    now() {
        const best = this.#best;
        return best && browserNow() + best.ahead;
    }

    /** By how much that may be wrong, in milliseconds. */
    error() {
        return this.#best?.error ?? 0;
    }
}
