CREATE PIPELINE p;
CREATE SOURCE ticks (
  ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE, volume BIGINT, Window_End VARCHAR, "e" BIGINT,
  event_time AS PARSE_TIMESTAMP("timestamp"),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE
) WITH (stream = 's');
CREATE FEED history INTO ticks AS
  SELECT ticker, NOW() AS "timestamp", close FROM LAKE('curated/x') ORDER BY "date"
  WITH (partition_key = 'ticker');
CREATE VIEW latest AS SELECT ticker, LAST(close) AS close FROM ticks GROUP BY ticker EMIT CHANGES;
CREATE VIEW avg_1min AS
  SELECT ticker, window_start, window_end, AVG(close) AS avg_close
  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE)
  GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK files FROM avg_1min WITH (path = 'streaming/avg', table = 'db.avg');
