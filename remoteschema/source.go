package remoteschema

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
	"golang.org/x/sync/semaphore"

	"dovetail/internal/plan"
	"dovetail/sources"
)

// The defaults of a Config.
const (
	DefaultTimeout          = 60 * time.Second
	DefaultMaxKeys          = 500
	DefaultMaxConcurrent    = 32
	DefaultMaxResponseBytes = 256 << 20
)

// Config says where a remote schema is and how it is asked. Zero values stand
// for the defaults.
type Config struct {
	Name string
	// URL is resolved, see ResolveURL; Display stands for it in messages (the
	// name of an environment variable); empty: the URL.
	URL     string
	Display string
	// Headers are sent with every request, before anything else.
	Headers              []Header
	ForwardClientHeaders bool
	// Timeout of one request, its answer included.
	Timeout time.Duration
	// MaxKeys bounds the keys of one lookup.
	MaxKeys int
	// MaxConcurrent bounds the requests under way at once.
	MaxConcurrent    int
	MaxResponseBytes int64
	// Answers bounds what the answers of all sources that share it take together.
	Answers *Budget
	// SkipNulls leaves out arguments that are null.
	SkipNulls bool
}

// Header is one header of a request.
type Header struct{ Name, Value string }

// Source is a GraphQL service.
type Source struct {
	config Config
	client *http.Client
	slots  *semaphore.Weighted
	schema atomic.Pointer[ast.Schema]
}

var _ sources.Source = (*Source)(nil)

// Open makes a source. No request is sent.
func Open(config Config) (*Source, error) {
	if err := checkURL(config.URL); err != nil {
		return nil, err
	}
	if config.Display == "" {
		config.Display = config.URL
	}
	if config.Timeout < 0 || config.MaxKeys < 0 || config.MaxConcurrent < 0 || config.MaxResponseBytes < 0 {
		return nil, &sources.Error{
			Code:    sources.CodeRemoteSchemaError,
			Message: fmt.Sprintf("remote schema %q: limits can't be negative", config.Name),
		}
	}
	orDefault(&config.Timeout, DefaultTimeout)
	orDefault(&config.MaxKeys, DefaultMaxKeys)
	orDefault(&config.MaxConcurrent, DefaultMaxConcurrent)
	orDefault(&config.MaxResponseBytes, DefaultMaxResponseBytes)
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          config.MaxConcurrent,
		MaxIdleConnsPerHost:   config.MaxConcurrent,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	return &Source{
		config: config,
		client: &http.Client{Transport: transport, CheckRedirect: checkRedirect},
		slots:  semaphore.NewWeighted(int64(config.MaxConcurrent)),
	}, nil
}

func orDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return &sources.Error{Code: sources.CodeRemoteSchemaError, Message: fmt.Sprintf("not a valid URI: %s", text), Cause: err}
	}
	return nil
}

const maxRedirects = 5

var (
	errRedirectMethod   = errors.New("the server redirects in a way that loses the request's body (307 or 308 keep it)")
	errRedirectHost     = errors.New("the server redirects to another host, which must not see this one's headers")
	errRedirectInsecure = errors.New("the server redirects from https to http")
	errRedirects        = fmt.Errorf("the server redirects more than %d times", maxRedirects)
)

func checkRedirect(request *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case len(via) > maxRedirects:
		return errRedirects
	case request.Method != first.Method:
		return errRedirectMethod
	case request.URL.Hostname() != first.URL.Hostname():
		return errRedirectHost
	case request.URL.Scheme != "https" && first.URL.Scheme == "https":
		return errRedirectInsecure
	}
	return nil
}

// UseSchema tells the compiler the service's schema, as it was introspected
// before, so that values inside of input objects get the form of their types.
// Introspect does so by itself.
func (s *Source) UseSchema(schema *ast.Schema) { s.schema.Store(schema) }

// Extras are none: a service is no database.
func (s *Source) Extras() sources.Extras { return sources.Extras{} }

// Capabilities says that fragments may have bindings, and how many.
func (s *Source) Capabilities() plan.Capabilities {
	return plan.Capabilities{
		Kind:     "remote_schema",
		Bindings: true,
		MaxKeys:  s.config.MaxKeys,
	}
}

// Close ends idle connections.
func (s *Source) Close() error {
	s.client.CloseIdleConnections()
	return nil
}
