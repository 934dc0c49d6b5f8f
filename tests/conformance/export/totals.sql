-- Views without a window over the rows of others, for Flink: Spark has them refused.
CREATE PIPELINE totals;
CREATE SOURCE ticks (
  ticker VARCHAR NOT NULL, "date" VARCHAR, "timestamp" VARCHAR NOT NULL, close DOUBLE NOT NULL, volume BIGINT,
  event_time AS PARSE_TIMESTAMP("timestamp"),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE
) WITH (stream = 'ticks');
CREATE VIEW minutes AS SELECT ticker, window_start, window_end, COUNT(*) AS n, LAST(close) AS last_close, MAX(close) AS high, MAX("date") AS day
  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end HAVING COUNT(*) > 1;
CREATE VIEW fives AS SELECT window_start, window_end, SUM(n) AS n, MAX(high) AS high
  FROM TUMBLE(minutes, window_end, INTERVAL '5' MINUTE) GROUP BY window_start, window_end;
CREATE VIEW hops AS SELECT ticker, window_start, window_end, COUNT(*) AS n
  FROM HOP(ticks, event_time, INTERVAL '40' SECOND, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end;
CREATE VIEW bursts AS SELECT ticker, window_start, window_end, COUNT(*) AS n, LAST(close) AS last_close
  FROM SESSION(ticks, event_time, INTERVAL '2' SECOND) GROUP BY ticker, window_start, window_end;
CREATE VIEW per_ticker AS SELECT ticker, COUNT(*) AS minutes, SUM(n) AS n, AVG(n) AS mean_n, MAX(high) AS high, FIRST(day) AS first_day, LAST(last_close) AS last_close,
    MAX(n) - MIN(n) AS spread, CASE WHEN SUM(n) > 100 THEN 'busy' ELSE 'calm' END AS pace
  FROM minutes WHERE n > 2 GROUP BY ticker;
CREATE VIEW overall AS SELECT COUNT(*) AS minutes, SUM(n) AS n, COUNT(DISTINCT ticker) AS tickers, COUNT(DISTINCT day) AS days, LAST(ticker) AS last_ticker, FIRST(high) AS first_high,
    MIN(window_start) AS first_start, MAX(window_end) AS last_end, STDDEV(last_close) AS deviation, VWAP(last_close, n) AS vwap
  FROM minutes EMIT SNAPSHOT;
CREATE VIEW odd_even AS SELECT EXTRACT(MINUTE FROM window_end) % 2 AS odd, UPPER(LEFT(ticker, 1)) AS letter, COUNT(*) AS minutes, SUM(high) AS highs
  FROM minutes GROUP BY EXTRACT(MINUTE FROM window_end) % 2, UPPER(LEFT(ticker, 1));
CREATE VIEW ends AS SELECT window_end, COUNT(*) AS tickers, SUM(n) AS n FROM minutes GROUP BY window_end;
CREATE VIEW of_fives AS SELECT COUNT(*) AS fives, SUM(n) AS n, LAST(high) AS last_high FROM fives;
CREATE VIEW of_hops AS SELECT ticker, COUNT(*) AS hops, SUM(n) AS n, LAST(n) AS last_n FROM hops GROUP BY ticker;
CREATE VIEW of_bursts AS SELECT ticker, COUNT(*) AS bursts, SUM(n) AS n, MAX(window_end) AS last_end, LAST(last_close) AS last_close FROM bursts GROUP BY ticker;
