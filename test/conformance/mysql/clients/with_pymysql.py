"""PyMySQL: text protocol, unbuffered cursors, reconnecting pings, several statements."""
import pymysql
import pymysql.constants.CLIENT as CLIENT
import pymysql.cursors

from transcript import authority, login, say, walk_through

connection = pymysql.connect(**login(), charset="utf8mb4", ssl={"ca": authority()}, client_flag=CLIENT.MULTI_STATEMENTS)
walk_through(connection, pymysql)
connection.ping()
with connection.cursor() as cursor:
    cursor.execute("SELECT 1; SELECT 2")
    say("several", [cursor.fetchall(), cursor.nextset(), cursor.fetchall()])
with connection.cursor(pymysql.cursors.SSDictCursor) as cursor:
    cursor.execute("SELECT id, name FROM customers ORDER BY id")
    say("unbuffered", [cursor.fetchone(), cursor.fetchmany(1), list(cursor)])
connection.select_db(login()["database"])
connection.close()
say("end", True)
