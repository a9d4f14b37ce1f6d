package mssql

import (
	"strings"
	"testing"

	"github.com/microsoft/go-mssqldb/msdsn"

	"dovetail/sources"
)

func TestConnectionStrings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text  string
		check func(msdsn.Config) bool
	}{
		{"Driver={ODBC Driver 18 for SQL Server};Server=tcp:db.example.com,1433;Database=shop;Uid=sa;Pwd={p;w}}d};Encrypt=yes;TrustServerCertificate=yes;ApplicationIntent=ReadOnly", func(c msdsn.Config) bool {
			return c.Host == "db.example.com" && c.Port == 1433 && c.Database == "shop" && c.User == "sa" && c.Password == "p;w}d" &&
				c.Encryption == msdsn.EncryptionRequired && c.TrustServerCertificate && c.ReadOnlyIntent && c.AppName == "dovetail"
		}},
		{"DRIVER={ODBC Driver 17 for SQL Server};SERVER=127.0.0.1,14330;Uid=sa;Pwd=x;", func(c msdsn.Config) bool {
			return c.Host == "127.0.0.1" && c.Port == 14330 && c.Encryption == msdsn.EncryptionOff && c.TrustServerCertificate
		}},
		{"DRIVER={ODBC Driver 18 for SQL Server};SERVER=h;Uid=sa;Pwd=x;", func(c msdsn.Config) bool { return c.Encryption == msdsn.EncryptionRequired }},
		{"Data Source=.\\SQLEXPRESS;Initial Catalog=shop;User ID=me;Password=\"a;\"\"b\";Connect Timeout=7;Encrypt=Optional;MultipleActiveResultSets=True", func(c msdsn.Config) bool {
			return c.Host == "localhost" && c.Instance == "SQLEXPRESS" && c.Database == "shop" && c.User == "me" && c.Password == `a;"b` &&
				c.DialTimeout.Seconds() == 7 && c.Encryption == msdsn.EncryptionOff
		}},
		{"server = tcp:h , 99 ; user id = u ; password = p ; app name = mine; encrypt=strict", func(c msdsn.Config) bool {
			return c.Host == "h" && c.Port == 99 && c.User == "u" && c.Password == "p" && c.AppName == "mine" && c.Encryption == msdsn.EncryptionStrict
		}},
		{"sqlserver://sa:p%40ss@localhost:1434?database=shop&encrypt=disable", func(c msdsn.Config) bool {
			return c.Host == "localhost" && c.Port == 1434 && c.Database == "shop" && c.Password == "p@ss" && c.Encryption == msdsn.EncryptionDisabled && c.AppName == "dovetail"
		}},
		{"sqlserver://sa:x@localhost/instance?app+name=mine", func(c msdsn.Config) bool { return c.Instance == "instance" && c.AppName == "mine" }},
	} {
		config, err := parseConnectionString(c.text)
		if err != nil || !c.check(config) {
			t.Errorf("%s: %v %+v", c.text, err, config)
		}
		if config.LogFlags != 0 {
			t.Errorf("%s: statements are logged", c.text)
		}
	}
}

func TestBadConnectionStrings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "empty",
		"  ":                              "empty",
		"nonsense":                        "no value",
		"Server=":                         "names no server",
		"Uid=sa;Pwd=secret":               "names no server",
		"Server=h;Pwd={secret":            "does not end",
		"Server=h;Pwd={secret}x":          "goes on",
		"=x":                              "no name",
		"Server=h,port;Pwd=secret":        "port",
		"Server=np:h":                     "tcp",
		"Server=h;Encrypt=perhaps":        "yes or no",
		"Server=h;Trusted_Connection=yes": "integrated security",
		"Server=h;Authentication=ActiveDirectoryPassword": "SqlPassword",
		"Server=h;ApplicationIntent=WriteOnly":            "ReadOnly",
		"postgres://u:secret@h":                           "sqlserver://",
		"sqlserver://u:secret@":                           "no server",
		"sqlserver://u:se cret@h:x:y":                     "sqlserver://",
	} {
		_, err := parseConnectionString(text)
		switch {
		case err == nil:
			t.Errorf("%q is taken", text)
		case !strings.Contains(err.Error(), want):
			t.Errorf("%q: got %v, want something about %q", text, err, want)
		case strings.Contains(err.Error(), "secret"):
			t.Errorf("%q: the error shows the password: %v", text, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	if _, err := Open(Config{ConnectionString: "Server=h", IsolationLevel: "none"}); err == nil {
		t.Error("an unknown isolation level is taken")
	}
	_, err := Open(Config{ConnectionString: "Pwd=x"})
	if e, ok := err.(*sources.Error); !ok || e.Code != sources.CodeConnection { //nolint:errorlint // the error itself is wanted
		t.Errorf("got %v", err)
	}
}

func FuzzConnectionString(f *testing.F) {
	for _, seed := range []string{"Server=h;Pwd={a}}b};Encrypt=yes", "a='b''c'; d = \"e\" ;", "sqlserver://u:p@h:1/i?database=d", "=;{", "Server=tcp:h,1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if pairs, err := splitAttributes(text); err == nil {
			for _, pair := range pairs {
				if pair[0] == "" {
					t.Errorf("%q has a setting without a name", text)
				}
			}
		}
		if config, err := parseConnectionString(text); err == nil && config.Host == "" {
			t.Errorf("%q names no server", text)
		}
	})
}
