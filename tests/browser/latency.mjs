// SPDX-License-Identifier: Apache-2.0
// For bench/run latency: opens the live view of a running tapeline, says "ready", and when its input ends what the page has measured:
//   node tests/browser/latency.mjs URL

import { openBrowser, openPage, until } from "./harness.mjs";

const browser = await openBrowser();
try {
    const { page } = await openPage(browser, process.argv[2].replace(/\/$/, ""));
    // Its clock is asked four times, a second apart.
    await until(() => page.evaluate(() => window.tapeline?.putToScreen?.().error_ms > 0), "the server's clock is known");
    await page.waitForTimeout(3500);
    console.log("ready");
    for await (const _ of process.stdin);
    await page.waitForTimeout(500);
    console.log(JSON.stringify(await page.evaluate(() => window.tapeline.putToScreen())));
} finally {
    await browser.close();
}
