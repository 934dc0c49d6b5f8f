// SPDX-License-Identifier: Apache-2.0
// The Kinesis Client Library 3 against a broker, polling and with enhanced fan-out, through a split and a merge, beside an engine (the
// binary at TAPELINE) that reads the same stream in the same way: both get every record. Its leases are in DynamoDB Local, in this process.
// Arguments: the endpoint. Ends with a line "N passed, N failed".

import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.Shard;
import software.amazon.awssdk.services.kinesis.model.ShardFilterType;
import software.amazon.awssdk.services.kinesis.model.StreamStatus;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.KinesisClientUtil;
import software.amazon.kinesis.common.StreamIdentifier;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.retrieval.RetrievalSpecificConfig;
import software.amazon.kinesis.retrieval.fanout.FanOutConfig;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

public final class KclSuite {
    private static final StaticCredentialsProvider KEYS = StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
    private final KinesisAsyncClient kinesis;
    private final DynamoDbAsyncClient leases;
    private final String stream;
    private final Map<String, String> seen = new ConcurrentHashMap<>(); // a record's data -> its shard
    private final Set<String> ended = ConcurrentHashMap.newKeySet();
    private final Set<String> begunEarly = ConcurrentHashMap.newKeySet(); // children begun before their parents ended

    private KclSuite(KinesisAsyncClient kinesis, DynamoDbAsyncClient leases, String stream) {
        this.kinesis = kinesis;
        this.leases = leases;
        this.stream = stream;
    }

    private final class Processor implements ShardRecordProcessor {
        private String shard;

        @Override
        public void initialize(InitializationInput input) {
            shard = input.shardId();
            shards().stream().filter(s -> s.shardId().equals(shard)).forEach(s -> {
                for (String parent : new String[] { s.parentShardId(), s.adjacentParentShardId() })
                    if (parent != null && !ended.contains(parent)) begunEarly.add(shard);
            });
        }

        @Override
        public void processRecords(ProcessRecordsInput input) {
            input.records().forEach(r -> seen.put(StandardCharsets.UTF_8.decode(r.data()).toString().replaceAll("^.*\"n\":(\\d+).*$", "$1"), shard));
        }

        @Override
        public void leaseLost(LeaseLostInput input) { }

        @Override
        public void shardEnded(ShardEndedInput input) {
            ended.add(shard);
            try {
                input.checkpointer().checkpoint();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput input) { }
    }

    private List<Shard> shards() {
        return kinesis.listShards(b -> b.streamName(stream)).join().shards();
    }

    private List<Shard> open() {
        return kinesis.listShards(b -> b.streamName(stream).shardFilter(f -> f.type(ShardFilterType.AT_LATEST))).join().shards();
    }

    private static void until(String what, BooleanSupplier check) throws InterruptedException {
        for (int i = 0; i < 3600; i++) {
            if (check.getAsBoolean()) return;
            Thread.sleep(50);
        }
        throw new AssertionError("not within 180 s: " + what);
    }

    private void active() throws InterruptedException {
        until(stream + " is ACTIVE", () -> kinesis.describeStreamSummary(b -> b.streamName(stream)).join().streamDescriptionSummary().streamStatus() == StreamStatus.ACTIVE);
    }

    private static String tick(int i) {
        return "{\"n\":" + i + ",\"ts\":\"2024-01-01T00:00:00\"}";
    }

    private void put(int from, int to) {
        int failed = kinesis.putRecords(b -> b.streamName(stream).records(IntStream.range(from, to)
            .mapToObj(i -> PutRecordsRequestEntry.builder().partitionKey("key-" + i).data(SdkBytes.fromUtf8String(tick(i))).build()).collect(Collectors.toList()))).join().failedRecordCount();
        if (failed != 0) throw new AssertionError(failed + " records failed");
    }

    private void all(int count) throws InterruptedException {
        until(count + " records came", () -> seen.size() >= count);
        Set<Integer> numbers = seen.keySet().stream().map(Integer::valueOf).collect(Collectors.toCollection(TreeSet::new));
        if (!numbers.equals(IntStream.range(0, count).boxed().collect(Collectors.toSet()))) throw new AssertionError("other records came: " + numbers);
    }

    private Scheduler scheduler(RetrievalSpecificConfig retrieval) {
        CloudWatchAsyncClient cloudWatch = CloudWatchAsyncClient.builder().region(Region.US_EAST_1).credentialsProvider(KEYS).build();
        ConfigsBuilder c = new ConfigsBuilder(
            new SingleStreamTracker(StreamIdentifier.singleStreamInstance(stream), InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON)),
            "kcl-" + stream, kinesis, leases, cloudWatch, UUID.randomUUID().toString(), Processor::new);
        LeaseManagementConfig management = c.leaseManagementConfig().leasesRecoveryAuditorExecutionFrequencyMillis(5000);
        management.workerUtilizationAwareAssignmentConfig().disableWorkerMetrics(true); // one worker takes all
        return new Scheduler(c.checkpointConfig(), c.coordinatorConfig().parentShardPollIntervalMillis(500), management, c.lifecycleConfig(),
            c.metricsConfig().metricsFactory(new NullMetricsFactory()), c.processorConfig(), c.retrievalConfig().retrievalSpecificConfig(retrieval));
    }

