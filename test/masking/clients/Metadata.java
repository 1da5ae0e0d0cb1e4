import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.sql.*;
import java.util.*;

/** pgjdbc's DatabaseMetaData, every method of it, then result and parameter metadata: a case each, behind a line with its name. */
public class Metadata {
  static final Set<String> MASKED = Set.of(System.getenv("MASKED").split(" "));
  /** What names the connection itself, which differs by nature. */
  static final Set<String> OWN = Set.of("getURL", "getUserName", "getConnection", "getCatalogs", "getClientInfoProperties");

  interface Attempt {
    Object run() throws Exception;
  }

  static void tell(String name, Attempt attempt) {
    System.out.println("@@ " + name);
    try {
      System.out.println(attempt.run());
    } catch (SQLException error) {
      System.out.println(error.getSQLState());
    } catch (InvocationTargetException error) {
      System.out.println(error.getCause() instanceof SQLException cause ? cause.getSQLState() : error.getCause().toString());
    } catch (Exception error) {
      System.out.println(error);
    }
  }

  static String all(ResultSet rows) throws SQLException {
    var text = new StringBuilder();
    var meta = rows.getMetaData();
    while (rows.next()) {
      for (int n = 1; n <= meta.getColumnCount(); n++)
        if (!MASKED.contains(meta.getColumnLabel(n))) text.append(meta.getColumnLabel(n)).append('=').append(rows.getString(n)).append('|');
      text.append('\n');
    }
    return text.toString();
  }

  static String shape(ResultSetMetaData meta) throws SQLException {
    var text = new StringBuilder();
    for (int n = 1; n <= meta.getColumnCount(); n++)
      text.append(String.join(" ", meta.getColumnLabel(n), meta.getColumnTypeName(n), meta.getColumnClassName(n), "" + meta.getPrecision(n), "" + meta.getScale(n)))
        .append(MASKED.contains(meta.getColumnLabel(n)) ? "" : " " + meta.getTableName(n) + " " + meta.isNullable(n) + " " + meta.isAutoIncrement(n)).append('\n');
    return text.toString();
  }

  public static void main(String[] args) throws Exception {
    var properties = new Properties();
    for (var pair : new String[][] {{"user", "PGUSER"}, {"password", "PGPASSWORD"}, {"sslrootcert", "PGSSLROOTCERT"}}) properties.put(pair[0], System.getenv(pair[1]));
    properties.put("sslmode", "verify-full");
    var url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    try (var c = DriverManager.getConnection(url, properties)) {
      var data = c.getMetaData();
      for (Method method : sorted(DatabaseMetaData.class.getMethods()))
        if (method.getParameterCount() == 0 && !OWN.contains(method.getName()))
          tell(method.getName(), () -> method.invoke(data) instanceof ResultSet rows ? all(rows) : method.invoke(data));
      catalogue(data);
      shapes(c);
      System.out.println("@@ end");
    }
  }

  static List<Method> sorted(Method[] methods) {
    var list = new ArrayList<>(List.of(methods));
    list.sort(Comparator.comparing(Method::getName));
    return list;
  }

  static void catalogue(DatabaseMetaData data) {
    for (var schema : new String[] {"public", "open", "%"}) {
      tell("getTables " + schema, () -> all(data.getTables(null, schema, "%", null)));
      tell("getColumns " + schema, () -> all(data.getColumns(null, schema, "%", "%")));
      tell("getProcedures " + schema, () -> all(data.getProcedures(null, schema, "t%")));
      tell("getProcedureColumns " + schema, () -> all(data.getProcedureColumns(null, schema, "t%", "%")));
      tell("getFunctions " + schema, () -> all(data.getFunctions(null, schema, "t%")));
      tell("getFunctionColumns " + schema, () -> all(data.getFunctionColumns(null, schema, "t%", "%")));
      tell("getUDTs " + schema, () -> all(data.getUDTs(null, schema, "%", null)));
    }
    tell("getSchemas open", () -> all(data.getSchemas(null, "open")));
    for (var table : new String[] {"customers", "orders", "items", "payments", "visits", "order_totals"}) {
      tell("getPrimaryKeys " + table, () -> all(data.getPrimaryKeys(null, "public", table)));
      tell("getImportedKeys " + table, () -> all(data.getImportedKeys(null, "public", table)));
      tell("getExportedKeys " + table, () -> all(data.getExportedKeys(null, "public", table)));
      tell("getIndexInfo " + table, () -> all(data.getIndexInfo(null, "public", table, false, false)));
      tell("getBestRowIdentifier " + table, () -> all(data.getBestRowIdentifier(null, "public", table, DatabaseMetaData.bestRowSession, true)));
      tell("getVersionColumns " + table, () -> all(data.getVersionColumns(null, "public", table)));
      tell("getTablePrivileges " + table, () -> all(data.getTablePrivileges(null, "public", table)));
      tell("getColumnPrivileges " + table, () -> all(data.getColumnPrivileges(null, "public", table, "%")));
    }
    tell("getCrossReference", () -> all(data.getCrossReference(null, "public", "orders", null, "public", "items")));
    tell("getSuperTables", () -> all(data.getSuperTables(null, "open", "derived")));
    tell("getAttributes", () -> all(data.getAttributes(null, "open", "size", "%")));
    tell("getPseudoColumns", () -> all(data.getPseudoColumns(null, "public", "customers", "%")));
  }

