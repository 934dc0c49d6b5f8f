-- SPDX-License-Identifier: Apache-2.0
-- The pipeline of the browser tests: windows that close in seconds.
CREATE PIPELINE page_test;
CREATE PROFILE local DEFAULT WITH (kinesis = 'embedded', lake = './lake', catalog = 'embedded');
CREATE SOURCE ticks (
  ticker      VARCHAR NOT NULL,
  "date"      VARCHAR,
  "timestamp" VARCHAR NOT NULL,
  open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE NOT NULL, volume BIGINT,
  event_time AS PARSE_TIMESTAMP("timestamp"),
  WATERMARK FOR event_time AS event_time - INTERVAL '1' SECOND
) WITH (stream = 'stock_stream', format = 'json', start = 'LATEST', shard_idle = '2 s', flush_after = '5 s', max_future_skew = '5 min');
CREATE FEED history INTO ticks AS
  SELECT ticker, "date", NOW() AS "timestamp", open, high, low, close, volume
  FROM LAKE('curated/stocks_features') WHERE year = 2024 ORDER BY "date", ticker
  WITH (partition_key = 'ticker', interval = '20 ms', loop = true);
CREATE VIEW latest_close AS SELECT ticker, LAST(close) AS latest_close FROM ticks GROUP BY ticker EMIT CHANGES;
CREATE VIEW avg_2s AS
  SELECT ticker, FIRST("date") AS trade_date, window_start, window_end, AVG(close) AS avg_close, LAST(close) AS last_close
  FROM TUMBLE(ticks, event_time, INTERVAL '2' SECOND) GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE VIEW high_6s AS
  SELECT ticker, window_start, window_end, MAX(avg_close) AS high FROM TUMBLE(avg_2s, window_end, INTERVAL '6' SECOND)
  GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK avg_2s_lake FROM avg_2s WITH (path = 'streaming/avg_2s', partition_by = 'ticker', commit_every = '2 s', table = 'page.avg_2s');
CREATE SINK high_6s_lake FROM high_6s WITH (path = 'streaming/high_6s', partition_by = 'ticker', commit_every = '2 s', format = 'delta', table = 'page.high_6s');
CREATE CHART live FROM avg_2s WITH (type = 'line', x = 'window_end', y = 'avg_close', series = 'ticker');
CREATE CHART last FROM avg_2s WITH (type = 'line', x = 'window_end', y = 'last_close', series = 'ticker');
CREATE CHART high FROM high_6s WITH (type = 'line', x = 'window_end', y = 'high', series = 'ticker');
