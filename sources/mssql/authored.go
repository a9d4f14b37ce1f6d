package mssql

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"dovetail/internal/plan"
	"dovetail/sources"
	"dovetail/sources/sqlgen"
)

// commonTable is a member of WITH: "name (columns) AS (query)".
type commonTable struct{ name, text string }

// DerivedSQL prepares a query for standing in FROM, where T-SQL takes neither
// WITH nor the end of a statement: before is what the statement must begin with.
func (s *Source) DerivedSQL(query string) (before, derived string) {
	tables, derived := splitWith(trimEnd(query))
	return withClause(tables), derived
}

func withClause(tables []commonTable) string {
	if len(tables) == 0 {
		return ""
	}
	texts := make([]string, len(tables))
	for i, t := range tables {
		texts[i] = t.text
	}
	return "WITH " + strings.Join(texts, ",\n") + "\n"
}

// authoredQuery is a native query as a member of FROM. Its common tables go to
// the head of the statement.
func (c *compiler) authoredQuery(n *plan.NativeQuery) (expression, error) {
	c.readsOnly = false
	written, err := sqlgen.NativeQuery(n, c.value)
	if err != nil {
		return nil, err
	}
	text := strings.TrimSuffix(strings.TrimPrefix(dialect.SQL(written), "("), "\n)")
	tables, derived := splitWith(trimEnd(text))
	for _, part := range n.Parts {
		if _, bound := part.Value.(*plan.BindingValue); bound && len(tables) > 0 {
			return nil, sources.NotSupported("the native query %q begins with WITH and so can't run for each of several rows", n.Name)
		}
	}
	if err := c.withTables(n.Name, text, tables); err != nil {
		return nil, err
	}
	return keyword("(" + derived + "\n)"), nil
}

// authoredText is a native query of the statement: a common table of another
// query must not take the place of what it names.
type authoredText struct {
	query, text string
	tables      map[string]string
}

// withTables adds the common tables of a native query to those of the
// statement.
func (c *compiler) withTables(query, text string, tables []commonTable) error {
	own := authoredText{query: query, text: text, tables: map[string]string{}}
	for _, t := range tables {
		own.tables[strings.ToLower(t.name)] = t.text
	}
	for _, other := range c.authored {
		if name, clash := clashing(own, other); clash {
			return sources.NotSupported(
				"the native queries %q and %q can't share a statement: each has its own meaning of %q; rename the common table", query, other.query, name)
		}
	}
	for _, t := range tables {
		known := false
		for _, other := range c.authored {
			_, shared := other.tables[strings.ToLower(t.name)]
			known = known || shared
		}
		if !known {
			c.commonTables = append(c.commonTables, t)
		}
	}
	c.authored = append(c.authored, own)
	return nil
}

// clashing finds a name that is a common table of one query and something else
// in another.
func clashing(a, b authoredText) (string, bool) {
	for _, pair := range [][2]authoredText{{a, b}, {b, a}} {
		for name, text := range pair[0].tables {
			other, defined := pair[1].tables[name]
			if defined && other != text || !defined && mentions(pair[1].text, name) {
				return name, true
			}
		}
	}
	return "", false
}

// mentions tells whether a text has a name, written in any letter case.
func mentions(text, name string) bool {
	for at := 0; at < len(text); {
		kind, end := token(text, at)
		if (kind == tokenWord || kind == tokenName) && strings.EqualFold(nameIn(kind, text[at:end]), name) {
			return true
		}
		at = end
	}
	return false
}

// tokenKind says what a token of T-SQL is.
type tokenKind uint8

const (
	tokenSpace tokenKind = iota // and comments
	tokenWord                   // a keyword or a name without quotes
	tokenName                   // a name in brackets or quotes
	tokenText                   // a string
	tokenSign                   // anything else, a character
)

