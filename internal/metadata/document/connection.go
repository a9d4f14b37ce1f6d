package document

import (
	"net/url"
	"strconv"
	"strings"

	"dovetail/internal/kind"
	"dovetail/internal/orderedjson"
)

// Text is a string of a configuration: written out, or the name of an
// environment variable.
type Text struct {
	Value   string
	FromEnv string
}

// Resolve gives the string; ok is false when the environment lacks it. A
// written value may hold {{NAME}}, which the environment fills too; missing
// then names the variable that isn't set.
func (t Text) Resolve(env func(name string) (string, bool)) (value, missing string, ok bool) {
	if t.FromEnv != "" {
		v, ok := env(t.FromEnv)
		return v, t.FromEnv, ok
	}
	var b strings.Builder
	rest := t.Value
	for {
		before, after, found := strings.Cut(rest, "{{")
		b.WriteString(before)
		if !found {
			return b.String(), "", true
		}
		name, after, found := strings.Cut(after, "}}")
		if !found {
			b.WriteString("{{" + name)
			return b.String(), "", true
		}
		v, ok := env(strings.TrimSpace(name))
		if !ok {
			return "", strings.TrimSpace(name), false
		}
		b.WriteString(v)
		rest = after
	}
}

// Connection is how a source is reached.
type Connection struct {
	// Address is where the database is: Postgres's database_url, SQL Server's
	// connection_string, SQLite's file.
	Address Text
	Pool    PoolSettings
	// IsolationLevel is read-committed, repeatable-read … or empty.
	IsolationLevel        string
	UsePreparedStatements *bool
	// SSL is Postgres's ssl_configuration; nil without one.
	SSL *SSLConfiguration
	// ExtensionsSchema is where Postgres's extensions are; empty: public.
	ExtensionsSchema string
	// Replicas are databases with the same contents that queries are sent to.
	Replicas []*Connection
}

// PoolSettings bound a source's connections; nil parts keep the default.
type PoolSettings struct {
	Disabled                                              bool
	MaxConnections, TotalMaxConnections                   *int
	IdleTimeout, Retries, PoolTimeout, ConnectionLifetime *int
}

// SSLConfiguration is Postgres's ssl_configuration.
type SSLConfiguration struct {
	Mode                          string
	RootCert, Cert, Key, Password Text
}

// ConnectionOf reads the configuration of a source of some kind.
func ConnectionOf(configuration orderedjson.Value, path, of string) (*Connection, error) {
	d := &decoder{}
	o := d.object(configuration, path, "SourceConfiguration")
	c := d.connectionInfo(o.need("connection_info"), o.at("connection_info"), of)
	c.ExtensionsSchema = o.optionalText("extensions_schema")
	o.list("read_replicas", func(j orderedjson.Value, path string) {
		if k, ok := kind.Named(of); ok && !k.Replicas {
			d.failCode(path, "not-supported", "read replicas are not supported for %s", of)
			return
		}
		c.Replicas = append(c.Replicas, d.connectionInfo(j, path, of))
	})
	return c, d.err()
}

// connectionInfo reads how one database is reached: a source's own or a replica.
func (d *decoder) connectionInfo(j orderedjson.Value, path, of string) *Connection {
	info := d.object(j, path, "SourceConnectionInfo")
	c := &Connection{IsolationLevel: info.optionalText("isolation_level")}
	k, ok := kind.Named(of)
	if !ok {
		d.fail(path, "unknown kind of source %q", of)
		return c
	}
	key := k.Address[len(k.Address)-1]
	for _, name := range k.Address {
		if _, ok := info.get(name); ok {
			key = name
			break
		}
	}
	if k.Parameters {
		c.Address = d.databaseURL(info.need(key), info.at(key))
		if v, ok := info.get("use_prepared_statements"); ok {
			b := info.boolean("use_prepared_statements", v.Text == "true")
			c.UsePreparedStatements = &b
		}
		if v, ok := info.get("ssl_configuration"); ok {
			c.SSL = d.sslConfiguration(v, info.at("ssl_configuration"))
		}
	} else {
		c.Address = d.configText(info.need(key), info.at(key))
	}
	if v, ok := info.get("pool_settings"); ok {
		c.Pool = d.poolSettings(v, info.at("pool_settings"))
	}
	return c
}

// Connection reads the source's configuration.
func (s *Source) Connection() (*Connection, error) {
	return ConnectionOf(s.Configuration, "$.configuration", s.Kind)
}

func (d *decoder) configText(j orderedjson.Value, path string) Text {
	switch j.Kind {
	case orderedjson.String:
		return Text{Value: j.Text}
	case orderedjson.Object:
		o := d.object(j, path, "FromEnv")
		return Text{FromEnv: o.nonEmpty("from_env")}
	case orderedjson.Null, orderedjson.Bool, orderedjson.Number, orderedjson.Array:
	}
	d.fail(path, "expected a string or {\"from_env\": …}")
	return Text{}
}

func (d *decoder) databaseURL(j orderedjson.Value, path string) Text {
	if j.Kind == orderedjson.Object {
		if v, ok := j.Get("connection_parameters"); ok {
			return Text{Value: d.connectionParameters(v, ChildPath(path, "connection_parameters"))}
		}
		if _, ok := j.Get("dynamic_from_file"); ok {
			d.failCode(path, "not-supported", "dynamic_from_file is not supported")
			return Text{}
		}
	}
	return d.configText(j, path)
}

func (d *decoder) connectionParameters(j orderedjson.Value, path string) string {
	o := d.object(j, path, "PGConnectionParams")
	u := url.URL{Scheme: "postgresql", Host: o.text("host"), Path: "/" + o.text("database")}
	port := o.need("port")
	if _, err := strconv.ParseUint(port.Text, 10, 16); err != nil || port.Kind == orderedjson.Bool {
		d.fail(o.at("port"), "expected a port number")
	}
	if strings.Contains(u.Host, ":") {
		u.Host = "[" + u.Host + "]"
	}
	u.Host += ":" + port.Text
	u.User = url.User(o.text("username"))
	if password := o.textPointer("password"); password != nil {
		u.User = url.UserPassword(o.text("username"), *password)
	}
	// A password may look like an environment template; it must stay as it is.
	return strings.ReplaceAll(u.String(), "{{", "%7B%7B")
}

func (d *decoder) sslConfiguration(j orderedjson.Value, path string) *SSLConfiguration {
	o := d.object(j, path, "PGClientCerts")
	s := &SSLConfiguration{Mode: o.text("sslmode")}
	text := func(key string) Text {
		v, ok := o.get(key)
		if !ok {
			return Text{}
		}
		return d.configText(v, o.at(key))
	}
	s.RootCert, s.Cert, s.Key, s.Password = text("sslrootcert"), text("sslcert"), text("sslkey"), text("sslpassword")
	return s
}

func (d *decoder) poolSettings(j orderedjson.Value, path string) PoolSettings {
	o := d.object(j, path, "PoolSettings")
	p := PoolSettings{Disabled: !o.boolean("enable", true)}
	p.MaxConnections, p.TotalMaxConnections = o.integer("max_connections"), o.integer("total_max_connections")
	p.IdleTimeout, p.Retries = o.integer("idle_timeout"), o.integer("retries")
	p.PoolTimeout, p.ConnectionLifetime = o.integer("pool_timeout"), o.integer("connection_lifetime")
	return p
}
