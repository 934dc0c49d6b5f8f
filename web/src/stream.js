// SPDX-License-Identifier: Apache-2.0
// The live connection: server-sent events with resume, and the history that fills what came before.
//
// EventSource reconnects by itself after a broken connection and sends Last-Event-ID, but gives up for good on an HTTP
// error, and cannot see a connection that is open and silent. Both are handled here: the server sends stats every second,
// so ten seconds of silence mean that the connection is dead.

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./types.js").RowsEvent} RowsEvent */

const SILENCE_MS = 10_000;
const RETRY_MAX_MS = 10_000;
const HISTORY_RETRY_MS = 5_000;
const HISTORY_ATTEMPTS = 5;

/** The server's own words for what went wrong, with the status. @param {string} path @param {Response} response */
async function failure(path, response) {
    const said = /** @type {{error?: string} | null} */ (await response.json().catch(() => null));
    return Object.assign(new Error(said?.error ?? `${path} answered ${response.status}`), { status: response.status });
}

/**
 * @template T
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export async function getJson(path, signal) {
    const response = await fetch(path, { cache: "no-store", signal: signal ?? null });
    if (!response.ok) throw await failure(path, response);
    return /** @type {T} */ (await response.json());
}

/**
 * A call that may change something, or carries more than a path can: as JSON, with the header that no foreign page can send (E5).
 * @param {string} path
 * @param {unknown} body
 * @param {AbortSignal} [signal]
 */
export async function post(path, body, signal) {
    const response = await fetch(path, { method: "POST", cache: "no-store", signal: signal ?? null, body: JSON.stringify(body),
        headers: { "Content-Type": "application/json", "X-Tapeline": "1" } });
    if (!response.ok) throw await failure(path, response);
    return response;
}

export class Stream {
    /** @param {Store} store */
    constructor(store) {
        this.store = store;
        this.lastId = "";
        this.lastSeen = Date.now();
        this.attempt = 0;
        /** @type {Map<string, number>} the newest number of each tape's messages */
        this.tapeNumbers = new Map();
        /** @type {EventSource | null} */
        this.source = null;
        /** @type {number | undefined} */
        this.retryTimer = undefined;
        setInterval(() => this.#watch(), 1000);
        this.#open();
    }

    #open() {
        this.lastSeen = Date.now();
        const query = this.lastId ? `?last_event_id=${encodeURIComponent(this.lastId)}` : "";
        const source = new EventSource(`/api/events${query}`);
        this.source = source;
        source.onerror = () => this.#failed(source);
        source.addEventListener("stats", (event) => this.#on(source, event, (data) => this.store.applyStats(data)));
        source.addEventListener("shown", (event) => this.#on(source, event, (data) => this.store.applyShown(data.arrival)));
        for (const view of this.store.plan.views) {
            source.addEventListener(view.event, (event) =>
                this.#on(source, event, (data) => this.#rows(view.name, data)));
        }
        for (const tape of this.store.plan.tapes) {
            source.addEventListener(tape.event, (event) => this.#on(source, event, (data) => this.#tape(tape.name, data)));
        }
    }

    /**
     * @param {EventSource} source
     * @param {MessageEvent<string>} event
     * @param {(data: any) => void} apply
     */
    #on(source, event, apply) {
        if (source !== this.source) return;
        this.lastSeen = Date.now();
        this.lastId = event.lastEventId || this.lastId;
        if (this.store.connection.state !== "live") {
            this.attempt = 0;
            this.store.setConnection("live");
        }
        apply(JSON.parse(event.data));
    }

    /** @param {string} tape @param {{number: number, candles: import("./types.js").TapeEvent["candles"]}} data */
    #tape(tape, { number, candles }) {
        const before = this.tapeNumbers.get(tape);
        this.tapeNumbers.set(tape, number);
        this.store.applyTape(tape, { missed: before !== undefined && number !== before + 1, candles });
    }

    /**
     * @param {string} view
     * @param {RowsEvent} data
     */
    #rows(view, data) {
        this.store.applyRows(view, data);
        const windowed = this.store.rowsOf(view).plan.windowed;
        if (windowed && (data.snapshot || data.truncated)) void this.#history(view);
    }

    /** Closed windows from before: upserted, so that it does not matter what arrived meanwhile. @param {string} view @param {number} [attempt] */
    async #history(view, attempt = 1) {
        const before = this.store.rowsOf(view).snapshots;
        try {
            /** @type {{rows: import("./types.js").Row[], lake: string | null}} */
            const history = await getJson(`/api/history?view=${encodeURIComponent(view)}`);
            // A newer snapshot has its own history on the way.
            if (this.store.rowsOf(view).snapshots !== before) return;
            this.store.applyRows(view, { version: 0, rows: history.rows });
            // The lake had no part in it: it may not have the table yet, or be busy just now.
            if (history.lake !== null && attempt < HISTORY_ATTEMPTS) this.#historyLater(view, before, attempt + 1);
        } catch (error) {
            console.warn(`the history of ${view} is not there yet: ${error}`);
            this.#historyLater(view, before, attempt);
        }
    }

    /** @param {string} view @param {number} before @param {number} attempt */
    #historyLater(view, before, attempt) {
        if (this.store.rowsOf(view).plan.table === null) return;
        setTimeout(() => {
            if (this.store.rowsOf(view).snapshots === before) void this.#history(view, attempt);
        }, HISTORY_RETRY_MS);
    }

    /** @param {EventSource} source */
    #failed(source) {
        if (source !== this.source) return;
        this.attempt++;
        this.store.setConnection("retrying", this.attempt);
        if (source.readyState === EventSource.CLOSED) this.#retry();
    }

    #retry() {
        this.source?.close();
        this.source = null;
        clearTimeout(this.retryTimer);
        const delay = Math.min(RETRY_MAX_MS, 500 * 2 ** Math.min(this.attempt, 5)) * (0.5 + Math.random() / 2);
        this.retryTimer = setTimeout(() => this.#open(), delay);
    }

    #watch() {
        this.store.touch("clock");
        if (!this.source || Date.now() - this.lastSeen < SILENCE_MS) return;
        this.attempt++;
        this.lastSeen = Date.now();
        this.store.setConnection("retrying", this.attempt);
        this.#retry();
    }
}
