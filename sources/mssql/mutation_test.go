package mssql

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/internal/testmssql"
	"dovetail/sources"
)

// answering is what a mutation of several rows answers.
func answering(of plan.Rows, returning ...plan.Field) *plan.MutationOutput {
	out := &plan.MutationOutput{Columns: columnsOf(of), Fields: []plan.MutationField{&plan.AffectedRows{Key: "affected_rows"}}}
	if len(returning) > 0 {
		out.Fields = append(out.Fields, &plan.Returning{Key: "returning", Fields: returning})
	}
	return out
}

func answeringOne(of plan.Rows, row ...plan.Field) *plan.MutationOutput {
	return &plan.MutationOutput{Columns: columnsOf(of), One: true, Row: row}
}

func columnsOf(of plan.Rows) []plan.Column {
	names := []string{"id", "name", "nick", "born", "seen", "score", "active", "mark", "place", "area", "data", "doc"}
	if of.From.(*plan.Table).Name == "article" {
		names = []string{"id", "author_id", "title", "rating", "big", "price", "written", "body", "stars"}
	}
	out := make([]plan.Column, 0, len(names))
	for _, n := range names {
		out = append(out, col(n))
	}
	return out
}

// inserting makes rows of an author or an article; the word default leaves a
// column out.
func inserting(of plan.Rows, output *plan.MutationOutput, columns []string, rows ...[]string) *plan.Insert {
	n := &plan.Insert{Into: of.From.(*plan.Table), Output: output}
	for _, c := range columns {
		n.Columns = append(n.Columns, col(c))
	}
	for _, row := range rows {
		r := &plan.InsertRow{}
		for _, v := range row {
			if v == "default" {
				r.Values = append(r.Values, nil)
			} else {
				r.Values = append(r.Values, literal(v))
			}
		}
		n.Rows = append(n.Rows, r)
	}
	return n
}

// nestedInsert inserts an article with its author before it, and one with
// others of the same author after it, whose bodies are unequal.
func nestedInsert() *plan.Insert {
	n := inserting(articles(), answering(articles(), cols("id", "title")...), []string{"title"}, []string{`"a"`}, []string{`"b"`}, []string{`"c"`})
	n.Restricted, n.Check = true, cmp("author_id", plan.Greater, literal("0"))
	author := inserting(authors(), nil, []string{"name"}, []string{`"Ann"`})
	author.Aside, author.Location = columnsOf(authors()), "author"
	author.Rows[0].Location = "author"
	author.Conflict = &plan.Conflict{Match: []plan.Column{col("name")}, Set: []plan.ConflictColumn{{Column: col("nick")}}}
	n.Rows[0].Location = "first"
	n.Rows[0].Before = []*plan.NestedInsert{{
		Relationship: "author", Keys: []plan.KeyPair{{Row: col("author_id"), Related: col("id")}}, Insert: author,
		Missing: "no author", Location: "author",
	}}
	others := inserting(articles(), nil, []string{"body", "rating"}, []string{`"x"`, "default"}, []string{`"y"`, "1"})
	others.Aside, others.Location = columnsOf(articles()), "others"
	others.Restricted, others.Check = true, cmp("rating", plan.Less, literal("5"))
	n.Rows[1].Location = "second"
	n.Rows[1].After = []*plan.NestedInsert{{
		Relationship: "others", Insert: others, Missing: "no article", Location: "second",
		Keys: []plan.KeyPair{{Row: col("author_id"), Related: col("author_id")}, {Row: col("title"), Related: col("title")}},
	}}
	n.Rows[2].Location = "third"
	return n
}

func updating(of plan.Rows, output *plan.MutationOutput, set ...plan.Assignment) *plan.Update {
	return &plan.Update{Rows: of, Set: set, Output: output}
}

func assign(name string, v plan.Value) plan.Assignment {
	return plan.Assignment{Column: col(name), Operator: plan.AssignSet, Value: v}
}

