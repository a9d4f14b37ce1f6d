package postgres

import (
	"errors"
	"slices"
	"testing"

	"dovetail/sources"
)

func TestWithoutPassword(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ address, bare, password string }{
		{"postgres://u:p%40x@h:5/d?sslmode=disable", "postgres://u@h:5/d?sslmode=disable", "p@x"},
		{"postgresql://u@h/d?password=x", "postgresql://u@h/d", "x"},
		{`host=h user=u password='a b\'c' dbname=d`, "host=h user=u  dbname=d", "a b'c"},
		{`password=x host=h user=u`, " host=h user=u", "x"},
	} {
		bare, password, err := withoutPassword(c.address)
		if err != nil || bare != c.bare || password != c.password {
			t.Errorf("%s: %q %q %v", c.address, bare, password, err)
		}
	}
	got := dumpEnvironment([]string{"PATH=/bin", "PGPASSWORD=old", "PGSSLMODE=require", "DOVETAIL_ADMIN_SECRET=s"}, "new")
	if want := []string{"PATH=/bin", "PGSSLMODE=require", "PGPASSWORD=new"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestNoDumpProgram: the engine's image has no pg_dump.
func TestNoDumpProgram(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	s, err := Open(t.Context(), Config{URL: "postgres://u:p@127.0.0.1:1/d"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	_, err = s.DumpSQL(t.Context(), nil, 1<<20)
	if failure := (*sources.Error)(nil); !errors.As(err, &failure) || failure.Code != sources.CodeNotSupported {
		t.Errorf("%v", err)
	}
}

// TestBounded: what is over the bound is dropped, and told of.
func TestBounded(t *testing.T) {
	t.Parallel()
	told := 0
	b := &bounded{most: 4, full: func() { told++ }}
	for _, text := range []string{"abc", "de", "f"} {
		if n, err := b.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("%d %v", n, err)
		}
	}
	if b.String() != "abc" || !b.overflown || told != 1 {
		t.Errorf("%q %d", b.String(), told)
	}
}
