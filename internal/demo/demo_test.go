package demo_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"dovetail/internal/demo"
)

func TestStartMakesWhatIsMissingAndKeepsWhatIsThere(t *testing.T) {
	defer goleak.VerifyNone(t)
	folder := filepath.Join(t.TempDir(), `odd "name"`)
	first := start(t, folder)
	var document struct {
		Version int `json:"version"`
		Sources []struct {
			Configuration struct {
				ConnectionInfo struct {
					Path string `json:"path"`
				} `json:"connection_info"`
			} `json:"configuration"`
		} `json:"sources"`
	}
	if err := json.Unmarshal(first.MetadataJSON, &document); err != nil {
		t.Fatal(err)
	}
	if got, want := document.Sources[1].Configuration.ConnectionInfo.Path, filepath.Join(folder, "sales.db"); got != want {
		t.Errorf("path is %s, want %s", got, want)
	}
	if strings.Contains(string(first.MetadataJSON), "{{") {
		t.Error("a placeholder is left in the metadata")
	}
	execute(t, filepath.Join(folder, "sales.db"), "DELETE FROM order_line")
	if err := first.Close(); err != nil {
		t.Error(err)
	}

	second := start(t, folder)
	if got := count(t, filepath.Join(folder, "sales.db"), "order_line"); got != 0 {
		t.Errorf("the second start filled a database that was there: %d order lines", got)
	}
	if got := count(t, filepath.Join(folder, "catalog.db"), "album"); got != 19 {
		t.Errorf("%d albums, want 19", got)
	}
	if err := second.Close(); err != nil {
		t.Error(err)
	}
	left, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if names := fmt.Sprint(left); len(left) != 2 {
		t.Errorf("folder holds %s", names)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestReviewService(t *testing.T) {
	running := start(t, t.TempDir())
	t.Cleanup(func() {
		if err := running.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, test := range []struct{ name, query, want string }{
		{"rating", `{albumRating(albumId: 9) {albumId average count}}`, `{"data":{"albumRating":{"albumId":9,"average":4,"count":4}}}`},
		{"no rating", `{albumRating(albumId: 19) {average}}`, `{"data":{"albumRating":null}}`},
		{"ratings", `{albumRatings(albumIds: [9, 19, 6, 9]) {albumId average}}`, `{"data":{"albumRatings":[{"albumId":9,"average":4},{"albumId":6,"average":4.5}]}}`},
		{"limit", `{albumReviews(albumId: 6, limit: 1) {rating customerId}}`, `{"data":{"albumReviews":[{"rating":5,"customerId":10}]}}`},
		{"nobody", `{customerReviews(customerId: 99) {id}}`, `{"data":{"customerReviews":[]}}`},
		{"negative limit", `{latestReviews(limit: -1) {id}}`, `{"errors":[{"message":"limit must not be negative, but is -1","path":["latestReviews"]}],"data":null}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := ask(t, running.ReviewsURL, test.query); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func start(t *testing.T, folder string) *demo.Demo {
	t.Helper()
	running, err := demo.Start(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return running
}

func ask(t *testing.T, address, query string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	return string(answer)
}

func execute(t *testing.T, path, statement string) {
	t.Helper()
	connection, err := sqlite.OpenConn(path, sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlitex.ExecuteTransient(connection, statement, nil); err != nil {
		t.Error(err)
	}
	if err := connection.Close(); err != nil {
		t.Error(err)
	}
}

func count(t *testing.T, path, table string) int {
	t.Helper()
	connection, err := sqlite.OpenConn(path, sqlite.OpenReadOnly)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains([]string{"album", "order_line"}, table) {
		t.Fatalf("unknown table %s", table)
	}
	number, err := sqlitex.ResultInt(connection.Prep("SELECT count(*) FROM " + table))
	if err != nil {
		t.Error(err)
	}
	if err := connection.Close(); err != nil {
		t.Error(err)
	}
	return number
}
