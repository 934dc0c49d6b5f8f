// SPDX-License-Identifier: Apache-2.0
// AWS SDK for Java v2 against a broker: the sync client (HTTP/1.1) and the async one (Netty, HTTP/2), CBOR as by default, and
// SubscribeToShard through a split. Arguments: the endpoint. Ends with a line "N passed, N failed".

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.client.config.ClientOverrideConfiguration;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.*;
import software.amazon.awssdk.services.kinesis.model.Record;

public final class SdkSuite {
    private static final String LOW = "0", HIGH = "340282366920938463463374607431768211455", MIDDLE = "170141183460469231731687303715884105728";
    private static int passed, failed;
    private static final List<String> contentTypes = Collections.synchronizedList(new ArrayList<>());

    interface Test {
        void run() throws Exception;
    }

    private static void test(String name, Test body) {
        try {
            body.run();
            passed++;
            System.out.println("ok       " + name);
        } catch (Throwable e) {
            failed++;
            System.out.println("FAILED   " + name);
            e.printStackTrace(System.out);
        }
    }

    private static void equal(Object wanted, Object got) {
        if (!wanted.equals(got)) throw new AssertionError("expected " + wanted + ", got " + got);
    }

    private static void that(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }

    private static void until(String what, BooleanSupplier check) throws InterruptedException {
        for (int i = 0; i < 1500; i++) {
            if (check.getAsBoolean()) return;
            Thread.sleep(20);
        }
        throw new AssertionError("not within 30 s: " + what);
    }

    /** Notes the content type of the answers, to prove that it was CBOR. */
    private static final class Listener implements ExecutionInterceptor {
        @Override
        public void afterTransmission(Context.AfterTransmission context, ExecutionAttributes attributes) {
            contentTypes.add(context.httpResponse().firstMatchingHeader("Content-Type").orElse(""));
        }
    }

    private static final StaticCredentialsProvider KEYS = StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
    private static final ClientOverrideConfiguration OVERRIDE = ClientOverrideConfiguration.builder().addExecutionInterceptor(new Listener()).build();

    private static String make(KinesisClient k, String name, int shards) throws InterruptedException {
        k.createStream(b -> b.streamName(name).shardCount(shards));
        until(name + " is ACTIVE", () -> active(k, name));
        return k.describeStreamSummary(b -> b.streamName(name)).streamDescriptionSummary().streamARN();
    }

    private static boolean active(KinesisClient k, String name) {
        return k.describeStreamSummary(b -> b.streamName(name)).streamDescriptionSummary().streamStatus() == StreamStatus.ACTIVE;
    }

    private static byte[] every() {
        byte[] all = new byte[256];
        for (int i = 0; i < 256; i++) all[i] = (byte) i;
        return all;
    }

    private static void sync(KinesisClient k) throws InterruptedException {
        make(k, "sync", 2);
        Instant began = Instant.now().minusSeconds(5);
        PutRecordsResponse put = k.putRecords(b -> b.streamName("sync").records(IntStream.range(0, 100)
            .mapToObj(i -> PutRecordsRequestEntry.builder().partitionKey("k").explicitHashKey(LOW).data(SdkBytes.fromUtf8String("" + i)).build()).collect(Collectors.toList())));
        equal(0, put.failedRecordCount());
        PutRecordResponse one = k.putRecord(b -> b.streamName("sync").partitionKey("k").explicitHashKey(HIGH).data(SdkBytes.fromByteArray(every())));
        String it = k.getShardIterator(b -> b.streamName("sync").shardId("shardId-000000000000").shardIteratorType(ShardIteratorType.AT_TIMESTAMP).timestamp(began)).shardIterator();
        List<Record> records = k.getRecords(b -> b.shardIterator(it)).records();
        equal(100, records.size());
        for (int i = 0; i < 100; i++) {
            equal("" + i, records.get(i).data().asUtf8String());
            equal(put.records().get(i).sequenceNumber(), records.get(i).sequenceNumber());
            that(Duration.between(records.get(i).approximateArrivalTimestamp(), Instant.now()).abs().getSeconds() < 60, "an arrival about now");
        }
        String last = k.getShardIterator(b -> b.streamName("sync").shardId(one.shardId()).shardIteratorType(ShardIteratorType.TRIM_HORIZON)).shardIterator();
        that(java.util.Arrays.equals(every(), k.getRecords(b -> b.shardIterator(last)).records().get(0).data().asByteArray()), "every byte comes back");
        that(!contentTypes.isEmpty() && contentTypes.stream().allMatch("application/x-amz-cbor-1.1"::equals), "answers are CBOR: " + contentTypes);
    }

