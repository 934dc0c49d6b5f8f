// SPDX-License-Identifier: Apache-2.0
// The page's states that a real pipeline reaches only after minutes or never; the API is a stand-in (mock.mjs).

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { drawn, go, openBrowser, openPage, removeFolder, Tapeline, temporaryFolder, until } from "./harness.mjs";
import { Mock, plan, row, START, stats } from "./mock.mjs";

let browser, data, tapeline, mock, view;

before(async () => {
    data = await temporaryFolder();
    browser = await openBrowser();
    tapeline = await Tapeline.start(data);
});

after(async () => {
    await browser?.close();
    await tapeline?.stop();
    if (data) await removeFolder(data);
});

beforeEach(async () => {
    mock = await Mock.start(tapeline.url);
    view = await openPage(browser, mock.url);
    await until(() => mock.clients.size === 1, "the page connects");
});

afterEach(async () => {
    await view.close();
    await mock.stop();
});

const TICKERS = ["AAPL", "AMZN", "GOOGL", "JPM", "META", "MSFT", "NFLX", "NVDA", "TSLA", "V"];
const [TAPE] = plan.tapes;
const MINUTE = 60_000;
const snapshot = (rows) => mock.send("average", { version: 1, snapshot: true, rows });
const change = (rows) => mock.send("average", { version: 2, rows });
const chartIs = (closed, provisional) => until(async () => {
    const chart = await drawn(view.page);
    return chart.closed === closed && chart.provisional === provisional;
}, `${closed} closed and ${provisional} provisional points`);

test("before the first tick the page says what it waits for", async () => {
    mock.send("latest", { version: 0, snapshot: true, rows: [] });
    snapshot([]);
    mock.send("stats", stats({ last_record: null, watermark: null, lag_ms: null }));
    await until(async () => (await view.page.locator(".connection").textContent()) === "Live", "live");
    assert.match(await view.page.locator(".chart .chart-note").textContent(), /Waiting for the first tick… the first window closes about 3 min/);
    assert.equal(await view.page.locator(".fresh").textContent(), "no data yet");
    assert.ok(await view.page.locator(".badge-stale").isHidden());
    assert.deepEqual(view.wrong, []);
});

test("history, open windows and closing ones make one line", async () => {
    mock.history = [1, 2, 3].map((minutes) => row("A", minutes, 10 + minutes, true));
    snapshot([row("A", 4, 14, false), row("A", 5, 15, false)]);
    await chartIs(3, 2);
    change([row("A", 4, 14.5, true), row("A", 5, 15.5, false)]);
    await chartIs(4, 1);
    // Out of order, twice, and a provisional row after its final one: none may throw or move a closed window.
    change([row("A", 2, 99, false), row("A", 0, 9, true), row("A", 4, 14.5, true), row("B", 1, 7, true)]);
    await chartIs(6, 1);
    await view.page.getByRole("button", { name: "Data table" }).first().click();
    const cells = await view.page.locator(".chart-table tbody tr").filter({ hasText: "12.00" }).count();
    assert.equal(cells, 1);
    assert.deepEqual(view.wrong, []);
});

test("a dropped stream resumes with the last id and asks for no history", async () => {
    snapshot([row("A", 1, 1, true)]);
    mock.send("stats", stats(), "boot.7.9");
    await until(() => mock.asked.some((path) => path.startsWith("/api/history")), "the history of the snapshot");
    const asked = mock.asked.filter((path) => path.startsWith("/api/history")).length;
    await until(async () => (await view.page.locator(".connection").textContent()) === "Live", "live");
    mock.drop();
    await until(() => mock.lastEventIds.length === 2 && mock.clients.size === 1, "the page comes back");
    assert.equal(mock.lastEventIds[1], "boot.7.9");
    change([row("A", 2, 2, false)]);
    await chartIs(1, 1);
    assert.equal(mock.asked.filter((path) => path.startsWith("/api/history")).length, asked);
});

test("a snapshot after a gap replaces what was there", async () => {
    snapshot([row("A", 1, 1, true), row("GONE", 1, 1, true)]);
    await chartIs(2, 0);
    mock.history = [row("A", 1, 1, true)];
    snapshot([row("A", 2, 2, false)]);
    await chartIs(1, 1);
});

