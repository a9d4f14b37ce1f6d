package server

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"dovetail/internal/metadata/command"
	"dovetail/internal/orderedjson"
)

const (
	// dumpBytes and dumpTime bound what a dump may take.
	dumpBytes = 64 << 20
	dumpTime  = 5 * time.Minute
)

// dumpRequest is what is to be dumped.
type dumpRequest struct {
	source  string
	options []string
	clean   bool
}

// handleDump answers with a database's schema (or what else the options say) as its
// own dump program writes it.
func (s *Server) handleDump(w http.ResponseWriter, r *http.Request) {
	if !s.onlyAdmins(w, r) {
		return
	}
	body, failure := s.readBody(w, r)
	if failure != nil {
		s.writeError(w, r, failure, true)
		return
	}
	text, err := s.dump(r.Context(), body)
	if err != nil {
		s.writeError(w, r, command.AsError(err), true)
		return
	}
	w.Header().Set("Content-Type", "application/sql")
	s.write(w, r, http.StatusOK, text)
}

func (s *Server) dump(ctx context.Context, body []byte) ([]byte, error) {
	request, failure := readDumpRequest(body)
	if failure != nil {
		return nil, failure
	}
	state, release := s.live.Acquire()
	defer release()
	if _, ok := state.Metadata.Source(request.source); !ok {
		return nil, dumpFailure(command.CodeNotExists, "$.source", "source \""+request.source+"\" does not exist")
	}
	source, ok := state.Source(request.source)
	if !ok {
		return nil, dumpFailure(command.CodeUnexpected, "$.source", "source \""+request.source+"\" can't be reached")
	}
	dumper := source.Extras().DumpedSQL
	if dumper == nil {
		return nil, dumpFailure(command.CodeNotSupported, "$.source", "source \""+request.source+"\" can't be dumped: only Postgres databases can")
	}
	ctx, cancel := context.WithTimeout(ctx, dumpTime)
	defer cancel()
	text, err := dumper.DumpSQL(ctx, request.options, dumpBytes)
	if err == nil && request.clean {
		text = cleanDump(string(text))
	}
	return text, err
}

func dumpFailure(code, path, message string) *command.Error {
	return &command.Error{Status: http.StatusBadRequest, Code: code, Path: path, Message: message}
}

// readDumpRequest reads {"opts": [..], "clean_output": .., "source": ..}.
func readDumpRequest(body []byte) (dumpRequest, *command.Error) {
	out := dumpRequest{source: "default"}
	j, err := orderedjson.Parse(body)
	if err != nil {
		return out, dumpFailure(command.CodeInvalidJSON, "$", "Error in $: "+err.Error())
	}
	if j.Kind != orderedjson.Object {
		return out, dumpFailure(command.CodeParseFailed, "$", "expected an object, but found "+j.Kind.String())
	}
	options, ok := j.Get("opts")
	if !ok {
		return out, dumpFailure(command.CodeParseFailed, "$", `key "opts" not found`)
	}
	if options.Kind != orderedjson.Array || slices.ContainsFunc(options.Items, func(o orderedjson.Value) bool { return o.Kind != orderedjson.String }) {
		return out, dumpFailure(command.CodeParseFailed, "$.opts", "expected a list of texts")
	}
	for _, o := range options.Items {
		out.options = append(out.options, o.Text)
	}
	if clean, ok := j.Get("clean_output"); ok && !clean.IsNull() {
		if clean.Kind != orderedjson.Bool {
			return out, dumpFailure(command.CodeParseFailed, "$.clean_output", "expected a boolean, but found "+clean.Kind.String())
		}
		out.clean = clean.Text == "true"
	}
	if source, ok := j.Get("source"); ok && !source.IsNull() {
		if source.Kind != orderedjson.String {
			return out, dumpFailure(command.CodeParseFailed, "$.source", "expected a text, but found "+source.Kind.String())
		}
		out.source = source.Text
	}
	return out, nil
}

// frontMatter is a statement of a dump that sets up the session that reads it, or
// makes what every database has; so are psql's own commands against injection.
var frontMatter = regexp.MustCompile(`^(SET (statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout|client_encoding|` +
	`standard_conforming_strings|xmloption|client_min_messages|row_security|default_with_oids) = [^;]*;|` +
	`SET default_tablespace = '';|SET default_table_access_method = heap;|SELECT pg_catalog\.set_config\('search_path', '', false\);|` +
	`CREATE SCHEMA public;|COMMENT ON SCHEMA public IS 'standard public schema';|\\(un)?restrict [A-Za-z0-9]+)$`)

// notifyTrigger is a trigger that v2 made for its event triggers.
var notifyTrigger = regexp.MustCompile(`^CREATE TRIGGER "?notify_hasura_.+"? AFTER [[:alnum:]]+ ON .+ FOR EACH ROW EXECUTE (FUNCTION|PROCEDURE) ` +
	`"?hdb_(views|catalog)"?\."?notify_hasura_.+"?\(\);$`)

// cleanDump takes out what a migration has no use for, as v2 does: the front
// matter, comments and empty lines outside of quotes, and v2's own triggers.
func cleanDump(dump string) []byte {
	var out strings.Builder
	quoted := ""
	for line := range strings.Lines(dump) {
		text := strings.TrimRight(line, "\r\n")
		if quoted == "" && (strings.TrimSpace(text) == "" || strings.HasPrefix(text, "--") || frontMatter.MatchString(text) || notifyTrigger.MatchString(text)) {
			continue
		}
		quoted = quoteAfter(quoted, text)
		out.WriteString(line)
	}
	return []byte(out.String())
}

// dollarQuote opens and closes the body of a function.
var dollarQuote = regexp.MustCompile(`\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*)?\$`)

// quoteAfter is the quote that is open after a line, if one was before it.
func quoteAfter(quoted, line string) string {
	for line != "" {
		if quoted != "" {
			at := strings.Index(line, quoted)
			if at < 0 {
				return quoted
			}
			line, quoted = line[at+len(quoted):], ""
			continue
		}
		at := strings.IndexAny(line, `'"$-`)
		if at < 0 {
			return ""
		}
		line = line[at:]
		found := dollarQuote.FindStringIndex(line)
		switch {
		case strings.HasPrefix(line, "--"):
			return ""
		case line[0] == '\'' || line[0] == '"':
			quoted, line = line[:1], line[1:]
		case found != nil && found[0] == 0:
			quoted, line = line[:found[1]], line[found[1]:]
		default:
			line = line[1:]
		}
	}
	return quoted
}
