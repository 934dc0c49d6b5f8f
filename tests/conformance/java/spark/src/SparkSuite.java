// SPDX-License-Identifier: Apache-2.0
// Spark Structured Streaming reads a stream of a broker with Qubole's Kinesis source (AWS SDK v1, CBOR), through a split while it reads,
// and goes on from its checkpoint after a stop. Arguments: the endpoint. Ends with a line "N passed, N failed".

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.apache.spark.api.java.function.VoidFunction2;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.streaming.StreamingQuery;

public final class SparkSuite {
    private static volatile long lastBatch = -1; // that had a record in it

    private static StreamingQuery query(SparkSession spark, String endpoint, String name, String checkpoint) throws Exception {
        Dataset<Row> records = spark.readStream().format("kinesis")
            .option("streamName", name).option("endpointUrl", endpoint).option("region", "us-east-1")
            .option("awsAccessKeyId", "test").option("awsSecretKey", "test").option("startingPosition", "TRIM_HORIZON").load();
        VoidFunction2<Dataset<Row>, Long> keep = (batch, id) -> {
            for (Row row : batch.select("data").collectAsList()) {
                lastBatch = id;
                Stream.saw(new String((byte[]) row.get(0), StandardCharsets.UTF_8));
            }
        };
        return records.writeStream().option("checkpointLocation", checkpoint).foreachBatch(keep).start();
    }

    private static void reads(SparkSession spark, String endpoint) throws Exception {
        String checkpoint = Files.createTempDirectory("checkpoint").toString();
        Stream stream = new Stream(endpoint, "spark", 2);
        stream.put(400);
        StreamingQuery query = query(spark, endpoint, "spark", checkpoint);
        stream.allReadOnce("from TRIM_HORIZON");
        stream.split();
        stream.put(400);
        stream.allReadOnce("through a split");
        StreamingQuery first = query; // its batches never end, empty ones included; this one has to be in the checkpoint
        Stream.waitFor("the last batch is committed", 60, () -> first.lastProgress() != null && first.lastProgress().batchId() >= lastBatch);
        query.stop();
        stream.put(400);
        query = query(spark, endpoint, "spark", checkpoint);
        stream.allReadOnce("from its checkpoint");
        query.stop();
    }

    public static void main(String[] args) throws Exception {
        try {
            SparkSession spark = SparkSession.builder().master("local[2]").appName("tapeline").config("spark.ui.enabled", "false")
                .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
                .config("spark.sql.shuffle.partitions", "2").getOrCreate();
            spark.sparkContext().setLogLevel("ERROR");
            reads(spark, args[0]);
        } catch (Exception e) {
            e.printStackTrace();
            Stream.tell(false, e.toString());
        }
        Stream.close();
    }
}