func mutationCases(out map[string]*plan.Fragment) {
	mine := cmp("author_id", plan.Equal, session("x-hasura-user-id"))
	out["insert rows"] = root(inserting(authors(), answering(authors(), cols("id", "name")...), []string{"name", "score"}, []string{`"a"`, "1.5"}, []string{`"b"`, "null"}))
	out["insert rows and count them"] = root(inserting(authors(), answering(authors()), []string{"name"}, []string{`"a"`}))
	out["insert one row"] = root(inserting(articles(), answeringOne(articles(), append(cols("id", "body"), nest("author", first(authorOf(), cols("name")...)))...), []string{"title", "author_id"}, []string{`"a"`, "1"}))
	out["insert rows of several columns"] = root(inserting(articles(), answering(articles(), cols("id")...), []string{"title", "body"}, []string{`"a"`, "default"}, []string{`"b"`, "default"}, []string{"default", `"x"`}, []string{`"c"`, "default"}))
	out["insert rows of defaults"] = root(inserting(articles(), answering(articles(), cols("id")...), []string{"title"}, []string{"default"}, []string{"default"}))
	every := []string{"id", "name", "nick", "born", "seen", "score", "active", "mark", "place", "area", "data", "doc"}
	all := inserting(authors(), answering(authors(), cols(every...)...), every,
		[]string{"7", `"x"`, `"y"`, `"2020-01-02"`, `"2020-01-02T03:04:05Z"`, "2.23e-308", "true", `"0A1B2C3D-0000-4000-8000-00000000000F"`, `"POINT(1 2)"`, `"POINT(1 2)"`, `"AAHiQA=="`, `"<a/>"`})
	all.Identity = "id"
	out["insert every kind of value"] = root(all)
	others := []string{"author_id", "rating", "big", "price", "written", "body", "stars"}
	checked := inserting(articles(), answering(articles(), cols(others...)...), others, []string{"1", "1.50", "9007199254740993", "1.25", `"2020-01-02T03:04:05.123"`, `"one"`})
	checked.Restricted, checked.Check = true, &plan.And{Parts: []plan.Predicate{mine, &plan.Exists{Target: authorOf(where(cmp("name", plan.Equal, literal(`"Ann"`))))}}}
	out["insert under a check"] = root(checked)
	free := inserting(articles(), answering(articles()), []string{"title"}, []string{`"a"`})
	free.Restricted, free.Check = true, &plan.Const{Value: true}
	out["insert under a check that holds"] = root(free)
	unchecked := inserting(articles(), answering(articles()), []string{"title"}, []string{`"a"`})
	unchecked.Restricted = true
	out["insert without its check"] = root(unchecked)
	each := inserting(articles(), answering(articles(), cols("id")...), []string{"title", "author_id"})
	each.Each = &plan.InsertEach{List: variable("rows"), Members: []plan.InsertMember{{Name: "title"}, {Value: session("x-hasura-user-id")}}}
	out["insert a row of each object"] = root(each)
	upsert := inserting(articles(), answering(articles(), cols("id", "title")...), []string{"title", "author_id"}, []string{`"a"`, "1"})
	upsert.Restricted, upsert.Check = true, mine
	upsert.Conflict = &plan.Conflict{
		Match: []plan.Column{col("title")}, Set: []plan.ConflictColumn{{Column: col("author_id")}, {Column: col("body")}, {Column: col("big"), Value: session("x-hasura-big")}},
		Where: cmp("rating", plan.Less, variable("least")), Permit: mine, Check: cmp("big", plan.Greater, literal("0")),
	}
	out["insert if matched"] = root(upsert)
	ignoring := inserting(authors(), answering(authors(), cols("id")...), []string{"id", "nick"}, []string{"1", `"x"`})
	ignoring.Identity = "id"
	ignoring.Conflict = &plan.Conflict{Match: []plan.Column{col("id"), col("nick")}}
	out["insert unless matched"] = root(ignoring)
	unmatched := inserting(authors(), answering(authors(), cols("id")...), []string{"nick"}, []string{`"x"`})
	unmatched.Conflict = &plan.Conflict{Set: []plan.ConflictColumn{{Column: col("nick")}}}
	out["insert that matches nothing"] = root(unmatched)
	absent := inserting(authors(), answering(authors(), cols("id")...), []string{"nick"}, []string{`"x"`})
	absent.Conflict = &plan.Conflict{Match: []plan.Column{col("id")}, Set: []plan.ConflictColumn{{Column: col("nick")}}}
	out["insert without the column to match"] = root(absent)
	forbidden := inserting(articles(), answering(articles()), []string{"title"}, []string{`"a"`})
	forbidden.Restricted, forbidden.Check = true, mine
	forbidden.Conflict = &plan.Conflict{Match: []plan.Column{col("title")}, Set: []plan.ConflictColumn{{Column: col("title")}}}
	out["insert if matched without a permission"] = root(forbidden)

	out["insert rows with related ones"] = root(nestedInsert())
	untold := nestedInsert()
	untold.Rows[1].After[0].Insert.Aside = nil
	out["insert a related row without the columns of its table"] = root(untold)

	out["update rows"] = root(updating(authors(where(cmp("id", plan.Equal, literal("1")))), answering(authors(), append(cols("id", "nick", "place"),
		nest("articles", many(articlesOf(by("id")), cols("title")...)))...),
		assign("name", variable("n")), assign("place", literal(`"POINT(1 2)"`)), assign("data", literal("null")),
		plan.Assignment{Column: col("score"), Operator: plan.AssignIncrement, Value: literal("1")}))
	limited := updating(articles(where(cmp("id", plan.Equal, literal("1"))), permit(mine)), answering(articles()), assign("written", literal(`"2020-01-02"`)), assign("rating", literal("2.5")))
	limited.Check = cmp("rating", plan.Less, literal("5"))
	out["update under a check"] = root(limited)
	out["increment a small number"] = root(updating(articles(where(cmp("stars", plan.Less, literal("300")))), answering(articles(), cols("stars")...), assign("big", literal("1")),
		plan.Assignment{Column: col("stars"), Operator: plan.AssignIncrement, Value: literal("-1")}))
	out["update nothing"] = root(updating(authors(), answering(authors(), cols("id")...)))
	out["update by key"] = root(updating(articles(where(cmp("id", plan.Equal, literal("1")))), answeringOne(articles(), cols("id", "title")...), assign("title", literal(`"x"`))))
	out["append to a column"] = root(updating(authors(), answering(authors()), plan.Assignment{Column: col("name"), Operator: plan.AssignAppend, Value: literal("1")}))
	out["update many"] = root(&plan.Updates{Output: answering(authors())})
	out["delete rows"] = root(&plan.Delete{Rows: articles(permit(mine), where(cmp("body", plan.Like, literal(`"a%"`)))), Output: answering(articles(), append(cols("id", "body"), nest("author", first(authorOf(), cols("name")...)))...)})
	out["delete by key"] = root(&plan.Delete{Rows: authors(where(cmp("id", plan.Equal, literal("1")))), Output: answeringOne(authors(), cols("id")...)})
	holes := &plan.Fragment{}
	holes.Query = &plan.Delete{Rows: articles(), Output: answering(articles(), hole(holes, "stock", "rating", "big"))}
	out["delete with a join to elsewhere"] = holes
}