test("missing windows are a gap: the line breaks, and the axis keeps their room", async () => {
    snapshot([1, 2, 3, 7, 8].map((minutes) => row("A", minutes, minutes, true)));
    await chartIs(5, 0);
    assert.deepEqual(await drawn(view.page).then(({ gaps, bars }) => [gaps, bars]), [1, 8]);
    change([row("A", 20, 20, true)]); // alone behind another gap: a dot
    await chartIs(6, 0);
    change([4, 5, 6].map((minutes) => row("A", minutes, minutes, true))); // they come late: the gap closes
    await chartIs(9, 0);
    assert.deepEqual(await drawn(view.page).then(({ gaps, bars }) => [gaps, bars]), [1, 20]);
    assert.deepEqual(view.wrong, []);
});

test("silence is shown as stale, with its age", async () => {
    mock.send("stats", stats({ last_record: Date.now() - 42_000 }));
    const badge = view.page.locator(".badge-stale");
    await badge.waitFor({ state: "visible" });
    assert.match(await badge.textContent(), /^STALE for 4\d s, since \d\d:\d\d:\d\d UTC$/);
    mock.send("stats", stats());
    await badge.waitFor({ state: "hidden" });
});

test("without a connection no input rate is shown: neither in the Live view nor beside the rates' chart", async () => {
    const input = view.page.locator(".figure", { hasText: "Input" });
    const legend = view.page.locator(".rates .small-legend .legend-value").first();
    mock.send("stats", stats());
    mock.send("stats", stats());
    await until(async () => (await input.locator(".figure-value").textContent()) === "5.0 rec/s", "the rate");
    await go(view.page, "pipeline");
    await until(async () => (await legend.textContent()) === "5.0/s", "the rate beside the chart");
    mock.isAway = true;
    mock.drop();
    await until(async () => (await legend.textContent()) === "–", "no rate beside the chart");
    await go(view.page, "live");
    assert.equal(await input.locator(".figure-value").textContent(), "–");
    assert.equal(await input.locator(".figure-detail").textContent(), "connection lost");
    mock.isAway = false;
    await until(() => mock.clients.size === 1, "the page comes back", 15_000);
    mock.send("stats", stats());
    await until(async () => (await input.locator(".figure-value").textContent()) === "5.0 rec/s", "the rate again");
});

test("on a wall (?kiosk at 1920 x 1080) all of one to four charts, the candles and the table are on the screen, and nothing scrolls", async () => {
    const [chart] = mock.plan.charts;
    for (const [charts, tapes] of [[1, 0], [1, 1], [2, 0], [2, 1], [3, 0], [3, 1], [4, 0], [4, 1]]) {
        mock.plan = { ...mock.plan, charts: Array.from({ length: charts }, (_, i) => ({ ...chart, name: `chart${i}` })), tapes: tapes ? [TAPE] : [] };
        const wall = await openPage(browser, mock.url, { hash: "?kiosk", viewport: { width: 1920, height: 1080 } });
        await until(() => mock.clients.size === 2, "the wall connects");
        mock.send("stats", stats());
        mock.send("latest", { version: 1, snapshot: true, rows: TICKERS.map((ticker, i) => ({ ticker, price: 100 + i, final: false })) });
        snapshot(TICKERS.flatMap((ticker, i) => [1, 2, 3].map((minute) => row(ticker, minute, 100 + i + minute, minute < 3))));
        await until(async () => (await drawn(wall.page))?.closed === 20, "points");
        await wall.page.waitForTimeout(200); // the canvases take their size in the next frames
        const boxes = await wall.page.evaluate(() => [...document.querySelectorAll(".live .panel, .live .chart-host canvas, .legend-row, .ohlc")].map((node) => {
            const { left, top, right, bottom, height } = node.getBoundingClientRect();
            return { name: `${node.tagName} ${node.className}`, left, top, right, bottom, height, cut: node.scrollHeight - node.clientHeight };
        }));
        assert.equal(boxes.filter(({ name }) => /panel (chart|candles)/.test(name)).length, charts + tapes);
        for (const { name, left, top, right, bottom, cut } of boxes) {
            assert.ok(left >= 0 && top >= 0 && right <= 1920 && bottom <= 1080, `${charts} charts: ${name} is at ${left},${top} to ${right},${bottom}`);
            if (/panel/.test(name)) assert.ok(cut <= 1, `${charts} charts: ${name} is cut by ${cut}`);
        }
        const heights = await wall.page.locator(".live .chart-host").evaluateAll((hosts) => hosts.map((host) => host.clientHeight));
        assert.ok(Math.min(...heights) >= 140, `${charts} charts, ${tapes} candles: ${heights}`);
        // A label at the end of a line is 26 pixels high: no more of them than the chart has room for.
        await until(async () => {
            const labels = await wall.page.evaluate(() => window.tapeline.charts().map((chart) => chart.labels));
            return labels.every((count, i) => count >= Math.min(4, Math.floor(heights[i] / 60)) && count * 26 <= heights[i]);
        }, `labels that fit into ${heights}`);
        assert.ok(await wall.page.evaluate(() => document.documentElement.scrollHeight <= innerHeight && document.body.scrollHeight <= innerHeight), "nothing scrolls");
        if (process.env.TL_SCREENSHOTS) await wall.page.screenshot({ path: `${process.env.TL_SCREENSHOTS}/kiosk-${charts}-${tapes}.png` });
        await wall.close();
        await until(() => mock.clients.size === 1, "the wall is away");
    }
});

