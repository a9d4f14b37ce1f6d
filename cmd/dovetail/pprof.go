//go:build pprof

package main

import (
	"log/slog"
	"net"
	"net/http"
	_ "net/http/pprof" // serves the profiles
	"os"
	"time"
)

// pprofVariable is the address that profiles are served at. Only engines built
// with the tag pprof do so: the benchmarks build one when asked to profile.
const pprofVariable = "DOVETAIL_PPROF_ADDRESS"

func init() {
	address := os.Getenv(pprofVariable)
	if address == "" {
		return
	}
	if err := os.Unsetenv(pprofVariable); err != nil { // it is no setting
		slog.Error("profiles are not served", "error", err)
		return
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		slog.Error("profiles are not served", "error", err)
		return
	}
	server := &http.Server{Handler: http.DefaultServeMux, ReadHeaderTimeout: 10 * time.Second}
	go func() { slog.Error("profiles are not served", "error", server.Serve(listener)) }()
}
