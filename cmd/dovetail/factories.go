package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"dovetail/internal/kind"
	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/live"
	"dovetail/internal/orderedjson"
	"dovetail/internal/plan"
	"dovetail/internal/rest"
	"dovetail/internal/schema"
	"dovetail/remoteschema"
	"dovetail/sources"
	"dovetail/sources/mssql"
	"dovetail/sources/postgres"
	"dovetail/sources/sqlite"
)

// factories make the sources that metadata names.
func factories(s *settings) live.Factories {
	answers := remoteschema.NewBudget(s.remoteAnswerBytes)
	return live.Factories{
		OpenDatabase: func(ctx context.Context, of, name string, configuration orderedjson.Value) (sources.Source, error) {
			return openDatabase(ctx, s, of, name, configuration)
		},
		ParseType: func(name string) func(string) plan.Type { return databases[name].parseType },
		OpenRemote: func(_ context.Context, r *document.RemoteSchema) (live.Remote, error) {
			return openRemote(s, answers, r)
		},
		Customize:  customize,
		Permission: permission,

		TypeClashes:  typeClashes,
		CheckQueries: rest.Check,
		Decorate:     decorate(),
	}
}

// typeClashes holds the types of remote schemas against those of sources.
func typeClashes(c *catalog.Catalog) []live.TypeClash {
	var out []live.TypeClash
	for _, clash := range schema.TypeClashes(c) {
		out = append(out, live.TypeClash(clash))
	}
	return out
}

// database is how a kind of database is opened; what the metadata must know of it
// stands in the package kind. Another kind is an entry there and one here.
type database struct {
	parseType func(name string) plan.Type
	open      func(ctx context.Context, s *settings, c *document.Connection) (sources.Source, error)
}

// databases are the kinds that can be opened, by the metadata's word.
var databases = map[string]database{
	kind.Postgres: {postgres.ParseType, openPostgres},
	kind.SQLite:   {sqlite.ParseType, openSQLite},
	kind.MSSQL:    {mssql.ParseType, openMSSQL},
}

func openDatabase(ctx context.Context, s *settings, of, name string, configuration orderedjson.Value) (sources.Source, error) {
	connection, err := document.ConnectionOf(configuration, "$.configuration", of)
	if err != nil {
		return nil, err
	}
	open := databases[of].open
	if open == nil {
		return nil, fmt.Errorf("source %q: databases of kind %q are not supported", name, of)
	}
	return open(ctx, s, connection)
}

func openSQLite(_ context.Context, _ *settings, c *document.Connection) (sources.Source, error) {
	path, err := resolve(c.Address)
	if err != nil {
		return nil, err
	}
	source, err := sqlite.Open(sqlite.Config{Path: path, MaxConnections: deref(c.Pool.MaxConnections)})
	if err != nil {
		return nil, err
	}
	return source, nil
}

func openMSSQL(_ context.Context, _ *settings, c *document.Connection) (sources.Source, error) {
	config, err := mssqlConfig(c)
	if err != nil {
		return nil, err
	}
	for _, replica := range c.Replicas {
		own, err := mssqlConfig(replica)
		if err != nil {
			return nil, err
		}
		config.Replicas = append(config.Replicas, own)
	}
	source, err := mssql.Open(config)
	if err != nil {
		return nil, err
	}
	return source, nil
}

// openPostgres opens a database with its replicas. Certificates stand in files only
// while it does: it reads them once.
func openPostgres(ctx context.Context, s *settings, connection *document.Connection) (source sources.Source, err error) {
	files := &certificates{}
	defer func() {
		if failure := files.remove(); failure != nil && err == nil {
			err = errors.Join(failure, source.Close())
		}
	}()
	config, err := postgresConfig(s, connection, files)
	if err != nil {
		return nil, err
	}
	for _, replica := range connection.Replicas {
		own, err := postgresConfig(s, replica, files)
		if err != nil {
			return nil, err
		}
		config.Replicas = append(config.Replicas, own)
	}
	opened, err := postgres.Open(ctx, config)
	if err != nil {
		return nil, err
	}
	return opened, nil
}

func resolve(t document.Text) (string, error) {
	value, missing, ok := t.Resolve(os.LookupEnv)
	if !ok {
		return "", &sources.Error{Code: "invalid-params", Message: fmt.Sprintf("environment variable '%s' not set", missing)}
	}
	return value, nil
}

