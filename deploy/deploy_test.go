package deploy_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/jackc/pgx/v5"

	"dovetail/internal/demo"
	"dovetail/internal/testpostgres"
)

const composeFile = "docker-compose.yml"

// project loads the compose file as docker compose does: against the compose
// specification's schema, every variable filled in, references checked.
func project(t *testing.T) *types.Project {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(root, composeFile))
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  root,
		ConfigFiles: []types.ConfigFile{{Filename: composeFile, Content: content}},
		Environment: types.Mapping{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestComposeFile(t *testing.T) {
	loaded := project(t)
	for name, service := range loaded.Services {
		t.Run(name, func(t *testing.T) {
			checkService(t, loaded, service)
		})
	}
}

func checkService(t *testing.T, loaded *types.Project, service types.ServiceConfig) {
	t.Helper()
	for _, volume := range service.Volumes {
		switch volume.Type {
		case types.VolumeTypeBind:
			// Docker would make a folder of that name instead of complaining.
			if info, err := os.Stat(volume.Source); err != nil || info.IsDir() {
				t.Errorf("mounts %s, which is no file: %v", volume.Source, err)
			}
		case types.VolumeTypeVolume:
			if _, ok := loaded.Volumes[volume.Source]; !ok {
				t.Errorf("mounts the undeclared volume %s", volume.Source)
			}
		default:
			t.Errorf("unexpected kind of mount %s", volume.Type)
		}
	}
	if service.Build != nil {
		if _, err := os.Stat(filepath.Join(service.Build.Context, service.Build.Dockerfile)); err != nil {
			t.Error(err)
		}
	} else if !strings.Contains(service.Image, ":") {
		t.Errorf("image %s has no version", service.Image)
	}
	for other, dependency := range service.DependsOn {
		target := loaded.Services[other]
		// The engine's image brings its health check along.
		checked := target.HealthCheck != nil || target.Build != nil
		if dependency.Condition == types.ServiceConditionHealthy && !checked {
			t.Errorf("waits for the health of %s, which has no health check", other)
		}
	}
}

func TestComposeFileAsDockerSeesIt(t *testing.T) {
	if err := exec.CommandContext(t.Context(), "docker", "compose", "version").Run(); err != nil {
		t.Skipf("SKIPPED, NOT TESTED: docker compose is not installed: %v", err)
	}
	command := exec.CommandContext(t.Context(), "docker", "compose", "--file", composeFile, "config", "--quiet")
	command.Dir = ".."
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

// Every variable that the metadata takes from the environment is set for the
// engine.
func TestMetadataFindsItsVariables(t *testing.T) {
	content, err := os.ReadFile("replace_metadata.json")
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(content) {
		t.Fatal("not JSON")
	}
	environment := project(t).Services["dovetail"].Environment
	found := regexp.MustCompile(`_?from_env": "([A-Z_]+)"`).FindAllSubmatch(content, -1)
	if len(found) != 4 {
		t.Errorf("%d variables, want those of 3 databases and a service", len(found))
	}
	for _, match := range found {
		if value := environment[string(match[1])]; value == nil || *value == "" {
			t.Errorf("%s is not set", match[1])
		}
	}
}

// The demo's databases are written for SQLite; here Postgres takes them.
func TestPostgresTakesTheScripts(t *testing.T) {
	server := testpostgres.Database(t)
	metadata, err := os.ReadFile("metadata-database.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{demo.CatalogSQL, demo.SalesSQL} {
		run(t, server, script)
	}
	if got := strings.TrimSpace(string(metadata)); got != "CREATE DATABASE metadata;" {
		t.Errorf("the metadata database is made by %q", got)
	}
}

func run(t *testing.T, address, script string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := connection.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	if _, err := connection.Exec(t.Context(), script); err != nil {
		t.Fatal(err)
	}
}
