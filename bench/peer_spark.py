#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The windowed query of the reference pipeline in PySpark Structured Streaming over the same files, for comparison:
    pip install pyspark==3.5.7 && python3 bench/peer_spark.py DIR_OF_NDJSON OUT_DIR
One run with trigger AvailableNow; local[2]; the session's start is told apart from the query. The memory told is
the most that the JVM had resident; how much its heap may have is a third argument (4g without it)."""
import sys
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

source, out = sys.argv[1:3]
memory = sys.argv[3] if len(sys.argv) > 3 else "4g"


def peak_mb(pid):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")) / 1024


began = time.monotonic()
spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "2")
         .config("spark.sql.session.timeZone", "UTC").config("spark.driver.memory", memory)
         .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
ready = time.monotonic()
schema = "ticker STRING, date STRING, timestamp STRING, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE, volume LONG"
ticks = (spark.readStream.text(source).select(F.from_json("value", schema).alias("d")).select("d.*")
         .withColumn("event_time", F.to_timestamp("timestamp")).withWatermark("event_time", "2 minutes"))
query = (ticks.groupBy(F.window("event_time", "1 minute"), "ticker")
         .agg(F.first("date").alias("trade_date"), F.avg("close").alias("avg_close"), F.last("close").alias("last_close"))
         .select("ticker", "trade_date", F.col("window.start").alias("window_start"), F.col("window.end").alias("window_end"), "avg_close", "last_close")
         .writeStream.outputMode("append").format("parquet").option("path", out + "/rows").option("checkpointLocation", out + "/checkpoint")
         .partitionBy("ticker").trigger(availableNow=True).start())
query.awaitTermination()
end = time.monotonic()
rows = sum(p["numInputRows"] for p in query.recentProgress)
print("spark    session %.1f s, query %.1f s, %d records, %.3f M records/s, the JVM's peak memory %.0f MB" % (
    ready - began, end - ready, rows, rows / (end - ready) / 1e6, peak_mb(spark.sparkContext._gateway.proc.pid)))
