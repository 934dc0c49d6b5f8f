CREATE PIPELINE p;
CREATE SOURCE ticks (
  ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE, producer_seq INTEGER,
  event_time AS PARSE_TIMESTAMP("timestamp"),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE
) WITH (stream = 's');
CREATE FEED history INTO ticks AS SELECT ticker, "timestamp", close FROM LAKE('curated/x')
  WITH (partition_key = 'ticker', pace = 'event_time', interval = '1 s');
