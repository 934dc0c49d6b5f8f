// SPDX-License-Identifier: Apache-2.0
// Every view over a real `tapeline up` on real prices, by keyboard, against what the lake and the stream hold.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { go, ingestPrices, openBrowser, openPage, removeFolder, run, Tapeline, temporaryFolder, until, VIEWS, Wire } from "./harness.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const HOSTILE = "<img src=x onerror=alert(1)>";

let browser, data, tapeline, view, isReal;

before(async () => {
    data = await temporaryFolder();
    browser = await openBrowser();
    isReal = await ingestPrices(data);
    tapeline = await Tapeline.start(data, "127.0.0.1:0", [path.join(here, "pipeline.sql")]);
    view = await openPage(browser, tapeline.url);
});

after(async () => {
    await browser?.close();
    await tapeline?.stop();
    if (data) await removeFolder(data);
});

/** The closed points of a ticker as the page has them: [window end in ms, average]. */
const closedPoints = (page, ticker) => page.evaluate((key) => (window.tapeline.store.rowsOf("avg_2s").series.get(key)?.points ?? [])
    .filter(({ final }) => final).map(({ x, row }) => [x, row.avg_close]), ticker);

/** The same of the lake, by the command: another program than the page's server asked. */
async function lakeRows(ticker) {
    const csv = await run("query", `SELECT epoch_ms(window_end) AS x, avg_close FROM page.avg_2s WHERE ticker = '${ticker}' ORDER BY x`, "--lake", path.join(data, "lake"), "--format", "csv");
    return csv.trim().split("\n").slice(1).map((line) => line.split(",").map(Number));
}

/** Everything of the lake up to the page's newest point is on the page, once, with the same value, and nothing else is. */
async function assertEqualToLake(page, ticker) {
    const points = await closedPoints(page, ticker);
    const newest = points.at(-1)[0];
    // A closed window is on the page before its epoch is committed: the lake comes after.
    const rows = await until(async () => {
        const all = await lakeRows(ticker).catch(() => []);
        return all.some(([x]) => x >= newest) && all.filter(([x]) => x <= newest);
    }, "the lake has the page's newest window", 20_000);
    assert.deepEqual(points, rows);
}

test("closed windows on the page are the rows of the lake, to the last bit", async () => {
    await until(async () => (await closedPoints(view.page, "AAPL")).length >= 3, "three closed windows", 30_000);
    await assertEqualToLake(view.page, "AAPL");
    assert.equal(await view.page.locator(".badge-sample").count(), isReal ? 0 : 1);
    // And as text: the data table says them.
    await view.page.getByRole("button", { name: "Data table" }).first().click();
    const newest = (await closedPoints(view.page, "AAPL")).at(-1);
    const cells = await view.page.locator(".chart .chart-table").first().locator("tbody td:nth-child(2)").allTextContents();
    const said = newest[1].toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 }); // toFixed rounds a half by its last bit
    assert.ok(cells.includes(said), `${said} in ${cells.slice(0, 5)}`);
    const ends = await view.page.locator(".chart .chart-table").first().locator("tbody th").allTextContents();
    assert.match(ends[0], /^\d+ \w+, \d\d:\d\d:\d\d$/, "windows of two seconds are told apart");
    assert.equal(new Set(ends).size, ends.length);
    await view.page.getByRole("button", { name: "Data table" }).first().click();
    assert.equal(await view.page.locator(".chart").count(), 3, "a panel for each CREATE CHART");
});

test("put to screen: one figure from a record's arrival to the frame that draws it", async () => {
    const { page } = view;
    const figures = await until(async () => {
        const all = await page.evaluate(() => window.tapeline.putToScreen());
        return all.count > 20 && all;
    }, "twenty updates were drawn", 20_000);
    const { stats } = await (await fetch(`${tapeline.url}/api/status`)).json();
    const { put_to_page: sent } = stats.latency;
    // The whole is not shorter than the server's part of it; both clocks are this machine's.
    assert.ok(figures.p50_ms + figures.error_ms + 1 >= sent.p50_ms / 1.13 && figures.p50_ms < 5000, JSON.stringify([figures, sent]));
    assert.match(await page.locator(".figure", { hasText: "Put → screen" }).textContent(), /\d m?s.*p95 .*p99/);
});

