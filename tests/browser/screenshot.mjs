// SPDX-License-Identifier: Apache-2.0
// Takes pictures of a running tapeline:
//   node tests/browser/screenshot.mjs [URL] [FILE] [light|dark]          docs/dashboard.png: the live view
//   node tests/browser/screenshot.mjs --all [URL] [FOLDER] [VIEW ...]    each view, in both themes, at 360, 1280 and 2560 pixels

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openBrowser, openPage, until, VIEWS } from "./harness.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
const WIDTHS = [360, 1280, 2560];

/** Waits until the view has what it shows. */
async function ready(page, view) {
    if (view === "live") await until(() => page.evaluate(() => window.tapeline?.charts()[0]?.provisional > 0), "points on the chart", 30_000);
    if (view === "streams") await page.locator(".records tbody tr").first().waitFor();
    if (view === "lake") await page.locator(".lake-tables tbody tr").first().waitFor();
    if (view === "sql") await page.getByRole("button", { name: "Run", exact: true }).click();
    if (view === "sql") await until(async () => /rows? ·|failed/.test(await page.locator(".query-status").textContent()), "a result", 30_000);
    await page.waitForTimeout(view === "pipeline" || view === "live" ? 2500 : 700);
}

/** One picture a view, theme and width, in folder; returns what went wrong on the pages. */
export async function pictures(browser, url, folder, views = VIEWS) {
    const problems = [];
    await mkdir(folder, { recursive: true });
    for (const colorScheme of ["light", "dark"]) {
        for (const width of WIDTHS) {
            const { page, wrong, close } = await openPage(browser, url, { colorScheme, viewport: { width, height: width === 360 ? 780 : Math.round(width * 0.6) } });
            for (const view of views) {
                await page.evaluate((name) => (location.hash = name), view);
                await ready(page, view);
                await page.screenshot({ path: path.join(folder, `${view}-${colorScheme}-${width}.png`), fullPage: width !== 2560 });
            }
            problems.push(...wrong);
            await close();
        }
    }
    return problems;
}

async function main(args) {
    const browser = await openBrowser();
    try {
        if (args[0] === "--all") {
            const [, url = "http://127.0.0.1:8080", folder = "screenshots", ...views] = args;
            for (const problem of await pictures(browser, url.replace(/\/$/, ""), folder, views.length > 0 ? views : VIEWS)) console.error(problem);
            return;
        }
        const [url = "http://127.0.0.1:8080", file = path.join(root, "docs/dashboard.png"), colorScheme = "light"] = args;
        const { page, wrong } = await openPage(browser, url.replace(/\/$/, ""), { colorScheme, viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1.5 });
        await ready(page, "live");
        await page.screenshot({ path: file, fullPage: true });
        for (const problem of wrong) console.error(problem);
        console.error(`wrote ${file}`);
    } finally {
        await browser.close();
    }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
