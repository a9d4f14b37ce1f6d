package mssql

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	driver "github.com/microsoft/go-mssqldb"
	"github.com/sqlc-dev/teesql/parser"

	"dovetail/internal/testmssql"
	"dovetail/sources"
)

// catalogResult makes the tokens of one result of the introspection: words are
// texts, numbers integers, - null.
func catalogResult(columns int, last bool, rows ...string) []byte {
	types := make([][]byte, columns)
	for i := range types {
		types[i] = testmssql.Text
	}
	out := testmssql.Columns(types...)
	for _, row := range rows {
		var values [][]byte
		for word := range strings.FieldsSeq(row) {
			if word == "-" {
				values = append(values, testmssql.NullText())
			} else {
				values = append(values, testmssql.TextValue(strings.ReplaceAll(word, "_", " ")))
			}
		}
		out = append(out, testmssql.Row(values...)...)
	}
	status := byte(1) // more follows
	if last {
		status = 0
	}
	return append(out, testmssql.Done(status)...)
}

// catalogPeer answers the parts of the introspection, or with an error where a
// part has no tokens.
func catalogPeer(number int32, essentials, functions, sizes, comments []byte) *testmssql.Peer {
	p := &testmssql.Peer{}
	p.Answer = func(_ int, request string) []byte {
		answer := []byte(nil)
		switch {
		case strings.Contains(request, "FROM OPENJSON("):
			answer = catalogResult(1, true, "1")
		case strings.Contains(request, "sys.foreign_keys"):
			answer = essentials
		case strings.Contains(request, "sys.parameters"):
			answer = functions
		case strings.Contains(request, "sys.partitions"):
			answer = sizes
		case strings.Contains(request, "sys.extended_properties"):
			answer = comments
		}
		if answer == nil {
			return append(testmssql.Failure(number, "Invalid object name."), testmssql.Done(testmssql.DoneError)...)
		}
		return answer
	}
	return p
}

func essentialResults() []byte {
	return bytes.Join([][]byte{
		catalogResult(4, false, "7 dbo article U", "9 other v V"),
		catalogResult(13, false,
			"7 1 id int 4 10 0 - 0 1 0 1 -", "7 3 title nvarchar 200 0 0 Polish 1 0 0 0 Polish", "7 4 body nvarchar -1 0 0 - 1 0 0 0 Latin",
			"7 5 price decimal 9 12 3 - 1 1 0 0 -", "7 6 at datetime2 8 23 3 - 1 0 0 0 -", "7 7 tag varchar 20 0 0 - 1 0 0 0 Latin", "7 8 place geography -1 0 0 - 1 0 0 0 -",
			"7 9 shape Shape -1 0 0 - 1 0 0 0 -", "9 1 id bigint 8 19 0 - 0 0 0 0 -", "11 1 gone int 4 10 0 - 0 0 0 0 -"),
		catalogResult(4, false, "7 pk 1 id", "7 uq 0 title", "7 uq 0 tag", "7 uq2 0 at", "11 pk 1 gone"),
		catalogResult(6, true, "7 fk other v title id", "7 fk other v tag id2", "7 fk2 dbo article id id"),
	}, nil)
}

func functionResults() []byte {
	return append(catalogResult(3, false, "20 dbo search"), catalogResult(6, true, "20 @term nvarchar 100 0 0", "20 @n int 4 10 0")...)
}