test("candles are those of the ticks in the stream", async () => {
    await view.page.locator(".candles select").selectOption("AAPL");
    await view.page.locator(".candles").getByRole("radio", { name: "1 s" }).check();
    const drawn = () => view.page.evaluate(() => window.tapeline.candles()[0]);
    await until(async () => (await drawn()).candles.length > 3, "four candles", 15_000);
    const { shards } = await (await fetch(`${tapeline.url}/api/shards?stream=stock_stream`)).json();
    const ticks = [];
    for (const { id } of shards) {
        const { records } = await (await fetch(`${tapeline.url}/api/records?stream=stock_stream&shard=${id}&limit=1000`)).json();
        ticks.push(...records.map((record) => JSON.parse(record.data)).filter(({ ticker }) => ticker === "AAPL"));
    }
    const { candles } = await drawn();
    let compared = 0;
    for (const [start, open, high, low, close, volume, count] of candles.slice(1, -2)) {
        const own = ticks.filter(({ timestamp }) => Math.floor(Date.parse(timestamp) / 1000) * 1000 === start);
        if (own.length === 0) continue; // the stream's first thousand records end before it
        const closes = own.map((tick) => tick.close);
        assert.deepEqual([open, high, low, close, volume, count],
            [closes[0], Math.max(...closes), Math.min(...closes), closes.at(-1), own.reduce((sum, tick) => sum + tick.volume, 0), own.length]);
        compared++;
    }
    assert.ok(compared >= 1, "some candle was compared");
});

test("from a point to its records, by keyboard: the value computed anew, shards, sequence numbers, the file", async () => {
    const { page } = view;
    await page.locator(".chart .chart-frame").first().focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    const dialog = page.locator(".origin");
    await dialog.locator(".verdict").waitFor();
    assert.match(await dialog.locator(".verdict").textContent(), /^Equal to the value on the chart/);
    await until(async () => /\.parquet/.test(await dialog.locator(".facts").textContent()), "the file").catch(async (error) => {
        throw new Error(`${error.message}: ${await dialog.locator(".facts").textContent()}`);
    });
    const shown = await dialog.locator(".records tbody tr").count();
    assert.ok(shown > 0);
    assert.match(await dialog.locator("h2").textContent(), /^AAPL: where avg_close comes from$/);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
});

test("a point of a view over a view: the value computed anew by way of that view's rows, and from there to records", async () => {
    const { page } = view;
    await until(async () => page.evaluate(() => [...window.tapeline.store.rowsOf("high_6s").series.values()].some(({ points }) => points.some(({ final }) => final))), "a window of windows", 30_000);
    await page.locator(".chart .chart-frame").nth(2).focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("Enter");
    const dialog = page.locator(".origin");
    await dialog.locator(".verdict").waitFor();
    assert.equal(await dialog.locator(".verdict").textContent(), "Equal to the value on the chart, to the last bit.");
    assert.match(await dialog.locator(".facts").textContent(), /rows[123] of avg_2srecords\d+file(not found|streaming\/high_6s\/)/);
    assert.ok(await dialog.locator("tbody tr").count() >= 2);
    await dialog.getByRole("button", { name: "Its records" }).first().click();
    await page.locator(".origin .verdict").waitFor();
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
});

test("a lost connection leaves no gap and no duplicate", async () => {
    const wire = await Wire.to(tapeline.url);
    const second = await openPage(browser, wire.url);
    await until(async () => (await closedPoints(second.page, "AAPL")).length >= 2, "two closed windows", 20_000);
    const before = (await closedPoints(second.page, "AAPL")).length;
    wire.cut();
    await until(async () => /^Reconnecting since/.test(await second.page.locator(".connection").textContent()), "the loss is shown");
    const at = (await lakeRows("AAPL")).length;
    await until(async () => (await lakeRows("AAPL")).length > at, "the pipeline goes on meanwhile", 20_000);
    wire.mend();
    await until(async () => (await second.page.locator(".connection").textContent()) === "Live", "it is live again", 20_000);
    await until(async () => (await closedPoints(second.page, "AAPL")).length > before + 1, "what came meanwhile is there", 20_000);
    await assertEqualToLake(second.page, "AAPL");
    await second.close();
    await wire.stop();
});

test("a view that could not be loaded comes back by itself when the connection does", async () => {
    for (const [name, failed, there] of [["streams", ".cover", ".records tbody tr"], ["dead", ".cover", ".dead-view .panel"]]) {
        const wire = await Wire.to(tapeline.url);
        const { page, close } = await openPage(browser, wire.url);
        await until(async () => (await page.locator(".connection").textContent()) === "Live", "live");
        wire.cut();
        await page.evaluate((hash) => (location.hash = hash), name);
        await page.locator(failed, { hasText: "could not be loaded" }).waitFor();
        wire.mend();
        await page.locator(there).first().waitFor({ timeout: 20_000 });
        assert.equal(new URL(page.url()).hash.slice(1).split("?")[0], name);
        await close();
        await wire.stop();
    }
});

