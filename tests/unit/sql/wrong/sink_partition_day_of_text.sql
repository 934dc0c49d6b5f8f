CREATE PIPELINE stock_stream;

CREATE PROFILE local DEFAULT WITH (kinesis = 'embedded', lake = './lake', catalog = 'embedded');
CREATE PROFILE aws WITH (kinesis = 'aws', lake = 's3://${BUCKET}', catalog = 'glue', region = 'us-east-1');

CREATE SOURCE ticks (
  ticker      VARCHAR NOT NULL,
  "date"      VARCHAR,
  "timestamp" VARCHAR NOT NULL,
  open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE NOT NULL, volume BIGINT,
  event_time AS PARSE_TIMESTAMP("timestamp"),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE
) WITH (stream = 'stock_stream', format = 'json', start = 'LATEST',
        shard_idle = '30 s', flush_after = '5 min', max_future_skew = '5 min');

CREATE FEED history INTO ticks AS
  SELECT ticker, "date", NOW() AS "timestamp", open, high, low, close, volume
  FROM LAKE('curated/stocks_features') WHERE year = 2024 ORDER BY "date", ticker
  WITH (partition_key = 'ticker', interval = '150 ms', loop = true);   -- ten tickers: each ticks every 1.5 s

CREATE VIEW latest_close AS
  SELECT ticker, LAST(close) AS latest_close FROM ticks GROUP BY ticker EMIT CHANGES;

CREATE VIEW avg_1min AS
  SELECT ticker, FIRST("date") AS trade_date, window_start, window_end,
         AVG(close) AS avg_close, LAST(close) AS last_close
  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE)
  GROUP BY ticker, window_start, window_end EMIT FINAL;

CREATE SINK avg_1min_lake FROM avg_1min
  WITH (path = 'streaming/avg_1min', partition_by = 'day(ticker)', commit_every = '1 min',
        table = 'stock_streaming_database.avg_1min');

CREATE CHART live FROM avg_1min WITH (type = 'line', x = 'window_end', y = 'avg_close', series = 'ticker');
