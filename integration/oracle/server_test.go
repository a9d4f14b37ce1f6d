package oracle_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	_ "github.com/microsoft/go-mssqldb" // the driver "sqlserver"
	"github.com/sqlc-dev/teesql/parser"
	"pgregory.net/rapid"

	"dovetail/internal/testmssql"
)

const serverVariable = "DOVETAIL_TEST_MSSQL_URL"

// serverURL is the sqlserver:// URL of a login that may create databases.
func serverURL() string { return os.Getenv(serverVariable) }

// TestSQLServerTakesPart says loudly when it does not.
func TestSQLServerTakesPart(t *testing.T) {
	if serverURL() == "" {
		t.Skipf("SKIPPED: set %s to a sqlserver:// URL of a login that may create databases to place tables in SQL Server, too", serverVariable)
	}
}

// openServer makes a database in SQL Server, if there is one.
func (b *bench) openServer(t *testing.T) {
	t.Helper()
	address := serverURL()
	if address == "" {
		return
	}
	name := fmt.Sprintf("dovetail_oracle_%d_%d", os.Getpid(), len(t.Name()))
	whole := context.WithoutCancel(t.Context())
	if err := runBatches(whole, address, []string{"DROP DATABASE IF EXISTS [" + name + "]", "CREATE DATABASE [" + name + "]"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := runBatches(whole, address, []string{
			"ALTER DATABASE [" + name + "] SET SINGLE_USER WITH ROLLBACK IMMEDIATE", "DROP DATABASE [" + name + "]",
		}); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("database", name)
	u.RawQuery = query.Encode()
	b.serverAddress = u.String()
	b.names = append(b.names, server, server)
	b.define = func(ctx context.Context, batches []string) error { return runBatches(ctx, b.serverAddress, batches) }
}

func runBatches(ctx context.Context, address string, batches []string) error {
	pool, err := sql.Open("sqlserver", address)
	if err != nil {
		return err
	}
	for _, batch := range batches {
		if _, err := pool.ExecContext(ctx, batch); err != nil {
			return errors.Join(fmt.Errorf("%w in %s", err, batch), pool.Close())
		}
	}
	return pool.Close()
}

// fillServer makes a world's tables in SQL Server.
func (b *bench) fillServer(ctx context.Context, w *world, schema string) error {
	if b.define == nil {
		return nil
	}
	batches := append(b.defined, "CREATE SCHEMA ["+schema+"]")
	b.defined = nil
	for _, t := range w.Tables {
		if !t.inServer() {
			continue
		}
		batches = append(batches, t.ddlInServer(schema)...)
		b.defined = append(b.defined, "DROP TABLE IF EXISTS ["+schema+"].["+t.Name+"]")
	}
	b.defined = append(b.defined, "DROP SCHEMA IF EXISTS ["+schema+"]")
	u, err := url.Parse(b.serverAddress)
	if err != nil {
		return err
	}
	query := u.Query()
	query.Set("app name", schema) // another URL for each world, so that its tables are read anew
	u.RawQuery = query.Encode()
	b.sources[server] = source{kind: "mssql", schema: schema, configuration: map[string]any{"connection_info": map[string]any{
		"connection_string": u.String(), "pool_settings": map[string]any{"max_connections": 5},
	}}}
	return b.define(ctx, batches)
}

// statementsOfServer are asked by go test.
const statementsOfServer = 120

// TestStatementsForSQLServer asks random queries of tables of which most are in
// what stands in for SQL Server. It has no rows; every statement must be T-SQL.
func TestStatementsForSQLServer(t *testing.T) {
	if serverURL() != "" {
		t.Skip("the server itself takes part")
	}
	var mutex sync.Mutex
	asked := map[string]bool{}
	stand := testmssql.NewServer(nil, func(sql string) []byte {
		mutex.Lock()
		defer mutex.Unlock()
		asked[sql] = true
		return testmssql.Result("nothing")
	})
	stop, err := stand.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	b := newBench(t)
	b.engines = b.engines[1:2]
	b.serverAddress = stand.Address()
	b.names = []string{server, server, server, "alpha", "lite"}
	b.define = func(ctx context.Context, batches []string) error {
		for _, batch := range batches {
			if err := stand.Define(ctx, batch); err != nil {
				return fmt.Errorf("%w in %s", err, batch)
			}
		}
		return nil
	}
	b.crossing = map[string]bool{server: true, "alpha": true, "lite": true}
	seed := setting(t, "DOVETAIL_ORACLE_SEED", 1)
	enough := func() bool {
		mutex.Lock()
		defer mutex.Unlock()
		return len(asked) >= statementsOfServer
	}
	for i := 0; !enough(); i++ {
		w := rapid.Custom(func(t *rapid.T) *world { return b.draw(t) }).Example(seed + i)
		if err := b.apply(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		for j := range queriesPerWorld {
			r := rapid.Custom(func(t *rapid.T) *request { return drawRequest(t, w, b.crossing) }).Example((seed+i)*1000 + j)
			query, variables := w.query(r, false)
			if len(r.Fields) == 0 {
				continue
			}
			answer, err := b.engines[0].engine.Ask(t.Context(), r.headers(), query, variables)
			if err != nil || strings.Contains(string(answer), `"errors"`) {
				t.Fatalf("%s\n%s\n%v\n%s %v", query, variables, r.headers(), answer, err)
			}
		}
	}
	mutex.Lock()
	defer mutex.Unlock()
	for sql := range asked {
		// The parser knows the clause in few of the places where T-SQL allows it.
		plain := strings.NewReplacer(" COLLATE Latin1_General_100_BIN2", "", " COLLATE Latin1_General_100_CI_AS", "").Replace(sql)
		if _, err := parser.Parse(t.Context(), strings.NewReader(plain)); err != nil {
			t.Errorf("%v\n%s", err, sql)
		}
	}
}
