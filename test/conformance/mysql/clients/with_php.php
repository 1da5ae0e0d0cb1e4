<?php
// PHP's own connector by way of mysqli and PDO: buffered and not, prepared by the server and by PDO, several statements,
// files of large values, errors, persistent connections, asynchronous queries. One line for each thing seen.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);

function say(string $name, mixed $value): void {
  array_walk_recursive($value, static function (mixed &$one): void {
    if (is_string($one) && preg_match("//u", $one) !== 1) $one = "bytes " . bin2hex($one);
  });
  echo $name, ": ", json_encode($value, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION), "\n";
}

/** @param callable(): mixed $attempt */
function told(string $name, callable $attempt): void {
  try {
    say($name, [$attempt()]);
  } catch (mysqli_sql_exception $error) {
    say($name, [$error->getCode(), $error->getSqlState(), $error->getMessage()]);
  } catch (PDOException $error) {
    say($name, [$error->getCode(), $error->errorInfo]);
  }
}

const WRONG = ["SELECT * FROM nowhere", "SELEC 1", "INSERT INTO customers (id, name) VALUES (1, 'twice')", "INSERT INTO purchases (customer, amount) VALUES (99, 1)", "SELECT 1; SELECT 2"];
const INSERT = "INSERT INTO purchases (customer, amount) VALUES (?, ?)";

[$port, $user, $password, $database, $ca] = [(int) getenv("DB_PORT"), getenv("DB_USER"), getenv("DB_PASSWORD"), getenv("DB_NAME"), getenv("DB_CA")];

function connected(string $host = "127.0.0.1"): mysqli {
  global $port, $user, $password, $database, $ca;
  $client = mysqli_init();
  $client->ssl_set(null, null, $ca, null, null);
  $client->options(MYSQLI_OPT_SSL_VERIFY_SERVER_CERT, 1);
  $client->real_connect($host, $user, $password, $database, $port, null, MYSQLI_CLIENT_SSL);
  $client->set_charset("utf8mb4");
  return $client;
}

