# ruby-pg: type maps that read pg_type, prepared statements, COPY and single-row mode.
require "json"
require "pg"

MASKED = ENV["MASKED"].split

def told(name)
  puts "@@ #{name}"
  rows = yield
  rows = rows.to_a if rows.is_a?(PG::Result)
  Array(rows).each { |row| puts((row.is_a?(Hash) ? row.except(*MASKED) : row).to_json) }
rescue PG::Error => e
  puts "#{e.class} #{e.result&.error_field(PG::Result::PG_DIAG_SQLSTATE)}"
end

c = PG.connect
told("plain") { c.exec("SELECT * FROM customers ORDER BY id LIMIT 10") }
c.type_map_for_results = PG::BasicTypeMapForResults.new(c)
c.type_map_for_queries = PG::BasicTypeMapForQueries.new(c)
told("typed") { c.exec("SELECT id, name, joined, tags, balance, initial FROM customers ORDER BY id LIMIT 10") }
told("parameters") { c.exec_params("SELECT $1::int AS a, $2::text AS b, $3::bool AS c, $4::int[] AS d", [1, "x", true, [1, 2]]) }
c.prepare("q", "SELECT id, status FROM orders WHERE customer = $1 ORDER BY id")
told("prepared") { c.exec_prepared("q", [5]) }
told("described") { r = c.describe_prepared("q"); [r.nfields, r.fname(1), r.ftype(1), r.nparams] }
told("copied in") { c.copy_data("COPY scratch.authors (name) FROM STDIN") { 3.times { |n| c.put_copy_data("author #{n}\n") } }.cmd_tuples }
told("copied out") { lines = []; c.copy_data("COPY (SELECT id, name FROM products ORDER BY id LIMIT 5) TO STDOUT") { while (line = c.get_copy_data) do lines << line end }; lines }
told("single rows") { c.send_query("SELECT id FROM orders ORDER BY id LIMIT 7"); c.set_single_row_mode; rows = []; while (r = c.get_result) do rows.concat(r.values) end; rows }
told("transaction") { c.transaction { |t| t.exec("UPDATE scratch.authors SET email_count = 3 RETURNING id, email_count").to_a } }
told("error") { c.exec("SELECT nothing FROM orders") }
c.reset
told("after reset") { c.exec("SELECT count(*) FROM scratch.authors") }
puts "@@ end"
