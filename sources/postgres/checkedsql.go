package postgres

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"

	"dovetail/sources"
)

var (
	_ sources.CheckedSQL      = (*Source)(nil)
	_ sources.UntransactedSQL = (*Source)(nil)
)

// RunCheckedSQL runs SQL in a transaction, introspects inside of it and commits
// if check accepts what it finds.
func (s *Source) RunCheckedSQL(ctx context.Context, sql string, check func(*sources.Database) error) (*sources.SQLResult, error) {
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, s.failure(ctx, err, sql, nil)
	}
	defer discard(ctx, c)
	connection := c.Conn().PgConn()
	if _, err := connection.Exec(ctx, "BEGIN ISOLATION LEVEL "+s.isolation).ReadAll(); err != nil {
		return nil, s.sqlFailure(ctx, err, sql)
	}
	result, err := s.checked(ctx, connection, sql, check)
	if err != nil {
		if ctx.Err() == nil {
			// The statement's error is the one to tell; a failed rollback closes the
			// connection.
			_, _ = connection.Exec(ctx, "ROLLBACK").ReadAll()
		}
		return nil, err
	}
	if _, err := connection.Exec(ctx, "COMMIT").ReadAll(); err != nil {
		return nil, s.sqlFailure(ctx, err, sql)
	}
	return result, nil
}

// checked runs SQL and the check inside of a transaction.
func (s *Source) checked(
	ctx context.Context, connection *pgconn.PgConn, sql string, check func(*sources.Database) error,
) (*sources.SQLResult, error) {
	result, err := lastResult(connection.Exec(ctx, sql))
	if err != nil {
		return nil, s.sqlFailure(ctx, err, sql)
	}
	results, err := catalogResults(ctx, connection, introspectionInside)
	if err != nil {
		return nil, s.failure(ctx, err, introspectionInside, nil)
	}
	i, err := readCatalog(results)
	if err != nil {
		return nil, err
	}
	return result, check(i.database)
}

// RunUntransactedSQL runs the statements of a script one by one, outside of a
// transaction, and answers with the result of the last one.
func (s *Source) RunUntransactedSQL(ctx context.Context, sql string) (*sources.SQLResult, error) {
	c, err := s.acquire(ctx)
	if err != nil {
		return nil, s.failure(ctx, err, sql, nil)
	}
	defer discard(ctx, c)
	out := &sources.SQLResult{}
	for _, statement := range splitStatements(sql) {
		if out, err = lastResult(c.Conn().PgConn().Exec(ctx, statement)); err != nil {
			return nil, s.sqlFailure(ctx, err, sql)
		}
	}
	return out, nil
}

// splitStatements cuts a script at its semicolons, but for those inside of
// strings, quoted names, comments, parentheses and bodies of functions.
func splitStatements(sql string) []string {
	var out []string
	start, depth, atomic := 0, 0, 0
	empty := true
	cut := func(end int) {
		if !empty {
			out = append(out, sql[start:end])
		}
		empty = true
	}
	for i := 0; i < len(sql); {
		length, kind := lexeme(sql[i:])
		word := sql[i : i+length]
		switch {
		case kind == lexemeSkip:
		case word == ";" && depth == 0 && atomic == 0:
			cut(i)
			start = i + 1
		default:
			empty = false
			depth, atomic = nesting(word, depth, atomic)
		}
		i += length
	}
	cut(len(sql))
	return out
}

// nesting follows parentheses, and the BEGIN ATOMIC ... END of function bodies.
func nesting(word string, depth, atomic int) (int, int) {
	switch strings.ToUpper(word) {
	case "(":
		depth++
	case ")":
		depth = max(depth-1, 0)
	case "ATOMIC":
		atomic++
	case "CASE":
		if atomic > 0 {
			atomic++
		}
	case "END":
		atomic = max(atomic-1, 0)
	}
	return depth, atomic
}

type lexemeKind int

const (
	lexemeWord lexemeKind = iota
	// lexemeSkip is white space or a comment.
	lexemeSkip
)

// lexeme measures the first lexical element of an SQL text, which isn't empty.
func lexeme(sql string) (int, lexemeKind) {
	until := func(from int, mark string) int {
		if i := strings.Index(sql[from:], mark); i >= 0 {
			return from + i + len(mark)
		}
		return len(sql)
	}
	switch c := sql[0]; {
	case c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f':
		return 1, lexemeSkip
	case strings.HasPrefix(sql, "--"):
		return until(2, "\n"), lexemeSkip
	case strings.HasPrefix(sql, "/*"):
		return comment(sql), lexemeSkip
	case c == '\'':
		return until(1, "'"), lexemeWord // a doubled quote is two strings in a row, just as well
	case c == '"':
		return until(1, `"`), lexemeWord
	case (c == 'e' || c == 'E') && len(sql) > 1 && sql[1] == '\'':
		return escapeString(sql), lexemeWord
	case c == '$':
		if tag := dollarTag(sql); tag != "" {
			return until(len(tag), tag), lexemeWord
		}
		return 1, lexemeWord
	}
	return wordLength(sql), lexemeWord
}

// comment measures a block comment; they nest.
func comment(sql string) int {
	depth := 0
	for i := 0; i < len(sql)-1; i++ {
		switch sql[i : i+2] {
		case "/*":
			depth++
			i++
		case "*/":
			depth--
			i++
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(sql)
}

// escapeString measures a string like E'it\'s'.
func escapeString(sql string) int {
	for i := 2; i < len(sql); i++ {
		switch sql[i] {
		case '\\':
			i++
		case '\'':
			return i + 1
		}
	}
	return len(sql)
}

// dollarTag is the opening of a dollar-quoted string, empty if there is none.
func dollarTag(sql string) string {
	for i := 1; i < len(sql); i++ {
		c := sql[i]
		if c == '$' {
			return sql[:i+1]
		}
		letter := c == '_' || c >= 0x80 || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 1 || c < '0' || c > '9') {
			return ""
		}
	}
	return ""
}

// wordLength measures a word, or anything else of one character.
func wordLength(sql string) int {
	for i, r := range sql {
		if r != '_' && r != '$' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			if i == 0 {
				_, size := utf8.DecodeRuneInString(sql)
				return size
			}
			return i
		}
	}
	return len(sql)
}