test("what the engine waits for is said as text", async () => {
    mock.send("stats", stats({ waiting: "<b>no space</b> left on /data" }));
    await until(async () => (await view.page.locator("#notice").textContent()) === "The engine waits: <b>no space</b> left on /data", "the notice");
});

test("records behind: counted where the service counts them, else an estimate that says so; a lag says what to do", async () => {
    await go(view.page, "pipeline");
    const shard = stats().shards[0];
    mock.send("stats", stats({ shards: [{ ...shard, records_behind: 1234 }] }));
    await until(async () => /3.0 ms1,23410/.test(await view.page.locator(".shards-panel tbody tr").textContent()), "a number");
    assert.match(await view.page.locator(".behind .sub").textContent(), /the worst now 3.0 ms, 1,234 records in all/);
    assert.ok(await view.page.getByText("“about”:").isHidden());
    mock.send("stats", stats({ shards: [{ ...shard, millis_behind: 60_000, records_behind: 98_765, records_behind_estimated: true }] }));
    await until(async () => /about 98,765/.test(await view.page.locator(".shards-panel tbody tr").textContent()), "an estimate");
    await view.page.getByText("“about”: this service tells how far a reader is behind in time only").waitFor();
    assert.match(await view.page.locator(".problems").textContent(), /1 min of records are not read yet; 0: about 98,765 records\./);
    mock.send("stats", stats({ shards: [{ ...shard, records_behind: null }] }));
    await until(async () => /3.0 ms–10/.test(await view.page.locator(".shards-panel tbody tr").textContent()), "not known");
});

test("the epochs' chart has a line at the trigger interval: within the scale when a commit comes near it, else along the edge", async () => {
    await go(view.page, "pipeline");
    const limit = () => view.page.evaluate(() => window.tapeline.smalls["epochs-chart"]());
    const commit = (number, ms) => mock.send("stats", stats({ epoch: { ...stats().epoch, number, duration_ms: ms, last_commit: Date.now(), phases: { drain_ms: 0, close_ms: 0, write_ms: ms, sync_ms: 0, commit_ms: 0 } } }));
    commit(1, 20);
    commit(2, 20);
    await until(async () => (await limit()).limit === "beyond", "far above");
    assert.match(await view.page.locator(".epochs-chart .small-legend").textContent(), /trigger interval 1 min/);
    commit(3, 30_000);
    await until(async () => (await limit()).limit === "within", "within the scale");
});

test("a ledger that does not balance is said", async () => {
    await go(view.page, "pipeline");
    mock.send("stats", stats({ ledger: { received: 11, aggregated: 7, late: 2, malformed: 1, duplicate: 0, filtered: 0, windows: 3 } }));
    await until(async () => /^Not balanced: 1 records/.test(await view.page.locator(".ledger-panel .verdict").textContent()), "the breach");
});

test("pausing holds the picture and keeps what comes", async () => {
    snapshot([row("A", 1, 1, true)]);
    await chartIs(1, 0);
    await view.page.getByRole("button", { name: "Pause" }).click();
    change([row("A", 2, 2, true)]);
    await until(async () => /paused; 1 updates held/.test(await view.page.locator(".held").textContent()), "the held update");
    assert.equal((await drawn(view.page)).closed, 1);
    await view.page.getByRole("button", { name: "Resume" }).click();
    await chartIs(2, 0);
});

