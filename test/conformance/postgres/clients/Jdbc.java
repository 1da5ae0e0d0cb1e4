import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.*;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;

/** pgjdbc: named statements after five uses, binary transfer, fetch sizes by portal, batches, COPY, notifications, cancellation. */
public class Jdbc {
  static void say(String name, Object value) {
    System.out.println(name + ": " + String.valueOf(value).replace("\n", "\\n"));
  }

  interface Attempt {
    void run() throws Exception;
  }

  static void failing(String name, Attempt attempt) throws Exception {
    try {
      attempt.run();
      say(name, "no error");
    } catch (SQLException error) {
      var server = error instanceof org.postgresql.util.PSQLException psql ? psql.getServerErrorMessage() : null;
      say(name, error.getSQLState() + " " + error.getMessage() + (server == null ? "" : " at " + server.getPosition() + " hint " + server.getHint()));
    }
  }

  static String all(ResultSet rows) throws SQLException {
    var text = new StringBuilder();
    int columns = rows.getMetaData().getColumnCount();
    while (rows.next()) {
      for (int n = 1; n <= columns; n++) {
        var type = rows.getMetaData().getColumnTypeName(n);
        text.append(type).append('=').append(type.equals("bytea") ? java.util.Arrays.toString(rows.getBytes(n)) : rows.getString(n)).append('|');
      }
      text.append('\n');
    }
    return text.toString();
  }

  static Connection connect(String... extra) throws SQLException {
    var properties = new Properties();
    properties.put("user", System.getenv("PGUSER"));
    properties.put("password", System.getenv("PGPASSWORD"));
    properties.put("sslmode", "verify-full");
    properties.put("sslrootcert", System.getenv("PGSSLROOTCERT"));
    for (int n = 0; n < extra.length; n += 2) properties.put(extra[n], extra[n + 1]);
    return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE"), properties);
  }

  public static void main(String[] args) throws Exception {
    try (var c = connect()) {
      say("driver", c.getMetaData().getDatabaseProductVersion().split(" ")[0] + " " + c.getTransactionIsolation());
      values(c);
      metadata(c);
      errors(c);
      batches(c);
      cursors(c);
      copying(c);
      elsewhere(c);
    }
    try (var simple = connect("preferQueryMode", "simple"); var statement = simple.prepareStatement("select name from customers where id = ?")) {
      statement.setInt(1, 3);
      say("simple mode", all(statement.executeQuery()));
    }
    System.out.println("end");
  }

  static void values(Connection c) throws Exception {
    try (var s = c.createStatement()) {
      say("rows", all(s.executeQuery("select * from customers order by id limit 20")));
    }
    try (var s = c.prepareStatement("select name, balance, photo, key, seen, tags from customers where id = ?")) {
      for (int n = 1; n <= 9; n++) {
        s.setInt(1, n);
        say("prepared", all(s.executeQuery()));
      }
    }
    try (var s = c.prepareStatement("select ?::int, ?::text, ?::numeric, ?::bool, ?::bytea, ?::timestamptz, ?::text")) {
      s.setInt(1, 7);
      s.setString(2, "te'xt \\ \" 日本 \uD83C\uDF89");
      s.setBigDecimal(3, new BigDecimal("-2.50"));
      s.setBoolean(4, true);
      s.setBytes(5, new byte[] {0, 1, -1});
      s.setTimestamp(6, new Timestamp(0));
      s.setNull(7, Types.VARCHAR);
      say("parameters", all(s.executeQuery()));
    }
    try (var s = c.prepareStatement("select length(?), ?")) {
      var large = "é".repeat(2_000_000);
      s.setString(1, large);
      s.setString(2, large);
      var rows = s.executeQuery();
      rows.next();
      say("large", rows.getInt(1) + " " + rows.getString(2).length());
    }
  }

  static void metadata(Connection c) throws Exception {
    say("tables", all(c.getMetaData().getTables(null, "public", "%", new String[] {"TABLE", "VIEW"})));
    say("columns", all(c.getMetaData().getColumns(null, "public", "customers", "%")));
    say("keys", all(c.getMetaData().getPrimaryKeys(null, "public", "customers")));
    say("imported", all(c.getMetaData().getImportedKeys(null, "public", "purchases")));
  }

