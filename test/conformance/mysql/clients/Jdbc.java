import java.math.BigDecimal;
import java.sql.*;
import org.mariadb.jdbc.MariaDbPoolDataSource;

/** MariaDB Connector/J: both protocols, batches, metadata, cursors, errors, cancellation, a pool. One line for each thing seen. */
public final class Jdbc {
  public static void main(String[] args) throws Exception {
    String url = "jdbc:mariadb://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/" + System.getenv("DB_NAME")
        + "?useSsl=true&serverSslCert=" + System.getenv("DB_CA");
    for (String prepared : new String[] {"false", "true"}) {
      try (Connection connection = DriverManager.getConnection(
          url + "&useServerPrepStmts=" + prepared + "&rewriteBatchedStatements=false", System.getenv("DB_USER"), System.getenv("DB_PASSWORD"))) {
        rows(connection, prepared);
        batch(connection);
        tables(connection);
        errors(connection);
        fetched(connection);
        cancelled(connection);
      }
    }
    several(url);
    pool(url);
    say("end", "");
  }

  static void rows(Connection connection, String prepared) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM customers WHERE id >= ? ORDER BY id")) {
      for (int from = 1; from < 4; from++) {
        statement.setInt(1, from);
        try (ResultSet result = statement.executeQuery()) {
          ResultSetMetaData meta = result.getMetaData();
          while (result.next()) {
            StringBuilder line = new StringBuilder();
            for (int column = 1; column <= meta.getColumnCount(); column++) {
              Object value = meta.getColumnName(column).equals("photo") || meta.getColumnName(column).equals("bits")
                  ? hex(result.getBytes(column)) : result.getString(column);
              line.append(meta.getColumnName(column)).append('=').append(value).append(' ').append(meta.getColumnTypeName(column)).append(';');
            }
            say("rows " + prepared, line.toString());
          }
        }
      }
    }
  }

  static void several(String url) throws SQLException {
    try (Connection connection = DriverManager.getConnection(url + "&allowMultiQueries=true", System.getenv("DB_USER"), System.getenv("DB_PASSWORD"));
        Statement statement = connection.createStatement()) {
      StringBuilder line = new StringBuilder();
      boolean rows = statement.execute("SELECT 1; UPDATE purchases SET amount = 1 WHERE id < 0; CALL two_results(5); SELECT 'x;'; SET @a = 1; SELECT @a");
      while (rows || statement.getUpdateCount() != -1) {
        if (rows) {
          try (ResultSet result = statement.getResultSet()) {
            while (result.next()) line.append(result.getString(1)).append(' ');
          }
        } else line.append("updated ").append(statement.getUpdateCount()).append(' ');
        rows = statement.getMoreResults();
      }
      say("several", line.toString());
    }
  }

  static void batch(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    try (PreparedStatement statement = connection.prepareStatement("INSERT INTO purchases (customer, amount) VALUES (?, ?)", Statement.RETURN_GENERATED_KEYS)) {
      for (int n = 0; n < 50; n++) {
        statement.setInt(1, 1 + n % 3);
        statement.setBigDecimal(2, new BigDecimal(n));
        statement.addBatch();
      }
      say("batch", String.valueOf(statement.executeBatch().length));
    }
    connection.rollback();
    connection.setAutoCommit(true);
  }

  static void tables(Connection connection) throws SQLException {
    DatabaseMetaData meta = connection.getMetaData();
    try (ResultSet columns = meta.getColumns(connection.getCatalog(), null, "customers", null)) {
      while (columns.next()) say("column", columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME"));
    }
    try (ResultSet keys = meta.getImportedKeys(connection.getCatalog(), null, "purchases")) {
      while (keys.next()) say("key", keys.getString("PKTABLE_NAME") + "." + keys.getString("PKCOLUMN_NAME"));
    }
  }

  static void errors(Connection connection) {
    for (String wrong : new String[] {"SELECT * FROM nowhere", "SELEC 1", "INSERT INTO customers (id, name) VALUES (1, 'twice')"}) {
      try (Statement statement = connection.createStatement()) {
        statement.execute(wrong);
        say("error", "none");
      } catch (SQLException error) {
        say("error", error.getErrorCode() + " " + error.getSQLState());
      }
    }
  }

  static void fetched(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(1);
      try (ResultSet result = statement.executeQuery("SELECT id FROM customers ORDER BY id")) {
        StringBuilder ids = new StringBuilder();
        while (result.next()) ids.append(result.getInt(1)).append(' ');
        say("fetched", ids.toString());
      }
    }
    try (CallableStatement call = connection.prepareCall("{call two_results(?)}")) {
      call.setInt(1, 21);
      boolean more = call.execute();
      while (more) {
        try (ResultSet result = call.getResultSet()) {
          while (result.next()) say("called", result.getString(1));
        }
        more = call.getMoreResults();
      }
    }
  }

  static void cancelled(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      statement.execute("SELECT SLEEP(20)");
      say("timed out", "not");
    } catch (SQLException error) {
      say("timed out", error.getSQLState());
    }
    try (Statement statement = connection.createStatement(); ResultSet result = statement.executeQuery("SELECT 'on'")) {
      result.next();
      say("goes", result.getString(1));
    }
  }

  /** What a pool's connections keep of their last use, with COM_RESET_CONNECTION and without. */
  static void pool(String url) throws SQLException {
    for (String reset : new String[] {"true", "false"}) {
      try (MariaDbPoolDataSource source = new MariaDbPoolDataSource(url + "&maxPoolSize=1&useResetConnection=" + reset + "&user=" + System.getenv("DB_USER") + "&password=" + System.getenv("DB_PASSWORD"))) {
        for (int round = 0; round < 3; round++) {
          try (Connection connection = source.getConnection(); Statement statement = connection.createStatement()) {
            try (ResultSet result = statement.executeQuery("SELECT @left, @@autocommit")) {
              result.next();
              say("reset " + reset, result.getString(1) + " " + result.getString(2));
            }
            statement.execute("SET @left = 1");
            connection.setAutoCommit(false);
            statement.executeUpdate("INSERT INTO purchases (customer, amount) VALUES (1, 1)");
          }
        }
        try (Connection connection = source.getConnection(); Statement statement = connection.createStatement();
            ResultSet result = statement.executeQuery("SELECT COUNT(*) FROM purchases")) {
          result.next();
          say("rows", result.getString(1));
        }
      }
    }
  }

  static String hex(byte[] bytes) {
    if (bytes == null) return null;
    StringBuilder text = new StringBuilder();
    for (byte one : bytes) text.append(String.format("%02x", one));
    return text.toString();
  }

  static void say(String what, String value) {
    System.out.println(what + ": " + value);
  }
}
