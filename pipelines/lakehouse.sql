-- The batch layers: 'tapeline ingest' brings prices to processed/stocks, 'tapeline build pipelines/lakehouse.sql' makes the tables below.
-- docs/lakehouse.md walks through it, and says what each column is.
CREATE PIPELINE lakehouse;

CREATE PROFILE local DEFAULT WITH (lake = './lake', catalog = 'embedded');
CREATE PROFILE aws WITH (lake = 's3://${BUCKET}', catalog = 'glue', region = 'us-east-1');

CREATE TABLE curated.stocks_features
  WITH (path = 'curated/stocks_features', partition_by = 'ticker, year', incremental_by = 'year') AS
WITH moves AS (
  SELECT *,
         row_number() OVER by_day AS days,  -- that the ticker has traded: a mean of 20 days needs 20 of them
         close / lag(close) OVER by_day - 1 AS daily_return,
         greatest(close - lag(close) OVER by_day, 0) AS gain,
         greatest(lag(close) OVER by_day - close, 0) AS loss
  FROM LAKE('processed/stocks')
  WINDOW by_day AS (PARTITION BY ticker ORDER BY "date")
), means AS (
  SELECT *,
         CASE WHEN days >= 20 THEN avg(close) OVER last_20 END AS sma_20,
         CASE WHEN days >= 50 THEN avg(close) OVER last_50 END AS sma_50,
         CASE WHEN days >= 200 THEN avg(close) OVER last_200 END AS sma_200,
         CASE WHEN days >= 21 THEN stddev_samp(daily_return) OVER last_20 END AS volatility_20,
         CASE WHEN days >= 15 THEN avg(gain) OVER last_14 END AS mean_gain,
         CASE WHEN days >= 15 THEN avg(loss) OVER last_14 END AS mean_loss,
         CASE WHEN days >= 26 THEN avg(close) OVER last_12 - avg(close) OVER last_26 END AS macd,
         CASE WHEN days >= 20 THEN stddev_samp(close) OVER last_20 END AS deviation_20,
         CASE WHEN days >= 20 THEN avg(volume) OVER last_20 END AS vol_ma_20
  FROM moves
  WINDOW last_12 AS (PARTITION BY ticker ORDER BY "date" ROWS 11 PRECEDING),
         last_14 AS (PARTITION BY ticker ORDER BY "date" ROWS 13 PRECEDING),
         last_20 AS (PARTITION BY ticker ORDER BY "date" ROWS 19 PRECEDING),
         last_26 AS (PARTITION BY ticker ORDER BY "date" ROWS 25 PRECEDING),
         last_50 AS (PARTITION BY ticker ORDER BY "date" ROWS 49 PRECEDING),
         last_200 AS (PARTITION BY ticker ORDER BY "date" ROWS 199 PRECEDING)
), signals AS (
  SELECT *,
         CASE WHEN mean_loss > 0 THEN 100 - 100 / (1 + mean_gain / mean_loss) WHEN mean_gain > 0 THEN 100 END AS rsi_14,
         CASE WHEN days >= 34 THEN avg(macd) OVER (PARTITION BY ticker ORDER BY "date" ROWS 8 PRECEDING) END AS macd_signal,
         sma_20 + 2 * deviation_20 AS bb_upper,
         sma_20 - 2 * deviation_20 AS bb_lower,
         lag(sma_50) OVER by_day AS sma_50_before,
         lag(sma_200) OVER by_day AS sma_200_before
  FROM means
  WINDOW by_day AS (PARTITION BY ticker ORDER BY "date")
)
SELECT ticker, year, "date", open, high, low, close, volume,
       daily_return, sma_20, sma_50, sma_200, volatility_20, rsi_14,
       macd, macd_signal, macd - macd_signal AS macd_hist,
       sma_20 AS bb_middle, bb_upper, bb_lower, vol_ma_20,
       coalesce(rsi_14 < 30 AND close < bb_lower, false) AS buy_signal,
       coalesce(rsi_14 > 70 AND close > bb_upper, false) AS sell_signal,
       coalesce(sma_50 > sma_200 AND sma_50_before <= sma_200_before, false) AS golden_cross,
       coalesce(sma_50 < sma_200 AND sma_50_before >= sma_200_before, false) AS death_cross
FROM signals;
