# DBD::Pg: the catalogue methods of Perl's database interface, prepared statements, COPY.
use strict;
use warnings;
use DBI;
use JSON::PP;

my %masked = map { $_ => 1 } split ' ', $ENV{MASKED};
my $json = JSON::PP->new->canonical->allow_nonref->allow_unknown->allow_blessed;
my $dbh = DBI->connect("dbi:Pg:", undef, undef, { RaiseError => 1, PrintError => 0, AutoCommit => 1 });

sub told {
    my ($name, $attempt) = @_;
    print "\@\@ $name\n";
    my @rows = eval { $attempt->() };
    if ($@) { print "failed ", $dbh->state, "\n"; return }
    for my $row (@rows) {
        delete @$row{ keys %masked } if ref $row eq 'HASH';
        print $json->encode($row), "\n";
    }
}
sub all { my $sth = shift; return $sth ? @{ $sth->fetchall_arrayref({}) } : () }

told("server", sub { $dbh->{pg_server_version} > 0 });
for my $schema ('public', 'open') {
    told("table_info $schema", sub { all($dbh->table_info(undef, $schema, '%', undef)) });
    told("column_info $schema", sub { all($dbh->column_info(undef, $schema, '%', '%')) });
}
for my $table ('customers', 'orders', 'items', 'payments') {
    told("primary_key_info $table", sub { all($dbh->primary_key_info(undef, 'public', $table)) });
    told("foreign_key_info $table", sub { all($dbh->foreign_key_info(undef, undef, undef, undef, 'public', $table)) });
    told("statistics_info $table", sub { map { delete @$_{qw(CARDINALITY PAGES)}; $_ } all($dbh->statistics_info(undef, 'public', $table, 0, 1)) });
}
told("tables", sub { sort $dbh->tables(undef, 'open', undef, 'TABLE,VIEW') });
told("type_info_all", sub { $dbh->type_info_all });
told("masked rows", sub { @{ $dbh->selectall_arrayref("SELECT * FROM customers ORDER BY id LIMIT 20", { Slice => {} }) } });
my $sth = $dbh->prepare("SELECT id, name FROM customers WHERE id = ?");
told("prepared", sub { map { $sth->execute($_); $sth->fetchrow_hashref } 1 .. 5 });
told("described", sub { $sth->{NAME}, $sth->{pg_type}, $sth->{NUM_OF_PARAMS} });
told("placeholders by name", sub { $dbh->selectrow_hashref("SELECT count(*) AS n FROM orders WHERE status = \$1 AND customer < \$2", undef, 'open', 50) });
told("copied in", sub { $dbh->do("COPY scratch.authors (name) FROM STDIN"); $dbh->pg_putcopydata("author $_\n") for 1 .. 3; $dbh->pg_putcopyend; $dbh->selectrow_array("SELECT count(*) FROM scratch.authors") });
told("last_insert_id", sub { $dbh->do("INSERT INTO scratch.authors (name) VALUES ('last')"); $dbh->last_insert_id(undef, 'scratch', 'authors', undef) });
told("rolled back", sub { $dbh->begin_work; $dbh->do("DELETE FROM scratch.authors"); $dbh->pg_savepoint('a'); $dbh->rollback; $dbh->selectrow_array("SELECT count(*) FROM scratch.authors") });
told("ping", sub { $dbh->ping });
told("error", sub { $dbh->selectrow_array("SELECT nothing FROM orders") });
$dbh->disconnect;
print "\@\@ end\n";
