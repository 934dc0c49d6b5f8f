// SPDX-License-Identifier: Apache-2.0
// What all price charts have in common: the page's colours, type and time axis given to lightweight-charts.

import { CrosshairMode } from "lightweight-charts";
import { clock, day, dayAndMinute, minute, zoneName } from "./format.js";
import { isKiosk } from "./router.js";

/** @typedef {import("./format.js").Zone} Zone */

/** @param {string} name */
export const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const DRAWN_MAX = 2 ** 53 / 100; // what the library counts with to two digits

/** Whether a chart can show the value: beyond that the library's axis breaks. @param {number} value */
export const isDrawable = (value) => Math.abs(value) < DRAWN_MAX;

export function baseOptions() {
    return {
        autoSize: true,
        layout: { attributionLogo: false, fontSize: isKiosk() ? 18 : 12, fontFamily: "system-ui, sans-serif" },
        crosshair: { mode: CrosshairMode.Magnet },
        rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.08, bottom: 0.14 }, minimumWidth: 64, entireTextOnly: true },
        timeScale: { borderVisible: false, timeVisible: true, rightOffset: 1.5, shiftVisibleRangeOnNewBar: false,
            lockVisibleTimeRangeOnResize: true, minBarSpacing: 0.2 },
        handleScroll: { vertTouchDrag: false },
    };
}

export function themeOptions() {
    return {
        layout: { background: { color: cssColor("--panel") }, textColor: cssColor("--muted") },
        grid: { vertLines: { color: cssColor("--grid") }, horzLines: { color: cssColor("--grid") } },
        crosshair: { vertLine: { color: cssColor("--muted"), labelBackgroundColor: cssColor("--tag") },
            horzLine: { color: cssColor("--muted"), labelBackgroundColor: cssColor("--tag") } },
    };
}

/** Fresh functions at each call: the library keeps the labels of the ones it knows. @param {() => Zone} zone @param {boolean} seconds */
export function timeOptions(zone, seconds) {
    return {
        localization: {
            /** @param {unknown} time */
            timeFormatter: (time) => {
                const ms = /** @type {number} */ (time) * 1000;
                return `${seconds ? `${day(ms, zone())}, ${clock(ms, zone())}` : dayAndMinute(ms, zone())} ${zoneName(zone())}`;
            },
        },
        timeScale: {
            secondsVisible: seconds,
            /** @param {unknown} time @param {number} mark */
            tickMarkFormatter: (time, mark) => {
                const ms = /** @type {number} */ (time) * 1000;
                // The library finds midnights in UTC; in another zone that mark is an hour like the others.
                if (mark <= 2 && minute(ms, zone()) === "00:00") return day(ms, zone());
                return mark === 4 ? clock(ms, zone()) : minute(ms, zone());
            },
        },
    };
}