test("what a view asked for in vain is asked for again when the connection is back", async () => {
    const wire = await Wire.to(tapeline.url);
    const { page, close } = await openPage(browser, wire.url);
    const cases = [["streams", ".stream-shards .is-error", ".stream-shards tbody tr"], ["sql", ".schema .is-error", ".schema .schema-table"],
        ["lake", ".lake-tables .is-error:not([hidden])", ".lake-tables tbody tr"], ["dead", ".dead-view .is-error", ".dead-view .empty:not(.is-error), .dead-view tbody tr"]];
    for (const [name] of cases) await go(page, name); // the files are here; what they ask for is not
    for (const [name, failed, there] of cases) {
        await go(page, "pipeline");
        await until(async () => (await page.locator(".connection").textContent()) === "Live", "live", 20_000);
        wire.cut();
        await until(async () => /^Reconnecting/.test(await page.locator(".connection").textContent()), "the loss is shown");
        await go(page, name);
        await page.locator(failed).first().waitFor();
        wire.mend();
        await until(async () => (await page.locator(failed).count()) === 0 && (await page.locator(there).count()) > 0, `${name} has come back`, 30_000);
    }
    await close();
    await wire.stop();
});

test("every view opens by its key, has an address, and a list of keys opens and closes", async () => {
    const { page } = view;
    for (const name of VIEWS) {
        await go(page, name);
        assert.equal(await page.evaluate(() => location.hash.split("?")[0]), `#${name}`);
    }
    await page.keyboard.press("?");
    await page.locator("dialog[open] .keys").waitFor();
    await page.keyboard.press("Escape");
    await page.goBack();
    await page.locator('.tab[aria-current="page"][href="#sql"]').waitFor();
});

test("pipeline: samples from before the page came, epochs, ledger, no problem", async () => {
    const { page } = view;
    await go(page, "pipeline");
    await until(async () => (await page.locator(".epochs-panel tbody tr").count()) > 0, "a commit", 15_000);
    await page.locator(".rates .small-frame").focus();
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowLeft");
    assert.match(await page.locator(".rates [aria-live]").textContent(), /^\d\d:\d\d:\d\d: arriving .*\/s, could take .*\/s$/);
    assert.match(await page.locator(".ledger-panel .verdict").textContent(), /^Balanced/);
    for (const chart of ["put", "behind", "epochs-chart"]) assert.ok(await page.locator(`.${chart} .chart-note`).isHidden(), `${chart} is drawn`);
    assert.match(await page.locator(".epochs-chart .small-legend").textContent(), /drain .*close, merge .*write files .*fsync, rename .*commit /);
    const { epochs, behind, shards } = await (await fetch(`${tapeline.url}/api/samples`)).json();
    for (const { duration_ms: whole, phases } of epochs) {
        const sum = Object.values(phases).reduce((a, b) => a + b, 0);
        assert.ok(sum <= whole + 0.001 && sum >= whole * 0.8, `the phases are the epoch: ${sum} of ${whole} ms`);
    }
    assert.ok(epochs.some(({ oldest_ms: age }) => age > 0) && shards.length === 4 && behind.at(-1).length === 4);
    await until(async () => (await page.locator(".view-item").count()) === 3, "each view says how it stands", 10_000);
    assert.match(await page.locator(".view-item", { hasText: "latest_close" }).textContent(), /no sink keeps the rows/);
    assert.equal(await page.locator(".problems li").count(), 0, await page.locator(".problems").textContent());
    const own = await page.evaluate(() => window.tapeline.store.samples.length);
    assert.ok(own > 5, `${own} samples`);
});