  static void errors(Connection c) throws Exception {
    for (var sql : new String[] {"select nme from customers", "insert into customers (name, email) values ('x', 'n1@example.com')", "select fail('now')", "selec 1"})
      failing("error", () -> { try (var s = c.createStatement()) { s.execute(sql); } });
    c.setAutoCommit(false);
    try (var s = c.createStatement()) {
      s.executeUpdate("insert into audit.log (what) values ('outer')");
      var point = c.setSavepoint();
      failing("in transaction", () -> s.execute("select 1/0"));
      failing("then", () -> s.execute("select 1"));
      c.rollback(point);
      say("after savepoint", all(s.executeQuery("select count(*) from audit.log where what = 'outer'")));
      c.rollback();
      say("after rollback", all(s.executeQuery("select count(*) from audit.log where what = 'outer'")));
      say("several", s.execute("select 1; insert into audit.log (what) values ('several'); select 2"));
      say("more", s.getMoreResults() + " " + s.getUpdateCount() + " " + s.getMoreResults() + " " + all(s.getResultSet()));
    }
    c.rollback();
    c.setAutoCommit(true);
  }

  static void batches(Connection c) throws Exception {
    try (var s = c.prepareStatement("insert into audit.log (what) values (?)", Statement.RETURN_GENERATED_KEYS)) {
      for (int n = 0; n < 700; n++) {
        s.setString(1, "batch " + n);
        s.addBatch();
      }
      say("batch", s.executeBatch().length);
      var keys = 0;
      for (var rows = s.getGeneratedKeys(); rows.next(); ) keys++;
      say("generated keys", keys);
    }
    failing("failing batch", () -> {
      try (var s = c.prepareStatement("insert into purchases values (1, 1, ?, '2024-01-01')")) {
        for (int amount : new int[] {5, 0, 6}) {
          s.setInt(1, amount);
          s.addBatch();
        }
        s.executeBatch();
      }
    });
  }

  static void cursors(Connection c) throws Exception {
    c.setAutoCommit(false);
    try (var s = c.prepareStatement("select n, md5(n::text) from generate_series(1, 5000) n")) {
      s.setFetchSize(64);
      long sum = 0;
      for (var rows = s.executeQuery(); rows.next(); ) sum += rows.getInt(1);
      say("fetched", sum);
    }
    try (var s = c.createStatement()) {
      s.setFetchSize(10);
      var rows = s.executeQuery("select id from customers order by id");
      rows.next();
      say("left early", rows.getInt(1));
    }
    try (var s = c.createStatement(); ) {
      s.setMaxRows(5);
      say("max rows", all(s.executeQuery("select id from customers order by id")));
    }
    c.commit();
    c.setAutoCommit(true);
  }

  static void copying(Connection c) throws Exception {
    CopyManager copy = c.unwrap(PGConnection.class).getCopyAPI();
    say("copied in", copy.copyIn("copy audit.log (what) from stdin", new StringReader("copied\n".repeat(3000))));
    var out = new StringWriter();
    say("copied out", copy.copyOut("copy (select id, name from customers order by id) to stdout", out));
    say("characters", out.toString().length());
    failing("copy failed", () -> copy.copyIn("copy audit.log (line) from stdin", new StringReader("no number\n")));
  }

  static void elsewhere(Connection c) throws Exception {
    try (var s = c.createStatement()) {
      s.execute("select warn('this')");
      var text = new StringBuilder();
      for (var warning = s.getWarnings(); warning != null; warning = warning.getNextWarning()) text.append(warning.getSQLState()).append(' ').append(warning.getMessage()).append(';');
      say("notices", text);
      s.execute("listen chan");
      s.execute("notify chan, 'hello'");
      for (PGNotification notification : c.unwrap(PGConnection.class).getNotifications(60_000)) say("notified", notification.getName() + " " + notification.getParameter());
      new Thread(() -> {
        try (var other = connect(); var watching = other.createStatement()) {
          var sleeping = "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
          for (int looks = 0; looks < 1500 && !watching.executeQuery(sleeping).next(); looks++) Thread.sleep(20);
          s.cancel();
        } catch (Exception error) {
          say("cancel", error);
        }
      }).start();
      failing("cancelled", () -> s.execute("select pg_sleep(30)"));
      s.setQueryTimeout(1);
      failing("timed out", () -> s.execute("select pg_sleep(30)"));
      s.setQueryTimeout(0);
      say("goes on", all(s.executeQuery("select 'on'")));
    }
  }
}