// TestCatalog reads a catalog as a server would send it.
func TestCatalog(t *testing.T) {
	t.Parallel()
	s := startPeer(t, catalogPeer(208, essentialResults(), functionResults(), catalogResult(2, true, "7 12", "9 -", "11 3"),
		catalogResult(3, true, "7 0 a_table", "7 3 a_column", "20 0 finds", "20 1 a_parameter", "99 0 gone", "7 4 -")))
	database, err := s.Introspect(t.Context())
	if err != nil {
		t.Fatal(describe(err))
	}
	var b strings.Builder
	for _, table := range database.Tables {
		fmt.Fprintf(&b, "%s %d %s.%s %q %d rows\n", table.Kind, table.ObjectID, table.Schema, table.Name, table.Comment, table.EstimatedRows)
		for _, c := range table.Columns {
			fmt.Fprintf(&b, "  %d %s %s, %s, %s %q %t %t %t %t %q\n", c.Position, c.Name, c.Type.Name, c.Type.Scalar, c.Type.Class, c.Equality, c.Nullable, c.HasDefault, c.Generated, c.Identity, c.Comment)
		}
		if table.PrimaryKey != nil {
			fmt.Fprintf(&b, "  primary %v\n", *table.PrimaryKey)
		}
		for _, k := range table.UniqueKeys {
			fmt.Fprintf(&b, "  unique %v\n", *k)
		}
		for _, k := range table.ForeignKeys {
			fmt.Fprintf(&b, "  foreign %v\n", *k)
		}
	}
	for _, f := range database.Functions {
		fmt.Fprintf(&b, "function %s.%s %q", f.Schema, f.Name, f.Comment)
		for _, a := range f.Arguments {
			fmt.Fprintf(&b, " %s %s", a.Name, a.Type.Name)
		}
		b.WriteString("\n")
	}
	want := `table 7 dbo.article "a table" 12 rows
  1 id int, Int, integer "" false true false true ""
  3 title nvarchar(100) COLLATE Polish, String, text "mssql Polish" true false false false "a column"
  4 body nvarchar(max), String, text "mssql Latin" true false false false ""
  5 price decimal(12,3), Float, number "" true true false false ""
  6 at datetime2(3), datetime2, time "" true false false false ""
  7 tag varchar(20), String, text "mssql code page Latin" true false false false ""
  8 place geography, geography, geography "" true false false false ""
  9 shape shape, shape, other "" true false false false ""
  primary {pk [id]}
  unique {uq [title tag]}
  unique {uq2 [at]}
  foreign {fk [title tag] other v [id id2]}
  foreign {fk2 [id] dbo article [id]}
view 9 other.v "" 0 rows
  1 id bigint, bigint, integer "" false false false false ""
function dbo.search "finds" term nvarchar(50) n int
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestPoorCatalogs checks that a server without some of the catalog serves all
// the same, and is not asked again for what it lacks.
func TestPoorCatalogs(t *testing.T) {
	t.Parallel()
	p := catalogPeer(208, essentialResults(), nil, nil, nil)
	rich := p.Answer
	p.Answer = func(number int, request string) []byte {
		switch {
		case strings.Contains(request, "is_hidden"):
			return append(testmssql.Failure(207, "Invalid column name 'is_hidden'."), testmssql.Done(testmssql.DoneError)...)
		case strings.Contains(request, "sys.parameters"):
			return append(catalogResult(3, false, "20 dbo search"), append(testmssql.Failure(208, "Invalid object name 'sys.parameters'."), testmssql.Done(testmssql.DoneError)...)...)
		}
		return rich(number, request)
	}
	s := startPeer(t, p)
	for range 2 {
		database, err := s.Introspect(t.Context())
		if err != nil {
			t.Fatal(describe(err))
		}
		if len(database.Tables) != 2 || len(database.Tables[0].Columns) != 8 || len(database.Functions) != 0 || database.Tables[0].Comment != "" {
			t.Errorf("got %+v", database)
		}
	}
	// The probe, the tables in full and without hidden columns, three extras; then the probe and the tables.
	if requests, _ := p.Seen(); len(requests) != 8 {
		t.Errorf("the peer was asked %d times: %q", len(requests), requests)
	}
}

// TestOldCompatibilityLevel checks that a database without OPENJSON says what to do.
func TestOldCompatibilityLevel(t *testing.T) {
	t.Parallel()
	s := startPeer(t, &testmssql.Peer{Answer: func(int, string) []byte {
		return append(testmssql.Failure(208, "Invalid object name 'OPENJSON'."), testmssql.Done(testmssql.DoneError)...)
	}})
	_, err := s.Introspect(t.Context())
	var coded *sources.Error
	if !errors.As(err, &coded) || coded.Code != sources.CodeNotSupported || !strings.Contains(coded.Message, "COMPATIBILITY_LEVEL = 130") {
		t.Errorf("got %v", err)
	}
}

func TestBrokenCatalogs(t *testing.T) {
	t.Parallel()
	for name, tokens := range map[string][]byte{
		"too few results":  catalogResult(4, true, "7 dbo article U"),
		"a bad row":        catalogResult(4, true, "x dbo article U"),
		"too few columns":  catalogResult(2, true, "7 dbo"),
		"an error at last": append(catalogResult(4, false), append(testmssql.Failure(297, "The user does not have permission"), testmssql.Done(testmssql.DoneError)...)...),
	} {
		s := startPeer(t, catalogPeer(208, tokens, nil, nil, nil))
		_, err := s.Introspect(t.Context())
		var coded *sources.Error
		if !errors.As(err, &coded) || coded.Code != sources.CodeUnexpected {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestBatches runs SQL of the admin's as one batch in a transaction.
func TestBatches(t *testing.T) {
	t.Parallel()
	p := &testmssql.Peer{Answer: func(_ int, request string) []byte {
		if strings.Contains(request, "bad") {
			return append(testmssql.Failure(207, "Invalid column name 'bad'."), testmssql.Done(testmssql.DoneError)...)
		}
		return bytes.Join([][]byte{
			testmssql.Done(1), testmssql.Columns(testmssql.Bigint), testmssql.Row(testmssql.IntegerValue(1)), testmssql.Done(1),
			testmssql.Columns(testmssql.Bigint, testmssql.Text), testmssql.Row(testmssql.IntegerValue(2), testmssql.NullText()), testmssql.Done(0),
		}, nil)
	}}
	s := startPeer(t, p)
	result, err := s.RunUntransactedSQL(t.Context(), "SELECT 1; SELECT 2, NULL")
	if err != nil || !result.Tuples || fmt.Sprint(result.Rows) != "[[ ] [2 NULL]]" {
		t.Errorf("got %v %v", result, err)
	} else if got, err := json.Marshal(result.Values); err != nil || string(got) != "[[2,null]]" {
		t.Errorf("got %s %v", got, err)
	}
	_, err = s.RunUntransactedSQL(t.Context(), "SELECT bad FROM t")
	var coded *sources.Error
	if !errors.As(err, &coded) || coded.Code != sources.CodeNotFound ||
		coded.Message != "Syntax error or access violation. Column not found. [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Invalid column name 'bad'." {
		t.Errorf("got %v", err)
	} else if got, err := json.Marshal(coded.Internal); err != nil || string(got) != `{"query":"SELECT bad FROM t"}` {
		t.Errorf("the internal is %s %v", got, err)
	}
}

// TestErrorsOfBatches holds v2's words for the errors of SQL that admins write.
func TestErrorsOfBatches(t *testing.T) {
	t.Parallel()
	for number, want := range map[int32]string{
		2714: sources.CodeAlreadyExists + " Syntax error or access violation. Table or view already exists. ",
		208:  sources.CodeNotFound + " Syntax error or access violation. Table or view not found. ",
		1913: sources.CodeAlreadyExists + " Syntax error or access violation. Index already exists. ",
		4924: sources.CodeNotFound + " Syntax error or access violation. Column not found. ",
		156:  sources.CodeBadRequest + " Syntax error or access violation. ",
		2627: sources.CodeConstraintViolation + " Integrity constraint violation. ",
		8152: sources.CodeDataException + " Data exception. String data, right-truncated. ",
		8134: sources.CodeDataException + " Data exception. ",
	} {
		coded := new(sources.Error)
		if err := batchError(driver.Error{Number: number, Message: "m"}, "q"); !errors.As(err, &coded) || coded.Code+" "+coded.Message != want+odbcPrefix+"m" {
			t.Errorf("%d: got %v", number, err)
		}
	}
}

// TestCatalogQueriesParse holds a parser of T-SQL against what is asked of the
// catalog: as many statements as results are read.
func TestCatalogQueriesParse(t *testing.T) {
	t.Parallel()
	i := newIntrospector()
	queries := append([]catalogQuery{i.essentials(true), i.essentials(false), {text: probeSQL, readers: make([]func(*sql.Rows) error, 1)}}, i.extras()...)
	for _, q := range queries {
		script, err := parser.Parse(t.Context(), strings.NewReader(q.text))
		if err != nil {
			t.Errorf("%v\n%s", err, q.text)
		} else if n := len(script.Batches[0].Statements); n != len(q.readers) {
			t.Errorf("%d statements for %d results: %s", n, len(q.readers), q.text)
		}
	}
	if strings.Contains(i.essentials(false).text, "hidden") || strings.Contains(i.essentials(false).text, "generated_always") {
		t.Error("a plain server is asked for hidden columns")
	}
}