test("the table of newest values is sorted by each column, by keyboard too, both ways; what has no value comes last", async () => {
    mock.send("latest", { version: 1, snapshot: true, rows: [["B", 9], ["C", null], ["A", 30], ["D", 100]].map(([ticker, price]) => ({ ticker, price, final: false })) });
    const rows = () => view.page.locator(".latest tbody th").allTextContents().then((names) => names.join(""));
    const sort = view.page.locator(".latest .sort", { hasText: "price" });
    await until(async () => (await rows()) === "ABCD", "by key at first");
    await sort.focus();
    await view.page.keyboard.press("Enter");
    assert.equal(await rows(), "BADC", "as numbers, not as texts");
    await view.page.keyboard.press("Enter");
    assert.equal(await rows(), "DABC");
    assert.deepEqual(await view.page.locator(".latest th[aria-sort]").evaluateAll((heads) => heads.map((head) => head.getAttribute("aria-sort"))), ["none", "descending"]);
    mock.send("latest", { version: 2, rows: [{ ticker: "B", price: 500, final: false }] });
    await until(async () => (await rows()) === "BDAC", "an update keeps the order");
});

test("go to now: after pausing, and after looking back, by button and by key", async () => {
    snapshot(Array.from({ length: 100 }, (_, minute) => row("A", minute, minute, true)));
    await chartIs(100, 0);
    const now = view.page.locator(".chart").getByRole("button", { name: "Go to now" });
    assert.ok(await now.isDisabled(), "it is now");
    for (const leave of [() => now.click(), async () => view.page.locator("h1").click().then(() => view.page.keyboard.press("n"))]) {
        const { closed } = await drawn(view.page);
        await view.page.getByRole("button", { name: "Pause" }).click();
        change([row("A", closed, closed, true)]);
        await until(async () => /1 updates held/.test(await view.page.locator(".held").textContent()), "the held update");
        assert.ok(await now.isEnabled());
        await leave();
        await chartIs(closed + 1, 0);
        assert.ok(await now.isDisabled());
        assert.equal(await view.page.getByRole("button", { name: "Pause" }).count(), 1, "it goes on");
        await until(async () => (await drawn(view.page)).visible.to === START / 1000 + closed * 60, "the newest point is seen");
    }
    await view.page.locator(".chart .chart-host").hover();
    await view.page.mouse.wheel(-300, 0);
    await until(() => now.isEnabled(), "the reader looks back");
    const { visible } = await drawn(view.page);
    change([row("A", 102, 102, true)]);
    await chartIs(103, 0);
    assert.deepEqual((await drawn(view.page)).visible, visible, "an update does not carry the reader away");
    await now.click();
    await until(async () => (await drawn(view.page)).visible.to === START / 1000 + 102 * 60, "the newest point is seen again");
});

test("ranges, scale and hidden series are in the address, and a link shows the same", async () => {
    const points = () => snapshot(["A", "B"].flatMap((ticker) => Array.from({ length: 100 }, (_, minute) => row(ticker, minute, minute + 1, true))));
    points();
    await chartIs(200, 0);
    const span = async ({ page } = view) => drawn(page).then(({ visible }) => (visible.to - visible.from) / 60);
    const chart = view.page.locator(".chart");
    for (const [name, least, most] of [["15 m", 11, 19], ["1 h", 55, 65], ["All", 99, 99], ["5 m", 3, 12]]) {
        await chart.getByRole("radio", { name, exact: true }).check();
        await until(async () => (await span()) >= least && (await span()) <= most, `${name} shows ${least} to ${most} minutes`);
    }
    await chart.getByRole("radio", { name: "1 h", exact: true }).check();
    await chart.getByRole("radio", { name: "Log", exact: true }).check();
    await view.page.locator(".legend-item", { hasText: "B" }).click();
    const params = new URLSearchParams(new URL(view.page.url()).hash.split("?")[1]);
    assert.deepEqual([params.get("live.range"), params.get("live.scale"), params.get("live.hide") !== null], ["3600000", "log", true]);
    const other = await openPage(browser, mock.url, { hash: new URL(view.page.url()).hash });
    await until(() => mock.clients.size === 2, "the other page connects");
    points();
    await until(async () => (await drawn(other.page))?.closed >= 100 && (await span(other)) >= 55 && (await span(other)) <= 65, "the same range");
    assert.equal((await drawn(other.page)).scale, 1, "the same scale: logarithmic");
    assert.deepEqual(await other.page.locator(".legend-item").evaluateAll((items) => items.map((item) => item.getAttribute("aria-pressed"))), ["true", "false"]);
    assert.ok(await other.page.getByRole("radio", { name: "1 h", exact: true }).isChecked());
    await other.close();
});

