<?php
// PHP's pg_ functions and PDO: metadata, inserts and conversions that read the catalogue, prepared and emulated statements.
$masked = explode(" ", getenv("MASKED"));
function told($name, $attempt) {
    global $masked;
    echo "@@ $name\n";
    try {
        $value = $attempt();
        foreach (is_array($value) ? $value : [$value] as $key => $row) echo json_encode([$key, is_array($row) ? array_diff_key($row, array_flip($masked)) : $row]), "\n";
    } catch (PDOException $error) {
        echo "PDOException ", $error->getCode(), "\n";
    }
}
$c = pg_connect("dbname=" . getenv("PGDATABASE"));
told("pg_meta_data", fn() => pg_meta_data($c, "orders", true));
told("pg_meta_data of masked columns", fn() => pg_meta_data($c, "customers"));
told("pg_field_table", fn() => pg_field_table(pg_query($c, "SELECT id, name FROM orders JOIN products USING (id)"), 1));
told("pg_query_params", fn() => pg_fetch_all(pg_query_params($c, "SELECT * FROM customers WHERE id < $1 ORDER BY id", [6])));
told("pg_insert", fn() => is_string(pg_insert($c, "scratch.authors", ["name" => "by php"], PGSQL_DML_STRING)));
told("pg_select", fn() => pg_select($c, "products", ["id" => 3]));
told("pg_copy_to", fn() => pg_copy_to($c, "tasks"));
told("pg_field_type", fn() => pg_field_type(pg_query($c, "SELECT feeling FROM customers"), 0));
$p = new PDO("pgsql:host=" . getenv("PGHOST") . ";port=" . getenv("PGPORT") . ";dbname=" . getenv("PGDATABASE") . ";sslmode=verify-full;sslrootcert=" . getenv("PGSSLROOTCERT"), getenv("PGUSER"), getenv("PGPASSWORD"), [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC]);
foreach ([false, true] as $emulated) {
    $p->setAttribute(PDO::ATTR_EMULATE_PREPARES, $emulated);
    told("PDO rows " . ($emulated ? "emulated" : "prepared"), function () use ($p) {
        $s = $p->prepare("SELECT * FROM customers WHERE country = :c AND id < :n ORDER BY id");
        $s->execute(["c" => "NO", "n" => 30]);
        return $s->fetchAll();
    });
}
told("PDO column metadata", function () use ($p) {
    $s = $p->query("SELECT id, name, price, attributes FROM products ORDER BY id LIMIT 1");
    return array_map(fn($n) => array_diff_key($s->getColumnMeta($n), ["pgsql:table_oid" => 0]), [0, 1, 2, 3]);
});
told("PDO transaction", function () use ($p) {
    $p->beginTransaction();
    $p->exec("INSERT INTO scratch.authors (name) VALUES ('rolled back')");
    $p->rollBack();
    return $p->query("SELECT count(*) AS n FROM scratch.authors")->fetchAll();
});
told("PDO cursor", function () use ($p) {
    $p->beginTransaction();
    $s = $p->prepare("SELECT id FROM orders ORDER BY id", [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
    $s->execute();
    $rows = [$s->fetch(), $s->fetch(PDO::FETCH_ASSOC, PDO::FETCH_ORI_ABS, 50), $s->fetch(PDO::FETCH_ASSOC, PDO::FETCH_ORI_LAST)];
    $p->commit();
    return $rows;
});
told("PDO error", fn() => $p->query("SELECT nothing FROM orders"));
echo "@@ end\n";
