// Command testserver starts a private Postgres server, runs a command with the
// server's URL in its environment, and takes the server away again.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"dovetail/internal/testpostgres"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run gives the exit code of the command.
func run(ctx context.Context, arguments []string) int {
	if len(arguments) == 0 {
		slog.ErrorContext(ctx, "usage: testserver COMMAND [ARGUMENT…]")
		return 2
	}
	address := os.Getenv(testpostgres.URLVariable)
	if address == "" {
		server, err := testpostgres.Start(ctx)
		if err != nil {
			slog.ErrorContext(ctx, "start Postgres", "error", err)
			return 1
		}
		defer func() {
			if err := server.Stop(); err != nil {
				slog.ErrorContext(ctx, "stop Postgres", "error", err)
			}
		}()
		address = server.URL()
	}
	slog.InfoContext(ctx, "Postgres for tests", "url", address)

	command := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = append(os.Environ(), testpostgres.URLVariable+"="+address)
	// The command may tidy up before it is killed.
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 20 * time.Second
	err := command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	default:
		slog.ErrorContext(ctx, "run", "command", arguments, "error", err)
		return 1
	}
}
