package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dovetail/internal/metadata/document"
	"dovetail/internal/metadata/project"
	"dovetail/internal/orderedjson"
)

// clientTimeout is how long an engine may take to carry out a command.
const clientTimeout = 5 * time.Minute

// endpointOf is the address of the running engine.
func endpointOf(s *settings) string {
	if s.endpoint == "" {
		return "http://127.0.0.1:" + s.port
	}
	return s.endpoint
}

// ask sends a request to a running engine.
func ask(ctx context.Context, s *settings, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	endpoint := endpointOf(s)
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(endpoint, "/")+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if s.adminSecret != "" {
		request.Header.Set("X-Hasura-Admin-Secret", s.adminSecret)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s: %s", endpoint+path, answer.Status, indented(out))
	}
	return out, nil
}

func indented(text []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, text, "", "  ") != nil {
		return string(text)
	}
	return out.String()
}

// projectFolder is where a project's metadata is: the directory itself, or its
// folder "metadata".
func projectFolder(s *settings) string {
	inner := filepath.Join(s.project, "metadata")
	if _, err := os.Stat(filepath.Join(inner, "version.yaml")); err == nil {
		return inner
	}
	if _, err := os.Stat(filepath.Join(s.project, "config.yaml")); err == nil {
		return inner
	}
	return s.project
}

// metadataCommand carries out "metadata apply" and its likes.
func metadataCommand(ctx context.Context, s *settings, verb string, output io.Writer) error {
	switch verb {
	case "apply":
		return applyProject(ctx, s, output)
	case "export":
		return exportProject(ctx, s, output)
	case "validate":
		return validateProject(ctx, s, output)
	case "diff":
		return diffProject(ctx, s, output)
	case "reload":
		out, err := ask(ctx, s, "/v1/metadata", commandOf("reload_metadata", map[string]any{"reload_remote_schemas": true, "reload_sources": true}))
		if err != nil {
			return err
		}
		return say(output, "%s", indented(out))
	}
	return fmt.Errorf("unknown command \"metadata %s\": expected apply, export, validate, diff or reload", verb)
}

func commandOf(name string, args any) map[string]any {
	return map[string]any{"type": name, "args": args}
}

func say(output io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(output, format+"\n", args...)
	return err
}

// readProject reads the project offline; keys that mean nothing are told of.
func readProject(s *settings, output io.Writer) (*document.Metadata, error) {
	p, err := project.Read(projectFolder(s))
	if err != nil {
		return nil, err
	}
	m, unknown, err := p.Metadata()
	if err != nil {
		return nil, err
	}
	for _, u := range unknown {
		if err := say(output, "%s: warning: %s", p.Find(u.Path), u); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func summary(m *document.Metadata) string {
	tables, functions := 0, 0
	for _, source := range m.Sources {
		tables += len(source.Tables)
		functions += len(source.Functions)
	}
	parts := []string{fmt.Sprintf("%d source(s), %d table(s), %d function(s), %d remote schema(s), %d query collection(s)",
		len(m.Sources), tables, functions, len(m.RemoteSchemas), len(m.QueryCollections))}
	for _, other := range []struct {
		count int
		what  string
	}{{len(m.RestEndpoints), "REST endpoint(s)"}, {len(m.Actions), "action(s)"}, {len(m.CronTriggers), "cron trigger(s)"}} {
		if other.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", other.count, other.what))
		}
	}
	return strings.Join(parts, ", ")
}

func applyProject(ctx context.Context, s *settings, output io.Writer) error {
	m, err := readProject(s, output)
	if err != nil {
		return err
	}
	if err := say(output, "applying to %s: %s", endpointOf(s), summary(m)); err != nil {
		return err
	}
	args := map[string]any{"metadata": json.RawMessage(m.Marshal()), "allow_inconsistent_metadata": s.allowInconsistent}
	body := commandOf("replace_metadata", args)
	body["version"] = 2
	out, err := ask(ctx, s, "/v1/metadata", body)
	if err != nil {
		return err
	}
	var answer struct {
		Consistent bool            `json:"is_consistent"`
		Objects    json.RawMessage `json:"inconsistent_objects"`
		Warnings   []struct {
			Message string `json:"message"`
		} `json:"warnings"`
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		return fmt.Errorf("the engine's answer: %w", err)
	}
	for _, w := range answer.Warnings {
		if err := say(output, "warning: %s", w.Message); err != nil {
			return err
		}
	}
	if !answer.Consistent {
		return say(output, "applied with inconsistencies: %s\n%s", summary(m), indented(answer.Objects))
	}
	return say(output, "applied: %s", summary(m))
}

// served is the metadata of the running engine.
func served(ctx context.Context, s *settings) (*document.Metadata, error) {
	out, err := ask(ctx, s, "/v1/metadata", commandOf("export_metadata", map[string]any{}))
	if err != nil {
		return nil, err
	}
	m, _, err := document.Parse(out)
	return m, err
}

func exportProject(ctx context.Context, s *settings, output io.Writer) error {
	m, err := served(ctx, s)
	if err != nil {
		return err
	}
	j, err := orderedjson.Parse(m.Marshal())
	if err != nil {
		return err
	}
	folder := projectFolder(s)
	if err := project.Write(folder, j); err != nil {
		return err
	}
	return say(output, "exported to %s: %s", folder, summary(m))
}

// explain tells how a running engine would carry out a query.
func explain(ctx context.Context, s *settings, query string, output io.Writer) error {
	body := map[string]any{"query": map[string]any{"query": query}}
	if s.role != "" {
		body["user"] = map[string]string{"x-hasura-role": s.role}
	}
	out, err := ask(ctx, s, "/v1/graphql/explain", body)
	if err != nil {
		return err
	}
	return say(output, "%s", indented(out))
}
