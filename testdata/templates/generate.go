// Records what Go's text/template makes of the templates in templates.json, in place.
//
//	go run testdata/templates/generate.go
//
// Recorded with Go 1.26. What stands in the file: "data" is what templates get that bring none of their
// own; "variables" are declared before the template; "differs" says why our engine refuses what Go
// accepts, and stays as it is. Everything else but name and template is recorded.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"sort"
	"strconv"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"
)

const file = "testdata/templates/templates.json"

type templates struct {
	Data  json.RawMessage `json:"data"`
	Cases []*testCase     `json:"cases"`
}

type testCase struct {
	Name      string            `json:"name"`
	Template  string            `json:"template"`
	Data      json.RawMessage   `json:"data,omitempty"`
	Variables map[string]string `json:"variables,omitempty"`
	Differs   string            `json:"differs,omitempty"`
	Output    *string           `json:"output,omitempty"`
	Error     string            `json:"error,omitempty"`
}

func main() {
	bytes, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	var all templates
	if err := json.Unmarshal(bytes, &all); err != nil {
		log.Fatal(err)
	}
	for _, one := range all.Cases {
		one.record(all.Data)
	}
	if err := os.WriteFile(file, all.format(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// format writes one case a line.
func (all *templates) format() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\n\"data\": %s,\n\"cases\": [\n", all.Data)
	for i, one := range all.Cases {
		separator := ",\n"
		if i+1 == len(all.Cases) {
			separator = "\n"
		}
		var line bytes.Buffer
		encoder := json.NewEncoder(&line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(one); err != nil {
			log.Fatal(err)
		}
		out.WriteString(strings.TrimSuffix(line.String(), "\n") + separator)
	}
	out.WriteString("]\n}\n")
	return out.Bytes()
}

func (one *testCase) record(common json.RawMessage) {
	one.Output, one.Error = nil, ""
	output, err := one.render(common)
	switch {
	case err != nil:
		one.Error = err.Error()
	case !utf8.ValidString(output):
		output = strings.ToValidUTF8(output, "\uFFFD")
		fallthrough
	default:
		one.Output = &output
	}
}

func (one *testCase) render(common json.RawMessage) (string, error) {
	raw := common
	if one.Data != nil {
		raw = one.Data
	}
	var data any
	if err := json.Unmarshal(raw, &data); err != nil {
		log.Fatal(one.Name, ": ", err)
	}
	parsed, err := template.New("").Funcs(functions).Parse(one.prelude() + one.Template)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = parsed.Execute(&out, data)
	return out.String(), err
}

// prelude declares the variables.
func (one *testCase) prelude() string {
	var names []string
	for name := range one.Variables {
		names = append(names, name)
	}
	sort.Strings(names)
	var out strings.Builder
	for _, name := range names {
		fmt.Fprintf(&out, "{{$%s := %s}}", name, strconv.Quote(one.Variables[name]))
	}
	return out.String()
}

var functions = template.FuncMap{
	"getkv":      getkv,
	"appendkv":   func(list any, key, suffix string) (string, error) { return around(list, key, "", suffix) },
	"prependkv":  func(list any, key, prefix string) (string, error) { return around(list, key, prefix, "") },
	"split":      func(text, separator string) []string { return strings.Split(text, separator) },
	"join":       join,
	"hasprefix":  strings.HasPrefix,
	"hassuffix":  strings.HasSuffix,
	"trimprefix": strings.TrimPrefix,
	"trimsuffix": strings.TrimSuffix,
	"rfc3339":    rfc3339,
}

// texts returns the elements of a list of texts.
func texts(list any) ([]string, error) {
	switch list := list.(type) {
	case nil:
		return nil, nil
	case []string:
		return list, nil
	case []any:
		var found []string
		for _, element := range list {
			text, ok := element.(string)
			if !ok {
				return nil, fmt.Errorf("%v is no text", element)
			}
			found = append(found, text)
		}
		return found, nil
	}
	return nil, fmt.Errorf("%v is no list", list)
}

func getkv(list any, key string) (string, error) {
	pairs, err := texts(list)
	if err != nil {
		return "", err
	}
	for _, pair := range pairs {
		if name, value, found := strings.Cut(pair, "="); found && name == key {
			return value, nil
		}
	}
	return "", nil
}

func around(list any, key, prefix, suffix string) (string, error) {
	value, err := getkv(list, key)
	return prefix + value + suffix, err
}

func join(list any, separator string) (string, error) {
	elements, err := texts(list)
	return strings.Join(elements, separator), err
}

func rfc3339(value any) (string, error) {
	var seconds int64
	switch value := value.(type) {
	case string:
		if value == "" {
			return "", nil
		}
		parsed, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return "", err
		}
		seconds = parsed
	case int:
		seconds = int64(value)
	case float64:
		seconds = int64(value)
		if float64(seconds) != value {
			return "", errors.New("no whole seconds")
		}
	default:
		return "", fmt.Errorf("%v is no time", value)
	}
	moment := time.Unix(seconds, 0).UTC()
	if moment.Year() < 0 || moment.Year() > 9999 {
		return "", errors.New("no such year")
	}
	return moment.Format(time.RFC3339), nil
}