    private static void errors(KinesisClient k) {
        try {
            k.describeStream(b -> b.streamName("nowhere"));
            throw new AssertionError("there is no such stream");
        } catch (ResourceNotFoundException e) {
            equal(400, e.statusCode());
            that(e.awsErrorDetails().errorMessage().equals("Stream nowhere under account 000000000000 not found."), e.getMessage());
            that(e.requestId() != null && e.extendedRequestId() != null, "ids of the request");
        }
        try {
            k.putRecord(b -> b.streamName("sync").partitionKey("k".repeat(257)).data(SdkBytes.fromUtf8String("")));
            throw new AssertionError("a key of 257");
        } catch (KinesisException e) {
            equal("ValidationException", e.awsErrorDetails().errorCode());
        }
    }

    private static void others(KinesisClient k) throws InterruptedException {
        String arn = make(k, "others", 1);
        BooleanSupplier ready = () -> active(k, "others");
        k.addTagsToStream(b -> b.streamName("others").tags(Map.of("a", "1")));
        equal(1, k.listTagsForStream(b -> b.streamName("others")).tags().size());
        k.increaseStreamRetentionPeriod(b -> b.streamName("others").retentionPeriodHours(48));
        until("ACTIVE", ready);
        equal(7, k.enableEnhancedMonitoring(b -> b.streamName("others").shardLevelMetrics(MetricsName.ALL)).desiredShardLevelMetrics().size());
        until("ACTIVE", ready);
        k.startStreamEncryption(b -> b.streamName("others").encryptionType(EncryptionType.KMS).keyId("alias/aws/kinesis"));
        until("ACTIVE", ready);
        k.updateShardCount(b -> b.streamName("others").targetShardCount(2).scalingType(ScalingType.UNIFORM_SCALING));
        until("ACTIVE", ready);
        equal(3, k.listShards(b -> b.streamName("others")).shards().size());
        StreamDescription d = k.describeStream(b -> b.streamName("others")).streamDescription();
        equal("alias/aws/kinesis", d.keyId());
        that(Duration.between(d.streamCreationTimestamp(), Instant.now()).abs().getSeconds() < 60, "made about now");
        k.updateMaxRecordSize(b -> b.streamARN(arn).maxRecordSizeInKiB(10240));
        until("ACTIVE", ready);
        k.putRecord(b -> b.streamName("others").partitionKey("k").data(SdkBytes.fromByteArray(new byte[6 << 20])));
        k.describeLimits();
        k.describeAccountSettings(b -> { });
        k.deleteStream(b -> b.streamName("others"));
        k.waiter().waitUntilStreamNotExists(b -> b.streamName("others"));
    }

    private static void async(KinesisAsyncClient a) {
        List<CompletableFuture<PutRecordResponse>> puts = IntStream.range(0, 200).mapToObj(i ->
            a.putRecord(b -> b.streamName("sync").partitionKey("async").explicitHashKey(HIGH).data(SdkBytes.fromUtf8String("" + i)))).collect(Collectors.toList());
        List<String> numbers = puts.stream().map(p -> p.join().sequenceNumber()).collect(Collectors.toList());
        String it = a.getShardIterator(b -> b.streamName("sync").shardId("shardId-000000000001").shardIteratorType(ShardIteratorType.TRIM_HORIZON)).join().shardIterator();
        List<String> got = a.getRecords(b -> b.shardIterator(it)).join().records().stream().map(Record::sequenceNumber).collect(Collectors.toList());
        that(got.containsAll(numbers) && got.size() == 201, "201 records, got " + got.size());
        try {
            a.describeStream(b -> b.streamName("nowhere")).join();
            throw new AssertionError("there is no such stream");
        } catch (CompletionException e) {
            that(e.getCause() instanceof ResourceNotFoundException, "" + e.getCause());
        }
    }