// token reads the token at a place and gives its end.
func token(text string, at int) (kind tokenKind, end int) {
	rest := text[at:]
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "--"):
		if n := strings.IndexByte(rest, '\n'); n >= 0 {
			return tokenSpace, at + n + 1
		}
		return tokenSpace, len(text)
	case strings.HasPrefix(rest, "/*"):
		return tokenSpace, commentEnd(text, at)
	case c == '\'':
		return tokenText, quotedEnd(text, at, '\'')
	case c == '"':
		return tokenName, quotedEnd(text, at, '"')
	case c == '[':
		return tokenName, quotedEnd(text, at, ']')
	}
	r, size := utf8.DecodeRuneInString(rest)
	switch {
	case unicode.IsSpace(r):
		return tokenSpace, at + size
	case !wordRune(r):
		return tokenSign, at + size
	}
	end = at
	for end < len(text) {
		r, size := utf8.DecodeRuneInString(text[end:])
		if !wordRune(r) {
			break
		}
		end += size
	}
	if text[at:end] == "N" && end < len(text) && text[end] == '\'' {
		return tokenText, quotedEnd(text, end, '\'')
	}
	return tokenWord, end
}

func wordRune(r rune) bool {
	return r == '_' || r == '@' || r == '#' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// commentEnd is the end of a comment, in which others may stand.
func commentEnd(text string, at int) int {
	for depth := 0; at < len(text); {
		switch {
		case strings.HasPrefix(text[at:], "/*"):
			depth++
			at += 2
		case strings.HasPrefix(text[at:], "*/"):
			depth--
			at += 2
			if depth == 0 {
				return at
			}
		default:
			at++
		}
	}
	return len(text)
}

// quotedEnd is the end of what stands in quotes; a doubled closing sign stands
// for itself.
func quotedEnd(text string, at int, closing byte) int {
	for at++; at < len(text); at++ {
		if text[at] != closing {
			continue
		}
		if at+1 == len(text) || text[at+1] != closing {
			return at + 1
		}
		at++
	}
	return len(text)
}

// trimEnd takes off the end of a statement and what follows it: semicolons,
// space and comments.
func trimEnd(text string) string {
	last := 0
	for at := 0; at < len(text); {
		kind, end := token(text, at)
		if kind != tokenSpace && text[at:end] != ";" {
			last = end
		}
		at = end
	}
	return text[:last]
}

// scanner walks over the tokens that aren't space.
type scanner struct {
	text string
	at   int
}

// next gives the next token without passing over it; false at the end.
func (s *scanner) next() (kind tokenKind, word string, ok bool) {
	for s.at < len(s.text) {
		kind, end := token(s.text, s.at)
		if kind != tokenSpace {
			return kind, s.text[s.at:end], true
		}
		s.at = end
	}
	return tokenSpace, "", false
}

// take passes over the next token if it is a word or a sign.
func (s *scanner) take(word string) bool {
	kind, found, ok := s.next()
	if !ok || kind == tokenName || kind == tokenText || !strings.EqualFold(found, word) {
		return false
	}
	s.at += len(found)
	return true
}

// parentheses passes over a pair of parentheses and what is in them.
func (s *scanner) parentheses() bool {
	if !s.take("(") {
		return false
	}
	for depth := 1; depth > 0; {
		kind, found, ok := s.next()
		if !ok {
			return false
		}
		s.at += len(found)
		switch {
		case kind != tokenSign:
		case found == "(":
			depth++
		case found == ")":
			depth--
		}
	}
	return true
}

// nameIn is the name that a token stands for.
func nameIn(kind tokenKind, word string) string {
	if kind == tokenName && len(word) >= 2 {
		closing := word[len(word)-1:]
		return strings.ReplaceAll(word[1:len(word)-1], closing+closing, closing)
	}
	return word
}

// splitWith splits a query that begins with WITH into its common tables and the
// rest. Any other text stays as it is; what is wrong with it, the database tells.
func splitWith(text string) (tables []commonTable, rest string) {
	s := &scanner{text: text}
	for s.take(";") {
		continue // often put before WITH
	}
	if !s.take("WITH") {
		return nil, text
	}
	for {
		kind, word, ok := s.next()
		if !ok || kind != tokenWord && kind != tokenName {
			return nil, text
		}
		start := s.at
		s.at += len(word)
		if _, sign, _ := s.next(); sign == "(" && !s.parentheses() {
			return nil, text
		}
		if !s.take("AS") || !s.parentheses() {
			return nil, text
		}
		tables = append(tables, commonTable{name: nameIn(kind, word), text: text[start:s.at]})
		if !s.take(",") {
			return tables, strings.TrimLeft(text[s.at:], " \t\r\n")
		}
	}
}
