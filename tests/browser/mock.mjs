// SPDX-License-Identifier: Apache-2.0
// The API under the tests' control, for what a real pipeline does only after minutes or never: closed windows, history,
// silence, points out of order. The page itself still comes from the real server, with its headers.

import http from "node:http";

const MINUTE = 60_000;

export const plan = {
    pipeline: "mocked", version: "0", profile: "local", synthetic: false, aws_endpoint: null, commit_every_ms: MINUTE,
    sources: [{ name: "ticks", stream: "ticks", delay_ms: 2 * MINUTE, malformed: "mocked.ticks_malformed" }],
    views: [
        { name: "latest", event: "latest", windowed: false, emit: "CHANGES", window_ms: 0, step_ms: 0, of: null, of_time: null, keys: ["ticker"], table: null, late: null,
            columns: [{ name: "ticker", type: "VARCHAR", role: "key" }, { name: "price", type: "DOUBLE", role: "aggregate" }] },
        { name: "average", event: "average", windowed: true, emit: "FINAL", window_ms: MINUTE, step_ms: MINUTE, of: null, of_time: null, keys: ["ticker"], table: null, late: "mocked.average_late",
            columns: [{ name: "ticker", type: "VARCHAR", role: "key" }, { name: "window_end", type: "TIMESTAMP", role: "window_end" },
                { name: "price", type: "DOUBLE", role: "aggregate" }] },
    ],
    charts: [{ name: "live", view: "average", type: "line", x: "window_end", y: "price", series: "ticker" }],
    tapes: [{ name: "ticks", source: "ticks", event: "candles:ticks", key: "ticker", price: "price", volume: null }],
};

/** A row of the windowed view, whose window ends the given minutes after the start of the hour. */
export const START = Math.floor(Date.now() / 3_600_000) * 3_600_000;
export const row = (ticker, minutes, price, final) => ({ ticker, window_end: START + minutes * MINUTE, price, final });

export function stats(changes = {}) {
    const now = Date.now();
    return { now, uptime_ms: 1000,
        ledger: { received: 10, aggregated: 7, late: 2, malformed: 1, duplicate: 0, filtered: 0, windows: 3 },
        rates: { input: 5, processing: 1e6 },
        epoch: { number: 4, duration_ms: 21, oldest_ms: 60_100, phases: { drain_ms: 1, close_ms: 5, write_ms: 6, sync_ms: 3, commit_ms: 6 }, last_commit: now - 5000, rows_committed: 30, files_committed: 3 },
        state: { rows: 12, bytes: 4096, limit_bytes: 0 }, watermark: now - 2 * MINUTE, lag_ms: 2 * MINUTE, max_event_time: now,
        last_record: now, restored: false, waiting: "", shard_count: 1,
        shards: [{ id: "shardId-000000000000", idle: false, finished: false, watermark: now - 2 * MINUTE, records: 10, millis_behind: 3, records_behind: 2, records_behind_estimated: false }],
        feed: null, ...changes };
}

export class Mock {
    /** @param {string} upstream where the page and its files come from */
    static async start(upstream) {
        const mock = new Mock();
        mock.upstream = upstream;
        mock.clients = new Set();
        mock.history = [];
        mock.candles = [];
        mock.asked = []; // paths with queries, in order
        mock.lastEventIds = [];
        mock.plan = plan;
        mock.isAway = false; // true: nobody answers
        mock.server = http.createServer((request, response) => mock.#handle(request, response));
        await new Promise((resolve) => mock.server.listen(0, "127.0.0.1", resolve));
        mock.url = `http://127.0.0.1:${mock.server.address().port}`;
        return mock;
    }

    #handle(request, response) {
        this.asked.push(request.url);
        if (this.isAway) {
            request.socket.destroy();
            return;
        }
        const { pathname } = new URL(request.url, this.url);
        const json = (value) => {
            response.setHeader("Content-Type", "application/json");
            response.end(JSON.stringify(value));
        };
        if (pathname === "/api/plan") json(this.plan);
        else if (pathname === "/api/history") json({ rows: this.history });
        else if (pathname === "/api/candles") json({ candles: this.candles });
        else if (pathname === "/api/samples") json({ every_ms: 1000, samples: [], shards: [], behind: [], epochs: [] });
        else if (pathname === "/api/events") this.#events(request, response);
        else this.#forward(request, response);
    }

    #events(request, response) {
        this.lastEventIds.push(request.headers["last-event-id"] ?? new URL(request.url, this.url).searchParams.get("last_event_id") ?? "");
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        response.write("retry: 100\n\n");
        this.clients.add(response);
        request.on("close", () => this.clients.delete(response));
    }

    async #forward(request, response) {
        const answer = await fetch(this.upstream + request.url);
        response.statusCode = answer.status;
        for (const name of ["content-type", "content-security-policy"]) {
            const value = answer.headers.get(name);
            if (value) response.setHeader(name, value);
        }
        response.end(Buffer.from(await answer.arrayBuffer()));
    }

    send(event, data, id = "m.1") {
        for (const client of this.clients) client.write(`event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
    }

    /** Ends the open streams; the pages come back by themselves. */
    drop() {
        for (const client of this.clients) client.end();
    }

    async stop() {
        this.drop();
        this.server.closeAllConnections();
        await new Promise((resolve) => this.server.close(resolve));
    }
}
