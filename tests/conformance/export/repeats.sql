-- Records that come twice, told apart by a column and an expression, and forgotten after a while (rule 11).
CREATE PIPELINE repeats;
CREATE SOURCE ticks (
  id BIGINT, ticker VARCHAR NOT NULL, "timestamp" VARCHAR NOT NULL, close DOUBLE NOT NULL, volume BIGINT,
  symbol AS LOWER(ticker),
  shard VARCHAR METADATA FROM 'shard_id',
  event_time AS COALESCE(PARSE_TIMESTAMP("timestamp"), TO_TIMESTAMP_MS(volume)),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE,
  DEDUP BY (id, symbol)
) WITH (stream = 'ticks', dedup_for = '20 s');
CREATE VIEW minutes AS SELECT ticker, window_start, window_end, COUNT(*) AS n, COUNT(DISTINCT id) AS ids, LAST(close) AS last_close, SUM(volume) AS volume
  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end;
CREATE VIEW counts AS SELECT ticker, COUNT(*) AS n, COUNT(id) AS with_id FROM ticks GROUP BY ticker;
