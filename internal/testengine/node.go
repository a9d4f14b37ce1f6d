package testengine

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Node is a folder with programs for Node.js and the packages they need, which
// its package-lock.json pins.
type Node struct {
	Folder string
	// Packages are looked for to tell whether they all are installed; Prefix, the
	// folder's path in the repository, tells how to.
	Packages []string
	Prefix   string
}

// Have tells whether programs can be run, and why not.
func (n Node) Have() (bool, string) {
	if _, err := exec.LookPath("node"); err != nil {
		return false, "node is not installed"
	}
	for _, name := range n.Packages {
		if _, err := os.Stat(filepath.Join(n.Folder, "node_modules", filepath.FromSlash(name))); err != nil {
			return false, name + " is not installed: npm ci --prefix " + n.Prefix
		}
	}
	return true, ""
}

func (n Node) command(ctx context.Context, tb testing.TB, arguments []string) *exec.Cmd {
	tb.Helper()
	if have, why := n.Have(); !have {
		tb.Skipf("SKIPPED, NOT TESTED against %v: %s", n.Packages, why)
	}
	command := exec.CommandContext(ctx, "node", arguments...)
	command.Dir = n.Folder
	return command
}

// Start starts a server that writes its URL first, and ends when its input does.
// Without its packages the test is skipped.
func (n Node) Start(tb testing.TB, arguments ...string) (address string) {
	tb.Helper()
	command := n.command(context.WithoutCancel(tb.Context()), tb, arguments)
	log := &logBuffer{}
	command.Stderr = log
	lifeline, err := command.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := command.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := lifeline.Close(); err != nil {
			tb.Error(err)
		}
		if err := command.Wait(); err != nil {
			tb.Errorf("%v: %v\n%s", arguments, err, log)
		}
	})
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		tb.Fatalf("%v did not start: %v\n%s", arguments, err, log)
	}
	return strings.TrimSpace(line)
}

// Run runs a program to its end and gives its output.
func (n Node) Run(tb testing.TB, arguments ...string) string {
	tb.Helper()
	output, err := n.command(tb.Context(), tb, arguments).CombinedOutput()
	if err != nil {
		tb.Errorf("%v\n%s", err, output)
	}
	return string(output)
}
