// SPDX-License-Identifier: Apache-2.0
// The page over a real `tapeline up`, from the first second.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { drawn, go, openBrowser, openPage, removeFolder, Tapeline, temporaryFolder, until } from "./harness.mjs";

let browser, data, tapeline, view;

before(async () => {
    data = await temporaryFolder();
    browser = await openBrowser();
    tapeline = await Tapeline.start(data);
    view = await openPage(browser, tapeline.url);
});

after(async () => {
    await browser?.close();
    await tapeline?.stop();
    if (data) await removeFolder(data);
});

test("provisional points are on the chart within two seconds", async () => {
    const opened = Date.now();
    const chart = await until(async () => {
        const now = await drawn(view.page);
        return now?.provisional > 0 && now;
    }, "a provisional point", 5_000);
    assert.ok(Date.now() - opened < 2_000, `took ${Date.now() - opened} ms`);
    assert.equal(chart.closed, 0);
    const { width, height } = await view.page.locator(".chart-host canvas").first().boundingBox();
    assert.ok(width > 300 && height > 150, `the canvas is ${width} x ${height}`);
});

test("every ticker of the sample comes into the table", async () => {
    await until(async () => (await view.page.locator(".latest tbody tr").count()) === 10, "ten tickers", 10_000);
    const first = view.page.locator(".latest tbody tr").first();
    assert.equal(await first.locator("th").textContent(), "AAPL");
    await view.page.locator(".sort", { hasText: "latest_close" }).click();
    assert.equal(await view.page.locator('.latest th[aria-sort="ascending"]').textContent(), "latest_close");
    const prices = (await view.page.locator(".latest tbody td.number:nth-child(2)").allTextContents())
        .map((text) => Number(text.replace(/[▲▼,]/g, "")));
    assert.ok(prices.every(Number.isFinite));
    await view.page.locator(".sort", { hasText: "ticker" }).click();
});

test("the numbers move, and the ledger balances", async () => {
    await go(view.page, "pipeline");
    const received = async () => Number((await view.page.locator(".ledger-total").textContent()).replace(/,/g, ""));
    const before = await until(received, "a number of received records");
    await until(async () => (await received()) > before, "more received records");
    assert.match(await view.page.locator(".ledger-panel .verdict").textContent(), /^Balanced/);
    assert.match(await view.page.locator(".connection").textContent(), /^Live$/);
    assert.match(await view.page.locator(".fresh").textContent(), /data as of \d\d:\d\d:\d\d UTC/);
    assert.equal(await view.page.locator(".badge-sample").textContent(), "synthetic sample data");
    await go(view.page, "live");
});

test("the data table opens by keyboard and has the chart's series", async () => {
    const button = view.page.getByRole("button", { name: "Data table" }).first();
    await button.focus();
    await view.page.keyboard.press("Enter");
    assert.equal(await button.getAttribute("aria-pressed"), "true");
    const table = view.page.locator(".chart .chart-table");
    assert.ok(await table.isVisible());
    assert.equal(await table.locator("thead th").count(), 11);
    assert.ok(await table.locator("td.is-open").count() > 0);
    await view.page.keyboard.press("Enter");
    assert.ok(!(await table.isVisible()));
});

test("the keyboard walks along the points and says them", async () => {
    await view.page.locator(".chart .chart-frame").focus();
    await view.page.keyboard.press("End");
    const first = await view.page.locator(".chart .chart-frame [aria-live]").textContent();
    assert.match(first, /^AAPL [\d,.]+ at \d\d:\d\d UTC/);
    await view.page.keyboard.press("ArrowDown");
    assert.notEqual(await view.page.locator(".chart .chart-frame [aria-live]").textContent(), first);
    await view.page.keyboard.press("Escape");
});

test("zone and theme are switched and kept", async () => {
    await view.page.getByRole("radio", { name: "Local" }).check();
    await view.page.getByRole("radio", { name: "Dark" }).check();
    await until(async () => (await drawn(view.page)).dark, "a dark chart");
    await view.page.reload();
    await until(async () => (await drawn(view.page))?.dark, "a dark chart after a reload");
    assert.ok(await view.page.getByRole("radio", { name: "Local" }).isChecked());
    await view.page.getByRole("radio", { name: "UTC" }).check();
    await view.page.getByRole("radio", { name: "Auto" }).check();
});

test("nothing scrolls sideways at 360 px", async () => {
    const narrow = await openPage(browser, tapeline.url, { viewport: { width: 360, height: 780 } });
    await until(async () => (await narrow.page.locator(".latest tbody tr").count()) === 10, "ten tickers");
    const { scroll, client } = await narrow.page.evaluate(() =>
        ({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth }));
    assert.ok(scroll <= client, `${scroll} > ${client}`);
    assert.deepEqual(narrow.wrong, []);
    await narrow.close();
});

test("a hostile ticker is shown as it is written", async () => {
    const hostile = "<img src=x onerror=alert(1)>";
    await tapeline.put(JSON.stringify({ ticker: hostile, date: "2024-01-02", timestamp: new Date().toISOString(), close: 1.5 }));
    const cell = view.page.locator(".latest tbody th", { hasText: hostile });
    await cell.waitFor({ timeout: 5_000 });
    assert.equal(await cell.textContent(), hostile);
    await until(async () => (await view.page.locator(".legend-name", { hasText: hostile }).count()) === 1, "it stands in the legend");
    assert.equal(await view.page.locator("img").count(), 0);
});

test("no error, no request elsewhere, no breach of the content policy", () => {
    assert.deepEqual(view.wrong, []);
});

test("after a restart of the server the page comes back by itself", async () => {
    const listen = new URL(tapeline.url).host;
    await tapeline.stop();
    await until(async () => /^Reconnecting/.test(await view.page.locator(".connection").textContent()), "the loss is shown");
    tapeline = await Tapeline.start(data, listen);
    await until(async () => (await view.page.locator(".connection").textContent()) === "Live", "it is live again", 20_000);
    const received = async () => Number(/^[\d,]+/.exec(await view.page.locator(".figure").nth(1).locator(".figure-detail").textContent())[0].replace(/,/g, ""));
    const before = await received();
    await until(async () => (await received()) !== before, "the numbers move again", 15_000);
    await until(async () => (await view.page.locator(".latest tbody tr").count()) >= 10, "the table is full again");
});