test("pipeline: a job on another engine, with what its engine tells", async () => {
    const { page } = view;
    const told = {
        flink: [{ pid: 2, ui: "javascript:alert(1)", state: "RUNNING" }, { query: "stock_stream", batch: 3, batch_ms: 25, records: 99, input_rate: 0, state_bytes: 1024, watermark: null }],
        spark: [{ pid: 1, ui: "http://localhost:4040", state: "running" }, { query: HOSTILE, batch: 7, batch_ms: 1500, records: 12345, input_rate: 80.4, rate: 120,
            state_rows: 70, state_bytes: 33504, late: 2, watermark: "2025-09-27T12:34:00.000Z" }],
    };
    for (const [engine, lines] of Object.entries(told)) {
        const folder = path.join(data, "lake", `_${engine}`, "page_test");
        await mkdir(folder, { recursive: true });
        await writeFile(path.join(folder, "progress.json"), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    }
    await go(page, "pipeline");
    const panel = page.locator(".engines-panel");
    await panel.locator("tbody tr", { hasText: "onerror" }).waitFor();
    const cells = (row) => panel.locator("tbody tr").nth(row).locator("th, td").allTextContents();
    assert.deepEqual(await cells(0), ["stock_stream (flink)", "none yet", "3", "25 ms", "0", "–", "1.0 KiB", "99", "–"]);
    assert.deepEqual(await cells(1), [`${HOSTILE} (spark)`, "12:34:00 UTC", "7", "1.5 s", "80", "120", "70 rows, 32.7 KiB", "12,345", "2"]);
    assert.deepEqual(await panel.locator("a:visible").evaluateAll((links) => links.map((a) => a.href)), ["http://localhost:4040/"]);
    for (const engine of Object.keys(told)) await removeFolder(path.join(data, "lake", `_${engine}`));
    await panel.waitFor({ state: "hidden" });
});

test("an alert is set in the page, fires, stands on every page, and is removed", async () => {
    const { page } = view;
    await go(page, "pipeline");
    await page.getByRole("button", { name: "New alert" }).click();
    const dialog = page.locator(".alert-dialog");
    await dialog.locator("select").nth(1).selectOption({ label: "latest_close of latest_close" });
    await dialog.locator("select").nth(2).selectOption("AAPL");
    await dialog.locator('input[type="number"]').fill("0.5");
    await dialog.getByRole("button", { name: "Set the alert" }).click();
    await dialog.waitFor({ state: "detached" });
    await until(async () => /AAPL latest_close of latest_close above 0.5.*since \d\d:\d\d:\d\d UTC/.test(await page.locator("#notice").textContent()), "it fires");
    await until(async () => /now [\d,.]+$/.test(await page.locator(".alerts .is-firing .sub").textContent()), "with its value");
    assert.match(await (await fetch(`${tapeline.url}/metrics`)).text(), /tapeline_alert_firing\{alert="AAPL latest_close of latest_close above 0.5",kind="value"\} 1/);
    await page.locator(".alerts").getByRole("button", { name: /^Remove/ }).click();
    await until(async () => page.locator("#notice").isHidden(), "it is gone");
    // Two removed at once: the second is told to the server before this page has heard of the first.
    const silent = (name) => ({ name, kind: "stale", limit: 86_400 });
    await page.evaluate((alerts) => fetch("/api/alerts", { method: "POST", headers: { "Content-Type": "application/json", "X-Tapeline": "1" }, body: JSON.stringify({ alerts }) }), [silent("one"), silent("two"), silent("three")]);
    await until(async () => (await page.locator(".alerts li").count()) === 3, "three alerts");
    await page.evaluate(() => [...document.querySelectorAll(".alerts li button")].slice(0, 2).forEach((button) => button.click()));
    await until(async () => (await page.locator(".alerts li strong").allTextContents()).join() === "three", "both are gone");
    await page.locator(".alerts").getByRole("button", { name: /^Remove/ }).click();
    await until(async () => (await page.locator(".alerts li").count()) === 0, "all are gone");
});

test("streams: records of a shard, filtered, from its end, and one opened", async () => {
    const { page } = view;
    await go(page, "streams");
    await until(async () => (await page.locator(".stream-shards tbody tr").count()) === 4, "four shards");
    await page.locator(".stream-shards .link").nth(2).focus();
    await page.keyboard.press("Enter");
    await page.locator(".records tbody tr").first().waitFor();
    // From TRIM_HORIZON downward, as the stream has them; the next page follows below.
    const sequences = async () => (await page.locator(".records td.sequence").allTextContents()).map(BigInt);
    const isSorted = (all) => all.every((one, i) => i === 0 || one > all[i - 1]);
    const first = await sequences();
    assert.ok(first.length > 1 && isSorted(first), "the oldest record comes first");
    assert.match(await page.locator(".stream-records .controls .sub").textContent(), /oldest first/);
    const [oldest] = await (await fetch(`${tapeline.url}/api/records?stream=${tapeline.plan.sources[0].stream}&shard=${await page.locator('.stream-shards .link[aria-pressed="true"]').textContent()}&from=TRIM_HORIZON&limit=1`)).json().then(({ records }) => records);
    assert.equal(String(first[0]), oldest.sequence_number);
    await page.getByLabel("Filter records").fill("AAPL");
    const keys = await page.locator(".records tbody td:nth-child(4)").allTextContents();
    assert.ok(keys.length > 0 && keys.every((key) => key === "AAPL"), keys.slice(0, 3).join());
    await page.locator(".records summary").first().focus();
    await page.keyboard.press("Enter");
    assert.match(await page.locator(".records details[open] pre").textContent(), /"ticker": "AAPL"/);
    await page.getByLabel("Filter records").fill("");
    await page.getByRole("radio", { name: "Latest" }).check();
    await until(async () => (await page.locator(".records tbody tr").count()) > 2, "what comes is followed", 15_000);
    await page.getByLabel("Follow").uncheck();
    const tail = await sequences();
    assert.ok(isSorted(tail.reverse()), "at the tip the newest stands on top");
});

test("streams: where reading begins is in the address, a wrong instant is said, and no record comes twice", async () => {
    const { page, wrong, close } = await openPage(browser, tapeline.url, { hash: "#streams" });
    const rows = page.locator(".records tbody tr");
    await rows.first().waitFor();
    await page.getByRole("radio", { name: "Time" }).check();
    const where = page.getByLabel("Where to begin");
    await where.fill("yesterday");
    await page.keyboard.press("Enter");
    await page.locator(".stream-records .is-error", { hasText: "at must be an instant" }).waitFor();
    await page.getByRole("radio", { name: "Sequence" }).check();
    await page.locator(".stream-records .empty:not(.is-error)", { hasText: "Type a sequence number above and press Enter." }).waitFor();
    await page.getByRole("radio", { name: "Time" }).check();
    await where.fill("2024-01-01T00:00:00Z");
    await page.keyboard.press("Enter");
    await rows.first().waitFor();
    assert.equal(await page.locator(".stream-records .is-error").count(), 0);
    await page.locator(".stream-shards .link").nth(1).click();
    await until(async () => (await rows.first().locator("td").nth(1).textContent()) === "1", "the shard's records");
    const { hash } = new URL(page.url());
    assert.deepEqual([...new URLSearchParams(hash.split("?")[1])].map(([name, value]) => (name === "shard" ? name : `${name}=${value}`)), ["from=AT_TIMESTAMP", "at=2024-01-01T00:00:00Z", "shard"]);
    await page.reload();
    await until(async () => (await rows.count()) > 0 && (await rows.first().locator("td").nth(1).textContent()) === "1", "the same after a reload");
    assert.ok(await page.getByRole("radio", { name: "Time" }).isChecked());
    assert.equal(await where.inputValue(), "2024-01-01T00:00:00Z");
    // Asked for twice at once, by an impatient reader: the page's answer counts once.
    const sequences = async () => page.locator(".records td.sequence").allTextContents();
    const before = (await sequences()).length;
    await page.evaluate(() => {
        const follow = document.getElementById("follow");
        for (let i = 0; i < 4; i++) follow.click();
        follow.click();
    });
    await until(async () => (await sequences()).length > before, "what came since", 15_000);
    await page.getByLabel("Follow").uncheck();
    await until(async () => /\d records/.test(await page.locator(".stream-records .controls .sub").textContent()), "nothing is under way");
    const all = await sequences();
    assert.equal(new Set(all).size, all.length, "each once");
    await go(page, "lake");
    await go(page, "streams");
    assert.deepEqual(await sequences(), all, "who comes back finds them as they were");
    assert.deepEqual(wrong.filter((text) => !/status of 400/.test(text)), []);
    await close();
});

test("lake: tables with their files, and a way to query one", async () => {
    const { page } = view;
    await go(page, "lake");
    const row = page.locator(".lake-tables tbody tr", { hasText: "page.avg_2s" });
    await row.waitFor();
    assert.ok(Number((await row.locator("td").nth(1).textContent()).replace(/,/g, "")) > 0, "it has files");
    await row.locator("button").focus();
    await page.keyboard.press("Enter");
    await page.locator(".lake-table tbody tr", { hasText: "ticker=AAPL" }).waitFor();
    // What a compaction would find is told of a Delta table too: its files are those that its log names.
    const logged = page.locator(".lake-tables tbody tr", { hasText: "page.high_6s" });
    await until(() => logged.count(), "the Delta table", 30_000);
    await logged.locator("button").click();
    await page.locator(".lake-table", { hasText: /A Delta table: the files are those of its newest version. Compaction: (nothing to merge yet: \d+ small files|\d+ of \d+ small files can be merged)/ }).waitFor();
    await row.locator("button").click();
    await page.locator(".lake-table tbody tr", { hasText: "ticker=AAPL" }).waitFor();
    await page.locator(".lake-table").getByRole("link", { name: "Query it" }).press("Enter");
    await page.locator('.tab[aria-current="page"][href="#sql"]').waitFor();
});

test("SQL: run, explain, a wrong statement, cancel", async () => {
    const { page } = view;
    await until(async () => (await lakeRows("AAPL").catch(() => [])).length >= 3, "three rows in the lake", 30_000);
    await go(page, "sql");
    const type = async (sql) => {
        await page.locator(".editor .cm-content").click();
        await page.keyboard.press("Control+A");
        await page.keyboard.type(sql);
    };
    const status = () => page.locator(".query-status").textContent();
    await type("SELECT window_end, avg_close FROM page.avg_2s WHERE ticker = 'AAPL' ORDER BY window_end");
    await page.keyboard.press("Control+Enter");
    await until(async () => /^\d+ rows · /.test(await status()), "a result", 30_000);
    assert.ok(await page.locator(".result tbody tr").count() >= 1, await page.locator(".result").textContent());
    assert.equal(await page.locator(".result-chart").count(), 1, "it is drawn");
    // Only one ticker's folder is opened: as many files as it has by now, and no other's.
    const [, files] = /^\d+ rows · [\d.,]+ m?s · [\d.,]+ \w*B read from (\d+) files? · result [\d.,]+ \w*B$/.exec(await status()) ?? assert.fail(await status());
    const { tables } = await (await fetch(`${tapeline.url}/api/tables`)).json();
    const partition = tables.find(({ name }) => name === "page.avg_2s").list.find(({ name }) => name === "ticker=AAPL");
    assert.ok(Number(files) >= 1 && Number(files) <= partition.files, `${files} of ${partition.files} files`);
    await page.getByRole("button", { name: "Explain" }).click();
    await page.locator(".result .plan").waitFor({ timeout: 30_000 });
    await type("SELECT nothing FROM nowhere");
    await page.keyboard.press("Control+Enter");
    await page.locator(".query-error").waitFor({ timeout: 30_000 });
    assert.match(await page.locator(".query-error").textContent(), /nowhere/);
    await type("SELECT count(*) FROM range(100000000) a, range(100000000) b");
    await page.keyboard.press("Control+Enter");
    await until(async () => /^running for/.test(await status()), "it runs");
    await page.getByRole("button", { name: "Cancel" }).click();
    await until(async () => /^failed after/.test(await status()), "it is ended", 20_000);
    assert.match(await page.locator(".query-error").textContent(), /stopped|cancelled/);
    view.wrong = view.wrong.filter((text) => !/status of (400|404|503)/.test(text)); // the browser logs the answers that were asked for
});

test("SQL: the result as CSV and as Parquet, of the statement that gave it, whatever stands in the editor since; what was cut off is whole in the file", async () => {
    const { page, wrong, close } = await openPage(browser, tapeline.url, { hash: "#sql" });
    const status = () => page.locator(".query-status").textContent();
    const type = async (sql) => {
        await page.locator(".editor .cm-content").click();
        await page.keyboard.press("Control+A");
        await page.keyboard.type(sql);
    };
    const saved = async (name) => {
        await page.locator(".sql-main .menu summary").click();
        const [download] = await Promise.all([page.waitForEvent("download"), page.locator(".sql-main .menu-item", { hasText: name }).click()]);
        return { file: download.suggestedFilename(), bytes: await readFile(await download.path()) };
    };
    await page.locator(".sql-main .menu summary").click();
    await page.locator(".sql-main .menu-item", { hasText: "Result as CSV" }).click();
    assert.equal(await status(), "There is no result yet: run a statement first.");
    await type("SELECT 9007199254740993 AS big, 0.1::DOUBLE AS x, NULL AS nothing, '' AS empty, 'a,\"b' AS text");
    await page.keyboard.press("Control+Enter");
    await until(async () => /^1 row · /.test(await status()), "a row", 30_000);
    await type("SELECT 'something else'");
    const csv = await saved("Result as CSV");
    assert.equal(csv.file, "result.csv");
    assert.equal(csv.bytes.toString(), 'big,x,nothing,empty,text\n9007199254740993,0.1,,"","a,""b"\n');
    const parquet = await saved("Result as Parquet");
    assert.equal(parquet.file, "result.parquet");
    const folder = path.join(data, "lake/exported");
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, "result.parquet"), parquet.bytes);
    const read = (sql) => run("query", sql, "--lake", path.join(data, "lake"), "--format", "csv");
    assert.equal(await read("SELECT *, typeof(big) AS type FROM read_parquet('exported/result.parquet')"), 'big,x,nothing,empty,text,type\n9007199254740993,0.1,,"","a,""b",BIGINT\n');
    assert.match(await page.locator(".editor").evaluate((host) => host.shadowRoot.querySelector(".cm-content").textContent), /something else/);
    await go(page, "lake");
    await go(page, "sql");
    assert.match(await page.locator(".editor").evaluate((host) => host.shadowRoot.querySelector(".cm-content").textContent), /something else/, "a look at another view loses nothing");
    await type("SELECT range AS n FROM range(10002)");
    await page.keyboard.press("Control+Enter");
    await until(async () => /^[\d,]+ rows, cut off at 10,000/.test(await status()), "it is cut off", 30_000);
    const whole = await saved("Result as CSV");
    assert.equal(whole.bytes.toString().trim().split("\n").length, 10_003);
    assert.ok(whole.bytes.toString().endsWith("\n10001\n"));
    await rm(folder, { recursive: true });
    assert.deepEqual(wrong, []);
    await close();
});

