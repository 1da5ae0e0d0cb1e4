// go-sql-driver/mysql over database/sql with stock settings and a verified server: text and prepared statements, NULLs,
// types, transactions, several statements, files, cancellation, large values, errors and a pool. One line for each thing seen.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/ioutil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

const threeMillion = 3000000

func main() {
	pem, err := ioutil.ReadFile(os.Getenv("DB_CA"))
	must(err)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		must(errors.New("the authority's file holds no certificate"))
	}
	must(mysql.RegisterTLSConfig("verified", &tls.Config{RootCAs: roots, ServerName: "localhost"}))
	if os.Getenv("DB_FILE") != "" {
		loaded(open(""))
		say("end", true)
		return
	}
	for _, options := range []string{"", "&interpolateParams=true&columnsWithAlias=true", "&parseTime=true&clientFoundRows=true&charset=utf8mb4&maxAllowedPacket=0"} {
		db := open(options)
		say("options", options)
		rows(db, "SELECT * FROM customers ORDER BY id")
		rows(db, "SELECT * FROM customers WHERE id >= ? ORDER BY id", 2)
		rows(db, "SELECT ?, ?, ?, ?, ?", 1, -2.5, "te'xt \\ \" 日本 🎉", nil, true)
		rows(db, "SELECT c.name, s.total FROM customers c JOIN spending s ON s.name = c.name ORDER BY c.id")
		rows(db, "SELECT CAST(? AS DATETIME(6))", time.Date(2024, 2, 29, 1, 2, 3, 456000000, time.UTC))
		prepared(db)
		transactions(db)
		large(db)
		wrong(db)
		must(db.Close())
	}
	several(open("&multiStatements=true"))
	pool(open(""))
	cancelled(open(""))
	say("end", true)
}

func open(options string) *sql.DB {
	// The driver cuts at the last at-sign and the first colon: a token may hold whatever it likes.
	address := fmt.Sprintf("%s:%s@tcp(%s:%s)/%s?tls=verified&timeout=%s", os.Getenv("DB_USER"), os.Getenv("DB_PASSWORD"),
		os.Getenv("DB_HOST"), os.Getenv("DB_PORT"), os.Getenv("DB_NAME"), url.QueryEscape("20s"))
	db, err := sql.Open("mysql", address+options)
	must(err)
	return db
}

func rows(db *sql.DB, text string, values ...interface{}) {
	result, err := db.Query(text, values...)
	if err != nil {
		say("error", told(err))
		return
	}
	defer result.Close()
	say("row", read(result))
}

func read(result *sql.Rows) interface{} {
	all := []interface{}{}
	types, err := result.ColumnTypes()
	must(err)
	for _, column := range types {
		nullable, known := column.Nullable()
		precision, scale, decimal := column.DecimalSize()
		all = append(all, []interface{}{column.Name(), column.DatabaseTypeName(), nullable, known, precision, scale, decimal, column.ScanType().String()})
	}
	for result.Next() {
		values := make([]interface{}, len(types))
		into := make([]interface{}, len(types))
		for n := range values {
			into[n] = &values[n]
		}
		must(result.Scan(into...))
		for n, value := range values {
			if bytes, ok := value.([]byte); ok {
				values[n] = "bytes " + hex.EncodeToString(bytes)
			} else if date, ok := value.(time.Time); ok {
				values[n] = "time " + date.UTC().Format(time.RFC3339Nano)
			} else {
				values[n] = fmt.Sprintf("%T %v", value, value)
			}
		}
		all = append(all, values)
	}
	if err := result.Err(); err != nil {
		all = append(all, told(err))
	}
	return all
}

func prepared(db *sql.DB) {
	statement, err := db.Prepare("INSERT INTO purchases (customer, amount) VALUES (?, ?)")
	must(err)
	for n := 0; n < 30; n++ {
		result, err := statement.Exec(1+n%3, fmt.Sprintf("%d.25", n))
		must(err)
		if n == 29 {
			id, _ := result.LastInsertId()
			affected, _ := result.RowsAffected()
			say("inserted", []int64{id, affected})
		}
	}
	must(statement.Close())
	var name sql.NullString
	var born sql.NullString
	must(db.QueryRow("SELECT name, born FROM customers WHERE id = ?", 2).Scan(&name, &born))
	say("nulls", []interface{}{name, born})
	say("none", fmt.Sprint(db.QueryRow("SELECT name FROM customers WHERE id = ?", 99).Scan(&name)))
	result, err := db.Exec("UPDATE purchases SET amount = amount WHERE id <= 2")
	must(err)
	affected, _ := result.RowsAffected()
	say("found or changed", affected)
}

func transactions(db *sql.DB) {
	ctx := context.Background()
	for _, level := range []sql.IsolationLevel{sql.LevelDefault, sql.LevelReadCommitted, sql.LevelSerializable} {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level})
		must(err)
		_, err = tx.Exec("DELETE FROM purchases")
		must(err)
		var left int
		must(tx.QueryRow("SELECT COUNT(*) FROM purchases").Scan(&left))
		must(tx.Rollback())
		var behind int
		must(db.QueryRow("SELECT COUNT(*) FROM purchases").Scan(&behind))
		say("rolled back", []int{left, behind})
	}
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	must(err)
	_, err = tx.Exec("DELETE FROM purchases")
	say("read only", told(err))
	must(tx.Rollback())
	tx, err = db.Begin()
	must(err)
	_, err = tx.Exec("UPDATE customers SET note = ? WHERE id = 1", "committed")
	must(err)
	must(tx.Commit())
}

