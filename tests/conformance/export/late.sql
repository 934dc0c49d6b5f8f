-- Windows of every kind over records of which many are late, and views over those, for both engines.
CREATE PIPELINE late;
CREATE SOURCE ticks (
  ticker VARCHAR NOT NULL, "date" VARCHAR, "timestamp" VARCHAR NOT NULL, close DOUBLE NOT NULL, volume BIGINT,
  event_time AS PARSE_TIMESTAMP("timestamp"),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE
) WITH (stream = 'ticks');
CREATE VIEW minutes AS SELECT ticker, window_start, window_end, COUNT(*) AS n, AVG(close) AS mean, FIRST(close) AS first_close, LAST(volume) AS last_volume
  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end;
CREATE VIEW hops AS SELECT ticker, window_start, window_end, COUNT(*) AS n, MAX(close) AS high
  FROM HOP(ticks, event_time, INTERVAL '20' SECOND, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end HAVING COUNT(*) > 1;
CREATE VIEW fives AS SELECT ticker, window_start, window_end, COUNT(*) AS minutes, SUM(n) AS n, MAX(mean) AS highest_mean, AVG(mean) AS mean_of_means, LAST(last_volume) AS last_volume
  FROM TUMBLE(minutes, window_end, INTERVAL '5' MINUTE) GROUP BY ticker, window_start, window_end;
CREATE VIEW bursts AS SELECT ticker, window_start, window_end, COUNT(*) AS n, AVG(close) AS mean, LAST(close) AS last_close
  FROM SESSION(ticks, event_time, INTERVAL '2' SECOND) GROUP BY ticker, window_start, window_end HAVING COUNT(*) > 1;
CREATE VIEW visits AS SELECT ticker, window_start, window_end, COUNT(*) AS n, MIN(close) AS low
  FROM SESSION(ticks, event_time, INTERVAL '90' SECOND) WHERE volume % 211 = 0 GROUP BY ticker, window_start, window_end;
CREATE VIEW burst_minutes AS SELECT ticker, window_start, window_end, COUNT(*) AS bursts, SUM(n) AS n, LAST(last_close) AS last_close
  FROM TUMBLE(bursts, window_end, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end;
CREATE VIEW burst_fives AS SELECT window_end, COUNT(*) AS minutes, SUM(bursts) AS bursts
  FROM TUMBLE(burst_minutes, window_end, INTERVAL '5' MINUTE) GROUP BY window_start, window_end;
CREATE VIEW busy_times AS SELECT ticker, window_start, window_end, COUNT(*) AS visits, SUM(n) AS n
  FROM SESSION(visits, window_end, INTERVAL '30' SECOND) WHERE n > 1 GROUP BY ticker, window_start, window_end;
