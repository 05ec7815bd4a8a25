package plan

import (
	"fmt"
	"io"
	"strings"
)

func (p *Plan) headline() string {
	code := len(p.Added)+len(p.Removed)+len(p.DirectlyModified)+len(p.IndirectlyModified)+len(p.MetadataUpdated) > 0
	switch {
	case p.BasePlanID == "" && p.CreatedFrom != "":
		return fmt.Sprintf("New environment `%s` will be created from `%s`", p.Env, p.CreatedFrom)
	case p.BasePlanID == "":
		return fmt.Sprintf("`%s` environment will be initialized", p.Env)
	case code:
		return fmt.Sprintf("Differences from the `%s` environment:", p.Env)
	case len(p.NewData) > 0:
		return fmt.Sprintf("New data for the `%s` environment:", p.Env)
	case p.elapsed:
		return fmt.Sprintf("Intervals are over since the last plan of the `%s` environment:", p.Env)
	case p.changes:
		return fmt.Sprintf("Tables of the `%s` environment are missing and will be built again:", p.Env)
	case p.Kind == KindRun:
		return fmt.Sprintf("No new data for the `%s` environment: nothing to run", p.Env)
	}
	return fmt.Sprintf("No changes to plan: project files and data match the `%s` environment", p.Env)
}

// node is a line of the tree that WriteText draws.
type node struct {
	text     string
	children []node
}

// WriteText writes the plan for a terminal: headline, tree of models, diffs
// with their categories, and what has to be built and why.
func (p *Plan) WriteText(w io.Writer) error {
	var b strings.Builder
	b.WriteString(p.Headline + "\n")
	if tree := p.tree(); len(tree) > 0 {
		b.WriteString("\nModels:\n")
		draw(&b, "", tree)
	}
	for _, m := range p.DirectlyModified {
		fmt.Fprintf(&b, "\n%s\nDirectly Modified: %s (%s)\n", m.Diff, m.Model, m.Category)
		if children := p.descendants(m.Model); len(children) > 0 {
			draw(&b, "", []node{{"Indirectly Modified Children:", children}})
		}
	}
	for _, m := range p.MetadataUpdated {
		fmt.Fprintf(&b, "\n%s\nMetadata Updated: %s\n", m.Diff, m.Model)
	}
	if len(p.Builds) > 0 {
		var builds []node
		for _, x := range p.Builds {
			builds = append(builds, node{fmt.Sprintf("%s: [%s] %s", x.Model, x.Work, x.Reason), nil})
		}
		b.WriteString("\nModels needing backfill:\n")
		draw(&b, "", builds)
	}
	if len(p.Reused) > 0 {
		fmt.Fprintf(&b, "\nBuilt before and reused: %s\n", count(len(p.Reused), "model"))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Plan) tree() []node {
	var tree []node
	group := func(title string, items []node) {
		if len(items) > 0 {
			tree = append(tree, node{title, items})
		}
	}
	names := func(list []string) (items []node) {
		for _, s := range list {
			items = append(items, node{s, nil})
		}
		return items
	}
	group("Added:", names(p.Added))
	group("Removed:", names(p.Removed))
	var direct, indirect, metadata, data []node
	for _, m := range p.DirectlyModified {
		direct = append(direct, node{m.Model, nil})
	}
	for _, m := range p.IndirectlyModified {
		indirect = append(indirect, node{m.Model, nil})
	}
	for _, m := range p.MetadataUpdated {
		metadata = append(metadata, node{m.Model, nil})
	}
	for _, n := range p.NewData {
		data = append(data, node{n.Model + ": " + n.String(), nil})
	}
	group("Directly Modified:", direct)
	group("Indirectly Modified:", indirect)
	group("Metadata Updated:", metadata)
	group("New Data:", data)
	return tree
}

// descendants are the indirectly modified models below one, in plan order.
func (p *Plan) descendants(name string) []node {
	below := map[string]bool{name: true}
	var list []node
	for _, m := range p.IndirectlyModified {
		for _, parent := range m.Because {
			if below[parent] && !below[m.Model] {
				below[m.Model] = true
				list = append(list, node{fmt.Sprintf("%s (%s)", m.Model, m.Category), nil})
			}
		}
	}
	return list
}

func draw(b *strings.Builder, margin string, nodes []node) {
	for i, n := range nodes {
		branch, below := "├── ", "│   "
		if i == len(nodes)-1 {
			branch, below = "└── ", "    "
		}
		b.WriteString(margin + branch + n.text + "\n")
		draw(b, margin+below, n.children)
	}
}

func (n NewData) String() string {
	var parts []string
	if n.New > 0 {
		parts = append(parts, count(n.New, "new file"))
	}
	if n.Gone > 0 {
		parts = append(parts, count(n.Gone, "file")+" gone")
	}
	return strings.Join(parts, ", ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