func deref(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func seconds(n *int, otherwise time.Duration) time.Duration {
	if n == nil {
		return otherwise
	}
	return time.Duration(*n) * time.Second
}

func mssqlConfig(c *document.Connection) (mssql.Config, error) {
	address, err := resolve(c.Address)
	return mssql.Config{
		ConnectionString: address, MaxConnections: deref(c.Pool.MaxConnections), Unpooled: c.Pool.Disabled,
		IdleTimeout: seconds(c.Pool.IdleTimeout, 0), IsolationLevel: c.IsolationLevel,
	}, err
}

func postgresConfig(s *settings, c *document.Connection, files *certificates) (postgres.Config, error) {
	address, err := resolve(c.Address)
	if err != nil {
		return postgres.Config{}, err
	}
	if c.SSL != nil {
		if address, err = files.withSSL(address, c.SSL); err != nil {
			return postgres.Config{}, err
		}
	}
	out := postgres.Config{
		URL: address, MaxConnections: deref(c.Pool.MaxConnections), IdleTimeout: seconds(c.Pool.IdleTimeout, s.postgres.idle),
		ConnectionLifetime: seconds(c.Pool.ConnectionLifetime, s.postgres.lifetime), PoolTimeout: seconds(c.Pool.PoolTimeout, 0),
		IsolationLevel: c.IsolationLevel, Preparing: preparing(cmp.Or(c.UsePreparedStatements, s.postgres.prepared)),
	}
	if out.MaxConnections == 0 {
		out.MaxConnections = s.postgres.connections
	}
	if out.IsolationLevel == "" {
		out.IsolationLevel = s.postgres.isolation
	}
	return out, nil
}

// preparing is when a source's statements are prepared: as it or the setting says,
// else wherever connections are the engine's own.
func preparing(prepared *bool) postgres.Preparing {
	switch {
	case prepared == nil:
		return postgres.PrepareUnlessPooled
	case *prepared:
		return postgres.PrepareAlways
	}
	return postgres.PrepareNever
}

// certificates are the folders that hold certificates.
type certificates struct{ folders []string }

func (f *certificates) remove() error {
	var err error
	for _, folder := range f.folders {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	return err
}

// withSSL adds certificates to a Postgres URL. The metadata holds their text,
// connections want files.
func (f *certificates) withSSL(address string, c *document.SSLConfiguration) (string, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		return "", &sources.Error{Code: "invalid-params", Message: "ssl_configuration needs a database_url that is a URL"}
	}
	query := u.Query()
	query.Set("sslmode", c.Mode)
	folder, err := os.MkdirTemp("", "dovetail-certificates-")
	if err != nil {
		return "", err
	}
	f.folders = append(f.folders, folder)
	for name, text := range map[string]document.Text{"sslrootcert": c.RootCert, "sslcert": c.Cert, "sslkey": c.Key} {
		if text == (document.Text{}) {
			continue
		}
		value, err := resolve(text)
		if err != nil {
			return "", err
		}
		path := filepath.Join(folder, name+".pem")
		if err := os.WriteFile(path, []byte(value), 0o600); err != nil {
			return "", err
		}
		query.Set(name, path)
	}
	if c.Password != (document.Text{}) {
		password, err := resolve(c.Password)
		if err != nil {
			return "", err
		}
		query.Set("sslpassword", password)
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// remote is a remote schema as the engine wants it.
type remote struct{ *remoteschema.Source }

// Introspect implements live.Remote.
func (r remote) Introspect(ctx context.Context) ([]byte, error) {
	schema, err := r.Source.Introspect(ctx)
	if err != nil {
		return nil, err
	}
	return schema.Raw, nil
}

// UseIntrospection implements live.Remote.
func (r remote) UseIntrospection(answer []byte) (*ast.Schema, error) {
	schema, err := remoteschema.LoadIntrospection(answer)
	if err != nil {
		return nil, err
	}
	r.UseSchema(schema)
	return schema, nil
}

func openRemote(s *settings, answers *remoteschema.Budget, r *document.RemoteSchema) (live.Remote, error) {
	d := &r.Definition
	address, display, err := remoteschema.ResolveURL(remoteschema.URLDefinition{URL: d.URL, URLFromEnv: d.URLFromEnv}, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	definitions := make([]remoteschema.HeaderDefinition, 0, len(d.Headers))
	for _, h := range d.Headers {
		definitions = append(definitions, remoteschema.HeaderDefinition{Name: h.Name, Value: h.Value, ValueFromEnv: h.FromEnv})
	}
	headers, err := remoteschema.ResolveHeaders(definitions, os.LookupEnv)
	if err != nil {
		return nil, err
	}
	source, err := remoteschema.Open(remoteschema.Config{
		Name: r.Name, URL: address, Display: display, Headers: headers, ForwardClientHeaders: d.ForwardClientHeaders,
		Answers: answers, Timeout: seconds(d.TimeoutSeconds, 0), SkipNulls: s.catalog.RemoteSchemaSkipNulls,
		MaxKeys: cmp.Or(deref(d.BatchSize), s.remoteChunkSize), MaxConcurrent: deref(d.MaxParallelRequests),
	})
	if err != nil {
		return nil, err
	}
	return remote{source}, nil
}

func mapping(m document.Mapping) map[string]string {
	out := make(map[string]string, len(m))
	for _, p := range m {
		out[p.Key] = p.Value
	}
	return out
}

func customize(r *document.RemoteSchema, upstream *ast.Schema) (catalog.RemoteCustomization, error) {
	c := r.Definition.Customization
	definition := remoteschema.Customization{
		Namespace: c.Namespace,
		TypeNames: remoteschema.TypeNames{Prefix: c.TypePrefix, Suffix: c.TypeSuffix, Mapping: mapping(c.TypeMapping)},
	}
	for _, f := range c.Fields {
		definition.FieldNames = append(definition.FieldNames, remoteschema.FieldNames{
			ParentType: f.ParentType, Prefix: f.Prefix, Suffix: f.Suffix, Mapping: mapping(f.Mapping),
		})
	}
	names, err := remoteschema.Customize(definition, upstream)
	if err != nil {
		return catalog.RemoteCustomization{}, err
	}
	return catalog.RemoteCustomization{Namespace: c.Namespace, Types: names.Types, Fields: names.Fields}, nil
}

func permission(p *document.RemoteSchemaPermission, upstream *ast.Schema) (*catalog.RemotePermission, error) {
	read, err := remoteschema.ParsePermission(p.Schema, upstream)
	if err != nil {
		return nil, err // the reason of an inconsistency
	}
	return &catalog.RemotePermission{Schema: read.Schema, Presets: read.Presets, InputPresets: read.InputPresets}, nil
}
