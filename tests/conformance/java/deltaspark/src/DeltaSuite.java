// SPDX-License-Identifier: Apache-2.0
// Spark with Delta Lake reads Delta tables of a sink. Arguments: tables, each as "folder|rows|sum of n|files"; a row has ticker, window_start, n.
// Ends with a line "N passed, N failed".

import java.util.List;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.delta.DeltaLog;

public final class DeltaSuite {
    private static int passed;
    private static int failed;

    private static void tell(String what, Object wanted, Object got) {
        boolean same = wanted.toString().equals(String.valueOf(got));
        System.out.printf("%s %s%s%n", same ? "ok    " : "FAILED", what, same ? "" : ": " + got + ", and not " + wanted);
        if (same) passed++; else failed++;
    }

    private static void check(SparkSession spark, String argument) {
        String[] part = argument.split("\\|");
        String path = part[0], name = path.substring(path.lastIndexOf('/') + 1);
        Dataset<Row> rows = spark.read().format("delta").load(path);
        Row all = rows.selectExpr("count(*)", "sum(n)", "count(DISTINCT ticker, window_start)").first();
        tell(name + ": rows", part[1], all.get(0));
        tell(name + ": sum", part[2], all.get(1));
        tell(name + ": each row once", part[1], all.get(2));
        tell(name + ": files", part[3], DeltaLog.forTable(spark, path).update(false, scala.Option.empty(), scala.Option.empty()).numOfFiles());
        tell(name + ": one partition", 1, rows.where("ticker = 'B/%'").select("ticker").distinct().count());
        tell(name + ": instants", "2025-09-27 10:00:00", rows.selectExpr("CAST(min(window_start) AS STRING)").first().get(0));
        List<Row> history = spark.sql("DESCRIBE HISTORY delta.`" + path + "`").collectAsList();
        tell(name + ": there is a history", true, !history.isEmpty());
    }

    public static void main(String[] args) {
        try {
            SparkSession spark = SparkSession.builder().master("local[2]").appName("tapeline").config("spark.ui.enabled", "false")
                .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").config("spark.sql.session.timeZone", "UTC")
                .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
                .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
                .config("spark.sql.shuffle.partitions", "2").config("spark.databricks.delta.snapshotPartitions", "2").getOrCreate();
            spark.sparkContext().setLogLevel("ERROR");
            for (String argument : args)
                check(spark, argument);
        } catch (Exception e) {
            e.printStackTrace();
            failed++;
        }
        System.out.printf("%d passed, %d failed%n", passed, failed);
        System.exit(failed == 0 ? 0 : 1);
    }
}