test("what is copied works elsewhere: the link shows the same picture, the commands give the same data; without a clipboard that is said", async () => {
    const { page, close } = await openPage(browser, tapeline.url);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: tapeline.url });
    await until(async () => (await closedPoints(page, "AAPL")).length > 0, "points", 20_000);
    const copied = async (panel, name) => {
        await panel.locator(".menu summary").click();
        const item = panel.locator(".menu-item", { hasText: name });
        await page.evaluate(() => navigator.clipboard.writeText("nothing yet"));
        await item.click();
        const text = await until(async () => {
            const now = await page.evaluate(() => navigator.clipboard.readText());
            return now !== "nothing yet" && now;
        }, "it is copied");
        await page.keyboard.press("Escape");
        return text;
    };
    const shell = (command) => new Promise((resolve, reject) => execFile("bash", ["-c", `${command} --silent --fail`], { maxBuffer: 1 << 26 }, (error, stdout) => (error ? reject(error) : resolve(stdout))));
    const chart = page.locator(".chart").first();
    await chart.getByRole("radio", { name: "1 h", exact: true }).check();
    assert.equal(await copied(chart, "Copy link"), `${tapeline.url}/#live?live.range=3600000`);
    const { rows } = JSON.parse(await shell(await copied(chart, "Copy curl")));
    const [x, value] = (await closedPoints(page, "AAPL"))[0];
    assert.equal(rows.find((row) => row.ticker === "AAPL" && row.window_end === x)?.avg_close, value);
    const candles = JSON.parse(await shell(await copied(page.locator(".candles"), "Copy curl")));
    assert.ok(candles.candles.length > 0);
    await page.evaluate(() => (location.hash = `sql?q=${encodeURIComponent("SELECT 'it''s' AS said")}`));
    await page.locator(".sql-view").waitFor();
    assert.equal(await shell(await copied(page.locator(".sql-main"), "Copy curl")), "said\nit's\n");
    await go(page, "pipeline");
    await page.locator(".copy-line .copy").first().click();
    await until(async () => (await page.evaluate(() => navigator.clipboard.readText())) === (await page.locator(".copy-line code").first().textContent()), "the command");
    await page.context().clearPermissions();
    await page.evaluate(() => (navigator.clipboard.writeText = () => Promise.reject(new Error("denied"))));
    await go(page, "live");
    // What the item says is taken back after a while: whatever it said is noted.
    await chart.locator(".menu-list").evaluate((list) => {
        window.said = "";
        new MutationObserver(() => (window.said += list.textContent)).observe(list, { childList: true, subtree: true });
    });
    await chart.locator(".menu summary").click();
    await chart.locator(".menu-item", { hasText: "Copy link" }).click();
    await until(() => page.evaluate(() => window.said.includes("No access to the clipboard")), "that it could not");
    await close();
});

