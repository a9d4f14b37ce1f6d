package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"dovetail/internal/kind"
	"dovetail/internal/orderedjson"
)

// TestCertificatesLeaveNoFiles connects by a certificate that the environment
// holds, when the file that it stood in is long gone.
func TestCertificatesLeaveNoFiles(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	handshakes := make(chan error, 1)
	address := serveTLSOnce(t, tls.Certificate{Certificate: [][]byte{certificate}, PrivateKey: key}, handshakes)

	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	t.Setenv("TEST_ROOT_CERTIFICATE", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})))
	configuration := func(sslRootCert any) orderedjson.Value {
		text, err := json.Marshal(map[string]any{"connection_info": map[string]any{
			"database_url":      "postgres://someone:secret@" + address + "/db",
			"ssl_configuration": map[string]any{"sslmode": "verify-full", "sslrootcert": sslRootCert},
		}})
		if err != nil {
			t.Fatal(err)
		}
		j, err := orderedjson.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	clean := func() {
		t.Helper()
		if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
			t.Errorf("left behind: %v, %v", entries, err)
		}
	}
	source, err := openDatabase(t.Context(), &settings{}, kind.Postgres, "s", configuration(map[string]any{"from_env": "TEST_ROOT_CERTIFICATE"}))
	if err != nil {
		t.Fatal(err)
	}
	clean()
	if _, err := source.Extras().SQL.Introspect(t.Context()); err == nil {
		t.Error("what only greets was introspected")
	}
	if err := <-handshakes; err != nil {
		t.Errorf("no handshake by the certificate: %v", err)
	}
	if err := source.Close(); err != nil {
		t.Error(err)
	}
	for _, wrong := range []any{map[string]any{"from_env": "TEST_NO_CERTIFICATE"}, "no certificate"} {
		if _, err := openDatabase(t.Context(), &settings{}, kind.Postgres, "s", configuration(wrong)); err == nil {
			t.Errorf("opened by the certificate %v", wrong)
		}
		clean()
	}
}

// serveTLSOnce greets one client as Postgres does, shakes hands and hangs up.
func serveTLSOnce(t *testing.T, certificate tls.Certificate, handshakes chan<- error) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		first := true
		for {
			plain, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			request := make([]byte, 8)
			_, err = io.ReadFull(plain, request)
			if err == nil && bytes.Equal(request, []byte{0, 0, 0, 8, 4, 210, 22, 47}) {
				_, err = plain.Write([]byte{'S'})
			}
			if err == nil {
				err = tls.Server(plain, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}).HandshakeContext(t.Context())
			}
			if first {
				first = false
				handshakes <- err
			}
			_ = plain.Close() // it has served
		}
	}()
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return listener.Addr().String()
}
