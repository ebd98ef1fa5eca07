package gameday

import (
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/seatrial/seatrial/harness/check"
	"github.com/seatrial/seatrial/reports"
)

// SurpriseSuffix is what the name of a scenario ends with whose plan was replaced
// by a surprise.
const SurpriseSuffix = "-surprise"

// SurpriseBegins and SurpriseLasts are the moment at which a surprise begins, in
// percent committed, and how long it lasts at least.
const (
	SurpriseBegins = 30
	SurpriseLasts  = 10 * time.Second
)

// SurpriseFiles is how many files a second come at most: work goes on while people
// look for what is wrong.
const SurpriseFiles = 0.5

var scenarioName = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// Regression returns the Go source of a scenario that tries again what a run
// found something with, and the name of its function. Folder is the one in which
// scenarios stand; base there is the scenario that the run was made of.
func Regression(folder, name, base string, run reports.Run) (function, source string, err error) {
	if !scenarioName.MatchString(name) {
		return "", "", fmt.Errorf("scenario name %q: use small letters, digits and single hyphens, as in loader-killed-twice", name)
	}
	if strings.HasSuffix(name, "-test") {
		return "", "", fmt.Errorf("scenario name %q: a file that ends with _test.go is no scenario", name)
	}
	if run.Verdict != check.Invalid {
		return "", "", fmt.Errorf("the run in %s is %s: only a finding becomes a regression scenario", run.Folder, run.Verdict)
	}
	functions, err := scenarioFunctions(folder)
	if err != nil {
		return "", "", err
	}
	origin, ok := functions[base]
	if !ok {
		return "", "", fmt.Errorf("no function in %s returns the scenario %q that the run was made of", folder, base)
	}
	if _, taken := functions[name]; taken {
		return "", "", fmt.Errorf("there is a scenario %q already", name)
	}
	function = camel(name)
	for other, taken := range functions {
		if taken == function {
			return "", "", fmt.Errorf("scenario name %q: its function %s is that of %s", name, function, other)
		}
	}
	plan := ""
	if strings.HasSuffix(run.Scenario, SurpriseSuffix) {
		if len(run.Plan) != 1 {
			return "", "", fmt.Errorf("the plan of %s has %d steps, a surprise has one", run.Folder, len(run.Plan))
		}
		made := expression(run.Plan[0].Name, run.Plan[0].Target)
		if made == "" {
			return "", "", fmt.Errorf("%s on %s is no surprise that this version knows", run.Plan[0].Name, run.Plan[0].Target)
		}
		plan = fmt.Sprintf(`before := scenario.Workload
	scenario.Workload = func(w *workload.Config) {
		if before != nil {
			before(w)
		}
		w.FilesPerSecond = %g // work goes on while it is broken
	}
	scenario.Pauses, scenario.Repairs = nil, ""
	scenario.Plan = []harness.Step{{When: harness.Committed(%d), Fault: %s.Held(), Recover: harness.After(%d * time.Second)}}
	`, SurpriseFiles, SurpriseBegins, made, SurpriseLasts/time.Second)
	}
	return function, write(function, name, origin, plan, run), nil
}

func write(function, name, origin, plan string, run reports.Run) string {
	imports := []string{`"github.com/seatrial/seatrial/harness"`}
	if plan != "" {
		imports = []string{"\"time\"\n", imports[0], `"github.com/seatrial/seatrial/harness/fault"`, `"github.com/seatrial/seatrial/harness/workload"`}
	}
	var found []string
	for _, class := range check.Classes {
		if n := run.Counts[class]; n > 0 {
			found = append(found, fmt.Sprintf("%d %s", n, class))
		}
	}
	day, _, _ := strings.Cut(run.Started, "T")
	again := fmt.Sprintf("seatrial run %s --pipeline %s --seed %d", name, reports.Line(run.Pipeline), run.Seed)
	if run.Tag != "" {
		again += " --tag " + reports.Line(run.Tag)
	}
	text := fmt.Sprintf(`package scenarios

import (
%s
)

// %s is kept from a game day of %s, which found %s.
// It is seen again with:
//
//	%s
func %s() harness.Scenario {
	scenario := %s()
	scenario.Name = %q
	scenario.Incident, scenario.Catches = harness.Incident{}, nil
	%sreturn scenario
}
`, strings.Join(imports, "\n"), function, reports.Line(day), strings.Join(found, ", "), again, function, origin, name, plan)
	formatted, err := format.Source([]byte(text))
	if err != nil {
		return text // the compiler says what is wrong with it
	}
	return string(formatted)
}

// camel returns the name of a scenario's function.
func camel(name string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		out.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return out.String()
}

// scenarioFunctions returns the functions of a folder that make scenarios, by the
// scenarios' names.
func scenarioFunctions(folder string) (map[string]string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, fmt.Errorf("look for scenarios: %w", err)
	}
	functions := map[string]string{}
	for _, entry := range entries {
		if !scenarioFile(entry) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, entry.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("read scenarios: %w", err)
		}
		for _, declared := range file.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok || function.Recv != nil || function.Type.Params.NumFields() > 0 {
				continue
			}
			if name := named(function); name != "" {
				functions[name] = function.Name.Name
			}
		}
	}
	return functions, nil
}

func scenarioFile(entry fs.DirEntry) bool {
	name := entry.Name()
	return entry.Type().IsRegular() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
}

// named returns the name that a function gives the scenario it makes: a field
// Name of harness.Scenario, or an assignment to one.
func named(function *ast.FuncDecl) (name string) {
	if function.Body == nil {
		return ""
	}
	take := func(value ast.Expr) {
		if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING && name == "" {
			name, _ = strconv.Unquote(literal.Value)
		}
	}
	ast.Inspect(function.Body, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.CompositeLit:
			kind, ok := n.Type.(*ast.SelectorExpr)
			if !ok || kind.Sel.Name != "Scenario" {
				return true
			}
			for _, element := range n.Elts {
				if field, ok := element.(*ast.KeyValueExpr); ok {
					if key, ok := field.Key.(*ast.Ident); ok && key.Name == "Name" {
						take(field.Value)
					}
				}
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if field, ok := left.(*ast.SelectorExpr); ok && field.Sel.Name == "Name" && i < len(n.Rhs) {
					take(n.Rhs[i])
				}
			}
		}
		return true
	})
	return name
}
