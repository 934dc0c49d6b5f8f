-- Views over views, for both engines, over records whose event time is the first of two texts.
CREATE PIPELINE chain;
CREATE SOURCE ticks (
  ticker VARCHAR NOT NULL, "timestamp" VARCHAR, "time" VARCHAR, close DOUBLE NOT NULL, volume BIGINT,
  event_time AS PARSE_TIMESTAMP(COALESCE("timestamp", "time")),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE
) WITH (stream = 'ticks');
CREATE VIEW minutes AS SELECT ticker, window_start, window_end, COUNT(*) AS n, LAST(close) AS last_close, MAX(close) AS high
  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end HAVING COUNT(*) > 1;
CREATE VIEW fives AS SELECT ticker, window_start, window_end, SUM(n) AS n, FIRST(last_close) AS first_close, LAST(last_close) AS last_close, MAX(high) AS high
  FROM TUMBLE(minutes, window_end, INTERVAL '5' MINUTE) WHERE n > 2 GROUP BY ticker, window_start, window_end;
CREATE VIEW by_start AS SELECT window_start, window_end, SUM(n) AS n, LAST(ticker) AS last_ticker, FIRST(high) AS first_high
  FROM HOP(minutes, window_start, INTERVAL '2' MINUTE, INTERVAL '5' MINUTE) GROUP BY window_start, window_end;
CREATE VIEW quarters AS SELECT window_end, COUNT(*) AS fives, MAX(high) AS high
  FROM TUMBLE(fives, window_end, INTERVAL '15' MINUTE) GROUP BY window_start, window_end;
CREATE VIEW hops AS SELECT ticker, window_start, window_end, COUNT(*) AS n, LAST(close) AS last_close
  FROM HOP(ticks, event_time, INTERVAL '40' SECOND, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end;
CREATE VIEW of_hops AS SELECT ticker, window_end, COUNT(*) AS hops, SUM(n) AS n
  FROM TUMBLE(hops, window_end, INTERVAL '2' MINUTE) GROUP BY ticker, window_start, window_end;
CREATE VIEW bursts AS SELECT ticker, window_start, window_end, COUNT(*) AS n, LAST(close) AS last_close
  FROM SESSION(ticks, event_time, INTERVAL '400' MILLISECOND) GROUP BY ticker, window_start, window_end;
CREATE VIEW burst_minutes AS SELECT ticker, window_start, window_end, COUNT(*) AS bursts, SUM(n) AS n, LAST(last_close) AS last_close
  FROM TUMBLE(bursts, window_end, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end;
CREATE VIEW quiet AS SELECT ticker, window_start, window_end, COUNT(*) AS minutes
  FROM SESSION(minutes, window_end, INTERVAL '2' MINUTE) WHERE n < 150 GROUP BY ticker, window_start, window_end;
CREATE SINK fives_lake FROM fives WITH (path = 'fives', partition_by = 'ticker', table = 'db.fives');
CREATE SINK quarters_lake FROM quarters WITH (path = 'quarters', table = 'db.quarters');
