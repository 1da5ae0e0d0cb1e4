# mysql2 for Ruby: casts, streams, prepared statements, several results, asynchronous queries, errors. One line for each thing seen.
# Its prepared statements can't read a TIME of 838 hours, whatever the server: columns are named.
require "mysql2"
require "json"
require "bigdecimal"

def plain(value)
  case value
  when Array then value.map { |one| plain(one) }
  when Hash then value.to_h { |key, one| [key.to_s, plain(one)] }
  when BigDecimal then value.to_s("F")
  when String then value.encoding == Encoding::ASCII_8BIT || !value.valid_encoding? ? "bytes #{value.unpack1("H*")}" : value
  when nil, true, false, Integer then value
  else "#{value.class} #{value}"
  end
end

def say(name, value) = puts("#{name}: #{JSON.generate(plain(value))}")

def told(name)
  say(name, yield)
rescue Mysql2::Error => error
  say(name, [error.error_number, error.sql_state, error.message])
end

login = { host: "127.0.0.1", port: ENV["DB_PORT"].to_i, username: ENV["DB_USER"], password: ENV["DB_PASSWORD"], database: ENV["DB_NAME"] }
client = Mysql2::Client.new(**login, sslca: ENV["DB_CA"], sslverify: true, encoding: "utf8mb4", flags: ["MULTI_STATEMENTS"])
result = client.query("SELECT * FROM customers ORDER BY id")
say("fields", [result.fields, result.respond_to?(:field_types) ? result.field_types : nil])
say("rows", result.to_a)
say("uncast", client.query("SELECT * FROM customers ORDER BY id", cast: false, as: :array).to_a)
say("streamed", client.query("SELECT id, name FROM customers ORDER BY id", stream: true, cache_rows: false).map(&:itself))
statement = client.prepare("SELECT id, name, born, balance, score, active, seen, note, photo, tags, tier, big, small, bits, since FROM customers WHERE id >= ? ORDER BY id")
[1, 3].each { |from| say("prepared", statement.execute(from).to_a) }
say("values", client.prepare("SELECT ?, ?, ?, ?").execute(1, nil, "te'xt \\ \" 日本 🎉", 2.5).to_a)
insert = client.prepare("INSERT INTO purchases (customer, amount) VALUES (?, ?)")
20.times { |n| insert.execute(1 + n % 3, n) }
say("inserted", [insert.last_id, insert.affected_rows])
client.query("BEGIN")
client.query("DELETE FROM purchases")
say("deleted", client.affected_rows)
client.query("ROLLBACK")
["SELECT * FROM nowhere", "SELEC 1", "INSERT INTO customers (id, name) VALUES (1, 'twice')", "INSERT INTO purchases (customer, amount) VALUES (99, 1)"].each do |wrong|
  told("error") { client.query(wrong).to_a }
  told("prepared error") { client.prepare(wrong).execute.to_a }
end
all = [client.query("SELECT 1 AS a; SELECT 'x' AS b; CALL two_results(21)").to_a]
while client.next_result
  result = client.store_result
  all << (result ? result.to_a : client.affected_rows)
end
say("several", all)
client.query("SELECT 'later' AS word", async: true)
say("later", client.async_result.to_a)
say("large", client.query("SELECT REPEAT('z', 17 * 1024 * 1024) AS z").first["z"].bytesize)
say("escaped", client.query("SELECT '#{client.escape("it's \\ \"")}' AS text").to_a)
say("state", [client.ping, client.select_db(ENV["DB_NAME"]), client.warning_count, client.info.keys])
told("timed out") { client.query("SET SESSION net_read_timeout = 40").to_a.size }
client.close
say("end", true)