$client = connected();
say("cipher", [$client->query("SHOW SESSION STATUS LIKE 'Ssl_version'")->num_rows]);
foreach ([MYSQLI_STORE_RESULT, MYSQLI_USE_RESULT] as $mode) {
  $result = $client->query("SELECT * FROM customers ORDER BY id", $mode);
  say("fields", array_map(static fn(object $field): array => [$field->name, $field->orgtable, $field->type, $field->length, $field->flags, $field->decimals, $field->charsetnr], $result->fetch_fields()));
  say("rows $mode", $result->fetch_all(MYSQLI_ASSOC));
  $result->free();
}
$statement = $client->prepare("SELECT * FROM customers WHERE id >= ? ORDER BY id");
foreach ([1, 3] as $from) {
  $statement->bind_param("i", $from);
  $statement->execute();
  say("prepared", $statement->get_result()->fetch_all(MYSQLI_NUM));
}
$statement = $client->prepare(INSERT);
[$who, $amount] = [1, 2.5];
$statement->bind_param("id", $who, $amount);
for ($n = 0; $n < 20; $n++, $amount++) $statement->execute();
say("inserted", [$statement->affected_rows, $statement->insert_id, $client->info]);
$statement = $client->prepare("SELECT LENGTH(?), ?");
[$long, $text] = [null, "te'xt \\ \" 日本 🎉"];
$statement->bind_param("bs", $long, $text);
for ($n = 0; $n < 30; $n++) $statement->send_long_data(0, str_repeat("é", 50000));
$statement->execute();
$statement->bind_result($length, $same);
$statement->fetch();
say("long data", [$length, $same]);
$statement->close();
$client->multi_query("SELECT 1 AS a; SELECT 'x' AS b; CALL two_results(21); UPDATE purchases SET amount = amount + 1; SELECT * FROM nowhere; SELECT 3");
told("several", static function () use ($client): array {
  $all = [];
  try {
    do {
      $result = $client->store_result();
      $all[] = $result ? $result->fetch_all() : $client->affected_rows;
    } while ($client->next_result());
  } catch (mysqli_sql_exception $error) {
    $all[] = [$error->getCode(), $error->getMessage()];
  }
  return $all;
});
foreach (WRONG as $wrong) told("error", static fn() => $client->query($wrong));
foreach ([0, MYSQLI_TRANS_START_READ_ONLY, MYSQLI_TRANS_START_WITH_CONSISTENT_SNAPSHOT] as $flags) {
  $client->begin_transaction($flags);
  told("deleted", static fn() => $client->query("DELETE FROM purchases WHERE id > 2"));
  $client->savepoint("here");
  $client->rollback();
}
$client->autocommit(false);
$client->query("DELETE FROM purchases");
$client->rollback();
$client->autocommit(true);
say("counted", $client->query("SELECT COUNT(*), SUM(amount) FROM purchases")->fetch_row());
say("large", [strlen($client->query("SELECT REPEAT('z', 17 * 1024 * 1024)")->fetch_row()[0])]);
$client->query("SELECT 'later'", MYSQLI_ASYNC);
[$read, $failed, $rejected] = [[$client], [$client], [$client]];
say("polled", [mysqli_poll($read, $failed, $rejected, 10)]);
say("later", $client->reap_async_query()->fetch_row());
$client->query("SELECT CAST('abc' AS SIGNED)");
say("warnings", [$client->warning_count, $client->get_warnings()->message]);
say("state", [$client->select_db($database), $client->ping(), $client->character_set_name(), preg_match('/^Uptime: \d+ /', $client->stat())]);
$client->close();
$kept = connected("p:127.0.0.1");
$kept->query("SET @left = 1");
$kept->close();
$again = connected("p:127.0.0.1");
told("persistent", static fn() => $again->query("SELECT @left")->fetch_row());

foreach ([true, false] as $emulated) {
  foreach ([true, false] as $buffered) {
    $pdo = new PDO("mysql:host=127.0.0.1;port=$port;dbname=$database;charset=utf8mb4", $user, $password, [
      PDO::MYSQL_ATTR_SSL_CA => $ca, PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => true, PDO::ATTR_EMULATE_PREPARES => $emulated, PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => $buffered,
    ]);
    $statement = $pdo->prepare("SELECT * FROM customers WHERE id >= :id ORDER BY id");
    $statement->execute(["id" => 2]);
    say("pdo rows", $statement->fetchAll(PDO::FETCH_ASSOC));
    say("pdo column", $statement->columnCount() > 0 ? (array) $statement->getColumnMeta(0) : []);
    $statement = $pdo->prepare("SELECT ?, ?, ?");
    $statement->execute([1, null, "te'xt \\ \" 日本"]);
    say("pdo values", $statement->fetchAll(PDO::FETCH_NUM));
    $pdo->beginTransaction();
    $statement = $pdo->prepare(INSERT);
    for ($n = 0; $n < 10; $n++) $statement->execute([1 + $n % 3, $n]);
    say("pdo id", [$pdo->lastInsertId(), $statement->rowCount()]);
    $pdo->rollBack();
    foreach (WRONG as $wrong) told("pdo error", static function () use ($pdo, $wrong): array {
      $result = $pdo->query($wrong);
      $all = [];
      do {
        $all[] = $result->columnCount() > 0 ? $result->fetchAll(PDO::FETCH_NUM) : $result->rowCount();
      } while ($result->nextRowset());
      return $all;
    });
    told("pdo called", static function () use ($pdo): array {
      $result = $pdo->query("CALL two_results(4)");
      $first = $result->fetchAll(PDO::FETCH_NUM);
      $result->nextRowset();
      return [$first, $result->fetchAll(PDO::FETCH_NUM)];
    });
    $pdo = null;
  }
}
say("end", []);
