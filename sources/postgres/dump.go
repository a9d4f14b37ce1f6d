package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"dovetail/sources"
)

var _ sources.DumpedSQL = (*Source)(nil)

// killDelay is how long pg_dump has to end before it is killed.
const killDelay = 5 * time.Second

// The options of pg_dump that choose what is dumped and how it is written. Those
// that write files on the engine's machine or lead to another database are not
// among them.
const (
	dumpFlags  = "abcCOsx"
	dumpValues = "nNtTeE"
)

//nolint:gochecknoglobals // a table
var (
	dumpLongFlags = []string{
		"attribute-inserts", "blobs", "clean", "column-inserts", "create", "data-only", "disable-dollar-quoting", "disable-triggers",
		"enable-row-security", "if-exists", "inserts", "large-objects", "load-via-partition-root", "no-acl", "no-blobs", "no-comments",
		"no-large-objects", "no-owner", "no-privileges", "no-publications", "no-security-labels", "no-subscriptions",
		"no-table-access-method", "no-tablespaces", "no-toast-compression", "no-unlogged-table-data", "on-conflict-do-nothing",
		"quote-all-identifiers", "schema-only", "serializable-deferrable", "strict-names", "use-set-session-authorization",
	}
	dumpLongValues = []string{
		"encoding", "exclude-extension", "exclude-schema", "exclude-table", "exclude-table-and-children", "exclude-table-data",
		"exclude-table-data-and-children", "extension", "extra-float-digits", "lock-wait-timeout", "rows-per-insert", "schema", "section",
		"table", "table-and-children",
	}
)

// checkDumpOptions says which option is not for the engine's admins to give.
func checkDumpOptions(options []string) error {
	for i := 0; i < len(options); i++ {
		follows, ok := dumpOption(options[i])
		if !ok {
			return &sources.Error{Code: sources.CodeBadRequest, Message: fmt.Sprintf("pg_dump's option %q is not allowed: only those that choose what is dumped "+
				"and how it is written are, by their whole names", options[i])}
		}
		if follows {
			if i++; i == len(options) {
				return &sources.Error{Code: sources.CodeBadRequest, Message: fmt.Sprintf("pg_dump's option %q needs a value", options[i-1])}
			}
		}
	}
	return nil
}

// dumpOption reports whether an option is allowed, and whether its value follows as
// an argument of its own.
func dumpOption(option string) (follows, ok bool) {
	if long, is := strings.CutPrefix(option, "--"); is {
		name, _, given := strings.Cut(long, "=")
		if slices.Contains(dumpLongValues, name) {
			return !given, true
		}
		return false, !given && slices.Contains(dumpLongFlags, name)
	}
	letters, is := strings.CutPrefix(option, "-")
	if !is || letters == "" {
		return false, false
	}
	for i, letter := range letters {
		if strings.ContainsRune(dumpValues, letter) {
			return i == len(letters)-1, true
		}
		if !strings.ContainsRune(dumpFlags, letter) {
			return false, false
		}
	}
	return false, true
}

// DumpSQL implements sources.DumpedSQL by pg_dump, which stands in the path.
func (s *Source) DumpSQL(ctx context.Context, options []string, most int) ([]byte, error) {
	if err := checkDumpOptions(options); err != nil {
		return nil, err
	}
	program, err := exec.LookPath("pg_dump")
	if err != nil {
		return nil, &sources.Error{
			Code: sources.CodeNotSupported, Message: "pg_dump is not installed where the engine runs: install PostgreSQL's client programs and put them into its PATH",
			Cause: err,
		}
	}
	address, password, err := withoutPassword(s.config.URL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := &bounded{most: most, full: cancel}
	message := &bounded{most: 1 << 16, full: func() {}}
	arguments := slices.Concat([]string{"--encoding=utf8"}, options, []string{"--no-password", "--dbname=" + address})
	command := exec.CommandContext(ctx, program, arguments...) // the options have been checked
	command.Env = dumpEnvironment(os.Environ(), password)
	command.Stdout, command.Stderr, command.WaitDelay = out, message, killDelay
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	err = command.Run()
	switch {
	case out.overflown:
		return nil, &sources.Error{Code: sources.CodeBadRequest, Message: fmt.Sprintf("what pg_dump writes is larger than %d bytes", most)}
	case ctx.Err() != nil:
		return nil, &sources.Error{Code: sources.CodeTimeout, Message: "pg_dump did not end in time", Cause: ctx.Err()}
	case err != nil:
		return nil, &sources.Error{
			Code: sources.CodeUnexpected, Message: "error while executing pg_dump: " + strings.TrimSpace(message.String()), Cause: err,
		}
	}
	return out.Bytes(), nil
}

// passwordSetting is a password among a connection string's key words.
var passwordSetting = regexp.MustCompile(`(^|\s)password\s*=\s*('(?:[^'\\]|\\.)*'|(?:[^\s\\']|\\.)*)`)

// withoutPassword takes the password out of a connection string: everybody on a
// machine can read the arguments of its programs.
func withoutPassword(address string) (bare, password string, err error) {
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		return "", "", &sources.Error{Code: sources.CodeConnection, Message: "the connection string is not valid", Cause: err}
	}
	if !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		return passwordSetting.ReplaceAllString(address, "$1"), config.Password, nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", "", &sources.Error{Code: sources.CodeConnection, Message: "the connection string is not valid", Cause: errors.New("it is no URL")}
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	if query.Has("password") {
		query.Del("password")
		u.RawQuery = query.Encode()
	}
	return u.String(), config.Password, nil
}

// dumpEnvironment is what pg_dump needs to know of the engine's environment, which
// has secrets besides.
func dumpEnvironment(environment []string, password string) []string {
	var out []string
	for _, variable := range environment {
		name, _, _ := strings.Cut(variable, "=")
		switch {
		case name == "PGPASSWORD":
		case name == "PATH", name == "HOME", name == "SYSTEMROOT", strings.HasPrefix(name, "LC_"), name == "LANG", strings.HasPrefix(name, "PG"):
			out = append(out, variable)
		}
	}
	if password != "" {
		out = append(out, "PGPASSWORD="+password)
	}
	return out
}

// bounded keeps what is written to it up to a number of bytes, and says when there
// is more.
type bounded struct {
	bytes.Buffer

	most      int
	overflown bool
	full      func()
}

// Write implements io.Writer; after the first that is too much nothing is kept.
func (b *bounded) Write(p []byte) (int, error) {
	if !b.overflown && b.Len()+len(p) <= b.most {
		return b.Buffer.Write(p)
	}
	if !b.overflown {
		b.overflown = true
		b.full()
	}
	return len(p), nil
}

// ReadFrom keeps io.Copy from going around Write.
func (b *bounded) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{b}, r)
}