// transact runs mutations in one transaction.
func transact(t *testing.T, s *Source, fragments ...*plan.Fragment) (answers []string, failed int, err error) {
	t.Helper()
	mutations := make([]sources.Mutation, 0, len(fragments))
	for _, f := range fragments {
		statement, err := s.Compile(f)
		if err != nil {
			t.Fatal(err)
		}
		mutations = append(mutations, sources.Mutation{Statement: statement, Args: &plan.Arguments{}, Out: jsonshape.NewAnswer(1)})
	}
	failed, err = s.Transact(t.Context(), mutations)
	if err != nil {
		return nil, failed, err
	}
	for i, m := range mutations {
		answers = append(answers, answerText(fragments[i], m.Out, m.Out.Values[0]))
	}
	return answers, 0, nil
}

// transactions records what becomes of transactions.
type transactions struct {
	mutex sync.Mutex
	kinds []testmssql.TransactionKind
}

func (r *transactions) add(kind testmssql.TransactionKind) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.kinds = append(r.kinds, kind)
}

func (r *transactions) expect(t *testing.T, want ...testmssql.TransactionKind) {
	t.Helper()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if !slices.Equal(r.kinds, want) {
		t.Errorf("the transactions were %v instead of %v", r.kinds, want)
	}
}

// written are the results of a mutation's batch.
func written(affected, refused int64, returned []byte) []byte {
	status := byte(0)
	if returned != nil {
		const more = 1
		status = more
	}
	return bytes.Join([][]byte{
		testmssql.Columns(testmssql.Bigint, testmssql.Bigint), testmssql.Row(testmssql.IntegerValue(affected), testmssql.IntegerValue(refused)), testmssql.Done(status), returned,
	}, nil)
}

