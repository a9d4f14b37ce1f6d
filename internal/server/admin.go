package server

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"

	"dovetail/internal/metadata/catalog"
	"dovetail/internal/metadata/command"
)

// readBody reads a request's body within the bound.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *command.Error) {
	body := r.Body
	if s.config.MaxBodyBytes > 0 {
		body = http.MaxBytesReader(w, body, s.config.MaxBodyBytes)
	}
	data, err := io.ReadAll(body)
	if slow := slowBody(w, err); slow != nil {
		return nil, slow
	}
	s.bodyRead(w)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &command.Error{
			Status: http.StatusRequestEntityTooLarge, Code: command.CodeBadRequest, Path: "$",
			Message: "the request's body is larger than the server allows",
		}
	case err != nil:
		return nil, &command.Error{
			Status: http.StatusBadRequest, Code: command.CodeBadRequest, Path: "$", Message: "the request's body could not be read", Cause: err,
		}
	}
	return data, nil
}

// admin answers one of the admin APIs.
func (s *Server) admin(api command.API) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, failure := s.authenticate(w, r, nil)
		if failure != nil {
			s.writeError(w, r, failure, false)
			return
		}
		body, failure := s.readBody(w, r)
		if failure != nil {
			s.writeError(w, r, failure, false)
			return
		}
		answer, err := s.config.Commands.Run(r.Context(), api, who, body)
		if err != nil {
			s.writeError(w, r, command.AsError(err), who.Admin())
			return
		}
		if answer.ResourceVersion > 0 {
			w.Header().Set("X-Hasura-Resource-Version", formatInt(answer.ResourceVersion))
		}
		s.writeJSON(w, r, http.StatusOK, answer.JSON)
	}
}

// handleHealth tells whether the engine serves: OK, a warning when metadata
// objects are inconsistent (an error with ?strict=true), an error when the
// metadata can't be read.
func (s *Server) handleHealth(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if err := s.live.Ping(r.Context()); err != nil {
		s.logger.ErrorContext(r.Context(), "health-check", "detail", map[string]any{"error": err.Error()})
		s.write(w, r, http.StatusInternalServerError, []byte("ERROR"))
		return
	}
	state, release := s.live.Acquire()
	defer release()
	strict := r.URL.Query().Get("strict") == "true"
	switch {
	case state.Consistent():
		s.write(w, r, http.StatusOK, []byte("OK"))
	case strict:
		s.write(w, r, http.StatusInternalServerError, []byte("ERROR: inconsistent objects in schema"))
	default:
		s.write(w, r, http.StatusOK, []byte("WARN: inconsistent objects in schema"))
	}
}

func (s *Server) handleVersion(w http.ResponseWriter, r *http.Request) {
	s.writeValue(w, r, map[string]any{"server_type": "ce", "version": s.config.Version})
}

func (s *Server) writeValue(w http.ResponseWriter, r *http.Request, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		s.writeError(w, r, command.AsError(err), false)
		return
	}
	s.writeJSON(w, r, http.StatusOK, body)
}

// onlyAdmins tells whether an admin asks; anybody else is answered why not.
func (s *Server) onlyAdmins(w http.ResponseWriter, r *http.Request) bool {
	who, failure := s.authenticate(w, r, nil)
	if failure == nil && !who.Admin() {
		failure = &command.Error{
			Status: http.StatusBadRequest, Code: command.CodeAccessDenied, Path: "$",
			Message: "You have to be an admin to access this endpoint",
		}
	}
	if failure != nil {
		s.writeError(w, r, failure, false)
	}
	return failure == nil
}

// handleConfig tells admins how the server is set up.
func (s *Server) handleConfig(w http.ResponseWriter, r *http.Request) {
	if !s.onlyAdmins(w, r) {
		return
	}
	state, release := s.live.Acquire()
	defer release()
	s.writeValue(w, r, s.describe(state.Catalog.Settings))
}

func (s *Server) describe(settings catalog.Settings) map[string]any {
	out := map[string]any{
		"version":                              s.config.Version,
		"is_function_permissions_inferred":     settings.InferFunctionPermissions,
		"is_remote_schema_permissions_enabled": settings.RemoteSchemaPermissions,
		"is_admin_secret_set":                  s.auth.HasSecret(),
		"is_auth_hook_set":                     s.auth.HasWebhook(),
		"is_jwt_set":                           len(s.auth.Claims()) > 0,
		"jwt":                                  s.auth.Claims(),
		"is_allow_list_enabled":                s.config.Allowlist.Enabled,
		"is_prometheus_metrics_enabled":        false,
		"console_assets_dir":                   nil,
		"default_naming_convention":            namingConvention(settings),
	}
	maps.Copy(out, s.config.Description)
	return out
}

func namingConvention(settings catalog.Settings) string {
	if settings.DefaultNamingConvention == "" {
		return "hasura-default"
	}
	return settings.DefaultNamingConvention
}
