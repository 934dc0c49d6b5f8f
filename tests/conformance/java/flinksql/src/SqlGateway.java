// SPDX-License-Identifier: Apache-2.0
// Stands for Flink's SQL gateway, whose own package cannot be had from Maven here: the part of its REST API (v2) that tapeline uses, over
// Flink's own planner and client. Argument: its port. Prints its URL.

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ArrayNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.ResultKind;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.types.Row;

public final class SqlGateway {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern SET = Pattern.compile("(?s)\\s*(?:--[^\n]*\n\\s*)*SET\\s+'([^']*)'\\s*=\\s*'([^']*)'.*");
    private static final Pattern INSERTS = Pattern.compile("(?s)\\s*(?:--[^\n]*\n\\s*)*(?:EXECUTE\\s+STATEMENT|INSERT)\\s.*");
    private static final int PAGE = 1000;

    private static final class Session {
        final TableEnvironment tables;
        final ExecutorService one = Executors.newSingleThreadExecutor();
        final Map<String, Operation> operations = new ConcurrentHashMap<>();

        Session(JsonNode properties) throws Exception {
            Configuration to = new Configuration();
            properties.fields().forEachRemaining(p -> to.setString(p.getKey(), p.getValue().asText()));
            EnvironmentSettings settings = EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(to).build();
            tables = one.submit(() -> TableEnvironment.create(settings)).get(); // the planner keeps things by thread
        }
    }

    private static final class Operation {
        String status = "RUNNING", job;
        Throwable failure;
        Iterator<Row> rows;
        boolean query;

        synchronized void end(TableResult ended, boolean inserts, Throwable why) {
            failure = why;
            status = why == null ? "FINISHED" : "ERROR";
            if (ended != null) {
                query = ended.getResultKind() == ResultKind.SUCCESS_WITH_CONTENT && !inserts;
                ended.getJobClient().ifPresent(client -> job = client.getJobID().toString());
                rows = inserts ? List.of(Row.of(job)).iterator() : ended.collect(); // the job's name, while it runs on
            }
        }

        synchronized String status() {
            return status;
        }
    }

    private final Map<String, Session> sessions = new ConcurrentHashMap<>();
    private static TableResult execute(Session s, String statement) {
        Matcher set = SET.matcher(statement);
        if (!set.matches())
            return s.tables.executeSql(statement);
        s.tables.getConfig().set(set.group(1), set.group(2));
        return null;
    }

    private static String start(Session s, String statement) {
        Operation o = new Operation();
        String id = UUID.randomUUID().toString();
        s.operations.put(id, o);
        s.one.submit(() -> {
            try {
                o.end(execute(s, statement), INSERTS.matcher(statement).matches(), null);
            } catch (Throwable e) {
                o.end(null, false, e);
            }
        });
        return id;
    }

    private static ObjectNode page(String path, int token, Operation o) {
        ObjectNode answer = JSON.createObjectNode();
        String type = "NOT_READY";
        ArrayNode data = answer.putObject("results").putArray("data");
        if (o.status().equals("FINISHED")) {
            boolean more = o.rows != null;
            int n = 0;
            for (; more && n < PAGE && (more = o.rows.hasNext()); n++) {
                Row row = o.rows.next();
                ObjectNode to = data.addObject();
                to.put("kind", row.getKind().name());
                ArrayNode fields = to.putArray("fields");
                for (int i = 0; i < row.getArity(); i++)
                    fields.add(row.getField(i) == null ? null : row.getField(i).toString());
            }
            type = n > 0 || more ? "PAYLOAD" : "EOS";
        }
        answer.put("resultType", type).put("isQueryResult", o.query).put("jobID", o.job);
        if (!type.equals("EOS"))
            answer.put("nextResultUri", path.substring(0, path.lastIndexOf('/') + 1) + (type.equals("PAYLOAD") ? token + 1 : token) + "?rowFormat=JSON");
        return answer;
    }

    private static ObjectNode failure(Throwable e) {
        StringWriter trace = new StringWriter();
        e.printStackTrace(new PrintWriter(trace));
        ObjectNode answer = JSON.createObjectNode();
        answer.putArray("errors").add("Internal server error.").add("<Exception on server side:\n" + trace + "\nEnd of exception on server side>");
        return answer;
    }

    private ObjectNode answer(HttpExchange x, List<String> path, JsonNode body) throws Exception {
        String method = x.getRequestMethod();
        if (path.size() == 2 && path.get(1).equals("info"))
            return JSON.createObjectNode().put("productName", "Apache Flink").put("version", "1.19.3");
        if (path.size() == 2 && method.equals("POST")) {
            String id = UUID.randomUUID().toString();
            sessions.put(id, new Session(body.get("properties")));
            return JSON.createObjectNode().put("sessionHandle", id);
        }
        Session s = path.size() > 2 ? sessions.get(path.get(2)) : null;
        if (s == null)
            return null;
        if (path.size() == 3 && method.equals("DELETE")) {
            sessions.remove(path.get(2)).one.shutdownNow();
            return JSON.createObjectNode().put("status", "CLOSED");
        }
        if (path.size() == 4 && path.get(3).equals("statements"))
            return JSON.createObjectNode().put("operationHandle", start(s, body.get("statement").asText()));
        Operation o = path.size() > 5 ? s.operations.get(path.get(4)) : null;
        if (o == null)
            return null;
        if (path.get(5).equals("status"))
            return JSON.createObjectNode().put("status", o.status());
        if (path.size() == 6 && path.get(5).equals("close"))
            return JSON.createObjectNode().put("status", "CLOSED");
        if (o.failure != null)
            throw new IllegalStateException("Failed to fetchResults.", o.failure);
        return page(x.getRequestURI().getPath(), Integer.parseInt(path.get(6)), o);
    }

    private void handle(HttpExchange x) throws IOException {
        ObjectNode answer;
        int status = 200;
        try {
            byte[] body = x.getRequestBody().readAllBytes();
            List<String> path = new ArrayList<>(List.of(x.getRequestURI().getPath().substring(1).split("/")));
            answer = answer(x, path, body.length == 0 ? null : JSON.readTree(body));
            if (answer == null) {
                status = 404;
                answer = JSON.createObjectNode();
                answer.putArray("errors").add("Not found.");
            }
        } catch (Throwable e) {
            status = 500;
            answer = failure(e);
        }
        byte[] text = answer.toString().getBytes(StandardCharsets.UTF_8);
        x.getResponseHeaders().add("Content-Type", "application/json; charset=UTF-8");
        x.sendResponseHeaders(status, text.length);
        x.getResponseBody().write(text);
        x.close();
    }

    public static void main(String[] args) throws Exception {
        SqlGateway gateway = new SqlGateway();
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 0);
        server.setExecutor(Executors.newCachedThreadPool());
        server.createContext("/", gateway::handle);
        server.start();
        System.out.println("http://127.0.0.1:" + server.getAddress().getPort());
    }
}