func TestMutationsShareATransaction(t *testing.T) {
	t.Parallel()
	record := &transactions{}
	p := &testmssql.Peer{Transaction: record.add, Answer: func(_ int, request string) []byte {
		if strings.Contains(request, "DELETE m") {
			return written(2, 0, nil)
		}
		return written(1, 0, oneAuthorTokens())
	}}
	s := startPeer(t, p)
	answers, _, err := transact(t, s,
		root(inserting(authors(), answering(authors(), cols("id", "name")...), []string{"name"}, []string{`"Ann"`})),
		root(&plan.Delete{Rows: articles(), Output: answering(articles())}),
		root(updating(authors(), answering(authors(), cols("id")...))),
		root(updating(authors(), answeringOne(authors(), cols("id", "name")...), assign("name", literal(`"Ann"`)))))
	if err != nil {
		t.Fatal(describe(err))
	}
	want := []string{
		`{"affected_rows":1,"returning":[` + oneAuthorJSON + `]}`, `{"affected_rows":2}`, `{"affected_rows":0,"returning":[]}`, oneAuthorJSON,
	}
	if !slices.Equal(answers, want) {
		t.Errorf("got %q instead of %q", answers, want)
	}
	record.expect(t, testmssql.Begin, testmssql.Commit)
	if requests, _ := p.Seen(); len(requests) != 3 || !strings.Contains(requests[0], `[{"o":0,"c0":"Ann"}]`) {
		t.Errorf("the peer was asked %q", requests)
	}
}

// TestNestedInserts checks what becomes of the counts of the steps: those of
// the author, the first article, the second, those of its author, the third.
func TestNestedInserts(t *testing.T) {
	t.Parallel()
	type count struct{ affected, refused int64 }
	result := func(c count, more byte) []byte {
		return slices.Concat(testmssql.Columns(testmssql.Bigint, testmssql.Bigint),
			testmssql.Row(testmssql.IntegerValue(c.affected), testmssql.IntegerValue(c.refused)), testmssql.Done(more))
	}
	const more = 1
	broken := append(testmssql.Failure(515, "Cannot insert the value NULL into column 'name'."), testmssql.Done(testmssql.DoneError)...)
	for _, c := range []struct {
		name      string
		counts    []count
		then      []byte
		want      string
		code, msg string
		location  string
	}{
		{name: "all", counts: []count{{1, 0}, {1, 0}, {1, 0}, {2, 0}, {1, 0}}, want: `{"affected_rows":6}`},
		{name: "no author", counts: []count{{0, 0}}, then: broken, code: sources.CodeNotSupported, msg: "no author", location: "author"},
		{name: "an article is missing", counts: []count{{1, 0}, {1, 0}, {0, 0}}, then: broken, code: sources.CodeNotSupported, msg: "no article", location: "second"},
		{
			name: "a check", counts: []count{{1, 0}, {1, 0}, {1, 0}, {2, 1}}, then: broken, code: sources.CodePermissionError,
			msg: "check constraint of an insert/update permission has failed", location: "others",
		},
		{
			name: "an error", counts: []count{{1, 0}}, then: broken, code: sources.CodeConstraintViolation,
			msg: "Integrity constraint violation. Cannot insert the value NULL into column 'name'.", location: "first",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			record := &transactions{}
			s := startPeer(t, &testmssql.Peer{Transaction: record.add, Answer: func(int, string) []byte {
				var out []byte
				for i, n := range c.counts {
					following := byte(more)
					if i == len(c.counts)-1 && c.then == nil {
						following = 0
					}
					out = append(out, result(n, following)...)
				}
				return append(out, c.then...)
			}})
			n := nestedInsert()
			n.Output = answering(articles())
			answers, _, err := transact(t, s, root(n))
			if c.code == "" {
				if err != nil || answers[0] != c.want {
					t.Fatalf("got %q, %v", answers, err)
				}
				record.expect(t, testmssql.Begin, testmssql.Commit)
				return
			}
			var coded *sources.Error
			if !errors.As(err, &coded) || coded.Code != c.code || coded.Message != c.msg || coded.Location != c.location {
				t.Errorf("got %v", describe(err))
			}
			record.expect(t, testmssql.Begin, testmssql.Rollback)
		})
	}
}