test("zoom by dragging and by keyboard survives updates and is left by a range; the crosshair stays, and is shared with the candles", async () => {
    mock.candles = Array.from({ length: 50 }, (_, i) => [START + (i + 50) * MINUTE, 1, 2, 1, 2, 10, 3]);
    snapshot(Array.from({ length: 100 }, (_, minute) => row("A", minute, minute, true)));
    await chartIs(100, 0);
    const visible = async () => (await drawn(view.page)).visible;
    const all = async () => {
        await view.page.locator(".chart").getByRole("radio", { name: "All", exact: true }).check();
        await until(async () => (await visible()).to - (await visible()).from === 99 * 60, "all of it");
    };
    await all();
    const box = await view.page.locator(".chart .chart-host").boundingBox();
    await view.page.keyboard.down("Shift");
    await view.page.mouse.move(box.x + box.width * 0.2, box.y + 60);
    await view.page.mouse.down();
    await view.page.mouse.move(box.x + box.width * 0.4, box.y + 60, { steps: 4 });
    await view.page.mouse.up();
    await view.page.keyboard.up("Shift");
    const zoomed = await visible();
    assert.ok(zoomed.to - zoomed.from < 40 * 60 && zoomed.from > START / 1000, JSON.stringify(zoomed));
    change([row("A", 100, 100, true)]);
    await chartIs(101, 0);
    assert.deepEqual(await visible(), zoomed);
    await view.page.locator(".chart").getByRole("radio", { name: "5 m", exact: true }).check();
    await view.page.locator(".chart").getByRole("radio", { name: "All", exact: true }).check();
    await until(async () => (await visible()).to - (await visible()).from === 100 * 60, "all of it again");
    await view.page.locator(".chart .chart-frame").focus();
    for (const key of ["Home", "z", ...Array(9).fill("ArrowRight"), "Enter"]) await view.page.keyboard.press(key);
    // Half a place beyond the last point is seen too, which the library reports as the next place.
    await until(async () => (await visible()).from === START / 1000 && (await visible()).to === START / 1000 + 10 * 60, "the first ten points");
    // The point that is pointed at stays so when others come, and all charts of the page have it.
    const value = view.page.locator(".legend-item .legend-value").first();
    await until(async () => /^9\.00/.test(await value.textContent()), "the point that was walked to");
    change([row("A", 101, 101, true)]);
    await chartIs(102, 0);
    assert.match(await value.textContent(), /^9\.00/);
    assert.equal(await view.page.evaluate(() => window.tapeline.store.crosshair.x), START + 9 * MINUTE);
    await view.page.keyboard.press("Escape");
    assert.equal(await view.page.evaluate(() => window.tapeline.store.crosshair), null);
});

test("a chart's points as CSV and its picture as PNG, of the series that are shown", async () => {
    snapshot([row("A", 1, 1.5, true), row("A", 2, 2.5, false), row('B"x', 1, 7, true), row("C", 1, 9, true)]);
    await chartIs(3, 1);
    await view.page.locator(".legend-item", { hasText: "C" }).click();
    const exported = async (name) => {
        await view.page.locator(".chart .menu summary").click();
        const [download] = await Promise.all([view.page.waitForEvent("download"), view.page.locator(".chart .menu-item", { hasText: name }).click()]);
        return { file: download.suggestedFilename(), bytes: await readFile(await download.path()) };
    };
    const csv = await exported("Points as CSV");
    const at = (minutes) => new Date(START + minutes * MINUTE).toISOString();
    assert.equal(csv.file, "live.csv");
    assert.equal(csv.bytes.toString(), `window_end,ticker,price,final\n${at(1)},A,1.5,true\n${at(2)},A,2.5,false\n${at(1)},"B""x",7,true\n`);
    const png = await exported("Picture as PNG");
    assert.equal(png.file, "live.png");
    assert.deepEqual([...png.bytes.subarray(1, 4)].map((byte) => String.fromCharCode(byte)).join(""), "PNG");
    assert.ok(png.bytes.length > 2000, `${png.bytes.length} bytes`);
});

