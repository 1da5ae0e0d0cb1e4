import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import org.mariadb.jdbc.MariaDbStatement;

/** MariaDB Connector/J: LOAD DATA LOCAL from a file and from a stream; its argument is the file's path. */
public final class LoadFile {
  static final String LOGIN = "user=" + System.getenv("DB_USER") + "&password=" + System.getenv("DB_PASSWORD");
  static final String URL = "jdbc:mariadb://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/" + System.getenv("DB_NAME")
      + "?useSsl=true&serverSslCert=" + System.getenv("DB_CA");

  public static void main(String[] args) throws Exception {
    load(args[0]);
    System.out.println("end: ");
  }

  static void load(String path) throws SQLException {
    try (Connection connection = DriverManager.getConnection(URL + "&allowLocalInfile=true&" + LOGIN)) {
      execute(connection, "CREATE TABLE loaded (id INT PRIMARY KEY, word VARCHAR(60)) CHARACTER SET utf8mb4", null);
      for (String source : new String[] {path, path, "/nowhere/at/all"}) {
        execute(connection, "LOAD DATA LOCAL INFILE '" + source + "' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4", null);
      }
      execute(connection, "LOAD DATA LOCAL INFILE 'rows' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4", "1\tone of a stream's\n2\tanother\n");
      execute(connection, "LOAD DATA LOCAL INFILE '" + path + "' INTO TABLE nowhere", null);
      execute(connection, "DO 1", null);
    }
  }

  static void execute(Connection connection, String text, String rows) {
    try (Statement statement = connection.createStatement()) {
      if (rows != null) {
        statement.unwrap(MariaDbStatement.class).setLocalInfileInputStream(new ByteArrayInputStream(rows.getBytes(StandardCharsets.UTF_8)));
      }
      System.out.println("done: " + statement.executeUpdate(text));
    } catch (SQLException error) {
      System.out.println("error: " + error.getErrorCode() + " " + error.getSQLState());
    }
  }
}
