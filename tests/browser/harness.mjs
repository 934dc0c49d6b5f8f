// SPDX-License-Identifier: Apache-2.0
// What the page's tests share: a real tapeline in a folder of its own, and a real Chromium with no network habits.

import { execFile, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = path.dirname(fileURLToPath(import.meta.url));
export const binary = process.env.TAPELINE ?? path.join(here, "../../build/tapeline");

export const VIEWS = ["live", "pipeline", "streams", "lake", "sql", "dead"];

/** Waits until check() gives something true, and returns it. */
export async function until(check, what, ms = 10_000) {
    const end = Date.now() + ms;
    let last;
    while (Date.now() < end) {
        try {
            last = await check();
            if (last) return last;
        } catch (error) {
            last = error;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`not within ${ms} ms: ${what} (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`);
}

export const temporaryFolder = () => mkdtemp(path.join(tmpdir(), "tapeline-page-"));
export const removeFolder = (folder) => rm(folder, { recursive: true, force: true });

/** Runs a command of tapeline to its end; its standard output. */
export const run = (...args) => new Promise((resolve, reject) =>
    execFile(binary, args, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => (error ? reject(new Error(`${error.message}\n${stderr}`)) : resolve(stdout))));

/** The real prices, where they are (TL_SHARED, or beside the repository), into the lake of a data folder. Without them the page shows the
 *  synthetic sample, and that is said loudly. */
export async function ingestPrices(data) {
    const folder = path.join(process.env.TL_SHARED ?? path.join(here, "../../../shared"), "data/daily");
    if (!existsSync(folder)) {
        console.error(`\n*** NO REAL PRICES at ${folder}: the page is tested with the synthetic sample instead. Set TL_SHARED. ***\n`);
        return false;
    }
    await run("ingest", ...readdirSync(folder).filter((name) => name.endsWith(".csv")).map((name) => path.join(folder, name)), "--lake", path.join(data, "lake"));
    await run("build", path.join(here, "../../pipelines/lakehouse.sql"), "--lake", path.join(data, "lake"));
    return true;
}

/** A network that can fail: everything goes through, until it is cut. */
export class Wire {
    static async to(url) {
        const wire = new Wire();
        const { hostname, port } = new URL(url);
        wire.sockets = new Set();
        wire.isCut = false;
        wire.server = net.createServer((near) => {
            if (wire.isCut) {
                near.destroy();
                return;
            }
            const far = net.connect(Number(port), hostname);
            for (const socket of [near, far]) {
                wire.sockets.add(socket);
                socket.on("error", () => {}).on("close", () => {
                    wire.sockets.delete(socket);
                    near.destroy();
                    far.destroy();
                });
            }
            near.pipe(far).pipe(near);
        });
        await new Promise((resolve) => wire.server.listen(0, "127.0.0.1", resolve));
        wire.url = `http://127.0.0.1:${wire.server.address().port}`;
        return wire;
    }

    cut() {
        this.isCut = true;
        for (const socket of this.sockets) socket.destroy();
    }

    mend() {
        this.isCut = false;
    }

    async stop() {
        this.cut();
        await new Promise((resolve) => this.server.close(resolve));
    }
}

/** `tapeline up` in the given folder; listen ":0" takes a free port. */
export class Tapeline {
    static async start(data, listen = "127.0.0.1:0", more = [], environment = {}) {
        const t = new Tapeline();
        t.startedAt = Date.now();
        t.output = "";
        t.child = spawn(binary, ["up", "--data", data, "--listen", listen, "--aws-listen", "127.0.0.1:0", ...more],
            { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1", ...environment } });
        t.exited = new Promise((resolve) => t.child.once("exit", resolve));
        for (const stream of [t.child.stdout, t.child.stderr]) stream.on("data", (chunk) => (t.output += chunk));
        try {
            t.url = await until(() => t.#findUrl(), "tapeline prints its address", 30_000);
        } catch (error) {
            await t.stop("SIGKILL");
            throw new Error(`${error.message}\n${t.output}`);
        }
        return t;
    }

    /** Of the printed addresses, the one where the page is. */
    async #findUrl() {
        if (this.child.exitCode !== null) throw new Error(`tapeline exited with ${this.child.exitCode}: ${this.output}`);
        for (const [url] of this.output.matchAll(/http:\/\/127\.0\.0\.1:\d+/g)) {
            const answer = await fetch(`${url}/api/plan`).catch(() => null);
            if (!answer?.ok) continue;
            this.plan = await answer.json();
            return url;
        }
        return null;
    }

    async stop(signal = "SIGTERM") {
        this.child.kill(signal);
        await this.exited;
    }

    /** Puts one record by the AWS endpoint, as any client would. */
    async put(data, partitionKey = "test") {
        const answer = await fetch(this.plan.aws_endpoint, {
            method: "POST",
            headers: {
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": "Kinesis_20131202.PutRecord",
                "X-Amz-Date": new Date().toISOString().replace(/[-:]|\.\d+/g, ""),
                "Authorization": "AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0",
            },
            body: JSON.stringify({ StreamName: this.plan.sources[0].stream, PartitionKey: partitionKey,
                Data: Buffer.from(data).toString("base64") }),
        });
        if (!answer.ok) throw new Error(`PutRecord: ${answer.status} ${await answer.text()}`);
    }
}

const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export async function openBrowser() {
    return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
}

/** A page that notes whatever must not happen: errors, requests elsewhere, breaches of the content policy. */
export async function openPage(browser, url, options = {}) {
    const { hash: _, ...settings } = options;
    const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...settings });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const wrong = [];
    page.on("console", (message) => {
        if (message.type() === "error") wrong.push(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => wrong.push(`error: ${error.stack}`));
    page.on("request", (request) => {
        if (!request.url().startsWith(`${url}/`) && !request.url().startsWith("data:")) wrong.push(`request: ${request.url()}`);
    });
    await page.addInitScript(() => {
        document.addEventListener("securitypolicyviolation", (event) =>
            console.error(`content policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}:${event.columnNumber} ${event.sample}`));
    });
    await page.goto(`${url}/${options.hash ?? ""}`);
    return { page, wrong, close: () => context.close() };
}

/** Shows another view by its key, as a reader would. */
export async function go(page, view) {
    await page.locator("h1").click();
    await page.keyboard.press(String(VIEWS.indexOf(view) + 1));
    await page.locator(`.tab[aria-current="page"][href="#${view}"]`).waitFor();
    await page.locator(`.view.${view}-view`).waitFor();
}

/** What the first chart draws, two frames from now: the library does what it is told in the next one. */
export const drawn = (page) => page.evaluate(async () => {
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return window.tapeline?.charts()[0];
});