test("dead letters: malformed and late with their reasons, and one mended and replayed", async () => {
    const { page } = view;
    await tapeline.put('{"ticker": "AAPL", "close": "oops"}', "dead");
    await tapeline.put(JSON.stringify({ ticker: HOSTILE, timestamp: "2001-01-01T00:00:00Z", close: 1.5 }), "dead");
    await until(async () => {
        await go(page, "dead");
        await page.getByRole("button", { name: "Read again" }).first().click();
        await page.getByRole("button", { name: "Read again" }).last().click();
        await page.waitForTimeout(300);
        return (await page.locator(".dead-view tbody tr").count()) >= 2;
    }, "both are in the lake", 30_000);
    assert.match(await page.locator(".dead-view").textContent(), /close has a wrong type|timestamp is null/);
    assert.match(await page.locator(".dead-view").textContent(), /<img src=x onerror=alert\(1\)>/);
    await page.getByRole("button", { name: "Replay…" }).first().click();
    const dialog = page.locator("dialog[open]");
    await until(async () => /oops/.test(await dialog.locator("textarea").inputValue()), "the record as it was");
    await dialog.locator("textarea").fill(JSON.stringify({ ticker: "MENDED", timestamp: new Date().toISOString(), close: 7.25 }));
    await dialog.getByRole("button", { name: "Put into the stream" }).click();
    await until(async () => /It is in the stream/.test(await dialog.textContent()), "it is taken");
    await page.keyboard.press("Escape");
    await go(page, "live");
    await page.locator(".latest tbody th", { hasText: "MENDED" }).waitFor();
});

