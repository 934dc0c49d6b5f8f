CREATE PIPELINE p;
CREATE SOURCE ticks (
  ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE, producer_id VARCHAR, producer_seq BIGINT,
  event_time AS PARSE_TIMESTAMP("timestamp"),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE,
  DEDUP BY (producer_id, Producer_Id)
) WITH (stream = 's');
CREATE VIEW latest AS SELECT ticker, LAST(close) AS c FROM ticks GROUP BY ticker;
