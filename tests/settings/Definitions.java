// Writes what a release of Kafka Connect defines for each place, and makes one table of several releases.
//
// java -cp 'libs/*' Definitions.java                      the definitions of the release in libs
// java Definitions.java merge 3.0=a.txt 3.1=b.txt …       the table, from the oldest release to the newest

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

public class Definitions {
    private static final String[][] PLACES = {
        {"admin", "org.apache.kafka.clients.admin.AdminClientConfig"},
        {"consumer", "org.apache.kafka.clients.consumer.ConsumerConfig"},
        {"file-stream-sink", "org.apache.kafka.connect.file.FileStreamSinkConnector"},
        {"file-stream-source", "org.apache.kafka.connect.file.FileStreamSourceConnector"},
        {"mirror-source", "org.apache.kafka.connect.mirror.MirrorSourceConnector"},
        {"producer", "org.apache.kafka.clients.producer.ProducerConfig"},
        {"sink", "org.apache.kafka.connect.runtime.SinkConnectorConfig"},
        {"source", "org.apache.kafka.connect.runtime.SourceConnectorConfig"},
        {"worker", "org.apache.kafka.connect.runtime.distributed.DistributedConfig"},
    };

    public static void main(String[] arguments) throws Exception {
        if (arguments.length > 0) {
            merge(arguments);
            return;
        }
        for (String[] place : PLACES) {
            for (Object key : (Iterable<?>) keys(Class.forName(place[1]))) {
                System.out.println(place[0] + "\t" + line(key));
            }
        }
    }

    // The keys of a configuration class, or of a connector; by reflection, since `merge` needs no Kafka.
    private static Object keys(Class<?> type) throws Exception {
        Object definition;
        if (type.getName().endsWith("Connector")) {
            Object connector = type.getDeclaredConstructor().newInstance();
            definition = type.getMethod("config").invoke(connector);
        } else if (type.getSimpleName().equals("DistributedConfig")) {
            definition = workers(type);
        } else {
            definition = type.getMethod("configDef").invoke(null);
        }
        Object keys = definition.getClass().getMethod("configKeys").invoke(definition);
        return ((java.util.Map<?, ?>) keys).values();
    }

    // The workers' definition is private, in a field before 3.4 and behind a method since.
    private static Object workers(Class<?> type) throws Exception {
        for (var field : type.getDeclaredFields()) {
            if (field.getType().getSimpleName().equals("ConfigDef")) {
                field.setAccessible(true);
                return field.get(null);
            }
        }
        Class<?> crypto = Class.forName("org.apache.kafka.connect.runtime.distributed.Crypto");
        var method = type.getDeclaredMethod("config", crypto);
        method.setAccessible(true);
        return method.invoke(null, crypto.getField("SYSTEM").get(null));
    }

    private static Object of(Object key, String field) throws Exception {
        return key.getClass().getField(field).get(key);
    }

    // Name, type, default (`-` for null, `!` where there must be a value) and what is valid.
    private static String line(Object key) throws Exception {
        Object value = of(key, "defaultValue");
        String text = value == null ? "-" : value.toString();
        if (value instanceof List) {
            text = String.join(",", ((List<?>) value).stream().map(Definitions::plain).toList());
        } else if (value instanceof Class) {
            text = ((Class<?>) value).getName();
        } else if (value != null && !(value instanceof String) && text.startsWith("java.lang.Object")) {
            text = "!";
        }
        String type = of(key, "type").toString().toLowerCase();
        return of(key, "name") + "\t" + type + "\t" + text + "\t" + valid(type, of(key, "validator"));
    }

    private static String plain(Object item) {
        return item instanceof Class ? ((Class<?>) item).getName() : item.toString();
    }

    // Words and ranges only: of other checks Connect itself must be asked.
    private static String valid(String type, Object validator) {
        String text = validator == null ? "" : validator.toString().replace("(case insensitive) ", "");
        boolean isRange = text.matches("\\[-?[0-9]+,\\.\\.\\.(,[0-9]+)?\\]");
        boolean isWords = type.equals("string") && text.matches("\\[[A-Za-z0-9_-]+(, [A-Za-z0-9_-]+)*\\]");
        return isRange || isWords ? text.substring(1, text.length() - 1).replace(", ", "|") : "-";
    }

    // One line for each stretch of releases in which a definition is the same: since, and the first release without it.
    private static void merge(String[] arguments) throws Exception {
        TreeMap<String, TreeMap<Integer, String>> rows = new TreeMap<>();
        List<String> releases = new ArrayList<>();
        for (int i = 1; i < arguments.length; i++) {
            String[] parts = arguments[i].split("=", 2);
            releases.add(parts[0]);
            for (String line : Files.readAllLines(Path.of(parts[1]))) {
                String[] cells = line.split("\t", 3);
                rows.computeIfAbsent(cells[0] + "\t" + cells[1], name -> new TreeMap<>()).put(i - 1, cells[2]);
            }
        }
        rows.forEach((name, all) -> {
            int at = all.firstKey();
            while (at < releases.size()) {
                String what = all.get(at);
                int to = at;
                while (to < releases.size() && java.util.Objects.equals(all.get(to), what)) {
                    to++;
                }
                if (what != null) {
                    String gone = to == releases.size() ? "-" : releases.get(to);
                    System.out.println(name + "\t" + releases.get(at) + "\t" + gone + "\t" + what);
                }
                at = to;
            }
        });
    }
}