test("candles as CSV and their picture as PNG", async () => {
    mock.candles = [[START, 10, 12.5, 9, 11, 700, 3], [START + MINUTE, 11, 11, 10, 10.25, 50, 1]];
    mock.send("latest", { version: 1, snapshot: true, rows: [{ ticker: "A", price: 10, final: false }] });
    mock.send("stats", stats()); // the keys to choose from are asked for with it
    const panel = view.page.locator(".candles");
    await panel.getByRole("radio", { name: "1 m" }).check();
    await until(() => view.page.evaluate(() => window.tapeline.candles()[0].candles.length === 2), "two candles");
    const exported = async (name) => {
        await panel.locator(".menu summary").click();
        const [download] = await Promise.all([view.page.waitForEvent("download"), panel.locator(".menu-item", { hasText: name }).click()]);
        return { file: download.suggestedFilename(), bytes: await readFile(await download.path()) };
    };
    const csv = await exported("Candles as CSV");
    const at = (minutes) => new Date(START + minutes * MINUTE).toISOString();
    assert.equal(csv.file, "candles-A.csv");
    assert.equal(csv.bytes.toString(), `start,open,high,low,close,volume,ticks\n${at(0)},10,12.5,9,11,700,3\n${at(1)},11,11,10,10.25,50,1\n`);
    const png = await exported("Picture as PNG");
    assert.equal(png.file, "candles-A.png");
    assert.equal(png.bytes.subarray(1, 4).toString(), "PNG");
    assert.ok(png.bytes.readUInt32BE(16) > 300 && png.bytes.readUInt32BE(20) > 150, "of the chart's size");
    assert.ok(png.bytes.length > 2000, `${png.bytes.length} bytes`);
});

test("a pipeline without a chart says which line draws one; without a key there is one row and no filter", async () => {
    const [latest, average] = mock.plan.views;
    const columns = average.columns.filter(({ role }) => role !== "key");
    mock.plan = { ...mock.plan, charts: [], tapes: [], views: [{ ...latest, keys: [], columns: latest.columns.slice(1) }, { ...average, keys: [], columns }] };
    const bare = await openPage(browser, mock.url);
    await until(() => mock.clients.size === 2, "the page connects");
    mock.send("latest", { version: 1, snapshot: true, rows: [{ price: 1.25, final: false }] });
    mock.send("latest", { version: 2, rows: [{ price: 1.5, final: false }] });
    await until(async () => (await bare.page.locator(".latest tbody tr").allTextContents()).join().includes("1.50"), "the newest value");
    assert.equal(await bare.page.locator(".latest tbody tr").count(), 1);
    assert.equal(await bare.page.locator(".latest .sub").textContent(), "of all records, newest values");
    assert.ok(await bare.page.locator(".latest .search").isHidden());
    assert.equal(await bare.page.locator(".no-chart pre").textContent(), "CREATE CHART live FROM average WITH (type = 'line', x = 'window_end', y = 'price');");
    assert.deepEqual(bare.wrong, []);
    await bare.close();
});

test("NULL, and numbers of any size: the key NULL is not the text null, and what cannot be drawn is said", async () => {
    const latest = (ticker, price) => ({ ticker, price, final: false });
    mock.send("latest", { version: 1, snapshot: true, rows: [latest("A", 1e308), latest("null", -1.5e300), latest(null, 1e-300), latest("D", null)] });
    snapshot([row("A", 1, 1e308, true), row("A", 2, 5, true), row("null", 1, 7, true), row(null, 1, 8, true), row(null, 2, null, true), row("D", 1, -1e308, true)]);
    await chartIs(3, 0);
    assert.equal((await drawn(view.page)).beyond, 2);
    mock.send("stats", stats());
    await until(async () => /2 values too large to draw: the data table has them\./.test(await view.page.locator(".chart .key").textContent()), "what is not drawn");
    assert.deepEqual(await view.page.locator(".legend-name").allTextContents(), ["A", "D", "NULL", "null"]);
    await until(async () => (await view.page.locator(".latest tbody tr").count()) === 4, "four keys");
    assert.deepEqual((await view.page.locator(".latest tbody tr td:nth-child(2)").allTextContents()).map((text) => text.replace(/[▲▼]/, "")).sort(),
        ["-1.5000E300", "1.0000E-300", "1.0000E308", "–"]);
    await view.page.getByRole("button", { name: "Data table" }).first().click();
    await view.page.locator(".chart-table td", { hasText: "1.0000E308" }).first().waitFor();
    assert.ok(await view.page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), "nothing scrolls sideways");
    assert.deepEqual(view.wrong, []);
});

