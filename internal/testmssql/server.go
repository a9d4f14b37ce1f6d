package testmssql

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// Server is a peer with a catalog: definitions change it, transactions take
// them back, introspection reads it. Queries are answered by a script.
type Server struct {
	Peer

	catalog *Catalog
	before  *Catalog
	query   func(sql string) []byte
}

// NewServer makes a server with an empty database; query gives the tokens that
// answer a SELECT, or a batch that writes rows.
func NewServer(parseType func(string) plan.Type, query func(sql string) []byte) *Server {
	s := &Server{catalog: &Catalog{ParseType: parseType}, query: query}
	s.Answer = func(int, string) []byte { return s.answer(s.statement) }
	s.Transaction = func(kind TransactionKind) {
		switch kind {
		case Begin:
			s.before = s.catalog.clone()
		case Rollback:
			s.catalog = s.before
		case Commit:
		}
	}
	return s
}

// Define runs definitions as if a client had sent them.
func (s *Server) Define(ctx context.Context, batch string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.catalog.Run(ctx, batch)
}

func (s *Server) answer(request string) []byte {
	switch {
	case strings.Contains(request, "FROM OPENJSON(N'[1]')"):
		return Result("value")
	case strings.Contains(request, "sys.foreign_keys"):
		return s.essentials()
	case strings.Contains(request, "sys."):
		return append(Failure(208, "Invalid object name."), Done(DoneError)...)
	case strings.HasPrefix(strings.TrimSpace(request), "SELECT"), strings.HasPrefix(strings.TrimSpace(request), "WITH "):
		return s.query(request)
	case strings.Contains(request, " OUTPUT "):
		return s.query(request)
	}
	var failure *ServerError
	err := s.catalog.Run(context.Background(), request)
	switch {
	case errors.As(err, &failure):
		return append(Failure(failure.Number, failure.Message), Done(DoneError)...)
	case err != nil:
		return append(Failure(102, err.Error()), Done(DoneError)...)
	}
	return Done(0)
}

// Result is a whole result of texts, with one column for each name.
func Result(columns string, rows ...[]any) []byte {
	types := make([][]byte, len(strings.Fields(columns)))
	for i := range types {
		types[i] = Text
	}
	out := Columns(types...)
	for _, row := range rows {
		values := make([][]byte, 0, len(row))
		for _, v := range row {
			if v == nil {
				values = append(values, NullText())
				continue
			}
			values = append(values, TextValue(fmt.Sprint(v)))
		}
		out = append(out, Row(values...)...)
	}
	return append(out, Done(0)...)
}

// More says that another result follows a whole one.
func More(result []byte) []byte {
	result[len(result)-len(Done(0))+1] = 1
	return result
}

// essentials are tables, columns, unique keys and foreign keys, as introspection
// asks for them.
func (s *Server) essentials() []byte {
	var tables, columns, keys, foreign [][]any
	for _, t := range s.catalog.tables {
		tables = append(tables, []any{t.ObjectID, t.Schema, t.Name, "U"})
		for _, c := range t.Columns {
			d := describe(c.Type.Name)
			columns = append(columns, []any{
				t.ObjectID, c.Position, c.Name, d.name, d.length, d.precision, d.scale, d.collation,
				bit(c.Nullable), bit(c.HasDefault), bit(c.Generated), bit(c.Identity), d.stored(),
			})
		}
		for i, key := range append([]*sources.Key{t.PrimaryKey}, t.UniqueKeys...) {
			if key == nil {
				continue
			}
			for _, column := range key.Columns {
				keys = append(keys, []any{t.ObjectID, key.Name + strconv.Itoa(i), bit(i == 0), column})
			}
		}
		for _, key := range t.ForeignKeys {
			for i, column := range key.Columns {
				foreign = append(foreign, []any{t.ObjectID, key.Name, key.TargetSchema, key.TargetTable, column, s.target(key, i)})
			}
		}
	}
	return bytes.Join([][]byte{
		More(Result("id schema name type", tables...)),
		More(Result("id column name type length precision scale collation nullable default generated identity stored", columns...)),
		More(Result("id name primary column", keys...)),
		Result("id name schema table column target", foreign...),
	}, nil)
}

// target is the column that a part of a foreign key refers to; without one it
// is the primary key's.
func (s *Server) target(key *sources.ForeignKey, part int) string {
	if part < len(key.TargetColumns) {
		return key.TargetColumns[part]
	}
	if t, ok := s.catalog.find(key.TargetSchema, key.TargetTable); ok && t.PrimaryKey != nil {
		return t.PrimaryKey.Columns[part]
	}
	return ""
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// description is a type as the catalog describes it.
type description struct {
	name                     string
	length, precision, scale int
	collation                any
}

// stored is the collation that a column has in any case: that of the database,
// unless it states another.
func (d description) stored() any {
	switch d.name {
	case "char", "varchar", "text", "nchar", "nvarchar", "ntext":
		if d.collation == nil {
			return "SQL_Latin1_General_CP1_CI_AS"
		}
	}
	return d.collation
}

func describe(declaration string) description {
	declaration, collation, collated := strings.Cut(declaration, " COLLATE ")
	base, rest, _ := strings.Cut(declaration, "(")
	d := description{name: base}
	if collated {
		d.collation = collation
	}
	first, second, _ := strings.Cut(strings.TrimSuffix(rest, ")"), ",")
	n, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		n = -1 // max
	}
	if rest == "" {
		n = map[string]int{"decimal": 18, "numeric": 18, "time": 7, "datetime2": 7, "datetimeoffset": 7}[base]
	}
	switch {
	case slices.Contains([]string{"nchar", "nvarchar"}, base) && n > 0:
		d.length = 2 * n
	case slices.Contains([]string{"decimal", "numeric"}, base):
		d.precision = n
		d.scale, _ = strconv.Atoi(strings.TrimSpace(second))
	case slices.Contains([]string{"time", "datetime2", "datetimeoffset"}, base):
		d.scale = n
	default:
		d.length = n
	}
	return d
}
