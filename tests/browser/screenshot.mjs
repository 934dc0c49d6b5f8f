// SPDX-License-Identifier: Apache-2.0
// Takes docs/dashboard.png of a running tapeline: node tests/browser/screenshot.mjs [URL] [FILE] [light|dark]

import path from "node:path";
import { fileURLToPath } from "node:url";
import { drawn, openBrowser, openPage, until } from "./harness.mjs";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");
const [url = "http://127.0.0.1:8080", file = path.join(root, "docs/dashboard.png"), colorScheme = "light"] = process.argv.slice(2);

const browser = await openBrowser();
try {
    const { page, wrong } = await openPage(browser, url.replace(/\/$/, ""),
        { colorScheme, viewport: { width: 1440, height: 900 }, deviceScaleFactor: 1.5 });
    await until(async () => (await drawn(page))?.provisional > 0, "points on the chart", 30_000);
    await page.waitForTimeout(5_000); // for the small lines below it
    await page.screenshot({ path: file, fullPage: true });
    for (const problem of wrong) console.error(problem);
    console.error(`wrote ${file}`);
} finally {
    await browser.close();
}