test("a view that is left and shown again by tab or key is as it was, and the address says so; a link that says less shows less", async () => {
    snapshot(["A", "B"].flatMap((ticker) => Array.from({ length: 100 }, (_, minute) => row(ticker, minute, minute + 1, true))));
    await chartIs(200, 0);
    const { page } = view;
    const chart = page.locator(".chart");
    const isChosen = async (...names) => {
        for (const name of names) if (!(await chart.getByRole("radio", { name, exact: true }).isChecked())) return false;
        return true;
    };
    await chart.getByRole("radio", { name: "1 h", exact: true }).check();
    await chart.getByRole("radio", { name: "Log", exact: true }).check();
    await page.locator(".legend-item", { hasText: "B" }).click();
    const { hash } = new URL(page.url());
    await go(page, "pipeline");
    await page.locator('.tab[href="#live"]').click();
    await until(() => new URL(page.url()).hash === hash, "the address of before");
    await until(() => isChosen("1 h", "Log"), "what was chosen before");
    // A link in the page to the same view, with less in it: as for who opens it anew.
    await page.evaluate(() => (location.hash = "live?live.range=300000"));
    await until(() => isChosen("5 m", "Value"), "what the link says");
    assert.equal((await drawn(page)).scale, 0);
    assert.deepEqual(await page.locator(".legend-item").evaluateAll((items) => items.map((item) => item.getAttribute("aria-pressed"))), ["true", "true"]);
    await page.goBack();
    await until(() => isChosen("1 h", "Log"), "the back button leads to the picture of before");
    await until(() => new URL(page.url()).hash === hash, "the address of that picture");
});

test("high contrast: where the system chooses the colours, what is chosen or on can be told; with more contrast nothing is grey", async () => {
    const ground = (selector) => view.page.locator(selector).first().evaluate((node) => getComputedStyle(node).backgroundColor);
    snapshot([row("A", 1, 1, true)]);
    await chartIs(1, 0);
    await view.page.emulateMedia({ forcedColors: "active" });
    await view.page.getByRole("button", { name: "Pause" }).click();
    assert.notEqual(await ground('.tab[aria-current="page"]'), await ground(".tab:not([aria-current])"), "the view");
    assert.notEqual(await ground(".choice input:checked + span"), await ground(".choice input:not(:checked) + span"), "the choice");
    assert.notEqual(await ground('.chart .button[aria-pressed="true"]'), await ground('.chart .button[aria-pressed="false"]'), "the button that is on");
    await view.page.emulateMedia({ forcedColors: "none", contrast: "more" });
    const color = (selector) => view.page.locator(selector).first().evaluate((node) => getComputedStyle(node).color);
    assert.equal(await color(".chart .sub"), await color("h1"), "no grey text");
});

test("the legend hides, isolates and shows again", async () => {
    snapshot(["A", "B", "C"].map((ticker) => row(ticker, 1, 1, true)));
    await chartIs(3, 0);
    const pressed = async () => (await view.page.locator(".legend-item").evaluateAll((items) =>
        items.map((item) => item.getAttribute("aria-pressed")))).join(" ");
    await view.page.locator(".legend-item").nth(1).click();
    assert.equal(await pressed(), "true false true");
    await view.page.locator(".legend-item").nth(2).click({ modifiers: ["Shift"] });
    assert.equal(await pressed(), "false false true");
    await view.page.getByRole("button", { name: "Show all" }).click();
    assert.equal(await pressed(), "true true true");
});

