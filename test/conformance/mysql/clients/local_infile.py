"""LOAD DATA LOCAL by PyMySQL or mysqlclient, the first argument: rows of the file given by the second, and what is told."""
import sys

from transcript import authority, login, say

name, path = sys.argv[1:]
if name == "pymysql":
    import pymysql as driver

    options = {"ssl": {"ca": authority()}, "local_infile": True}
else:
    import MySQLdb as driver

    options = {"ssl": {"ca": authority()}, "local_infile": 1}

# "localhost" would mean the server's own socket to mysqlclient.
connection = driver.connect(**{**login(), "host": "127.0.0.1"}, charset="utf8mb4", **options)
with connection.cursor() as cursor:
    cursor.execute("CREATE TABLE loaded (id INT PRIMARY KEY, word VARCHAR(60)) CHARACTER SET utf8mb4")
    for statement in (
        f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE loaded CHARACTER SET utf8mb4",
        f"LOAD DATA LOCAL INFILE '{path}' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\\t'",
        "LOAD DATA LOCAL INFILE '/nowhere/at/all' INTO TABLE loaded",
        f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE nowhere",
    ):
        try:
            cursor.execute(statement)
            say("loaded", cursor.rowcount)
        except Exception as error:
            say("error", [type(error).__name__, error.args[0] if error.args else None])
            if not connection.open:
                break
connection.commit()
say("end", True)