func TestRefusedRowsAreRolledBack(t *testing.T) {
	t.Parallel()
	record := &transactions{}
	s := startPeer(t, &testmssql.Peer{Transaction: record.add, Answer: func(number int, _ string) []byte {
		return written(1, int64(number-1), oneAuthorTokens())
	}})
	insert := root(inserting(authors(), answering(authors(), cols("id", "name")...), []string{"name"}, []string{`"Ann"`}))
	_, failed, err := transact(t, s, insert, insert)
	var coded *sources.Error
	if !errors.As(err, &coded) || coded.Code != sources.CodePermissionError || failed != 1 ||
		coded.Message != "check constraint of an insert/update permission has failed" {
		t.Errorf("mutation %d failed with %v", failed, err)
	}
	record.expect(t, testmssql.Begin, testmssql.Rollback)
}

func TestFailedMutationsAreRolledBack(t *testing.T) {
	t.Parallel()
	begun := []testmssql.TransactionKind{testmssql.Begin, testmssql.Rollback}
	for _, c := range []struct {
		number        int32
		message       string
		code, visible string
	}{
		{2627, "Violation of PRIMARY KEY constraint 'k'.", sources.CodeConstraintViolation, "Integrity constraint violation. Violation of PRIMARY KEY constraint 'k'."},
		{547, "The DELETE statement conflicted with the REFERENCE constraint.", sources.CodeConstraintViolation, "Integrity constraint violation. The DELETE statement conflicted with the REFERENCE constraint."},
		{515, "Cannot insert the value NULL into column 'name'.", sources.CodeConstraintViolation, "Integrity constraint violation. Cannot insert the value NULL into column 'name'."},
		{2628, "String or binary data would be truncated.", sources.CodeDataException, "Data exception. String data, right-truncated. String or binary data would be truncated."},
		{1205, "Transaction was deadlocked", sources.CodeConcurrentUpdate, "serialization failure due to concurrent update"},
	} {
		record := &transactions{}
		s := startPeer(t, &testmssql.Peer{Transaction: record.add, Answer: func(int, string) []byte {
			return append(testmssql.Failure(c.number, c.message), testmssql.Done(testmssql.DoneError)...)
		}})
		_, _, err := transact(t, s, root(&plan.Delete{Rows: authors(), Output: answering(authors())}))
		var coded *sources.Error
		if !errors.As(err, &coded) || coded.Code != c.code || coded.Message != c.visible {
			t.Errorf("%d: got %v", c.number, err)
		}
		if c.number == 1205 {
			record.expect(t, slices.Concat(begun, begun)...)
		} else {
			record.expect(t, begun...)
		}
	}
}

// TestDeadlockedMutationsRunAgain checks that a transaction that was rolled back
// whole for the sake of another is tried once more.
func TestDeadlockedMutationsRunAgain(t *testing.T) {
	t.Parallel()
	record := &transactions{}
	s := startPeer(t, &testmssql.Peer{Transaction: record.add, Answer: func(number int, _ string) []byte {
		if number == 1 {
			return append(testmssql.Failure(1205, "Transaction was deadlocked"), testmssql.Done(testmssql.DoneError)...)
		}
		return written(3, 0, nil)
	}})
	answers, _, err := transact(t, s, root(&plan.Delete{Rows: authors(), Output: answering(authors())}))
	if err != nil || answers[0] != `{"affected_rows":3}` {
		t.Errorf("got %q, %v", answers, err)
	}
	record.expect(t, testmssql.Begin, testmssql.Rollback, testmssql.Begin, testmssql.Commit)
}

func TestMutationsNeedATransaction(t *testing.T) {
	t.Parallel()
	p := &testmssql.Peer{Answer: func(int, string) []byte { return testmssql.Drop }}
	if _, err := tryRun(t.Context(), startPeer(t, p), root(&plan.Delete{Rows: authors(), Output: answering(authors())}), nil); err == nil {
		t.Error("a mutation ran without a transaction")
	}
	if requests, _ := p.Seen(); len(requests) > 0 {
		t.Errorf("the peer was asked %q", requests)
	}
}

