// SPDX-License-Identifier: Apache-2.0
// Flink's Kinesis connector reads a stream of a broker, polling (CBOR) and with enhanced fan-out (HTTP/2), through a split while it
// reads. Arguments: the endpoint. Ends with a line "N passed, N failed".

import java.util.Properties;
import org.apache.flink.api.common.serialization.SimpleStringSchema;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.SinkFunction;
import org.apache.flink.streaming.connectors.kinesis.FlinkKinesisConsumer;

public final class FlinkSuite {
    private static final class Seen implements SinkFunction<String> {
        private static final long serialVersionUID = 1;

        @Override
        public void invoke(String value, Context context) {
            Stream.saw(value);
        }
    }

    private static Properties settings(String endpoint, String publisher) {
        Properties p = new Properties();
        p.setProperty("aws.region", "us-east-1");
        p.setProperty("aws.endpoint", endpoint);
        p.setProperty("aws.credentials.provider", "BASIC");
        p.setProperty("aws.credentials.provider.basic.accesskeyid", "test");
        p.setProperty("aws.credentials.provider.basic.secretkey", "test");
        p.setProperty("flink.stream.initpos", "TRIM_HORIZON");
        p.setProperty("flink.shard.discovery.intervalmillis", "500");
        p.setProperty("flink.stream.recordpublisher", publisher);
        if (publisher.equals("EFO"))
            p.setProperty("flink.stream.efo.consumername", "flink");
        return p;
    }

    private static void reads(String endpoint, String publisher) throws Exception {
        String name = "flink-" + publisher.toLowerCase();
        Stream stream = new Stream(endpoint, name, 2);
        stream.put(400);
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.createLocalEnvironment(2);
        flink.addSource(new FlinkKinesisConsumer<>(name, new SimpleStringSchema(), settings(endpoint, publisher))).addSink(new Seen());
        JobClient job = flink.executeAsync(name);
        stream.allReadOnce(publisher + " from TRIM_HORIZON");
        stream.put(400);
        stream.allReadOnce(publisher + " what comes");
        stream.split();
        stream.put(400);
        stream.allReadOnce(publisher + " through a split");
        job.cancel().get();
    }

    public static void main(String[] args) throws Exception {
        try {
            reads(args[0], "POLLING");
            reads(args[0], "EFO");
        } catch (Exception e) {
            e.printStackTrace();
            Stream.tell(false, e.toString());
        }
        Stream.close();
    }
}
