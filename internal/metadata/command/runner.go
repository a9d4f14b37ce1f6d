package command

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
	"dovetail/internal/session"
)

// API is one of the endpoints that take commands.
type API string

// The endpoints.
const (
	V1Metadata API = "/v1/metadata"
	V1Query    API = "/v1/query"
	V2Query    API = "/v2/query"
)

// Config is what a runner is made of.
type Config struct {
	Engine *live.Metadata
	Logger *slog.Logger
	// ReadOnly refuses every change of the metadata.
	ReadOnly bool
	// ReadOnlyData refuses SQL that may write to sources.
	ReadOnlyData bool
	// Maintenance refuses changes of the metadata, too, for the time being.
	Maintenance bool
	// DefaultSource is the configuration of the source default that stays when
	// the metadata is cleared; null for none.
	DefaultSource orderedjson.Value
}

// Runner carries out commands.
type Runner struct {
	config   Config
	live     *live.Metadata
	logger   *slog.Logger
	commands map[string]command
	// query answers GraphQL queries; nil until UseQuery.
	query Query
}

// New makes a runner.
func New(c Config) *Runner {
	return &Runner{config: c, live: c.Engine, logger: c.Logger, commands: allCommands()}
}

// Answer is what a request is answered with.
type Answer struct {
	JSON []byte
	// ResourceVersion is the version of the metadata afterwards.
	ResourceVersion int64
}

// command says how one command works.
type command struct {
	// apis take the command; none: /v1/metadata and /v1/query.
	apis []API
	// prefixed commands are about one kind of database, and are called with its
	// prefix but in /v1/query.
	prefixed bool
	// anyPrefix: whatever stands before it does, and nothing; the source says its kind.
	anyPrefix bool
	// kinds are those of prefixed commands, nil: all.
	kinds feature
	// open commands may be carried out by any role.
	open bool
	edit edit
	run  run
}

// run carries out a command and gives its answer as JSON.
type run func(ctx context.Context, c *call) ([]byte, error)

// edit changes the document, which is the command's own copy, and says what the
// command is about.
type edit func(c *call, m *document.Metadata) (subject, error)

// request is a command as sent.
type request struct {
	name            string
	args            orderedjson.Value
	version         int
	resourceVersion *int64
}

// call is a command being carried out.
type call struct {
	runner  *Runner
	tx      *live.Transaction
	session *session.Session
	api     API
	// place is the command's place in the request: "" or that of an item of bulks.
	place string
	// name is the command's without prefix, kind what the prefix says.
	name    string
	kind    string
	args    orderedjson.Value
	version int
}

// success is the answer of commands that have nothing to tell.
func success() []byte { return []byte(`{"message":"success"}`) }

// Run carries out the command in a request's body, as one transaction.
func (r *Runner) Run(ctx context.Context, api API, who *session.Session, body []byte) (Answer, error) {
	value, err := orderedjson.Parse(body)
	if err != nil {
		return Answer{}, &Error{Status: http.StatusBadRequest, Code: CodeInvalidJSON, Path: "$", Message: "Error in $: " + err.Error()}
	}
	req, err := readRequest(value, api)
	if err != nil {
		return Answer{}, err
	}
	if !who.Admin() && !r.open(api, req.name) {
		return Answer{}, fail(CodeAccessDenied, "restricted access : admin only")
	}
	r.live.CatchUp(ctx)
	tx := r.live.Begin()
	defer tx.Close(ctx)
	base := call{runner: r, tx: tx, session: who, api: api}
	out, err := r.attempt(ctx, base, req)
	for attempt := 1; errors.Is(err, live.ErrConflict) && attempt < maxAttempts; attempt++ {
		// Somebody else was quicker: what the command has read and done still holds.
		if err = tx.StartOver(ctx); err == nil {
			out, err = r.attempt(ctx, base, req)
		}
	}
	if errors.Is(err, live.ErrConflict) {
		return Answer{}, versionError(tx.ResourceVersion())
	}
	if err != nil {
		return Answer{}, err
	}
	return Answer{JSON: out, ResourceVersion: tx.State().ResourceVersion}, nil
}

// maxAttempts bounds how often a command is carried out because others change the
// metadata at the same time.
const maxAttempts = 10

// attempt carries out a request's command on the newest state.
func (r *Runner) attempt(ctx context.Context, base call, req request) ([]byte, error) {
	if req.resourceVersion != nil && base.tx.ResourceVersion() != *req.resourceVersion {
		return nil, versionError(*req.resourceVersion)
	}
	out, err := r.dispatch(ctx, &base, req)
	if err != nil {
		return nil, err
	}
	return out, base.tx.Commit(ctx)
}

func versionError(referenced int64) error {
	return (&Error{Status: http.StatusConflict, Code: CodeConflict, Path: "$"}).
		message("metadata resource version referenced (%d) did not match current version", referenced)
}

