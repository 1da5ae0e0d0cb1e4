"""mysqlclient (MySQLdb), over MariaDB's C connector: stock settings but for the authority."""
import MySQLdb
import MySQLdb.cursors

from transcript import authority, login, say, walk_through

account = login()
connection = MySQLdb.connect(
    # "localhost" would mean the server's own socket.
    host="127.0.0.1", port=account["port"], user=account["user"], passwd=account["password"], db=account["database"],
    charset="utf8mb4", ssl={"ca": authority()}, use_unicode=True,
)
walk_through(connection, MySQLdb)
cursor = connection.cursor(MySQLdb.cursors.SSDictCursor)
cursor.execute("SELECT id, name FROM customers ORDER BY id")
say("unbuffered", [cursor.fetchone(), cursor.fetchall()])
cursor.close()
say("warnings", connection.warning_count())
connection.close()
say("end", True)
