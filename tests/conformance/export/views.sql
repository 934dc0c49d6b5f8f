CREATE PIPELINE rich;
CREATE SOURCE ticks (
  ticker VARCHAR NOT NULL, "date" VARCHAR, "timestamp" VARCHAR NOT NULL,
  open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE NOT NULL, volume BIGINT,
  event_time AS PARSE_TIMESTAMP("timestamp"),
  mid AS (high + low) / 2,
  line VARCHAR METADATA FROM 'sequence_number',
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE
) WITH (stream = 'stock_stream');
CREATE VIEW busy AS
  SELECT UPPER(ticker) AS symbol, window_start, window_end, COUNT(*) AS ticks, VWAP(close, volume) AS vwap,
         CASE WHEN MAX(close) > 1.01 * MIN(close) THEN 'wild' ELSE 'calm' END AS mood, AVG(mid) AS mid, STDDEV(close) AS sd, STDDEV_POP(close) AS sp,
         COUNT(DISTINCT volume % 10) AS d, SUM(volume) AS v, SUM(close * 2 - open) AS s, MAX(line) AS line
  FROM HOP(ticks, event_time, INTERVAL '1' MINUTE, INTERVAL '5' MINUTE)
  WHERE close > 100 AND ticker NOT LIKE 'AA%'
  GROUP BY UPPER(ticker), window_start, window_end HAVING COUNT(*) >= 10 EMIT FINAL;
CREATE VIEW sessions AS
  SELECT ticker, window_start, window_end, COUNT(*) AS n, MIN(close) AS lo, MAX("date") AS d, LAST(volume IGNORE NULLS) AS lv
  FROM SESSION(ticks, event_time, INTERVAL '3' SECOND) GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE VIEW five AS
  SELECT ticker, window_end, EXTRACT(minute FROM window_start) AS m, STRFTIME(window_start, '%Y-%m-%d %H:%M') AS t, ROUND(AVG(close), 2) AS a,
    DATE_DIFF('second', MIN(event_time), MAX(event_time)) AS span, COALESCE(LEFT(MIN("date"), 4), 'none') || '!' AS y, CAST(COUNT(*) AS DOUBLE) / 3 AS third
  FROM TUMBLE(ticks, event_time, INTERVAL '5' MINUTE, INTERVAL '30' SECOND)
  WHERE close BETWEEN 50 AND 400 AND volume IS NOT NULL AND ticker IN ('AAPL', 'TSLA', 'INTC', 'AMD', 'MSFT')
  GROUP BY ticker, window_start, window_end;
CREATE VIEW totals AS SELECT COUNT(*) AS n, SUM(volume) AS v, MIN(LOWER(ticker)) AS t, AVG(close) AS a FROM ticks EMIT SNAPSHOT;
CREATE SINK busy_lake FROM busy WITH (path = 'busy', partition_by = 'symbol, day(window_start)', table = 'd.busy');
CREATE SINK late FROM LATE(busy) WITH (path = 'late');
CREATE SINK bad FROM MALFORMED(ticks) WITH (path = 'bad', format = 'json');
