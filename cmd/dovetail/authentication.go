package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"dovetail/internal/server"
	"dovetail/internal/session"
)

// authentication is how requests are authenticated.
func authentication(s *settings) (session.Config, error) {
	out := session.Config{UnauthorizedRole: s.unauthorizedRole}
	if s.adminSecret != "" {
		out.AdminSecrets = []string{s.adminSecret}
	}
	if s.adminSecrets != "" {
		var more []string
		if json.Unmarshal([]byte(s.adminSecrets), &more) != nil {
			return out, errors.New("admin-secrets: expected a JSON list of strings")
		}
		if len(more) == 0 {
			return out, errors.New("admin-secrets: the list has no secret; leave the setting out for an engine that trusts everybody")
		}
		out.AdminSecrets = more // as in v2, instead of the one
	}
	if s.jwtSecret != "" && s.jwtSecrets == "" {
		one, err := session.ParseJWTSecret(s.jwtSecret)
		if err != nil {
			return out, fmt.Errorf("jwt-secret: %w", err)
		}
		out.JWT = []*session.JWTConfig{one}
	}
	if s.jwtSecrets != "" {
		list, err := session.ParseJWTSecrets(s.jwtSecrets)
		if err != nil {
			return out, fmt.Errorf("jwt-secrets: %w", err)
		}
		out.JWT = list
	}
	if s.hook.URL != "" {
		out.Webhook = &s.hook
	}
	return out, nil
}

// origins says which origins may ask from a browser: all of them where they need
// a secret to, else those of the machine itself, unless something else is said.
func (s *settings) origins(secret bool) server.CORS {
	out := s.cors
	switch {
	case s.corsGiven:
	case secret:
		out.Origins = []string{"*"}
	default:
		out.Local = true
	}
	return out
}

// warnOfOpenness says that everybody is trusted, where that is so.
func warnOfOpenness(ctx context.Context, logger *slog.Logger, s *settings) {
	reach := "everybody who reaches this machine"
	if ip := net.ParseIP(s.host); s.host == "localhost" || ip != nil && ip.IsLoopback() {
		reach = "everybody on this machine"
	}
	logger.WarnContext(ctx, "security", "detail", map[string]any{
		"kind": "no_admin_secret",
		"info": "THERE IS NO ADMIN SECRET: " + reach + " may read and change all data and metadata. " +
			"Set " + ownPrefix + "ADMIN_SECRET (or " + v2Prefix + "ADMIN_SECRET).",
	})
}
