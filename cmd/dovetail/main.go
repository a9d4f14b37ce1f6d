// Command dovetail serves one GraphQL endpoint over many databases and services.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// version is set by the build.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	env := environ(os.Environ())
	useMemoryLimit(env)
	err := run(ctx, os.Args[1:], env, os.Stdout, os.Stderr)
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dovetail: "+err.Error())
		os.Exit(exitCode(err))
	}
}

// environment are the variables of the process, by name.
type environment map[string]string

// environ reads an environment as the system gives it, name=value.
func environ(list []string) environment {
	out := make(environment, len(list))
	for _, item := range list {
		if name, value, ok := strings.Cut(item, "="); ok {
			out[name] = value
		}
	}
	return out
}

// run carries out a command line.
func run(ctx context.Context, arguments []string, env environment, stdout, stderr io.Writer) error {
	s, subcommand, rest, err := parseSettings(arguments, env, stderr)
	if err != nil {
		return err
	}
	if subcommand == "metadata" || subcommand == "explain" {
		if len(rest) != 1 {
			return fmt.Errorf("%s needs one argument: metadata apply, export, validate, diff or reload; explain with a query", subcommand)
		}
		if subcommand == "explain" {
			return explain(ctx, s, rest[0], stdout)
		}
		return metadataCommand(ctx, s, rest[0], stdout)
	}
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", strings.Join(rest, " "))
	}
	switch subcommand {
	case "version":
		_, err := fmt.Fprintln(stdout, "dovetail "+version)
		return err
	case "healthcheck":
		return healthcheck(ctx, s)
	case "demo-service":
		return demoService(ctx, s)
	case "serve":
		return serve(ctx, s, stdout)
	case "", "demo":
		return serveDemo(ctx, s, stdout)
	}
	return fmt.Errorf("unknown command %q: expected serve, metadata, explain, demo, demo-service, healthcheck or version", subcommand)
}
