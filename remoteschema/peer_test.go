package remoteschema

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"dovetail/internal/jsonshape"
	"dovetail/internal/plan"
	"dovetail/sources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is a server that misbehaves.
func peer(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

func answering(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// ask runs a lookup of two keys against a server.
func ask(t *testing.T, config Config) (string, error) {
	t.Helper()
	return askContext(t, t.Context(), config, &plan.Arguments{}, `query @bindings(types: ["ID!"]) { album(id: "key:0") { title x: y @hole(join: 0, keys: ["artistId"]) } }`)
}

func askContext(t *testing.T, ctx context.Context, config Config, args *plan.Arguments, query string) (string, error) { //nolint:revive // the context is not the test's
	t.Helper()
	source := openSource(t, config)
	f, err := parseFragment(testSchema(), query)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := source.Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	bindings := plan.Bindings{Width: len(f.Bindings)}
	rows := 1
	if len(f.Bindings) > 0 {
		bindings.Cells = []string{"a1", "a2"}
		rows = 2
	}
	answer := jsonshape.NewAnswer(rows)
	err = source.Run(ctx, compiled, args, bindings, answer)
	if err != nil && !isPartial(err) && (len(answer.Bytes) > 0 || len(answer.Holes) > 0) {
		t.Errorf("a failed answer holds %s", answer.Bytes)
	}
	return showAnswer(answer, f), err
}

func TestMisbehavingPeers(t *testing.T) {
	const jsonType = "application/json"
	for name, test := range map[string]struct {
		status int
		media  string
		body   string
		want   string
	}{
		"HTML":              {502, "text/html; charset=utf-8", "<html>Bad Gateway</html>", `Remote server response is not valid JSON: HTTP status 502, content type "text/html"`},
		"nothing":           {200, "", "", "not valid JSON: HTTP status 200"},
		"no content":        {204, "", "", "not valid JSON: HTTP status 204"},
		"cut off":           {200, jsonType, `{"data":{"_0":{"title":"x`, "not valid JSON"},
		"trailing":          {200, jsonType, `{"data":{"_0":null,"_1":null}} x`, "not valid JSON"},
		"not UTF-8":         {200, jsonType, "{\"data\":{\"_0\":{\"title\":\"\xff\",\"x\":1},\"_1\":null}}", "not UTF-8"},
		"a list":            {200, jsonType, `[]`, "not a JSON object"},
		"no data":           {500, jsonType, `{}`, `Missing "data" field with no errors`},
		"null data":         {200, jsonType, `{"data":null}`, `Received null "data" field with no errors`},
		"odd data":          {200, jsonType, `{"data":[1]}`, `Invalid "data" field`},
		"data twice":        {200, jsonType, `{"data":{"_0":null},"data":{}}`, `Second "data" field`},
		"empty errors":      {200, jsonType, `{"errors":[]}`, `Empty "errors" field`},
		"odd errors":        {200, jsonType, `{"errors":{"message":"x"},"data":{"_0":null,"_1":null}}`, `Invalid "errors" field`},
		"missing alias":     {200, jsonType, `{"data":{"_0":null}}`, "expecting key _1"},
		"alias twice":       {200, jsonType, `{"data":{"_0":null,"_0":null}}`, "second field"},
		"missing member":    {200, jsonType, `{"data":{"_0":{"title":"x"},"_1":null}}`, `no member "x"`},
		"scalar for object": {200, jsonType, `{"data":{"_0":7,"_1":null}}`, "unexpected scalar"},
		"object for key":    {200, jsonType, `{"data":{"_0":{"title":"x","x":{}},"_1":null}}`, "instead of a scalar"},
		"deep":              {200, jsonType, `{"data":` + strings.Repeat(`{"a":`, 10000), "nested deeper"},
		"refused":           {401, jsonType, `{"errors":[{"message":"who are you"}]}`, "Errors from remote server"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ask(t, Config{URL: peer(t, answering(test.status, test.media, test.body))})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %s", err, test.want)
			}
			var failed *sources.Error
			if !errors.As(err, &failed) || failed.Partial || failed.Internal == nil {
				t.Errorf("%#v", err)
			}
			if _, err := json.Marshal(failed.Internal); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTolerated(t *testing.T) {
	for name, test := range map[string]struct {
		body, want string
	}{
		"errors null":         {`{"errors":null,"data":{"_0":null,"_1":null},"extensions":{"a":[1]}}`, "0: null\n1: null\n"},
		"errors empty":        {`{"data":{"_0":null,"_1":null},"errors":[]}`, "0: null\n1: null\n"},
		"other order":         {"{ \"data\" : {\"_1\":{\"x\" : \"k\\u00e9y\",\n\"title\":\"B\"}, \"_0\" : [ ] } }", "0: []\n1: {\"title\":\"B\",\"x\":<0:kéy>}\n"},
		"more than asked":     {`{"data":{"z":[{}],"_7":1,"_0":{"title":"A","more":{"x":1},"x":true},"_1":null}}`, "0: {\"title\":\"A\",\"x\":<0:true>}\n1: null\n"},
		"digits kept":         {`{"data":{"_0":{"title":1.10e+5,"x":12345678901234567890},"_1":null}}`, "0: {\"title\":1.10e+5,\"x\":<0:12345678901234567890>}\n1: null\n"},
		"escaped member name": {`{"data":{"_0":{"\u0074itle":"A","x":null},"_1":null}}`, "0: {\"title\":\"A\",\"x\":null}\n1: null\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ask(t, Config{URL: peer(t, answering(200, "application/json", test.body))})
			if err != nil || got != test.want {
				t.Fatalf("%v\n%s\nwant\n%s", err, got, test.want)
			}
		})
	}
}

func TestPartialAnswers(t *testing.T) {
	body := `{"errors":[{"message":"a","path":["_1","title"],"extensions":{"code":7}},{"message":"b","path":["_0","x"]},
		{"message":"c"},"odd",{"message":"d","path":[3]},{"message":"e","path":["_9"]},{"message":"f","path":null}],
		"data":{"_0":{"title":"A","x":null}}}`
	got, err := ask(t, Config{URL: peer(t, answering(200, "application/json", body))})
	want := `0: {"title":"A","x":null}
1: null
unexpected: Errors from remote server (partial: true)
  ordinal 1 path ["title"]: {"message":"a","path":["_1","title"],"extensions":{"code":7}}
  ordinal 0 path ["x"]: {"message":"b","path":["_0","x"]}
  ordinal -1 path []: {"message":"c"}
  ordinal -1 path []: {"message":"\"odd\""}
  ordinal -1 path []: {"message":"d","path":[3]}
  ordinal -1 path []: {"message":"e","path":["_9"]}
  ordinal -1 path []: {"message":"f","path":null}
`
	if got += showError(err); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestErrorPaths(t *testing.T) {
	for name, test := range map[string]struct{ query, body, want string }{
		"below an extracted path": {
			`query @bindings(types: ["ID!"]) @extract(path: ["album"]) { region(code: "x") { album(id: "key:0") { title } } }`,
			`{"data":{"_0":{"album":{"title":null}},"_1":null},"errors":[{"path":["_0","album","title"]},{"path":["_1"]}]}`,
			`ordinal 0 path ["title"]|ordinal 1 path []`,
		},
		"a row of a list lookup": {
			`query @bindings(types: ["ID!"]) @batch(match: ["id"]) { albums(ids: "key:0") { title } }`,
			`{"data":{"_0":[{"_k0":"a2","title":null},{"_k0":"a1","title":"A"},null]},"errors":[{"path":["_0",0,"title"]},{"path":["_0",2]},{"path":["_0"]}]}`,
			`ordinal 1 path ["title"]|ordinal -1 path []|ordinal -1 path []`,
		},
		"a row of a key's list": {
			`query @bindings(types: ["ID!"]) @batch(match: ["id"], many: true) { albums(ids: "key:0") { title } }`,
			`{"data":{"_0":[{"_k0":"a2","title":"A"},{"_k0":"a2","title":null}]},"errors":[{"path":["_0",1,"title"]}]}`,
			`ordinal 1 path [1 "title"]`,
		},
		"a hidden field": {
			`query @bindings(types: ["ID!"]) { album(id: "key:0") { r: x @hole(join: 0, keys: ["id", "genre"]) } }`,
			`{"data":{"_0":{"_k0":null,"_k1":null},"_1":null},"errors":[{"path":["_0","_k1"]}]}`,
			`ordinal 0 path ["r"]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := askContext(t, t.Context(), Config{URL: peer(t, answering(200, "application/json", test.body))}, nil, test.query)
			shown := showError(err)
			for want := range strings.SplitSeq(test.want, "|") {
				if !strings.Contains(shown, want) {
					t.Errorf("%s lacks %s", shown, want)
				}
			}
		})
	}
}

func TestListLookupFailures(t *testing.T) {
	const query = `query @bindings(types: ["ID!"]) @batch(match: ["id"], many: true) { albums(ids: "key:0") { title } }`
	for body, want := range map[string]string{
		`{"data":{"_0":null},"errors":[{"message":"x","path":["_0"]}]}`: "0: null\n1: null\n",
		`{"data":{"_0":null}}`:                          "0: []\n1: []\n",
		`{"data":{"_0":[]},"errors":[{"message":"x"}]}`: "0: []\n1: []\n",
		`{"data":{"_0":[{"_k0":"a2","title":1},null,{"_k0":null,"title":2},{"title":2,"_k0":"zz"}]}}`: "0: []\n1: [{\"title\":1}]\n",
	} {
		got, err := askContext(t, t.Context(), Config{URL: peer(t, answering(200, "application/json", body))}, nil, query)
		if (err != nil && !isPartial(err)) || got != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", body, err, got, want)
		}
	}
	for body, want := range map[string]string{
		`{"data":{"_0":{}}}`:             "something else than a list",
		`{"data":{"_0":[1]}}`:            "no objects",
		`{"data":{"_0":[{"_k0":[]}]}}`:   "instead of a scalar",
		`{"data":{}}`:                    "expecting key _0",
		`{"data":{"_0":[],"_0":[]}}`:     "second field",
		`{"data":{"_0":[{"_k0":"a1"}]}}`: `no member "title"`,
	} {
		_, err := askContext(t, t.Context(), Config{URL: peer(t, answering(200, "application/json", body))}, nil, query)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestExtractFailures(t *testing.T) {
	const query = `query @bindings(types: ["ID!"]) @extract(path: ["album"]) { region(code: "x") { album(id: "key:0") { title } } }`
	for body, want := range map[string]string{
		`{"data":{"_0":[{}],"_1":null}}`: "unexpected non-object json value found while path not empty: album",
		`{"data":{"_0":{},"_1":null}}`:   "failed to lookup key 'album' in response",
	} {
		_, err := askContext(t, t.Context(), Config{URL: peer(t, answering(200, "application/json", body))}, nil, query)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		}
	}
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	address := server.URL
	server.Close()
	_, err := ask(t, Config{URL: address, Display: "MUSIC_URL"})
	var failed *sources.Error
	if !errors.As(err, &failed) || failed.Message != "HTTP exception occurred while sending the request to MUSIC_URL" {
		t.Fatalf("%v", err)
	}
	internal, ok := failed.Internal.(map[string]any)
	if !ok || internal["type"] != "http_exception" {
		t.Errorf("%v", failed.Internal)
	}
}

func TestConnectionClosedHalfway(t *testing.T) {
	url := peer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, `{"data":{"_0":`)
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		panic(http.ErrAbortHandler)
	})
	_, err := ask(t, Config{URL: url})
	if err == nil || !strings.Contains(err.Error(), "HTTP exception occurred while sending the request to "+url) {
		t.Fatalf("%v", err)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

func TestTimeoutAndCancel(t *testing.T) {
	service := startService(t)
	const query = `{ slow(milliseconds: 5000) }`
	start := time.Now()
	_, err := askContext(t, t.Context(), Config{URL: service.URL, Timeout: 50 * time.Millisecond}, nil, query)
	var failed *sources.Error
	if !errors.As(err, &failed) || !errors.Is(err, context.DeadlineExceeded) ||
		failed.Internal.(map[string]any)["message"] != "Response timeout" {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err = askContext(t, ctx, Config{URL: service.URL}, nil, query); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestLargeAnswers(t *testing.T) {
	service := startService(t)
	const query = `{ huge(kilobytes: 3000) }`
	got, err := askContext(t, t.Context(), Config{URL: service.URL}, nil, query)
	if err != nil || len(got) < 3000*1024 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	_, err = askContext(t, t.Context(), Config{URL: service.URL, MaxResponseBytes: 100_000}, nil, query)
	if !errors.Is(err, errTooLarge) || !strings.Contains(err.Error(), "exceeds 100000 bytes") {
		t.Errorf("%v", err)
	}
	_, err = openSource(t, Config{URL: service.URL, MaxResponseBytes: 1000}).Introspect(t.Context())
	if !errors.Is(err, errTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestRedirects(t *testing.T) {
	service := startService(t)
	to := func(status int, location string) string {
		return peer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, location, status) })
	}
	for _, status := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		if got, err := ask(t, Config{URL: to(status, service.URL)}); err != nil || !strings.Contains(got, "Blue") {
			t.Errorf("%d: %s %v", status, got, err)
		}
	}
	for name, test := range map[string]struct {
		url  string
		want error
	}{
		"method lost":  {to(http.StatusFound, service.URL), errRedirectMethod},
		"other host":   {to(http.StatusTemporaryRedirect, strings.Replace(service.URL, "127.0.0.1", "localhost", 1)), errRedirectHost},
		"in circles":   {peer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusTemporaryRedirect) }), errRedirects},
		"method lost2": {to(http.StatusSeeOther, service.URL), errRedirectMethod},
	} {
		if _, err := ask(t, Config{URL: test.url}); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCompressedAnswers(t *testing.T) {
	compressed := func(size int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				t.Errorf("accepts %q", r.Header.Get("Accept-Encoding"))
			}
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = fmt.Fprintf(z, `{"data":{"_0":{"title":"%s","x":1},"_1":null}}`, strings.Repeat(" ", size))
			_ = z.Close()
		}
	}
	got, err := ask(t, Config{URL: peer(t, compressed(3))})
	if err != nil || got != "0: {\"title\":\"   \",\"x\":<0:1>}\n1: null\n" {
		t.Errorf("%s %v", got, err)
	}
	if _, err = ask(t, Config{URL: peer(t, compressed(10_000_000)), MaxResponseBytes: 1_000_000}); !errors.Is(err, errTooLarge) {
		t.Errorf("%v", err)
	}
}

func TestKeysThatJSONCannotHold(t *testing.T) {
	service := startService(t)
	source := openSource(t, Config{URL: service.URL})
	f, err := parseFragment(testSchema(), `query @bindings(types: ["ID!"]) { album(id: "key:0") { title } }`)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := source.Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	answer := jsonshape.NewAnswer(2)
	err = source.Run(t.Context(), compiled, &plan.Arguments{}, plan.Bindings{Width: 1, Cells: []string{"\xff", "a1"}}, answer)
	if got := showAnswer(answer, f); err != nil || got != "0: null\n1: {\"title\":\"Blue\"}\n" {
		t.Errorf("%s %v", got, err)
	}
}

func TestHeaders(t *testing.T) {
	service := startService(t)
	args := &plan.Arguments{
		Session: map[string]string{"x-hasura-role": "user", "x-hasura-user-id": "7", "x-api-key": "session"},
		Headers: map[string][]string{
			"authorization": {"Bearer t"}, "Cookie": {"a=1", "b=2"}, "X-Api-Key": {"client"}, "X-Other": {"o"},
			"Host": {"client.example"}, "User-Agent": {"browser"}, "Origin": {"https://client.example"},
			"Content-Length": {"5"}, "Accept-Encoding": {"br"}, "Referer": {"r"}, "Dnt": {"1"}, "Te": {"x"},
			"Connection": {"close, X-Hop"}, "X-Hop": {"h"}, "X-Hasura-Forged": {"admin"}, "X-Hasura-User-Id": {"1"},
			"Content-Type": {"text/plain"}, "Upgrade": {"h2c"}, "Sec-WebSocket-Key": {"k"},
		},
	}
	show := func(names ...string) string {
		header := *service.header.Load()
		var out []string
		for _, n := range names {
			if v := header.Values(n); len(v) > 0 {
				out = append(out, n+"="+strings.Join(v, ","))
			}
		}
		return strings.Join(out, " ")
	}
	all := []string{
		"Authorization", "Cookie", "X-Api-Key", "X-Other", "X-Forwarded-Host", "X-Forwarded-User-Agent", "X-Forwarded-Origin",
		"X-Hasura-Role", "X-Hasura-User-Id", "X-Hasura-Forged", "X-Hop", "Referer", "Dnt", "Te", "Accept-Encoding", "User-Agent",
		"Content-Type", "Upgrade", "Sec-WebSocket-Key", "Origin",
	}
	configured := []Header{{"X-Api-Key", "configured"}}
	if _, err := askContext(t, t.Context(), Config{URL: service.URL, Headers: configured, ForwardClientHeaders: true}, args, `{ echo }`); err != nil {
		t.Fatal(err)
	}
	want := "Authorization=Bearer t Cookie=a=1,b=2 X-Api-Key=configured X-Other=o X-Forwarded-Host=client.example " +
		"X-Forwarded-User-Agent=browser X-Forwarded-Origin=https://client.example X-Hasura-Role=user X-Hasura-User-Id=7 " +
		"Accept-Encoding=gzip User-Agent=dovetail Content-Type=application/json"
	if got := show(all...); got != want {
		t.Errorf("forwarding:\n%s\nwant\n%s", got, want)
	}
	if _, err := askContext(t, t.Context(), Config{URL: service.URL}, args, `{ echo }`); err != nil {
		t.Fatal(err)
	}
	want = "X-Api-Key=session X-Hasura-Role=user X-Hasura-User-Id=7 Accept-Encoding=gzip User-Agent=dovetail Content-Type=application/json"
	if got := show(all...); got != want {
		t.Errorf("not forwarding:\n%s\nwant\n%s", got, want)
	}
}

func TestConcurrentRequests(t *testing.T) {
	var mu sync.Mutex
	now, most := 0, 0
	url := peer(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		time.Sleep(10 * time.Millisecond)
		mu.Lock()
		now--
		mu.Unlock()
		_, _ = io.WriteString(w, `{"data":{"_0":{"title":1,"x":2},"_1":null}}`)
	})
	source := openSource(t, Config{URL: url, MaxConcurrent: 3})
	f, err := parseFragment(testSchema(), `query @bindings(types: ["ID!"]) { album(id: "key:0") { title x: y @hole(join: 0, keys: ["artistId"]) } }`)
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := source.Compile(f)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			answer := jsonshape.NewAnswer(2)
			err := source.Run(t.Context(), compiled, &plan.Arguments{}, plan.Bindings{Width: 1, Cells: []string{fmt.Sprint(i), "b"}}, answer)
			if got := showAnswer(answer, f); err != nil || got != "0: {\"title\":1,\"x\":<0:2>}\n1: null\n" {
				t.Errorf("%s %v", got, err)
			}
		})
	}
	group.Wait()
	if most != 3 {
		t.Errorf("%d requests at once, want 3", most)
	}
}
