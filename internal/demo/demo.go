// Package demo is the engine's built-in example: two SQLite databases and a
// GraphQL service of reviews, with the metadata that joins them.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// shutdownTimeout is how long the service's last requests may take when it is
// closed.
const shutdownTimeout = 2 * time.Second

// Demo is a running demo.
type Demo struct {
	// MetadataJSON is the metadata document, fit for replace_metadata: the
	// databases' paths and the service's URL are filled in.
	MetadataJSON []byte
	// ReviewsURL is where the review service listens.
	ReviewsURL string

	server *http.Server
	served chan error
}

// Start makes the databases in a folder unless they are there already, and
// starts the review service on a free port of the loopback interface. The
// service runs until Close; ctx bounds the start only.
func Start(ctx context.Context, folder string) (*Demo, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	if err := makeDatabases(ctx, folder); err != nil {
		return nil, err
	}
	handler, err := ReviewsHandler()
	if err != nil {
		return nil, err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the demo's review service: %w", err)
	}
	demo := &Demo{
		ReviewsURL: "http://" + listener.Addr().String() + "/graphql",
		server:     newServer(handler),
		served:     make(chan error, 1),
	}
	if demo.MetadataJSON, err = metadata(folder, demo.ReviewsURL); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go func() { demo.served <- demo.server.Serve(listener) }()
	return demo, nil
}

// Close ends the review service. The databases stay.
func (d *Demo) Close() error {
	err := shutdown(context.Background(), d.server)
	if served := <-d.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// ServeReviews runs the review service alone, at an address like ":8081", until
// the context ends.
func ServeReviews(ctx context.Context, address string) error {
	handler, err := ReviewsHandler()
	if err != nil {
		return err
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := newServer(handler)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		err := shutdown(ctx, server)
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	}
}

func newServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
}

// shutdown lets running requests finish for a while, then cuts them off.
func shutdown(ctx context.Context, server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return server.Close()
	}
	return nil
}

// metadata fills the placeholders in.
func metadata(folder, reviews string) ([]byte, error) {
	data, err := withinString(filepath.ToSlash(folder))
	if err != nil {
		return nil, err
	}
	reviews, err = withinString(reviews)
	if err != nil {
		return nil, err
	}
	document := []byte(strings.NewReplacer("{{DATA}}", data, "{{REVIEWS}}", reviews).Replace(metadataJSON))
	if !json.Valid(document) {
		return nil, errors.New("the demo's metadata is not JSON")
	}
	return document, nil
}

// withinString gives a text as it stands between the quotes of a JSON string.
func withinString(text string) (string, error) {
	quoted, err := json.Marshal(text)
	if err != nil {
		return "", err
	}
	return string(quoted[1 : len(quoted)-1]), nil
}

func makeDatabases(ctx context.Context, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	for name, script := range map[string]string{"catalog.db": CatalogSQL, "sales.db": SalesSQL} {
		if err := makeDatabase(ctx, filepath.Join(folder, name), script); err != nil {
			return fmt.Errorf("make the demo's database %s: %w", name, err)
		}
	}
	return nil
}
