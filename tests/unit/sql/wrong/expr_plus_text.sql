CREATE PIPELINE wrong;
CREATE SOURCE ticks (
  ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE NOT NULL, volume BIGINT, day DATE,
  event_time AS PARSE_TIMESTAMP("timestamp"),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE
) WITH (stream = 'stock_stream');
CREATE VIEW v AS SELECT ticker, MAX(+ ticker) AS s
  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE)
  GROUP BY ticker, window_start, window_end;