  static void shapes(Connection c) {
    for (var sql : new String[] {"SELECT * FROM customers ORDER BY id", "SELECT c.id, c.name, o.total FROM customers c JOIN orders o ON o.customer = c.id WHERE c.id = ? AND o.status = ?", "SELECT * FROM open.shelves ORDER BY id"}) {
      tell("shape of " + sql, () -> {
        try (var s = c.prepareStatement(sql)) {
          return shape(s.getMetaData()) + s.getParameterMetaData().getParameterCount();
        }
      });
    }
    tell("rows", () -> {
      try (var s = c.createStatement()) {
        return all(s.executeQuery("SELECT * FROM customers ORDER BY id LIMIT 30"));
      }
    });
    tell("prepared", () -> {
      var text = new StringBuilder();
      try (var s = c.prepareStatement("SELECT name, country, balance, feeling, tags FROM customers WHERE id = ?")) {
        for (int n = 1; n <= 8; n++) {
          s.setInt(1, n);
          text.append(all(s.executeQuery()));
        }
      }
      return text;
    });
    tell("fetched in parts", () -> {
      c.setAutoCommit(false);
      try (var s = c.prepareStatement("SELECT id, name, email, ssn FROM customers WHERE id < ? ORDER BY id")) {
        s.setFetchSize(7);
        s.setInt(1, 60);
        return all(s.executeQuery());
      } finally {
        c.rollback();
        c.setAutoCommit(true);
      }
    });
    tell("copied out", () -> {
      var text = new java.io.StringWriter();
      var rows = c.unwrap(org.postgresql.PGConnection.class).getCopyAPI().copyOut("COPY customers (id, name, balance) TO STDOUT WITH CSV HEADER", text);
      return rows + text.toString();
    });
    tell("prepared in SQL", () -> {
      try (var s = c.createStatement()) {
        s.execute("PREPARE p (int) AS SELECT id, name, phone FROM customers WHERE id = $1");
        var shown = all(s.executeQuery("EXECUTE p (3)")) + all(s.executeQuery("EXECUTE p (4)"));
        s.execute("DEALLOCATE p");
        return shown;
      }
    });
    tell("temporary table", () -> {
      try (var s = c.createStatement()) {
        s.execute("CREATE TEMP TABLE kept AS SELECT id, name FROM customers WHERE id < 5");
        try (var one = c.prepareStatement("INSERT INTO kept (id, name) VALUES (?, ?)")) {
          for (int n = 200; n < 205; n++) {
            one.setInt(1, n);
            one.setString(2, "name " + n);
            one.addBatch();
          }
          one.executeBatch();
        }
        return all(s.executeQuery("SELECT * FROM kept ORDER BY id"));
      }
    });
    tell("updatable", () -> {
      c.setAutoCommit(false);
      try (var s = c.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_UPDATABLE); var rows = s.executeQuery("SELECT id, title, points FROM tasks ORDER BY id LIMIT 3")) {
        rows.next();
        rows.updateInt("points", 99);
        rows.updateRow();
        return rows.getInt("points");
      } finally {
        c.rollback();
        c.setAutoCommit(true);
      }
    });
  }
}