test("a hostile ticker is text in every view", async () => {
    const { page } = view;
    await go(page, "live");
    await tapeline.put(JSON.stringify({ ticker: HOSTILE, timestamp: new Date().toISOString(), close: 2.5 }), HOSTILE);
    await page.locator(".latest tbody th", { hasText: HOSTILE }).waitFor();
    for (const name of VIEWS) {
        await go(page, name);
        assert.equal(await page.locator("img").count(), 0, name);
    }
    assert.deepEqual(view.wrong, []);
});

test("axe finds nothing serious in any view, light or dark, and their pictures are kept", async () => {
    const axe = await readFile(path.join(here, "node_modules/axe-core/axe.min.js"), "utf8");
    const folder = process.env.TL_SCREENSHOTS ?? path.join(here, "../../build/screenshots");
    for (const colorScheme of ["light", "dark"]) {
        const one = await openPage(browser, tapeline.url, { colorScheme, viewport: { width: 1280, height: 900 }, bypassCSP: true });
        await one.page.evaluate(axe);
        for (const name of VIEWS) {
            await go(one.page, name);
            await one.page.waitForTimeout(400);
            await one.page.screenshot({ path: path.join(folder, `${name}-${colorScheme}.png`) });
            const found = await one.page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
            const serious = found.violations.filter(({ impact }) => impact === "serious" || impact === "critical");
            assert.deepEqual(serious.map(({ id, nodes }) => `${name} ${colorScheme}: ${id}: ${nodes.slice(0, 3).map(({ target, failureSummary }) => `${target} ${failureSummary}`)}`), []);
        }
        await one.close();
    }
});