// readRequest reads a command's envelope.
func readRequest(value orderedjson.Value, api API) (request, error) {
	what := "Object"
	if api == V1Metadata {
		what = "RQLMetadata"
	}
	o := readObject(value, what, "$")
	out := request{version: 1, name: o.text("type")}
	if v, ok := o.optional("args"); ok {
		out.args = v
	} else {
		out.args = orderedjson.Value{Kind: orderedjson.Object}
	}
	if v, ok := o.optional("version"); ok {
		switch v.Text {
		case "1":
		case "2":
			out.version = 2
		default:
			o.failAt(child("$", "version"), "expected 1 or 2, encountered %s", v.TextOf())
		}
	}
	if v, ok := o.optional("resource_version"); ok {
		n, err := strconv.ParseInt(v.Text, 10, 64)
		if err != nil || v.Kind != orderedjson.Number {
			o.failAt(child("$", "resource_version"), "parsing Int failed, expected Number, but encountered %s", v.Kind)
		}
		out.resourceVersion = &n
	}
	return out, o.err()
}

// find looks a command up: as it is called, or behind a prefix.
func (r *Runner) find(api API, name string) (command, string, string, error) {
	if c, ok := r.commands[name]; ok && (!c.prefixed || c.anyPrefix || api != V1Metadata) && c.takes(api) {
		return c, name, "", nil
	}
	unknown := &Error{Status: http.StatusBadRequest, Code: CodeParseFailed, Path: "$"}
	prefix, rest, cut := strings.Cut(name, "_")
	of, known := kind.OfPrefix(prefix)
	if c, ok := r.commands[rest]; ok && c.anyPrefix && c.takes(api) && !known {
		return c, rest, "", nil
	}
	switch {
	case !cut || !known:
		if api != V1Metadata {
			return command{}, "", "", unknown.message("unknown command %q", name)
		}
		return command{}, "", "", unknown.message("unknown metadata command %q; %q was not recognized as a valid backend name", name, prefix)
	default:
		c, ok := r.commands[rest]
		if !ok || !c.prefixed || !c.takes(api) || !c.supports(of.Name) {
			return command{}, "", "", unknown.message("unknown metadata command %q for backend %s", rest, of.Name)
		}
		return c, rest, of.Name, nil
	}
}

// open tells whether any role may carry out a command.
func (r *Runner) open(api API, name string) bool {
	c, _, _, err := r.find(api, name)
	return err == nil && c.open
}

func (c command) takes(api API) bool {
	if len(c.apis) == 0 {
		return api != V2Query
	}
	return slices.Contains(c.apis, api)
}

func (c command) supports(name string) bool {
	k, _ := kind.Named(name)
	return c.kinds == nil || c.kinds(k)
}

const documentation = "https://hasura.io/docs/latest/graphql/core/api-reference/metadata-api/index.html#metadata-apis"

// dispatch carries out one command inside of a transaction.
func (r *Runner) dispatch(ctx context.Context, base *call, req request) ([]byte, error) {
	found, name, kind, err := r.find(base.api, req.name)
	if err != nil {
		return nil, err
	}
	c := *base
	c.name, c.kind, c.args, c.version = name, kind, req.args, req.version
	out, err := found.carryOut(ctx, &c)
	var e *Error
	if !errors.As(err, &e) || !e.parsing {
		return out, err
	}
	switch {
	case base.api == V1Query:
		e.Path = strings.Replace(e.Path, argsPath, "$", 1)
	case found.prefixed:
		e.Message = "Error when parsing command " + name + ".\nSee our documentation at " + documentation +
			".\nInternal error message: " + e.Message
	}
	return nil, e
}

func (c command) carryOut(ctx context.Context, call *call) ([]byte, error) {
	if c.run != nil {
		return c.run(ctx, call)
	}
	if err := call.change(ctx, c.edit); err != nil {
		return nil, err
	}
	return success(), nil
}

// metadata is the document as the command finds it; it must not be changed.
func (c *call) metadata() *document.Metadata { return c.tx.State().Metadata }

// object starts reading the arguments.
func (c *call) object() *object { return readObject(c.args, "Object", argsPath) }

// sourceIn finds a source of a document that the command may be about.
func (c *call) sourceIn(m *document.Metadata, name string) (*document.Source, error) {
	s, ok := m.Source(name)
	if !ok {
		return nil, fail(CodeNotExists, "source with name %q does not exist", name)
	}
	if c.kind != "" && c.kind != s.Kind {
		return nil, fail(CodeNotExists, "source with name %q is of kind %s, not %s", name, s.Kind, c.kind)
	}
	return s, nil
}

// namedIn finds the table and the name of that of its parts that a command is
// about.
func (c *call) namedIn(m *document.Metadata) (*document.Table, string, error) {
	o := c.object()
	_, t, err := c.tableIn(m, o)
	if err != nil {
		return nil, "", err
	}
	name := o.nonEmpty("name")
	return t, name, o.err()
}

// tableIn finds the table that arguments name, with its source.
func (c *call) tableIn(m *document.Metadata, o *object) (*document.Source, *document.Table, error) {
	sourceName, value := o.source(), o.required("table")
	if err := o.err(); err != nil {
		return nil, nil, err
	}
	s, err := c.sourceIn(m, sourceName)
	if err != nil {
		return nil, nil, err
	}
	name, err := document.ParseTableName(value, argsPath+".table", s.Kind)
	if err != nil {
		return nil, nil, parseError(err, argsPath)
	}
	t, ok := s.Table(name)
	if !ok {
		return nil, nil, fail(CodeNotExists, "table %q does not exist in source: %s", name, s.Name).at(argsPath + ".table")
	}
	return s, t, nil
}