func large(db *sql.DB) {
	for _, size := range []int{70000, threeMillion} {
		var length int
		var text string
		must(db.QueryRow("SELECT LENGTH(?)", strings.Repeat("x", size)).Scan(&length))
		must(db.QueryRow("SELECT REPEAT('y', ?)", size).Scan(&text))
		say("large", []int{length, len(text)})
	}
	var text string
	must(db.QueryRow("SELECT REPEAT('z', 17 * 1024 * 1024)").Scan(&text))
	say("larger than a packet", len(text))
}

func wrong(db *sql.DB) {
	for _, text := range []string{"SELECT * FROM nowhere", "SELEC 1", "INSERT INTO customers (id, name) VALUES (1, 'twice')", "INSERT INTO purchases (customer, amount) VALUES (99, 1)", "SELECT 1; SELECT 2"} {
		_, err := db.Exec(text)
		say("error", told(err))
	}
	_, err := db.Exec("INSERT INTO customers (id, name) VALUES (?, ?)", 1, "twice")
	say("error", told(err))
	_, err = db.Query("SELECT nothing FROM customers WHERE id = ?", 1)
	say("error", told(err))
}

func several(db *sql.DB) {
	defer db.Close()
	// An error behind a result leaves the driver waiting, whatever the server: it reads on for results that do not come.
	result, err := db.Query("SELECT 1 AS a; SELECT 'x' AS b, 2 AS c; SELECT 3")
	must(err)
	for {
		say("result", read(result))
		if !result.NextResultSet() {
			break
		}
	}
	say("last", told(result.Err()))
	result.Close()
	result, err = db.Query("CALL two_results(21)")
	must(err)
	for {
		say("called", read(result))
		if !result.NextResultSet() {
			break
		}
	}
	result.Close()
	done, err := db.Exec("INSERT INTO purchases (customer, amount) VALUES (1, 5); INSERT INTO purchases (customer, amount) VALUES (2, 6), (3, 7)")
	must(err)
	affected, _ := done.RowsAffected()
	say("several writes", affected)
}

// A connection that goes back to the pool is reset by the driver before its next use.
func pool(db *sql.DB) {
	defer db.Close()
	db.SetMaxOpenConns(6)
	db.SetMaxIdleConns(6)
	var group sync.WaitGroup
	var lock sync.Mutex
	sum := 0
	for n := 0; n < 24; n++ {
		group.Add(1)
		go func(n int) {
			defer group.Done()
			for m := 0; m < 10; m++ {
				var got int
				must(db.QueryRow("SELECT ? + ?", n, m).Scan(&got))
				lock.Lock()
				sum += got
				lock.Unlock()
			}
		}(n)
	}
	group.Wait()
	say("pool", []interface{}{sum, db.Stats().OpenConnections <= 6})
	must(db.Ping())
	one, err := db.Conn(context.Background())
	must(err)
	_, err = one.ExecContext(context.Background(), "SET @left = 1")
	must(err)
	var left sql.NullInt64
	must(one.QueryRowContext(context.Background(), "SELECT @left").Scan(&left))
	say("variable", left)
	must(one.Close())
}

// The driver closes the connection of a statement that is given up, and the pool goes on with another.
func cancelled(db *sql.DB) {
	defer db.Close()
	db.SetMaxOpenConns(1)
	// The time is the statement's alone, the connection stands.
	must(db.Ping())
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, err := db.ExecContext(ctx, "SELECT SLEEP(20)")
	say("gave up", err.Error())
	var word string
	must(db.QueryRow("SELECT 'on'").Scan(&word))
	say("goes", word)
}

func loaded(db *sql.DB) {
	defer db.Close()
	mysql.RegisterLocalFile(os.Getenv("DB_FILE"))
	mysql.RegisterReaderHandler("rows", func() io.Reader { return strings.NewReader("1\tone of a reader's\n2\tanother\n") })
	_, err := db.Exec("CREATE TABLE loaded (id INT PRIMARY KEY, word VARCHAR(60)) CHARACTER SET utf8mb4")
	must(err)
	for _, source := range []string{os.Getenv("DB_FILE"), "Reader::rows", "/nowhere/at/all"} {
		result, err := db.Exec("LOAD DATA LOCAL INFILE '" + source + "' REPLACE INTO TABLE loaded CHARACTER SET utf8mb4")
		if err != nil {
			say("load", told(err))
			continue
		}
		affected, _ := result.RowsAffected()
		say("load", affected)
	}
}

func told(err error) interface{} {
	if err == nil {
		return "none"
	}
	var number *mysql.MySQLError
	if errors.As(err, &number) {
		return []interface{}{number.Number, number.Message}
	}
	return err.Error()
}

func say(what string, value interface{}) {
	text, err := json.Marshal(value)
	must(err)
	fmt.Printf("%s: %s\n", what, text)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		panic(err)
	}
}