test("a burst of messages is drawn once a frame, and in a hidden tab not at all", async () => {
    snapshot([]);
    await chartIs(0, 0);
    await view.page.evaluate(() => {
        const { store } = window.tapeline;
        window.seen = { flushes: 0, frames: 0 };
        const count = () => {
            window.seen.frames++;
            requestAnimationFrame(count);
        };
        requestAnimationFrame(count);
        store.subscribe(() => window.seen.flushes++);
    });
    for (let i = 0; i < 300; i++) change([row("A", i, i, true)]);
    await chartIs(300, 0);
    const { flushes, frames } = await view.page.evaluate(() => window.seen);
    assert.ok(flushes <= frames + 1, `${flushes} redraws in ${frames} frames`);
    assert.ok(flushes < 100, `${flushes} redraws of 300 messages`);
    // Headless Chromium shows every tab. A hidden one gets no frames; then nothing may be drawn, and all of it in the next one.
    await view.page.evaluate(async () => {
        window.held = [];
        window.realFrame = window.requestAnimationFrame;
        window.requestAnimationFrame = (f) => window.held.push(f);
        // A frame that was asked for before (the page's clock ticks each second) still comes.
        await new Promise((resolve) => window.realFrame.call(window, () => window.realFrame.call(window, resolve)));
        window.seen.flushes = 0;
    });
    for (let i = 300; i < 400; i++) change([row("A", i, i, true)]);
    await until(() => view.page.evaluate(() => window.tapeline.store.rowsOf("average").series.get("A").points.length === 400), "the rows have come");
    assert.equal(await view.page.evaluate(() => window.seen.flushes), 0);
    await view.page.evaluate(() => {
        window.requestAnimationFrame = window.realFrame;
        for (const f of window.held) f(performance.now());
    });
    await chartIs(400, 0);
});

test("a soak leaves the heap flat", async () => {
    // The pace of the server is at most twenty messages a second; TL_SOAK=1 (make soak) sends an hour of them, the required test four minutes.
    const messages = process.env.TL_SOAK ? 72_000 : 4_800;
    const tickers = Array.from({ length: 10 }, (_, i) => `T${i}`);
    const session = await view.page.context().newCDPSession(view.page);
    const heap = async () => {
        await session.send("HeapProfiler.collectGarbage");
        return (await session.send("Runtime.getHeapUsage")).usedSize;
    };
    snapshot([]);
    const sizes = [];
    let sent = 0;
    for (let part = 0; part < 6; part++) {
        for (let i = 0; i < messages / 6; i++, sent++) {
            const minute = Math.floor((sent * 4800) / messages); // more windows than a series keeps: the first half fills the buffers
            change(tickers.map((ticker, k) => row(ticker, minute, 100 + k + Math.sin(sent / 50), false)));
            mock.send("latest", { version: sent, rows: tickers.map((ticker, k) => ({ ticker, price: 100 + k + Math.sin(sent), final: false })) });
            if (sent % 2 === 1) change(tickers.map((ticker, k) => row(ticker, minute, 100 + k, true)));
            if (sent % 20 === 0) mock.send("stats", stats({ last_record: Date.now() }));
            if (sent % 100 === 99) await until(() => view.page.evaluate((n) => (window.tapeline.store.rowsOf("latest").latest.get("T0")?.row.price ?? 0) === n, 100 + Math.sin(sent)), "the page keeps up", 60_000);
        }
        sizes.push(await heap());
    }
    const points = await view.page.evaluate(() => [...window.tapeline.store.rowsOf("average").series.values()].map((series) => series.points.length));
    console.log(`heap after each sixth: ${sizes.map((size) => (size / 1e6).toFixed(1)).join(", ")} MB; points a series: ${Math.max(...points)}`);
    assert.ok(Math.max(...points) <= 2200);
    // The buffers fill within the first half; from then on nothing may grow.
    assert.ok(sizes[5] < sizes[3] * 1.15 + 1e6, `the heap grows: ${sizes}`);
    assert.deepEqual(view.wrong, []);
});

test("a hundred thousand updates leave bounded buffers", async () => {
    snapshot([]);
    for (let i = 0; i < 100; i++) {
        change(Array.from({ length: 1000 }, (_, k) => row("A", i * 1000 + k, k, true)));
    }
    await until(async () => (await view.page.evaluate(() => {
        const { points } = window.tapeline.store.rowsOf("average").series.get("A") ?? { points: [] };
        return points.at(-1)?.row.price === 999 && points.length;
    })) <= 2200, "at most 2,200 points");
    assert.deepEqual(view.wrong, []);
});