    /** An engine that reads the stream too. */
    private final class Engine {
        private static final String SQL = """
            CREATE PIPELINE p;
            CREATE PROFILE here DEFAULT WITH (kinesis = '%s', region = 'us-east-1');
            CREATE SOURCE ticks (n BIGINT NOT NULL, ts VARCHAR NOT NULL, event_time AS PARSE_TIMESTAMP(ts),
              WATERMARK FOR event_time AS event_time - INTERVAL '1' HOUR)
              WITH (stream = '%s', start = 'TRIM_HORIZON', read = '%s', max_future_skew = '1 h');
            CREATE VIEW v AS SELECT n, COUNT(*) AS times FROM ticks GROUP BY n EMIT CHANGES;
            """;
        private final Path folder = Files.createTempDirectory("kcl");
        private final String[] command = { System.getenv("TAPELINE"), "run", folder + "/p.sql", "--lake", folder + "/lake", "--json" };
        private final Process process;

        Engine(String endpoint, String read) throws IOException {
            Files.writeString(folder.resolve("p.sql"), SQL.formatted(endpoint, stream, read));
            process = start("--dump", "v");
        }

        private Process start(String... more) throws IOException {
            ProcessBuilder b = new ProcessBuilder(concat(command, more));
            b.environment().putAll(Map.of("AWS_ACCESS_KEY_ID", "test", "AWS_SECRET_ACCESS_KEY", "test"));
            return b.redirectError(folder.resolve("log").toFile()).redirectOutput(folder.resolve("out").toFile()).start();
        }

        private boolean received(int count) {
            try {
                ProcessBuilder status = new ProcessBuilder(command[0], "status", command[2], command[3], command[4], "--json");
                return new String(status.start().getInputStream().readAllBytes(), StandardCharsets.UTF_8).contains("\"received\":" + count + ",");
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        /** Once it has read them all it is ended; each record was counted once. */
        void all(int count) throws Exception {
            until("the engine has " + count + " records", () -> received(count));
            process.destroy(); // SIGTERM: it commits
            if (process.waitFor() != 0) throw new AssertionError("the engine failed: " + Files.readString(folder.resolve("log")));
            Set<String> rows = Files.readAllLines(folder.resolve("out")).stream().filter(l -> l.matches("\\d+,1")).collect(Collectors.toSet());
            if (rows.size() != count) throw new AssertionError("of " + count + " records " + rows.size() + " were counted once");
        }
    }

    private static String[] concat(String[] a, String... b) {
        return java.util.stream.Stream.of(a, b).flatMap(java.util.Arrays::stream).toArray(String[]::new);
    }

    private void run(RetrievalSpecificConfig retrieval, String endpoint, String read) throws Exception {
        kinesis.createStream(b -> b.streamName(stream).shardCount(2)).join();
        active();
        put(0, 200);
        Engine engine = new Engine(endpoint, read);
        Scheduler scheduler = scheduler(retrieval);
        Thread thread = new Thread(scheduler, "scheduler " + stream);
        thread.setDaemon(true);
        thread.start();
        all(200);
        kinesis.splitShard(b -> b.streamName(stream).shardToSplit("shardId-000000000000").newStartingHashKey("1000000000000000000000000000000000000")).join();
        active();
        put(200, 400);
        all(400);
        List<String> pair = open().stream().filter(s -> "shardId-000000000000".equals(s.parentShardId())).map(Shard::shardId).sorted().collect(Collectors.toList());
        kinesis.mergeShards(b -> b.streamName(stream).shardToMerge(pair.get(0)).adjacentShardToMerge(pair.get(1))).join();
        active();
        put(400, 600);
        all(600);
        engine.all(600);
        if (!ended.containsAll(List.of("shardId-000000000000", pair.get(0), pair.get(1)))) throw new AssertionError("not all parents ended: " + ended);
        if (!begunEarly.isEmpty()) throw new AssertionError("children begun before their parents ended: " + begunEarly);
        scheduler.startGracefulShutdown().get(60, TimeUnit.SECONDS);
    }

    public static void main(String[] args) throws Exception {
        int port;
        try (ServerSocket s = new ServerSocket(0)) {
            port = s.getLocalPort();
        }
        DynamoDBProxyServer dynamo = ServerRunner.createServerFromCommandLineArgs(new String[] { "-inMemory", "-disableTelemetry", "-port", "" + port });
        dynamo.start();
        DynamoDbAsyncClient leases = DynamoDbAsyncClient.builder().endpointOverride(URI.create("http://127.0.0.1:" + port)).region(Region.US_EAST_1).credentialsProvider(KEYS).build();
        KinesisAsyncClient kinesis = KinesisClientUtil.createKinesisAsyncClient(
            KinesisAsyncClient.builder().endpointOverride(URI.create(args[0])).region(Region.US_EAST_1).credentialsProvider(KEYS));
        AtomicInteger passed = new AtomicInteger(), failed = new AtomicInteger();
        // Side by side, since a new KCL application waits for most of a minute before it reads.
        List<Thread> runs = List.of("polling", "fan-out").stream().map(mode -> new Thread(() -> {
            String stream = "kcl-" + mode;
            RetrievalSpecificConfig retrieval = mode.equals("polling") ? new PollingConfig(stream, kinesis).idleTimeBetweenReadsInMillis(200)
                                                                       : new FanOutConfig(kinesis).streamName(stream).applicationName(stream);
            try {
                new KclSuite(kinesis, leases, stream).run(retrieval, args[0], mode.equals("polling") ? "poll" : "fanout");
                passed.incrementAndGet();
                System.out.println("ok       KCL " + mode + " and the engine beside it: each 600 records through a split and a merge");
            } catch (Throwable e) {
                failed.incrementAndGet();
                System.out.println("FAILED   KCL " + mode);
                e.printStackTrace(System.out);
            }
        })).collect(Collectors.toList());
        runs.forEach(Thread::start);
        for (Thread run : runs) run.join();
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed.get() == 0 ? 0 : 1);
    }
}
