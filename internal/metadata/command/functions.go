package command

import (
	"context"

	"dovetail/internal/metadata/document"
)

func functionCommands() map[string]command {
	return map[string]command{
		"track_function":             prefixedEdit(trackFunction, withFunctions),
		"untrack_function":           prefixedRun(untrackFunction, withFunctions),
		"set_function_customization": prefixedEdit(setFunctionCustomization, withFunctions),
		"create_function_permission": prefixedEdit(createFunctionPermission, withFunctions),
		"drop_function_permission":   prefixedEdit(dropFunctionPermission, withFunctions),
	}
}

// functionName reads the function that arguments name, or are.
func (c *call) functionName(m *document.Metadata) (*document.Source, document.TableName, error) {
	sourceName, value, path := defaultSourceName, c.args, argsPath
	if named, ok := c.args.Get("function"); ok {
		o := c.object()
		sourceName, value, path = o.source(), named, argsPath+".function"
		if err := o.err(); err != nil {
			return nil, document.TableName{}, err
		}
	}
	s, err := c.sourceIn(m, sourceName)
	if err != nil {
		return nil, document.TableName{}, err
	}
	name, err := document.ParseTableName(value, path, s.Kind)
	if err != nil {
		return nil, document.TableName{}, parseError(err, path)
	}
	return s, name, nil
}

func (c *call) functionIn(m *document.Metadata) (*document.Source, *document.Function, error) {
	s, name, err := c.functionName(m)
	if err != nil {
		return nil, nil, err
	}
	f, ok := s.Function(name)
	if !ok {
		return nil, nil, fail(CodeNotExists, "function %q does not exist in source: %s", name, s.Name)
	}
	return s, f, nil
}

func trackFunction(c *call, m *document.Metadata) (subject, error) {
	s, name, err := c.functionName(m)
	if err != nil {
		return subject{}, err
	}
	if _, ok := s.Function(name); ok {
		return subject{}, fail(CodeAlreadyTracked, "function already tracked: %q", name)
	}
	if _, ok := s.Table(name); ok {
		return subject{}, fail(CodeNotSupported, "table with name %q already exists", name)
	}
	f := &document.Function{Name: name}
	o := c.object()
	if _, ok := c.args.Get("function"); ok {
		if f.Comment = o.comment(); o.err() != nil {
			return subject{}, o.err()
		}
		if v, ok := o.optional("configuration"); ok {
			if f.Configuration, err = document.ParseFunctionConfiguration(v, argsPath+".configuration"); err != nil {
				return subject{}, parseError(err, argsPath)
			}
		}
	}
	s.Functions = append(s.Functions, f)
	return subject{kind: "function", source: s.Name, name: name.String()}, nil
}

func untrackFunction(ctx context.Context, c *call) ([]byte, error) {
	return c.drop(ctx, false, func(c *call, m *document.Metadata) (subject, error) {
		s, f, err := c.functionIn(m)
		if err != nil {
			return subject{}, err
		}
		removeAll(&s.Functions, func(x *document.Function) bool { return x == f })
		return subject{}, nil
	})
}

func setFunctionCustomization(c *call, m *document.Metadata) (subject, error) {
	s, f, err := c.functionIn(m)
	if err != nil {
		return subject{}, err
	}
	configuration := document.FunctionConfiguration{}
	if v, ok := c.object().optional("configuration"); ok {
		if configuration, err = document.ParseFunctionConfiguration(v, argsPath+".configuration"); err != nil {
			return subject{}, parseError(err, argsPath)
		}
	}
	f.Configuration = configuration
	return subject{kind: "function", source: s.Name, name: f.Name.String()}, nil
}

func createFunctionPermission(c *call, m *document.Metadata) (subject, error) {
	s, f, err := c.functionIn(m)
	if err != nil {
		return subject{}, err
	}
	o := c.object()
	role, comment := o.nonEmpty("role"), o.comment()
	if err := o.err(); err != nil {
		return subject{}, err
	}
	for _, p := range f.Permissions {
		if p.Role == role {
			return subject{}, fail(CodeAlreadyExists, "permission of role %q already exists for function %q in source: %q", role, f.Name, s.Name)
		}
	}
	f.Permissions = append(f.Permissions, &document.FunctionPermission{Role: role, Comment: comment})
	return subject{kind: "function_permission", source: s.Name, name: role}, nil
}

func dropFunctionPermission(c *call, m *document.Metadata) (subject, error) {
	s, f, err := c.functionIn(m)
	if err != nil {
		return subject{}, err
	}
	o := c.object()
	role := o.nonEmpty("role")
	if err := o.err(); err != nil {
		return subject{}, err
	}
	if !removeAll(&f.Permissions, func(p *document.FunctionPermission) bool { return p.Role == role }) {
		return subject{}, fail(CodeNotExists, "permission of role %q does not exist for function %q in source: %q", role, f.Name, s.Name)
	}
	return subject{}, nil
}