    /** One subscription: what came, and the children that were told at the end of the shard. */
    private static final class Following implements SubscribeToShardResponseHandler.Visitor {
        final List<String> seen;
        final List<ChildShard> children = Collections.synchronizedList(new ArrayList<>());
        final CompletableFuture<Void> done;
        volatile int events;

        Following(KinesisAsyncClient a, String consumer, String shard, ShardIteratorType from, List<String> seen) {
            this.seen = seen;
            SubscribeToShardResponseHandler handler = SubscribeToShardResponseHandler.builder().subscriber(this).build();
            done = a.subscribeToShard(b -> b.consumerARN(consumer).shardId(shard).startingPosition(p -> p.type(from)), handler);
        }

        @Override
        public void visit(SubscribeToShardEvent event) {
            events++;
            event.records().forEach(r -> seen.add(r.data().asString(StandardCharsets.UTF_8)));
            children.addAll(event.childShards());
        }
    }

    private static void subscribe(KinesisClient k, KinesisAsyncClient a) throws Exception {
        String arn = make(k, "fan", 1);
        String consumer = k.registerStreamConsumer(b -> b.streamARN(arn).consumerName("java")).consumer().consumerARN();
        until("the consumer is ACTIVE", () -> k.describeStreamConsumer(b -> b.consumerARN(consumer)).consumerDescription().consumerStatus() == ConsumerStatus.ACTIVE);
        List<String> seen = Collections.synchronizedList(new ArrayList<>());
        Following parent = new Following(a, consumer, "shardId-000000000000", ShardIteratorType.TRIM_HORIZON, seen);
        for (int i = 0; i < 50; i++) put(k, i);
        until("fifty records", () -> seen.size() == 50);
        equal(IntStream.range(0, 50).mapToObj(i -> "" + i).collect(Collectors.toList()), new ArrayList<>(seen));
        k.splitShard(b -> b.streamName("fan").shardToSplit("shardId-000000000000").newStartingHashKey(MIDDLE));
        parent.done.get(30, TimeUnit.SECONDS);
        equal(List.of("shardId-000000000001", "shardId-000000000002"), parent.children.stream().map(ChildShard::shardId).sorted().collect(Collectors.toList()));
        List<Following> children = parent.children.stream().map(c -> new Following(a, consumer, c.shardId(), ShardIteratorType.TRIM_HORIZON, seen)).collect(Collectors.toList());
        for (int i = 50; i < 100; i++) put(k, i);
        until("a hundred records", () -> seen.size() == 100);
        equal(100L, seen.stream().distinct().count());
        int before = children.get(0).events;
        until("a heartbeat", () -> children.get(0).events > before);
        // A stream that goes ends its subscriptions.
        k.deleteStream(b -> b.streamName("fan").enforceConsumerDeletion(true));
        for (Following c : children) {
            try {
                c.done.get(30, TimeUnit.SECONDS);
            } catch (java.util.concurrent.ExecutionException e) {
                that(e.getCause() instanceof KinesisException, "" + e.getCause());
            }
        }
    }

    private static void put(KinesisClient k, int i) {
        k.putRecord(b -> b.streamName("fan").partitionKey("k").explicitHashKey(i % 2 == 0 ? LOW : HIGH).data(SdkBytes.fromUtf8String("" + i)));
    }

    public static void main(String[] args) {
        URI endpoint = URI.create(args[0]);
        try (KinesisClient k = KinesisClient.builder().endpointOverride(endpoint).region(Region.US_EAST_1).credentialsProvider(KEYS).overrideConfiguration(OVERRIDE).build();
             KinesisAsyncClient a = KinesisAsyncClient.builder().endpointOverride(endpoint).region(Region.US_EAST_1).credentialsProvider(KEYS).build()) {
            test("sync client: records there and back, in CBOR", () -> sync(k));
            test("sync client: errors", () -> errors(k));
            test("sync client: other actions", () -> others(k));
            test("async client over HTTP/2: 200 calls at once", () -> async(a));
            test("SubscribeToShard: records as they come, a split, a heartbeat, the end", () -> subscribe(k, a));
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
