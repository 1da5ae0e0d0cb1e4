import java.sql.*;

/** What MariaDB Connector/J takes the server for. */
public final class Make {
  public static void main(String[] args) throws Exception {
    String url = "jdbc:mariadb://" + System.getenv("DB_HOST") + ":" + System.getenv("DB_PORT") + "/" + System.getenv("DB_NAME")
        + "?useSsl=true&connectTimeout=120000&serverSslCert=" + System.getenv("DB_CA");
    try (Connection connection = DriverManager.getConnection(url, System.getenv("DB_USER"), System.getenv("DB_PASSWORD"))) {
      DatabaseMetaData meta = connection.getMetaData();
      System.out.println(meta.getDatabaseProductName() + " " + meta.getDatabaseProductVersion());
    }
  }
}
