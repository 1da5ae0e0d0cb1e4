# DBI over DBD::mysql or DBD::MariaDB, the first argument: rows, both kinds of prepared statements, metadata, transactions,
# several results and errors. One line for each thing seen.
use strict;
use warnings;
use DBI;
use JSON::PP;

$| = 1;
my ($driver) = @ARGV;
my $prefix = $driver eq "mysql" ? "mysql" : "mariadb";
my $json = JSON::PP->new->ascii->canonical->allow_nonref->allow_blessed;

sub say_it { my ($name, $value) = @_; print "$name: ", $json->encode($value), "\n"; }

for my $server_side (0, 1) {
  my $dsn = "DBI:$driver:database=$ENV{DB_NAME};host=127.0.0.1;port=$ENV{DB_PORT};${prefix}_ssl=1;${prefix}_ssl_ca_file=$ENV{DB_CA};"
    . ($driver eq "mysql" ? "mysql_ssl_optional=1;mysql_enable_utf8mb4=1;" : "")
    . "${prefix}_server_prepare=$server_side;${prefix}_multi_statements=1";
  my $db = DBI->connect($dsn, $ENV{DB_USER}, $ENV{DB_PASSWORD}, { RaiseError => 1, PrintError => 0 });
  for my $from (1, 3) {
    my $statement = $db->prepare("SELECT * FROM customers WHERE id >= ? ORDER BY id");
    $statement->execute($from);
    say_it("columns", [$statement->{NAME}, $statement->{TYPE}, $statement->{NULLABLE}, $statement->{"${prefix}_table"}]);
    say_it("rows", $statement->fetchall_arrayref);
  }
  say_it("values", $db->selectall_arrayref("SELECT ?, ?, ?", undef, 1, undef, "te'xt \\ \""));
  $db->begin_work;
  my $insert = $db->prepare("INSERT INTO purchases (customer, amount) VALUES (?, ?)");
  $insert->execute(1 + $_ % 3, $_) for 1 .. 20;
  say_it("id", $db->last_insert_id(undef, undef, "purchases", "id"));
  say_it("changed", $db->do("UPDATE purchases SET amount = amount WHERE id <= 2"));
  $db->rollback;
  # With statements prepared by the server DBD::mysql loses its place when it streams, whatever the server.
  unless ($server_side) {
    my $streamed = $db->prepare("SELECT id FROM customers ORDER BY id", { "${prefix}_use_result" => 1 });
    $streamed->execute;
    say_it("streamed", $streamed->fetchall_arrayref);
    $streamed->finish;
  }
  for my $wrong ("SELECT * FROM nowhere", "SELEC 1", "INSERT INTO customers (id, name) VALUES (1, 'twice')", "INSERT INTO purchases (customer, amount) VALUES (99, 1)") {
    eval { $db->do($wrong) };
    say_it("error", [$db->err, $db->state, $db->errstr]);
  }
  unless ($server_side) {
    my $several = $db->prepare("SELECT 1; SELECT 2, 3; CALL two_results(4)");
    $several->execute;
    do { say_it("result", $several->fetchall_arrayref) if $several->{NUM_OF_FIELDS} } while ($several->more_results);
  }
  my $columns = $db->column_info(undef, undef, "purchases", "%");
  say_it("column info", [map { [@$_{qw(COLUMN_NAME TYPE_NAME COLUMN_SIZE NULLABLE)}] } @{ $columns->fetchall_arrayref({}) }]);
  say_it("key", [$db->primary_key(undef, undef, "customers")]);
  my $foreign = $db->foreign_key_info(undef, $ENV{DB_NAME}, undef, undef, $ENV{DB_NAME}, "purchases");
  say_it("foreign key", $foreign ? $foreign->fetchall_arrayref : "none");
  say_it("tables", [map { my $name = $_; $name =~ s/.*\.//; $name } sort($db->tables(undef, $ENV{DB_NAME}, "%", "TABLE"))]);
  say_it("large", length(($db->selectrow_array("SELECT REPEAT('z', 3000000)"))[0]));
  say_it("ping", $db->ping ? 1 : 0);
  $db->disconnect;
}
say_it("end", 1);
