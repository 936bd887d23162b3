package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// readFile decodes the YAML file into c and remembers on which line each key
// stands. Unknown keys are problems, with the nearest known key as the fix.
func (c *Config) readFile(path string) []error {
	b, err := os.ReadFile(path)
	if err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return []error{fmt.Errorf("read configuration: %w; run this as the daemon's user, or as root", err)}
		}
		return []error{fmt.Errorf("read configuration: %w; name the file with --config", err)}
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil // an empty file is the default configuration
	} else if err != nil {
		return []error{fmt.Errorf("%s: not YAML: %w%s", path, err, tabHint(b))}
	}
	if len(doc.Content) == 0 {
		return nil
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return []error{fmt.Errorf("%s: there is more after a line of ---, which would not be read; keep one document in the file", path)}
	}
	root := doc.Content[0]
	if !looksLikeOne(root) {
		return []error{fmt.Errorf("%s: no line of it is one of patchcord's configuration; name the right file with --config", path)}
	}
	if problems := c.checkKeys(root, reflect.TypeFor[Config](), ""); len(problems) > 0 {
		return problems
	}
	if err := root.Decode(c); err != nil {
		return []error{fmt.Errorf("%s: %w", path, err)}
	}
	return nil
}

// looksLikeOne reports false for a mapping of many keys that are none of the configuration's: it is another file,
// of which nothing is to be shown.
func looksLikeOne(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode {
		return true // which is told without showing any of it
	}
	known := keysOf(reflect.TypeFor[Config]())
	for i := 0; i < len(root.Content); i += 2 {
		if _, ok := known[root.Content[i].Value]; ok {
			return true
		}
	}
	return len(root.Content) <= 2*fewKeys
}

const fewKeys = 3 // that are all wrong, and told one by one

// tabHint says on which line a tab stands where YAML wants blanks, the commonest
// mistake of an editor.
func tabHint(b []byte) string {
	n := 0
	for line := range bytes.Lines(b) {
		n++
		if indent := line[:len(line)-len(bytes.TrimLeft(line, " \t"))]; bytes.ContainsRune(indent, '\t') {
			return fmt.Sprintf("; line %d is indented with a tab: use blanks", n)
		}
	}
	return ""
}

// checkKeys walks node along the type t that it will be decoded into.
func (c *Config) checkKeys(node *yaml.Node, t reflect.Type, path string) []error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	c.lines[path] = node.Line
	switch {
	case t.Kind() == reflect.Struct && node.Kind == yaml.MappingNode:
		return c.checkMapping(node, t, path)
	case t.Kind() == reflect.Slice && node.Kind == yaml.SequenceNode:
		var problems []error
		for i, item := range node.Content {
			if item.Tag == "!!null" {
				c.lines[join(path, strconv.Itoa(i))] = item.Line
				problems = append(problems, c.problem(join(path, strconv.Itoa(i)), "is empty; remove its dash, or write what belongs there"))
				continue
			}
			problems = append(problems, c.checkKeys(item, t.Elem(), join(path, strconv.Itoa(i)))...)
		}
		return problems
	case node.Tag == "!!null":
		return nil
	case t.Kind() == reflect.Map && node.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			c.lines[join(path, node.Content[i].Value)] = node.Content[i].Line
		}
		return nil
	case t.Kind() == reflect.Map:
		return []error{c.problem(path, "want keys and values here")}
	case t.Kind() == reflect.Struct:
		return []error{c.problem(path, "want keys and values here, such as `name: hq`")}
	case t.Kind() == reflect.Slice:
		return []error{c.problem(path, "want a list here, each entry after a dash")}
	case node.Kind != yaml.ScalarNode:
		return []error{c.problem(path, "want a single value here")}
	case t.Kind() == reflect.Int64 && node.Decode(new(int64)) != nil:
		return []error{c.problem(path, "%q is not a whole number", node.Value)}
	case t.Kind() == reflect.Bool && node.Decode(new(bool)) != nil:
		return []error{c.problem(path, "%q is neither true nor false", node.Value)}
	}
	return nil
}

