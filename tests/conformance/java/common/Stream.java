// SPDX-License-Identifier: Apache-2.0
// A stream of a broker, written and split by plain HTTP, and what a reader of it has seen: for suites whose connector hides its SDK.
// Records are the numbers from 0; a reader calls saw() for each, from any thread.

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Base64;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

final class Stream {
    static final Map<Integer, Integer> SEEN = new ConcurrentHashMap<>(); // a record -> how often it was read
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static int passed;
    private static int failed;
    private final String endpoint;
    private final String name;
    private int written;

    Stream(String endpoint, String name, int shards) throws Exception {
        this.endpoint = endpoint;
        this.name = name;
        SEEN.clear();
        call("CreateStream", "\"ShardCount\":" + shards);
        becomesActive();
    }

    static void saw(String data) {
        SEEN.merge(Integer.parseInt(data), 1, Integer::sum);
    }

    private String call(String action, String members) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(endpoint))
            .header("Content-Type", "application/x-amz-json-1.1")
            .header("X-Amz-Target", "Kinesis_20131202." + action)
            .header("Authorization", "AWS4-HMAC-SHA256 Credential=test/20240101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0")
            .header("X-Amz-Date", "20240101T000000Z")
            .POST(HttpRequest.BodyPublishers.ofString("{\"StreamName\":\"" + name + "\"" + (members.isEmpty() ? "" : ",") + members + "}"))
            .build();
        HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200)
            throw new IllegalStateException(action + ": " + answer.statusCode() + " " + answer.body());
        return answer.body();
    }

    private void becomesActive() throws Exception {
        waitFor("stream " + name + " is ACTIVE", 30, () -> {
            try {
                return call("DescribeStreamSummary", "").contains("\"ACTIVE\"");
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        });
    }

    void put(int count) throws Exception {
        String records = IntStream.range(written, written + count)
            .mapToObj(i -> "{\"PartitionKey\":\"k" + i % 37 + "\",\"Data\":\"" + Base64.getEncoder().encodeToString(Integer.toString(i).getBytes()) + "\"}")
            .collect(Collectors.joining(","));
        if (!call("PutRecords", "\"Records\":[" + records + "]").contains("\"FailedRecordCount\":0"))
            throw new IllegalStateException("a record was refused");
        written += count;
    }

    /** Splits the first of the shards that the stream began with two of, in the middle of its range. */
    void split() throws Exception {
        call("SplitShard", "\"ShardToSplit\":\"shardId-000000000000\",\"NewStartingHashKey\":\"" + java.math.BigInteger.ONE.shiftLeft(126) + "\"");
        becomesActive();
    }

    /** Waits until all that was written was read, and checks that it was read once. */
    void allReadOnce(String what) throws Exception {
        boolean all = waitFor(what, 120, () -> SEEN.size() >= written);
        long twice = SEEN.values().stream().filter(n -> n != 1).count();
        tell(all && SEEN.size() == written && twice == 0, what + ": " + SEEN.size() + " of " + written + " records, " + twice + " more than once");
    }

    static void tell(boolean ok, String what) {
        System.out.println((ok ? "ok      " : "FAILED  ") + what);
        passed += ok ? 1 : 0;
        failed += ok ? 0 : 1;
    }

    /** The closing line; ends the process, whatever threads a connector has left. */
    static void close() {
        System.out.println(passed + " passed, " + failed + " failed");
        System.out.flush();
        Runtime.getRuntime().halt(failed == 0 && passed > 0 ? 0 : 1);
    }

    static boolean waitFor(String what, int seconds, BooleanSupplier ready) throws Exception {
        for (long end = System.nanoTime() + seconds * 1_000_000_000L; System.nanoTime() < end; Thread.sleep(50))
            if (ready.getAsBoolean())
                return true;
        System.out.println("timed out after " + seconds + " s: " + what);
        return false;
    }
}
