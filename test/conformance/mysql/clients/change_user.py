"""mysqlclient's change_user: what it is told, and whether the connection goes on."""
import MySQLdb

from transcript import authority, login, say

account = {**login(), "host": "127.0.0.1"}
connection = MySQLdb.connect(**account, ssl={"ca": authority()})
try:
    connection.change_user(account["user"], "x", account["database"])
    say("changed", True)
except MySQLdb.Error as error:
    say("told", list(error.args))
cursor = connection.cursor()
cursor.execute("SELECT 1")
say("behind", cursor.fetchall())