func (c *Config) checkMapping(node *yaml.Node, t reflect.Type, path string) []error {
	known := keysOf(t)
	var problems []error
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		here := join(path, key.Value)
		if line, twice := c.lines[here]; twice {
			c.lines[here] = key.Line
			problems = append(problems, c.problem(here, "stands in line %d already; keep one of them", line))
			continue
		}
		c.lines[here] = key.Line
		ft, ok := known[key.Value]
		if !ok {
			fix := suggest(key.Value, known)
			if _, inFile := known[key.Value+"_file"]; inFile {
				fix = fmt.Sprintf("; it does not stand here: put it into a file of its own and name that in `%s_file`", key.Value)
			}
			problems = append(problems, c.problem(here, "unknown key%s", fix))
			continue
		}
		problems = append(problems, c.checkKeys(value, ft, here)...)
		c.lines[here] = key.Line
	}
	return problems
}

// keysOf returns the keys that a mapping for t may have, and the types of their values.
func keysOf(t reflect.Type) map[string]reflect.Type {
	known := map[string]reflect.Type{}
	for i := range t.NumField() {
		if key := yamlKey(t.Field(i)); key != "" {
			known[key] = t.Field(i).Type
		}
	}
	return known
}

func yamlKey(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if key == "-" || !f.IsExported() {
		return ""
	}
	return key
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// suggest names the known key that is nearest to what was written.
func suggest(key string, known map[string]reflect.Type) string {
	best, bestAt := "", min(4, len(key)/2+1) // of a short word nearly everything is near
	for k := range known {
		if d := distance(strings.ToLower(key), k); d < bestAt || d == bestAt && k < best {
			best, bestAt = k, d
		}
	}
	if best == "" {
		return "; remove it, or take one of " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
	}
	return fmt.Sprintf("; did you mean `%s`?", best)
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}

const envPrefix = "PATCHCORD"

// applyEnvironment lays PATCHCORD_… variables over c. A list of strings is
// separated by commas; entries of other lists are numbered from 0. unknown are those
// that name no key: who sets variables for services, as Kubernetes does, may mean
// something else by them, so they are no error.
func applyEnvironment(c *Config, environ []string) (unknown []string, problems []error) {
	vars := map[string]string{}
	for _, e := range environ {
		if k, v, ok := strings.Cut(e, "="); ok && strings.HasPrefix(k, envPrefix+"_") {
			vars[k] = v
		}
	}
	if len(vars) == 0 {
		return nil, nil
	}
	problems = setFields(reflect.ValueOf(c).Elem(), envPrefix, vars)
	return slices.Sorted(maps.Keys(vars)), problems
}

// setFields takes out of vars what it sets.
func setFields(v reflect.Value, prefix string, vars map[string]string) []error {
	var problems []error
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := yamlKey(f)
		if e := f.Tag.Get("env"); e != "" {
			key = e
		}
		if key != "" {
			problems = append(problems, setField(v.Field(i), prefix+"_"+strings.ToUpper(key), vars)...)
		}
	}
	return problems
}

func setField(v reflect.Value, name string, vars map[string]string) []error {
	switch v.Kind() {
	case reflect.Pointer:
		if !anyWithPrefix(vars, name+"_") {
			return nil
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		return setFields(v.Elem(), name, vars)
	case reflect.Struct:
		return setFields(v, name, vars)
	case reflect.Slice:
		return setSlice(v, name, vars)
	}
	text, ok := vars[name]
	if !ok {
		return nil
	}
	delete(vars, name)
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return []error{fmt.Errorf("%s: %q is neither true nor false", name, text)}
		}
		v.SetBool(b)
	case reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return []error{fmt.Errorf("%s: %q is not a whole number", name, text)}
		}
		v.SetInt(n)
	default:
		return []error{errors.New(name + ": cannot be set by a variable")}
	}
	return nil
}

func setSlice(v reflect.Value, name string, vars map[string]string) []error {
	if v.Type().Elem().Kind() == reflect.String {
		text, ok := vars[name]
		if !ok {
			return nil
		}
		delete(vars, name)
		list := reflect.MakeSlice(v.Type(), 0, 4)
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				list = reflect.Append(list, reflect.ValueOf(item).Convert(v.Type().Elem()))
			}
		}
		v.Set(list)
		return nil
	}
	var problems []error
	for i := 0; ; i++ {
		item := fmt.Sprintf("%s_%d", name, i)
		switch given := anyWithPrefix(vars, item+"_"); {
		case !given && i >= v.Len():
			return problems
		case !given:
			continue // of the file, and left as it is
		}
		for v.Len() <= i {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		}
		problems = append(problems, setFields(v.Index(i), item, vars)...)
	}
}

func anyWithPrefix(vars map[string]string, prefix string) bool {
	for k := range vars {
		if strings.HasPrefix(k, prefix) {
			return true
		}
	}
	return false
}
