// SPDX-License-Identifier: Apache-2.0
// Numbers, sizes, durations and instants as text. The page's language is English; figures are grouped and tabular.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compactNumber = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

const scientific = new Intl.NumberFormat("en", { notation: "scientific", minimumFractionDigits: 4, maximumFractionDigits: 4 });
const WRITTEN_OUT = 1e15; // from there on a number is no longer exact to its digits, and as wide as a panel
const WRITTEN_OUT_MIN = 1e-8; // below that all digits shown would be 0

/** @param {number} n */
export const count = (n) => (Math.abs(n) < WRITTEN_OUT ? whole : scientific).format(n);

/** "1 key", "2 keys". @param {number} n @param {string} what */
export const counted = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;

/** @param {number} n */
export function rate(n) {
    if (n >= 10000) return compactNumber.format(n);
    return n >= 100 ? whole.format(n) : n.toFixed(1);
}

/**
 * @param {number} value
 * @param {number} digits
 */
export function decimal(value, digits) {
    const size = Math.abs(value);
    if (size >= WRITTEN_OUT || (size > 0 && size < WRITTEN_OUT_MIN)) return scientific.format(value);
    return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Digits after the point that suit values of this size. @param {number} largest */
export function digitsFor(largest) {
    if (!(largest > 0) || largest >= 1) return 2;
    return Math.min(8, 2 - Math.floor(Math.log10(largest)));
}

/** @param {number} n */
export function bytes(n) {
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let unit = 0;
    while (n >= 1024 && unit < units.length - 1) {
        n /= 1024;
        unit++;
    }
    return `${unit === 0 || n >= 100 ? whole.format(n) : n.toFixed(1)} ${units[unit]}`;
}

/** @param {string} first @param {number} rest @param {string} unit */
const join = (first, rest, unit) => (rest === 0 ? first : `${first} ${rest} ${unit}`);

/** 950 ms, 1.5 s, 2 min 5 s, 3 h 10 min. @param {number} ms @returns {string} */
export function duration(ms) {
    if (ms < 0) return `−${duration(-ms)}`;
    if (ms > 0 && ms < 0.05) return "<0.1 ms";
    if (ms < 1000) return `${ms < 10 && ms > 0 ? ms.toFixed(1) : Math.round(ms)} ms`;
    const s = ms / 1000;
    if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)} s`;
    const minutes = Math.floor(s / 60);
    if (minutes < 60) return join(`${minutes} min`, Math.floor(s % 60), "s");
    return join(`${Math.floor(minutes / 60)} h`, minutes % 60, "min");
}

/** "12,000"; "about 12,000" where the service tells how far behind a reader is in time only. @param {{records_behind: number | null, records_behind_estimated: boolean}} shard */
export const recordsBehind = ({ records_behind: n, records_behind_estimated: estimated }) => (n === null ? "–" : `${estimated ? "about " : ""}${count(n)}`);

/** "3" of "shardId-000000000003": what tells shards apart. @param {string} id */
export const shardName = (id) => id.replace(/^shardId-0*(?=\d)/, "");

/** @typedef {"utc" | "local" | "exchange"} Zone */

const EXCHANGE = "America/New_York"; // NYSE and Nasdaq

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {Zone} zone
 * @param {string} style
 * @param {Intl.DateTimeFormatOptions} options
 */
function formatFor(zone, style, options) {
    const key = `${zone} ${style}`;
    let format = formats.get(key);
    if (!format) {
        // en-GB for 24 hours and day before month; the zone is always printed beside.
        format = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone === "utc" ? "UTC" : zone === "exchange" ? EXCHANGE : undefined });
        formats.set(key, format);
    }
    return format;
}

/** @param {number} ms @param {Zone} zone */
export const clock = (ms, zone) =>
    formatFor(zone, "clock", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms);

/** @param {number} ms @param {Zone} zone */
export const minute = (ms, zone) => formatFor(zone, "minute", { hour: "2-digit", minute: "2-digit" }).format(ms);

/** @param {number} ms @param {Zone} zone */
export const day = (ms, zone) => formatFor(zone, "day", { day: "numeric", month: "short" }).format(ms);

/** @param {number} ms @param {Zone} zone */
export const dayAndMinute = (ms, zone) => `${day(ms, zone)}, ${minute(ms, zone)}`;

/** An instant where windows begin or end: with seconds where they are shorter than a minute. @param {number} ms @param {Zone} zone @param {number} windowMs */
export const windowTime = (ms, zone, windowMs) => (windowMs > 0 && windowMs < 60_000 ? clock : minute)(ms, zone);

/** The zone's name as printed beside times. @param {Zone} zone */
export function zoneName(zone) {
    if (zone === "utc") return "UTC";
    let format = formats.get(`name ${zone}`);
    if (!format) {
        format = new Intl.DateTimeFormat("en-US", { timeZoneName: "short", timeZone: zone === "exchange" ? EXCHANGE : undefined });
        formats.set(`name ${zone}`, format);
    }
    return format.formatToParts(Date.now()).find((part) => part.type === "timeZoneName")?.value ?? zone;
}

/** 2025-09-27 12:34:56.789, as it would stand in SQL. @param {number} ms @param {Zone} zone */
export function instant(ms, zone) {
    const parts = formatFor(zone, "instant", { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
        second: "2-digit", fractionalSecondDigits: 3 }).formatToParts(ms);
    /** @param {string} type */
    const part = (type) => parts.find((one) => one.type === type)?.value ?? "";
    return `${part("year")}-${part("month")}-${part("day")} ${part("hour")}:${part("minute")}:${part("second")}.${part("fractionalSecond")}`;
}

/** "12:00:03 UTC". @param {number} ms @param {Zone} zone */
export const clockWithZone = (ms, zone) => `${clock(ms, zone)} ${zoneName(zone)}`;
