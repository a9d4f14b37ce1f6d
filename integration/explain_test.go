package integration_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestExplainShowsWhatIsShared explains lookups that share a statement, and one
// that a richer one serves.
func TestExplainShowsWhatIsShared(t *testing.T) {
	w := readFixture(t, filepath.Join("testdata", "cases", "union")).build(t, postgresLayout())
	query := `{album {author {name posts {title}} editor {email} reviews {author {id posts {size}}}}}`
	status, received := w.engine.Post(t, "/v1/graphql/explain", nil, []byte(fmt.Sprintf(`{"query":{"query":%q}}`, query)))
	var roots []struct {
		Fragments []struct {
			ID         int      `json:"id"`
			Path       []string `json:"path"`
			Statement  string   `json:"statement"`
			SharedWith []int    `json:"shared_with"`
			ServedBy   []int    `json:"served_by"`
		} `json:"fragments"`
	}
	if err := json.Unmarshal(received, &roots); err != nil || status != http.StatusOK || len(roots) != 1 {
		t.Fatalf("status %d, %v: %s", status, err, received)
	}
	var out strings.Builder
	statements := map[string]string{}
	for _, f := range roots[0].Fragments {
		path := strings.Join(f.Path, ".")
		fmt.Fprintf(&out, "%d %s %v %v\n", f.ID, path, f.SharedWith, f.ServedBy)
		statements[path] = f.Statement
	}
	if got, want := out.String(), "0 album [] []\n1 album.author [3] []\n2 album.editor [] [1 3]\n3 album.reviews.author [1] []\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	one, other := statements["album.author"], statements["album.reviews.author"]
	if one != other || !strings.Contains(one, `"email"`) || !strings.Contains(one, `"size"`) || strings.Contains(statements["album.editor"], `"size"`) {
		t.Errorf("statements %q", statements)
	}
}