test("at 320 pixels (1280 at 400 %) no view scrolls sideways", async () => {
    const narrow = await openPage(browser, tapeline.url, { viewport: { width: 320, height: 640 } });
    for (const name of VIEWS) {
        await narrow.page.evaluate((hash) => (location.hash = hash), name);
        await narrow.page.locator(`.view.${name}-view`).waitFor();
        const { scroll, client } = await narrow.page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth }));
        assert.ok(scroll <= client, `${name}: ${scroll} > ${client}`);
    }
    await narrow.close();
});

test("the live view comes in under 150 KB", async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    let bytes = 0; // of all that ends: page, styles, scripts, plan, history, candles. The event stream goes on, and is told beside it.
    let streamed = 0;
    await session.send("Network.enable");
    session.on("Network.dataReceived", ({ encodedDataLength }) => (streamed += encodedDataLength));
    session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
    await page.goto(`${tapeline.url}/`);
    await until(() => page.evaluate(() => window.tapeline?.charts()[0]?.closed > 0), "points on the chart", 15_000);
    console.log(`transferred for the live view: ${Math.round(bytes / 1024)} KiB; with the events so far about ${Math.round(Math.max(bytes, streamed) / 1024)} KiB`);
    assert.ok(bytes > 50_000 && bytes < 150 * 1024, `${bytes} bytes`);
    await context.close();
});

test("ten tabs are all live, and the server says how many look", async () => {
    const tabs = [];
    for (let i = 0; i < 10; i++) tabs.push(await openPage(browser, tapeline.url, { viewport: { width: 800, height: 600 } }));
    for (const tab of tabs) await until(async () => (await tab.page.locator(".connection").textContent()) === "Live", "it is live", 30_000);
    const metrics = await (await fetch(`${tapeline.url}/metrics`)).text();
    assert.ok(Number(/^tapeline_web_viewers (\d+)/m.exec(metrics)[1]) >= 10);
    const seen = await Promise.all(tabs.map((tab) => closedPoints(tab.page, "AAPL")));
    for (const points of seen) assert.ok(points.length > 0);
    for (const tab of tabs) assert.deepEqual(tab.wrong, []);
    await Promise.all(tabs.map((tab) => tab.close()));
});

test("after kill -9 of the server the page comes back, and its windows are the lake's", async () => {
    await go(view.page, "live");
    const listen = new URL(tapeline.url).host;
    await tapeline.stop("SIGKILL");
    await until(async () => /^Reconnecting/.test(await view.page.locator(".connection").textContent()), "the loss is shown");
    tapeline = await Tapeline.start(data, listen, [path.join(here, "pipeline.sql")]);
    await until(async () => (await view.page.locator(".connection").textContent()) === "Live", "it is live again", 30_000);
    const rows = await lakeRows("AAPL");
    await until(async () => (await closedPoints(view.page, "AAPL")).at(-1)?.[0] > rows.at(-1)[0], "new windows close", 30_000);
    await until(async () => (await closedPoints(view.page, "AAPL"))[0][0] === rows[0][0], "the history is there", 60_000);
    await assertEqualToLake(view.page, "AAPL");
});
