# SPDX-License-Identifier: Apache-2.0
"""Files of ticks for the comparisons of engines, made of a seed."""
import json
import os
import time

TICKERS = ["AAPL", "MSFT", "TSLA", "AMD"]


def write_ticks(folder, files, seed, bad=True, repeats=False, two_times=False, late=False):
    """Files that follow each other in time, disordered by less than the delay, but for those that are to be late; the last one is far
    ahead, and closes what was open."""
    state = seed
    for number in range(files):
        written = []
        with open(os.path.join(folder, "ticks-%03d.ndjson" % number), "w") as f:
            for i in range(600):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
                noise = (state >> 33) / 2**31
                at = 1_758_974_400 + number * 60 + i / 10 - 80 * noise
                if late and i % 7 == 3:
                    at -= 300 * noise
                tick = {"ticker": TICKERS[i % 4], "date": "2024-03-%02d" % (number % 28 + 1), "close": round(100 + 9 * noise, 4), "volume": int(1e6 * noise),
                        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(int(at))) + ".%06dZ" % int(at % 1 * 1e6)}
                if bad and i % 97 == 0:
                    tick["close"] = "n/a"
                if repeats:
                    tick["id"] = i if i % 31 else None
                    written.append(tick)
                    if i % 5 == 0:  # some time later, perhaps with another event time
                        again = written[int(len(written) * noise) % len(written)]
                        written.append(dict(again, timestamp=tick["timestamp"]) if i % 3 == 0 else again)
                        f.write(json.dumps(written[-1]) + "\n")
                elif two_times and i % 3 == 0:
                    tick["time"] = tick.pop("timestamp")
                f.write(json.dumps(tick) + "\n")
        os.utime(f.name, (1_700_000_000 + number,) * 2)  # Spark reads the oldest first
    with open(os.path.join(folder, "ticks-999.ndjson"), "w") as f:
        f.write('{"ticker": "END", "timestamp": "2030-01-01T00:00:00Z", "close": 1}\n')
