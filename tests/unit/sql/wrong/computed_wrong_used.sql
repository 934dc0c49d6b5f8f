CREATE PIPELINE wrong;
CREATE SOURCE ticks (
  ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE NOT NULL, volume BIGINT, day DATE,
  up AS close + ticker,
  event_time AS PARSE_TIMESTAMP("timestamp"),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE
) WITH (stream = 'stock_stream');
CREATE VIEW v AS SELECT ticker, LAST(up) AS c FROM ticks WHERE up > 1 GROUP BY ticker;