// writable is the library with numbered rows, defaults, constraints and a
// trigger, one statement a line.
const writable = `CREATE TABLE [author] ([id] int IDENTITY NOT NULL PRIMARY KEY, [name] nvarchar(50) NOT NULL, [nick] varchar(20) COLLATE Polish_100_CI_AS, [born] date, [seen] datetimeoffset(7), [score] float DEFAULT 7, [active] bit, [mark] uniqueidentifier, [place] geography, [area] geometry, [data] varbinary(max), [doc] xml)
CREATE UNIQUE INDEX [nicks] ON [author] ([nick]) WHERE [nick] IS NOT NULL
CREATE TABLE [article] ([id] int IDENTITY NOT NULL PRIMARY KEY, [author_id] int REFERENCES [author]([id]), [title] nvarchar(100), [rating] decimal(10,2), [big] bigint, [price] money, [written] datetime, [body] ntext DEFAULT N'nothing')
CREATE TABLE [log] ([id] int IDENTITY PRIMARY KEY, [what] nvarchar(100))
CREATE TRIGGER [logged] ON [article] AFTER INSERT, UPDATE, DELETE AS INSERT INTO [log] ([what]) SELECT [title] FROM inserted`

// TestWrites runs mutations in a server, one after another.
func TestWrites(t *testing.T) {
	t.Parallel()
	serverURL(t)
	s := openDatabase(t, strings.Split(writable, "\n")...)
	numbered := func(n *plan.Insert) *plan.Insert {
		n.Identity = "id"
		return n
	}
	conflict := func(n *plan.Insert, c *plan.Conflict) *plan.Insert {
		n.Conflict = c
		return n
	}
	checked := func(n *plan.Insert, p plan.Predicate) *plan.Insert {
		n.Restricted, n.Check = true, p
		return n
	}
	every := []string{"name", "nick", "born", "seen", "score", "active", "mark", "place", "area", "data", "doc"}
	titles := []plan.Column{col("title")}
	writer := inserting(authors(), nil, []string{"name"}, []string{`"new"`})
	writer.Aside = columnsOf(authors())
	before := inserting(articles(), answering(articles(), append(cols("title"), nest("author", first(authorOf(), cols("name")...)))...), []string{"title"}, []string{`"X"`}, []string{`"Y"`})
	before.Rows[0].Before = []*plan.NestedInsert{{Keys: []plan.KeyPair{{Row: col("author_id"), Related: col("id")}}, Insert: writer, Missing: "no author"}}
	written := inserting(articles(), nil, []string{"title", "body"}, []string{`"Z"`, `"z"`}, []string{`"Z"`, "default"})
	written.Aside = []plan.Column{col("id"), col("author_id"), col("title"), col("rating"), col("body")}
	written.Restricted, written.Check = true, cmp("title", plan.Equal, literal(`"Z"`))
	after := inserting(authors(), answering(authors(), append(cols("name"), nest("articles", many(articlesOf(by("id")), cols("title", "body")...)))...), []string{"name"}, []string{`"newer"`})
	after.Rows[0].After = []*plan.NestedInsert{{Keys: []plan.KeyPair{{Row: col("id"), Related: col("author_id")}}, Insert: written, Missing: "no author"}}
	for _, c := range []struct {
		query plan.Query
		want  string
	}{
		{
			inserting(authors(), answering(authors(), cols("id", "name", "score")...), []string{"name", "score"}, []string{`"a"`, "1.5"}, []string{`"b"`, "default"}, []string{`"c"`, "null"}),
			`{"affected_rows":3,"returning":[{"id":1,"name":"a","score":1.5},{"id":2,"name":"b","score":7},{"id":3,"name":"c","score":null}]}`,
		},
		{
			numbered(inserting(authors(), answering(authors(), cols("id")...), []string{"id", "name"}, []string{"20", `"d"`}, []string{"default", `"e"`})),
			`{"affected_rows":2,"returning":[{"id":20},{"id":21}]}`,
		},
		{
			inserting(authors(), answering(authors(), cols(every...)...), every,
				[]string{`"x"`, `"łoś"`, `"2020-01-02"`, `"2020-01-02T03:04:05Z"`, "2.23e-308", "true", `"0A1B2C3D-0000-4000-8000-00000000000F"`, `"POINT (1 2)"`, `"POINT (1 2)"`, `"AAHiQA=="`, `"<a/>"`}),
			`{"affected_rows":1,"returning":[{"name":"x","nick":"łoś","born":"2020-01-02","seen":"2020-01-02T03:04:05+00:00","score":2.23e-308,"active":true,"mark":"0A1B2C3D-0000-4000-8000-00000000000F","place":"POINT (1 2)","area":"POINT (1 2)","data":"AAHiQA==","doc":"<a/>"}]}`,
		},
		{inserting(authors(), answering(authors()), []string{"name"}, []string{"null"}), sources.CodeConstraintViolation},
		{inserting(authors(), answering(authors()), []string{"name", "nick"}, []string{`"z"`, `"ŁOŚ"`}), sources.CodeConstraintViolation},
		{
			inserting(articles(), answering(articles(), append(cols("id", "body", "price"), nest("author", first(authorOf(), cols("name")...)))...),
				[]string{"title", "author_id", "price"}, []string{`"A"`, "1", "1.25"}, []string{`"B"`, "default", "default"}),
			`{"affected_rows":2,"returning":[{"id":1,"body":"nothing","price":1.2500,"author":{"name":"a"}},{"id":2,"body":"nothing","price":null,"author":null}]}`,
		},
		{inserting(articles(), answeringOne(articles(), cols("id", "title", "body")...), nil, []string{}), `{"id":3,"title":null,"body":"nothing"}`},
		{checked(inserting(articles(), answering(articles()), []string{"title"}, []string{`"refused"`}), cmp("title", plan.NotEqual, literal(`"refused"`))), sources.CodePermissionError},
		{conflict(inserting(articles(), answering(articles(), cols("id", "title", "big")...), []string{"title", "big"}, []string{`"A"`, "9007199254740993"}),
			&plan.Conflict{Match: titles, Set: []plan.ConflictColumn{{Column: col("big")}}}), `{"affected_rows":1,"returning":[{"id":1,"title":"A","big":9007199254740993}]}`},
		{conflict(inserting(articles(), answering(articles()), []string{"title", "big"}, []string{`"A"`, "1"}),
			&plan.Conflict{Match: titles, Set: []plan.ConflictColumn{{Column: col("big")}}, Where: cmp("big", plan.Less, literal("1"))}), `{"affected_rows":0}`},
		{conflict(inserting(articles(), answering(articles()), []string{"title"}, []string{`"A"`}), &plan.Conflict{Match: titles}), `{"affected_rows":0}`},
		{
			updating(articles(where(cmp("id", plan.Equal, literal("1")))), answering(articles(), cols("rating", "big", "written")...), assign("rating", literal("2.5")),
				plan.Assignment{Column: col("big"), Operator: plan.AssignIncrement, Value: literal("1")}, assign("written", literal(`"2020-01-02T03:04:05"`))),
			`{"affected_rows":1,"returning":[{"rating":2.50,"big":9007199254740994,"written":"2020-01-02T03:04:05"}]}`,
		},
		{updating(articles(where(cmp("id", plan.Equal, literal("99")))), answeringOne(articles(), cols("id")...), assign("title", literal(`"x"`))), `null`},
		{&plan.Delete{Rows: authors(where(cmp("id", plan.Equal, literal("1")))), Output: answering(authors())}, sources.CodeConstraintViolation},
		{
			&plan.Delete{Rows: articles(where(cmp("id", plan.Less, literal("3")))), Output: answering(articles(), append(cols("id", "body"), nest("author", first(authorOf(), cols("id")...)))...)},
			`{"affected_rows":2,"returning":[{"id":1,"body":"nothing","author":{"id":1}},{"id":2,"body":"nothing","author":null}]}`,
		},
		{before, `{"affected_rows":3,"returning":[{"title":"X","author":{"name":"new"}},{"title":"Y","author":null}]}`},
		{after, `{"affected_rows":3,"returning":[{"name":"newer","articles":[{"title":"Z","body":"z"},{"title":"Z","body":"nothing"}]}]}`},
	} {
		answers, _, err := transact(t, s, root(c.query))
		got := strings.Join(answers, "")
		if coded, ok := errors.AsType[*sources.Error](err); ok {
			got = coded.Code
		}
		if got != c.want {
			t.Errorf("%s\ngot  %s (%v)\nwant %s", statementText(s, root(c.query)), got, err, c.want)
		}
	}
	expect(t, s, root(many(articles(by("id")), cols("title")...)), nil, nil, `[{"title":null},{"title":"X"},{"title":"Y"},{"title":"Z"},{"title":"Z"}]`)
}
