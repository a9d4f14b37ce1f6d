package main

import (
	"encoding/json"
	"errors"
	"fmt"

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
